/* A cluster's PKI, configuration and token store in a directory, an enrolment server over it whose clock
 * and members the test sets, and a joiner that talks to it over a socket pair. */
#ifndef TESTS_ENROLL_WORLD_H
#define TESTS_ENROLL_WORLD_H

#include "tests/unit/tmpdir.h"

#include "agent/enroll_client.h"
#include "agent/enroll_clock.h"
#include "agent/enroll_server.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/phase.h"
#include "agent/vip_key.h"
#include "pki/file.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#define SERVER_ADDRESS "172.18.0.154"
#define JOINER_ADDRESS "172.18.0.155"

struct world {
        const char *root; /* the test's directory */
        struct config *config;
        struct enroll_server server;
        struct enroll_pins pins;
        struct etcd_members members;
        int members_result;
        int node_result;         /* of the API server, about any node */
        int64_t clock_offset_ns; /* of the server's clock */
        char audit[4096];
};

struct joining {
        struct enroll_joiner joiner;
        struct enroll_result result;
        struct error e;
        char peer[46]; /* where the server sees it come from */
        int64_t clock_offset_ns;
        unsigned hold_s;
        enum enroll_outcome outcome;
        int r;
};

static inline int64_t world_clock(void *userdata) {
        return enroll_clock_now(0) + ((struct world *)userdata)->clock_offset_ns;
}

static inline int world_members(void *userdata, struct etcd_members *ret, struct error *e) {
        struct world *w = userdata;

        *ret = w->members;
        if (w->members_result < 0)
                error_set(e, EXIT_FAILED, "etcd does not answer");
        return w->members_result;
}

static inline int world_node(void *userdata, const char *name, struct error *e) {
        struct world *w = userdata;

        if (w->node_result < 0)
                error_set(e, EXIT_FAILED, "no answer about %s", name);
        return w->node_result;
}

static inline void world_audit(void *userdata, int priority, const char *line) {
        struct world *w = userdata;
        size_t at = strlen(w->audit);

        snprintf(w->audit + at, sizeof w->audit - at, "<%d>%s\n", priority, line);
}

static inline void world_path(const struct world *w, const char *file, char out[PATH_MAX]) {
        snprintf(out, PATH_MAX, "%s%s", w->root, file);
}

/* All certificates and keys of a first master named n1, under w->root. */
static inline void world_pki(struct world *w) {
        const struct config_flags flags = { .cluster = true,
                                            .node_name = "n1",
                                            .vip = "172.18.0.192/22",
                                            .advertise_address = SERVER_ADDRESS };
        struct phase_ctx ctx = { .root = w->root };
        struct pki_error pe = { 0 };
        struct pki_params p;
        struct error e = { 0 };
        char path[PATH_MAX];
        bool made;

        if (config_load(NULL, &flags, &w->config, &e) < 0)
                fail_msg("%s", e.message);
        w->config->alg = ALG_ECDSA_P256;
        ctx.config = w->config;
        assert_int_equal(phase_pki_params(&ctx, &p, &e), 0);
        if (pki_certs_ensure(&p, "all", NULL, NULL, &pe) < 0 ||
            pki_triarch_ensure(&p, (gid_t)-1, NULL, NULL, &pe) < 0)
                fail_msg("%s: %s", pe.file, pe.reason);
        world_path(w, TRIARCH_VIP_KEY, path);
        if (vip_key_ensure(path, (gid_t)-1, &made, &e) < 0 || !made)
                fail_msg("%s: %s", e.file, e.message);
}

static inline void world_open(struct world *w, const char *root) {
        const struct enroll_ops ops = { world_clock, world_members, world_node, world_audit, w };
        char path[PATH_MAX];
        struct error e = { 0 };

        *w = (struct world){ .root = root };
        world_pki(w);
        if (enroll_server_init(&w->server, root, w->config, &ops, &e) < 0)
                fail_msg("%s: %s", e.file, e.message);
        w->server.wrong_delay_ms = 60;
        w->members.n = 1;
        snprintf(w->members.v[0].name, sizeof w->members.v[0].name, "n1");
        snprintf(w->members.v[0].peer_url, sizeof w->members.v[0].peer_url,
                 "https://" SERVER_ADDRESS ":2380");
        snprintf(w->members.v[0].client_url, sizeof w->members.v[0].client_url,
                 "https://" SERVER_ADDRESS ":2379");
        world_path(w, "/etc/kubernetes/pki/ca.crt", path);
        assert_int_equal(pki_ca_pin(path, w->pins.v[0], NULL), 0);
        w->pins.n = 1;
        signal(SIGPIPE, SIG_IGN);
}

