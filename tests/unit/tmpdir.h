/* A directory of its own for each test, removed afterwards: *state is its path. Includes
 * cmocka with what it needs before it. */
#ifndef TESTS_TMPDIR_H
#define TESTS_TMPDIR_H

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

static inline int tmp_setup(void **state) {
        const char *base = getenv("TMPDIR");
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/triarch-test-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(path))
                return -1;
        *state = strdup(path);
        return *state ? 0 : -1;
}

static inline int tmp_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline int tmp_teardown(void **state) {
        int r = nftw(*state, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}

/* DIR/name into out (PATH_MAX), returned. */
static inline __attribute__((unused)) char *tmp_path(void *state, const char *name, char *out) {
        int n = snprintf(out, PATH_MAX, "%s/%s", (const char *)state, name + (*name == '/'));

        if (n < 0 || n >= PATH_MAX)
                abort();
        return out;
}

/* How many names the directory holds. */
static inline __attribute__((unused)) size_t tmp_count(void *state) {
        DIR *d = opendir(state);
        size_t n = 0;

        if (!d)
                return 0;
        for (struct dirent *e; (e = readdir(d));)
                n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        closedir(d);
        return n;
}

#endif
