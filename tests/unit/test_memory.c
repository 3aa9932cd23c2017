/* What is locked when the memory is locked, as the kernel tells it in /proc/self/smaps. */
#include "agent/memory.h"
#include <libmnl/libmnl.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sums {
        unsigned long size_kb, rss_kb;
        bool locked;
};

/* Over the mappings whose file name contains `name` and whose permissions begin with `mode`. */
static struct sums sums_of(const char *name, const char *mode) {
        struct sums s = { 0 };
        char line[512], perms[8];
        bool in = false;
        unsigned long kb;
        FILE *f = fopen("/proc/self/smaps", "re");

        assert_non_null(f);
        while (fgets(line, sizeof line, f)) {
                if (sscanf(line, "%*x-%*x %7s", perms) == 1)
                        in = strstr(line, name) && strncmp(perms, mode, strlen(mode)) == 0;
                else if (in && sscanf(line, "Size: %lu", &kb) == 1)
                        s.size_kb += kb;
                else if (in && sscanf(line, "Rss: %lu", &kb) == 1)
                        s.rss_kb += kb;
                else if (in && !strncmp(line, "VmFlags:", 8) && strstr(line, " lo"))
                        s.locked =
                                true; /* "Locked:" is this process's share: 0 where many have the library */
        }
        fclose(f);
        return s;
}

static void test_what_is_urgent_is_there_and_locked(void **state) {
        static const char *const urgent[] = { "/test_memory", "/libc.so", "/libmnl.so" };

        (void)state;
        for (size_t i = 0; i < sizeof urgent / sizeof *urgent; i++) {
                struct sums s = sums_of(urgent[i], "r-x");

                assert_int_not_equal(s.size_kb, 0);
                assert_int_equal(s.rss_kb, s.size_kb);
                assert_true(s.locked);
        }
        assert_true(sums_of("[stack]", "rw").rss_kb >= 64);
}

static void test_what_nobody_uses_is_not(void **state) {
        struct sums s = sums_of("/libcrypto.so", "r-x");

        (void)state;
        assert_int_not_equal(s.size_kb, 0);
        assert_true(s.rss_kb < s.size_kb / 2);
}

/* What was given back comes again. */
static void test_everything_still_works(void **state) {
        (void)state;
        assert_true(OpenSSL_version_num() >= 0x30000000L);
        assert_int_equal(mnl_nlmsg_size(4), 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_urgent_is_there_and_locked),
                cmocka_unit_test(test_what_nobody_uses_is_not),
                cmocka_unit_test(test_everything_still_works),
        };

#ifdef __SANITIZE_ADDRESS__
        puts("skipped: AddressSanitizer locks nothing");
        return 0;
#endif
        if (memory_lock() < 0) {
                puts("skipped: memory may not be locked here");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
