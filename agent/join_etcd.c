#include "agent/enroll_tls.h"
#include "agent/etcd_own.h"
#include "agent/join.h"
#include "agent/masters.h"
#include "agent/monotonic.h"
#include "agent/preflight.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <inttypes.h>
#include <time.h>

enum { CLIENT_PORT = 2379, PEER_PORT = 2380 };
enum { PAUSE_MS = 200, REPORT_S = 10, CALL_TIMEOUT_MS = 9000, SERVE_TIMEOUT_MS = 1500 };

/* Waiting, with the reason said when it changes and every ten seconds. */
struct wait {
        const char *what;
        int64_t limit_us, deadline_us, said_us;
        char reason[512];
        unsigned tries;
};

static struct wait wait_begin(const char *what, int64_t limit_us) {
        return (struct wait){ .what = what, .limit_us = limit_us, .deadline_us = monotonic_us() + limit_us };
}

/* There is one learner at a time: another that joins may be in front, until its etcd has started. */
static int64_t queue_us(const struct join *j) {
        return (int64_t)j->config->timeouts.etcd_call_us + j->config->timeouts.control_plane_us;
}

static int wait_more(struct wait *w, const char *reason, struct error *e) {
        int64_t now = monotonic_us();

        if (now >= w->deadline_us) {
                char last[sizeof w->reason];

                snprintf(last, sizeof last, "%s", reason);
                error_set(e, EXIT_FAILED,
                          "gave up after %d s waiting %s: %s; `triarch join` again goes on from here, "
                          "`triarch reset` "
                          "takes it back",
                          (int)(w->limit_us / 1000000), w->what, last);
                return -ETIMEDOUT;
        }
        if (strcmp(reason, w->reason) != 0 || now - w->said_us > REPORT_S * INT64_C(1000000)) {
                printf("[etcd] waiting %s, %d s more at most: %s\n", w->what,
                       (int)((w->deadline_us - now) / 1000000), reason);
                fflush(stdout);
                snprintf(w->reason, sizeof w->reason, "%s", reason);
                w->said_us = now;
        }
        w->tries++;
        nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        return 0;
}

struct access {
        struct etcd_files files;
        struct etcd_client client;
};

/* Members take turns, so that one that is down does not end the join. */
static int access_open(const struct join *j, unsigned turn, struct access *a, struct error *e) {
        if (j->state.n_endpoints == 0)
                return error_set(e, EXIT_FAILED, "the master named no voting member of etcd");
        if (etcd_files_init(&a->files, j->root, j->config->cert_dir) < 0)
                return error_set(e, EXIT_FAILED, "the path of the certificates is too long");
        a->client =
                etcd_client_with(&a->files, j->state.endpoints[turn % j->state.n_endpoints], CALL_TIMEOUT_MS);
        return 0;
}

static void own_url(const struct join *j, unsigned port, char out[256]) {
        bool ipv6 = strchr(j->state.address, ':') != NULL;

        snprintf(out, 256, ipv6 ? "https://[%s]:%u" : "https://%s:%u", j->state.address, port);
}

/* The administrator's etcd has the members that it has. */
static bool is_external(const struct join *j) {
        return j->config->etcd_external.endpoints.n > 0;
}

static const struct etcd_member *find_own(const struct etcd_members *m, const char *url) {
        for (size_t i = 0; i < m->n; i++)
                if (!strcmp(m->v[i].peer_url, url))
                        return &m->v[i];
        return NULL;
}

int join_initial_cluster(const struct etcd_members *m, const char *name, const char *peer_url, char *out,
                         size_t size) {
        size_t at = 0;

        *out = '\0';
        for (size_t i = 0; i < m->n; i++) {
                const struct etcd_member *v = &m->v[i];
                bool own = !strcmp(v->peer_url, peer_url);
                char id[17];
                int n;

                /* A member that has not started has no name yet: etcd compares URLs, any name will do. */
                snprintf(id, sizeof id, "%" PRIx64, v->id);
                n = snprintf(out + at, size - at, "%s%s=%s", i ? "," : "",
                             own        ? name
                             : *v->name ? v->name
                                        : id,
                             v->peer_url);
                if (n < 0 || (size_t)n >= size - at)
                        return -E2BIG;
                at += (size_t)n;
        }
        return 0;
}

