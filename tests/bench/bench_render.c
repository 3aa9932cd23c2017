/* Time to render the four static pods, as init and reconcile do. Prints "name median unit". */
#include "pki/util.h"
#include "templates/render.h"
#include "tests/unit/templates_values.h"
#include <stdint.h>
#include <time.h>

enum { ROUNDS = 1001 };

static uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static int render_all(const struct tmpl_values *v) {
        static const char *const names[] = { "etcd", "kube-apiserver", "kube-controller-manager",
                                             "kube-scheduler" };
        struct tmpl_error e = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                CLEANUP(freep) char *text = NULL;
                size_t size;

                if (tmpl_render(names[i], v, &text, &size, &e) < 0) {
                        fprintf(stderr, "%s: %s\n", names[i], e.what);
                        return -1;
                }
        }
        return 0;
}

int main(void) {
        static uint64_t ns[ROUNDS];
        struct tmpl_values v = measured_values();

        for (size_t i = 0; i < ROUNDS; i++) {
                uint64_t begin = now_ns();

                if (render_all(&v) < 0)
                        return 1;
                ns[i] = now_ns() - begin;
        }
        qsort(ns, ROUNDS, sizeof *ns, compare);
        printf("render-four-manifests %.1f us\n", (double)ns[ROUNDS / 2] / 1000);
        return 0;
}