static inline void world_close(struct world *w) {
        enroll_server_done(&w->server);
        config_free(w->config);
}

static inline void world_role_token(struct world *w, enum enroll_role role, unsigned uses, const char *node,
                                    const char *address, char out[PKI_TOKEN_SIZE]) {
        struct error e = { 0 };

        if (token_create(w->root, w->server.ca_key, role, 600, uses, node, address, out, &e) < 0)
                fail_msg("%s: %s", e.file, e.message);
}

static inline void world_token(struct world *w, unsigned uses, const char *node, const char *address,
                               char out[PKI_TOKEN_SIZE]) {
        world_role_token(w, ENROLL_MASTER, uses, node, address, out);
}

static inline int64_t joining_clock(void *userdata) {
        return enroll_clock_now(0) + ((struct joining *)userdata)->clock_offset_ns;
}

/* A joiner n2 at JOINER_ADDRESS with a key of its own. */
static inline void joining_init(struct joining *j, struct world *w, const char *token) {
        *j = (struct joining){ .joiner = { .token = token,
                                           .node_name = "n2",
                                           .address = JOINER_ADDRESS,
                                           .pins = &w->pins,
                                           .clock_ns = joining_clock,
                                           .userdata = j },
                               .peer = JOINER_ADDRESS };
        assert_int_equal(pki_x25519_generate(j->joiner.priv, j->joiner.pub), 0);
}

struct serving {
        struct world *w;
        struct joining *j;
        int fd;
};

static inline void *serve_thread(void *userdata) {
        struct serving *s = userdata;

        s->j->outcome = enroll_serve(&s->w->server, s->fd, s->j->peer, s->j->hold_s);
        close(s->fd);
        return NULL;
}

/* One exchange: j->r, result, e on the joiner's side, j->outcome on the server's. */
static inline void joining_run(struct joining *j, struct world *w) {
        pthread_t thread;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct serving s = { w, j, fds[0] };
        assert_int_equal(pthread_create(&thread, NULL, serve_thread, &s), 0);
        j->e = (struct error){ 0 };
        j->r = enroll_request_bundle(fds[1], &j->joiner, &j->result, &j->e);
        close(fds[1]);
        pthread_join(thread, NULL);
}

static inline __attribute__((unused)) void joining_done(struct joining *j) {
        enroll_bundle_done(&j->result.bundle);
}

static inline __attribute__((unused)) unsigned world_uses_left(const struct world *w, const char *token) {
        char id[PKI_TOKEN_ID + 1];
        struct token t;

        snprintf(id, sizeof id, "%.6s", token);
        assert_int_equal(token_get(w->root, id, &t, NULL), 0);
        return t.uses_left;
}

/* One exchange, which ends in that refusal; the message on the joiner's side has the words. */
static inline __attribute__((unused)) void joining_expect_refusal(struct joining *j, struct world *w,
                                                                  enum enroll_code code, const char *words) {
        joining_run(j, w);
        assert_int_equal(j->r, -EACCES);
        assert_string_equal(enroll_code_name(j->result.refusal.code), enroll_code_name(code));
        if (!strstr(j->e.message, words))
                fail_msg("\"%s\" is not in: %s", words, j->e.message);
        assert_null(j->result.bundle.config);
}

/* Change a stored token by hand. */
static inline __attribute__((unused)) void world_edit_token(struct world *w, const char *token,
                                                            const char *key, json_t *value) {
        char file[64], path[PATH_MAX], *text;
        size_t size;
        json_t *o;

        snprintf(file, sizeof file, "/var/lib/triarch/tokens/%.6s.json", token);
        world_path(w, file, path);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        o = jread_parse(text, size);
        free(text);
        json_object_set_new(o, key, value);
        text = json_dumps(o, 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), 0), 0);
        free(text);
        json_decref(o);
}

#endif