static bool has_data(const struct join *j) {
        char path[PATH_MAX];

        return root_path_below(path, j->root, j->config->etcd_data_dir, "member") == 0 &&
               access(path, F_OK) == 0;
}

/* The pod's manifest names the members it found when it was made; until this member has started, the list
 * has to be the current one. */
static int note_cluster(struct join *j, const struct etcd_members *m, const char *url, bool started,
                        struct error *e) {
        char list[sizeof j->state.initial_cluster], path[PATH_MAX];
        int r;

        if (started && *j->state.initial_cluster)
                return 0;
        if ((r = join_initial_cluster(m, j->state.node_name, url, list, sizeof list)) < 0)
                return error_set(e, EXIT_FAILED, "etcd has too many members for its command line");
        if (*j->state.initial_cluster && strcmp(j->state.initial_cluster, list) != 0 &&
            phase_path(&j->ctx, "/etc/kubernetes/manifests/etcd.yaml", path) &&
            (r = pki_file_remove(path)) < 0) {
                error_set(e, EXIT_FAILED, "cannot replace %s: %s", path, strerror(-r));
                return r;
        }
        memcpy(j->state.initial_cluster, list, sizeof list);
        return join_state_save(j->root, &j->state, e);
}

/* etcd has one learner at a time: the other machine's join ends soon, or was given up. */
static void name_other_learner(const struct etcd_members *m, struct error *e) {
        for (size_t i = 0; i < m->n; i++)
                if (m->v[i].learner)
                        error_set(e, EXIT_FAILED,
                                  "%s is a learner, and etcd has one at a time: that machine joins just now; "
                                  "if "
                                  "its join was given up, `triarch reset` there",
                                  m->v[i].peer_url);
}

/* 1: this machine is a member and *m says who else is; 0: not yet, *e says why; negative: for good. */
static int try_add(struct join *j, const struct etcd_client *client, const char *url, struct etcd_members *m,
                   struct error *e) {
        const struct etcd_member *own;
        uint64_t id;
        int r;

        if ((r = etcd_member_list(client, m, e)) < 0)
                return 0;
        own = find_own(m, url);
        if (own && *own->name && !has_data(j)) {
                printf("[etcd] the member %s at %s lost its data: removing it to add it anew\n", own->name,
                       url);
                if ((r = etcd_member_remove(client, own->id, e)) < 0 && r != -ENOENT)
                        return 0;
                own = NULL;
        }
        if (own)
                return 1;
        if ((r = etcd_member_add_learner(client, url, &id, m, e)) == 0) {
                printf("[etcd] added %s as a learner, id %" PRIx64 "\n", url, id);
                fflush(stdout);
                return 1;
        }
        if (r == -EAGAIN)
                name_other_learner(m, e);
        return 0; /* -EEXIST: the next list shows it */
}

int join_etcd_add(struct join *j, struct error *e) {
        struct wait w = wait_begin("to become a learner of etcd", queue_us(j));
        struct etcd_members members = { 0 };
        const struct etcd_member *own;
        struct error why = { 0 };
        struct access a;
        char url[256];
        int r;

        if (is_external(j))
                return *j->root ? 0 : preflight_run_external_etcd(&j->ctx, e);
        own_url(j, PEER_PORT, url);
        for (;;) {
                if ((r = access_open(j, w.tries, &a, e)) < 0 ||
                    (r = try_add(j, &a.client, url, &members, &why)) < 0)
                        return r;
                if (r > 0)
                        break;
                if ((r = wait_more(&w, why.message, e)) < 0)
                        return r;
        }
        own = find_own(&members, url);
        return note_cluster(j, &members, url, own && *own->name, e);
}

/* This machine's member as the others see it; `a` reaches who was asked. 0 and *ret; -EAGAIN with *why: ask
 * the next; others with *e: it was removed, or nobody can be asked. */
