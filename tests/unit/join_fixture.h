/* A machine that is to join, its tree under a root, and the enrolment service that it asks. */
#ifndef TESTS_JOIN_FIXTURE_H
#define TESTS_JOIN_FIXTURE_H

#include "agent/monotonic.h"
#include "tests/unit/enroll_service.h"

#include "agent/join.h"
#include <fts.h>

enum {
        EMPTY = 2,     /* var, var/lib: what the tree has before */
        STEP_ETCD = 7, /* in join.c's table */
        PATIENCE_US = 100000000,
};

struct fixture {
        struct service *service;
        char root[PATH_MAX]; /* of the joining machine */
        char token[PKI_TOKEN_SIZE];
        struct join join;
};

/* A master-to-be, n2, with a token for three masters. */
static inline struct fixture *fixture_begin(void **state) {
        struct fixture *f = calloc(1, sizeof *f);
        char master[PATH_MAX], base[PATH_MAX];

        assert_non_null(f);
        assert_int_equal(mkdir(tmp_path(*state, "master", master), 0755), 0);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "joiner/var/lib", base), 0755), 0);
        tmp_path(*state, "joiner", f->root);
        f->service = service_start(strdup(master));
        memcpy(f->token, f->service->token, sizeof f->token);
        f->join = (struct join){ .root = f->root,
                                 .host = SERVER_ADDRESS,
                                 .port = PORT,
                                 .token = f->token,
                                 .pins = f->service->w.pins,
                                 .flags = { .node_name = "n2", .advertise_address = JOINER_ADDRESS } };
        return f;
}

static inline void fixture_end(struct fixture *f) {
        free((char *)f->service->w.root);
        service_stop(f->service);
        join_done(&f->join);
        free(f);
}

/* The number of files and directories below the root. */
static inline __attribute__((unused)) int entries_under(const char *root) {
        char *const roots[] = { (char *)(uintptr_t)root, NULL };
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        int n = 0;

        assert_non_null(tree);
        for (FTSENT *at; (at = fts_read(tree));)
                n += at->fts_level > 0 && at->fts_info != FTS_DP;
        fts_close(tree);
        return n;
}

#endif
