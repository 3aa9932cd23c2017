/* Rendering one file, and the golden files it is compared with. */
#ifndef TESTS_TEMPLATES_GOLDEN_H
#define TESTS_TEMPLATES_GOLDEN_H

#include "pki/util.h"
#include "tests/unit/templates_values.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static inline char *render(const char *name, const struct tmpl_values *v) {
        struct tmpl_error e = { 0 };
        char *text = NULL;
        size_t size = 0;
        int r = tmpl_render(name, v, &text, &size, &e);

        if (r < 0)
                fail_msg("%s: %s (%s)", name, e.what, strerror(-r));
        assert_int_equal(strlen(text), size);
        return text;
}

static inline char *read_file(const char *path) {
        FILE *f = fopen(path, "r");
        char *text = NULL;
        size_t cap = 0;

        if (!f)
                fail_msg("%s is missing", path);
        if (getdelim(&text, &cap, '\0', f) < 0)
                fail_msg("%s is empty", path);
        fclose(f);
        return text;
}

/* tests/unit/golden/NAME and the suffix. With `update`, UPDATE_GOLDEN=1 writes it. */
static inline __attribute__((unused)) void expect_golden(const char *name, const char *suffix,
                                                         const struct tmpl_values *v, bool update) {
        CLEANUP(freep) char *text = render(name, v), *golden = NULL;
        char path[256];

        snprintf(path, sizeof path, "tests/unit/golden/%s%s", name, suffix);
        if (update && getenv("UPDATE_GOLDEN")) {
                CLEANUP(fclosep) FILE *f = fopen(path, "w");

                assert_non_null(f);
                fputs(text, f);
        }
        golden = read_file(path);
        assert_string_equal(text, golden);
}

#endif