static int own_member(struct join *j, unsigned turn, struct access *a, struct etcd_member *ret,
                      struct error *why, struct error *e) {
        struct etcd_members members;
        const struct etcd_member *own;
        char url[256];
        int r = access_open(j, turn, a, e);

        if (r < 0)
                return r;
        if (etcd_member_list(&a->client, &members, why) < 0)
                return -EAGAIN;
        own_url(j, PEER_PORT, url);
        if (!(own = find_own(&members, url))) {
                error_set(
                        e, EXIT_FAILED,
                        "the member %s is no longer in the cluster; someone removed it: `triarch reset` this "
                        "machine, then join it again",
                        url);
                return -ENOENT;
        }
        *ret = *own;
        return 0;
}

int join_etcd_started(struct join *j, struct error *e) {
        struct wait w = wait_begin("for this machine's etcd to start", j->config->timeouts.control_plane_us);
        struct etcd_member own;
        struct error why = { 0 };
        struct access a;
        int r;

        if (is_external(j))
                return 0;
        for (;;) {
                r = own_member(j, w.tries, &a, &own, &why, e);
                if (r == 0 && *own.name)
                        return 0;
                if (r < 0 && r != -EAGAIN)
                        return r;
                if ((r = wait_more(
                             &w,
                             r == 0 ? "the kubelet has not started its pod yet, or it does not reach the "
                                      "other members"
                                    : why.message,
                             e)) < 0)
                        return r;
        }
}

/* In place of a membership, beside an etcd that has the members that it has. */
static int enlist(struct join *j, struct error *e) {
        struct wait w = wait_begin("for the external etcd", j->config->timeouts.etcd_call_us);
        struct etcd_client client;
        struct etcd_files files;
        struct error why = { 0 };
        int r;

        for (;;) {
                if ((r = etcd_own_client(j->config, j->root, CALL_TIMEOUT_MS, &files, &client, e)) < 0)
                        return r;
                r = masters_enlist(j->config, &client, &why);
                if (r > 0)
                        printf("[etcd] enlisted as a master in the external etcd at %s\n", client.endpoint);
                if (r >= 0)
                        return 0;
                if (r != -EAGAIN) {
                        *e = why;
                        return r;
                }
                if ((r = wait_more(&w, why.message, e)) < 0)
                        return r;
        }
}

int join_etcd_promote(struct join *j, struct error *e) {
        struct wait w =
                wait_begin("for etcd to make this machine a voting member", j->config->timeouts.etcd_call_us);
        struct etcd_member own;
        struct error why = { 0 };
        struct access a;
        int r;

        if (is_external(j))
                return enlist(j, e);
        for (;;) {
                r = own_member(j, w.tries, &a, &own, &why, e);
                if (r == 0 && !own.learner)
                        return 0;
                if (r < 0 && r != -EAGAIN)
                        return r;
                if (r == 0 && etcd_member_promote(&a.client, own.id, &why) == 0) {
                        printf("[etcd] this machine is a voting member now\n");
                        fflush(stdout);
                        return 0;
                }
                if ((r = wait_more(&w, why.message, e)) < 0)
                        return r;
        }
}

/* A voting member need not serve: etcd first publishes its name through raft, and hears nothing of it when
 * the snapshot that it got holds that already; it tries again after 5 s and two election time-outs. etcd 3.6
 * compacts its log after a hundred entries, so every joining member gets a snapshot. Its port is open
 * meanwhile, so only an answer tells. */
int join_etcd_serves(struct join *j, struct error *e) {
        struct wait w = wait_begin("for this machine's etcd to serve", j->config->timeouts.control_plane_us);
        struct etcd_members members;
        struct error why = { 0 };
        struct access a;
        char url[256];
        int r;

        if (is_external(j))
                return 0;
        own_url(j, CLIENT_PORT, url);
        for (;;) {
                if ((r = access_open(j, 0, &a, e)) < 0)
                        return r;
                a.client.endpoint = url;
                a.client.timeout_ms = SERVE_TIMEOUT_MS;
                if (etcd_member_list(&a.client, &members, &why) == 0)
                        return 0;
                if ((r = wait_more(&w, "it votes, but does not answer its clients yet", e)) < 0)
                        return r;
        }
}
