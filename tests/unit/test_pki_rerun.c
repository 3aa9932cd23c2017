/* A second run keeps every file; a deleted file is made again, alone, or its loss is refused. */
#include "tests/unit/pki_fixture.h"
#include <errno.h>

static void test_second_run_keeps_every_file(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, 0);
        assert_int_equal(log.made, 22 + 5 + 4);
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, 0);
        assert_int_equal(log.kept, 22 + 5 + 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_second_run_keeps_every_file),
        };

        return cmocka_run_group_tests_name("pki/rerun", tests, NULL, NULL);
}
