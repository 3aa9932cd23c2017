/* What the kernel is left with when it does not take what it is given. In a network namespace of our own. */
#include "agent/balance.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

/* The table has one owner, so another's is refused for as long as it is there. */
static void test_failure_takes_the_table_away(void **state) {
        CLEANUP(balance_kernel_freep) struct balance_kernel *k = NULL, *other = NULL;
        struct balance b = { .vips = { ip("10.0.0.9") },
                             .n_vips = 1,
                             .port = 6443,
                             .self = ip("10.0.0.1"),
                             .targets = { ip("10.0.0.1"), ip("10.0.0.2") },
                             .n_targets = 2 };
        struct balance bad = b;
        char why[BALANCE_ERROR];

        (void)state;
        bad.targets[1] = ip("fd00::2"); /* not of the table's family */
        assert_int_equal(balance_kernel_new(&k, why), 0);
        assert_int_equal(balance_kernel_new(&other, why), 0);
        assert_int_equal(balance_kernel_set(k, &b, why), 0);
        assert_int_not_equal(balance_kernel_set(other, &b, why), 0);
        assert_int_not_equal(balance_kernel_set(k, &bad, why), 0);
        assert_int_not_equal(*why, 0);
        assert_int_equal(balance_kernel_set(other, &b, why), 0);
        balance_kernel_free(TAKE_PTR(other));
        assert_int_equal(balance_kernel_set(k, &b, why), 0); /* and it can be done again */
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_failure_takes_the_table_away) };

        if (unshare(CLONE_NEWNET) < 0) {
                puts("needs the right to make a network namespace");
                return SKIPPED;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
