#include "agent/enroll_server.h"
#include "agent/enroll_clock.h"
#include "agent/enroll_position.h"
#include "agent/monotonic.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include "pki/node.h"
#include <errno.h>
#include <syslog.h>
#include <time.h>

enum { HELLO_TIMEOUT_MS = 10000, ANSWER_TIMEOUT_MS = 20000, MAX_ROUND_TRIP_MS = 2000, RIVAL_RETRY_S = 10 };

/* One connection, from its request on. */
struct session {
        const struct enroll_server *s;
        const char *peer;
        struct enroll_request q;
        struct pki_transcript transcript;
        uint8_t kp[PKI_KP_SIZE];
        int64_t sent_ns, received_ns; /* our clock around the joiner's answer */
        struct token token;
        struct etcd_members members;
        struct enroll_refusal refusal; /* filled by the check that fails */
        bool wrong;
};

static int refuse(struct session *x, enum enroll_code code, unsigned retry_s, const struct error *e) {
        x->refusal.code = code;
        x->refusal.retry_s = retry_s;
        snprintf(x->refusal.message, sizeof x->refusal.message, "%s", e->message);
        return -EACCES;
}

/* Our own trouble: the joiner learns that there is one, the journal which. */
static int refuse_failed(struct session *x, const struct error *e) {
        char line[PATH_MAX + 1200];

        snprintf(line, sizeof line, "enrolment failed here: %s%s%s", e->file, *e->file ? ": " : "",
                 e->message);
        x->s->ops.audit(x->s->ops.userdata, LOG_ERR, line);
        x->refusal = (struct enroll_refusal){ .code = ENROLL_FAILED,
                                              .message = "the master failed; `journalctl -u triarch-enroll` "
                                                         "there says why" };
        return -EACCES;
}

/* Unknown ids take the same path with the decoy, whose Kp nobody has. */
static int check_proof(struct session *x) {
        struct error e = { 0 };
        int known = token_get(x->s->root, x->q.token_id, &x->token, &e), r;
        const char *id = known == 0 ? x->token.id : ENROLL_DECOY_ID;

        if (known < 0 && known != -ENOENT)
                return refuse_failed(x, &e);
        r = pki_kp_unwrap(x->s->ca_key, id, known == 0 ? x->token.wrapped : x->s->decoy, x->kp);
        if (r < 0) {
                error_set(&e, EXIT_FAILED, "cannot unwrap the token with the CA's key: %s", strerror(-r));
                return refuse_failed(x, &e);
        }
        r = pki_proof_check(x->kp, &x->transcript, x->q.proof);
        if (known == 0 && r == 0)
                return 0;
        x->wrong = true;
        error_set(&e, EXIT_FAILED,
                  "the token is not valid here: mistyped, deleted, or made on another master; `triarch token "
                  "create --print-join-command` on that master makes a new one");
        return refuse(x, ENROLL_DENIED, 0, &e);
}

static int check_address(struct session *x) {
        struct error e;

        if (!strcmp(x->q.node_address, x->peer))
                return 0;
        error_set(
                &e, EXIT_FAILED,
                "the joiner names the address %s, but its connection comes from %s; join from the advertised "
                "address (--apiserver-advertise-address), without address translation between",
                x->q.node_address, x->peer);
        return refuse(x, ENROLL_ADDRESS, 0, &e);
}

static int check_role(struct session *x) {
        bool worker = x->token.role == ENROLL_WORKER;
        struct error e;

        if (x->q.role == x->token.role)
                return 0;
        error_set(&e, EXIT_FAILED,
                  worker ? "the token %s is for workers: join with --worker, or make one for a master with "
                           "`triarch token create --print-join-command`"
                         : "the token %s is for masters: a worker's is made with `triarch token create "
                           "--worker --print-join-command`",
                  x->token.id);
        return refuse(x, ENROLL_ROLE, 0, &e);
}

static int check_token(struct session *x) {
        struct error e = { 0 };

        switch (token_usable(&x->token, time(NULL), x->q.node_name, x->q.node_address, x->q.joiner_pub, &e)) {
        case 0:
                return 0;
        case -EKEYEXPIRED:
                return refuse(x, ENROLL_EXPIRED, 0, &e);
        case -EDQUOT:
                return refuse(x, ENROLL_USED_UP, 0, &e);
        default:
                return refuse(x, ENROLL_BOUND, 0, &e);
        }
}

/* A learner that has never started has no name, data or vote: the joiner at its address may take it over. */
static bool is_taken_by(const struct etcd_member *m, const struct enroll_request *q) {
        char url[CONFIG_HOST_PORT_SIZE + 8], host[CONFIG_HOST_PORT_SIZE];

        snprintf(url, sizeof url, "https://%s", config_host_port(q->node_address, 2380, host));
        return *m->name && (!strcmp(m->name, q->node_name) || !strcmp(m->peer_url, url));
}

/* A node that is Ready is somebody; so is a master that is not. One that is gone for good may come back
 * under its name. Who joins as a master need not wait for an API server: etcd's members are asked anyhow. */
static int check_node(struct session *x) {
        struct error e = { 0 }, why = { 0 };
        int r = x->s->ops.node ? x->s->ops.node(x->s->ops.userdata, x->q.node_name, &why) : 0;

        if (r == 0 || (r < 0 && x->q.role == ENROLL_MASTER))
                return 0;
        if (r < 0) {
                error_set(&e, EXIT_FAILED, "cannot ask the API server whether the name is taken: %.900s",
                          why.message);
                return refuse(x, ENROLL_BUSY, 5, &e);
        }
        error_set(&e, EXIT_FAILED,
                  "the name is taken: the cluster has a node %s; choose another --node-name, or `triarch "
                  "reset` the machine that has it and `kubectl delete node %s`",
                  x->q.node_name, x->q.node_name);
        return refuse(x, ENROLL_NAME_EXISTS, 0, &e);
}

static int check_name(struct session *x) {
        struct error e = { 0 };

        if (x->s->ops.members(x->s->ops.userdata, &x->members, &e) < 0) {
                char line[1200];

                snprintf(line, sizeof line, "cannot ask etcd for its members: %.1000s", e.message);
                error_set(&e, EXIT_FAILED, "%s", line);
                return refuse(x, ENROLL_BUSY, 5, &e);
        }
        if (token_was_used_by(&x->token, x->q.node_name, x->q.joiner_pub))
                return 0;
        for (size_t i = 0; i < x->members.n; i++) {
                const struct etcd_member *m = &x->members.v[i];

                if (!is_taken_by(m, &x->q))
                        continue;
                error_set(&e, EXIT_FAILED,
                          "the %s is taken: the cluster has the member %s at %s; choose another --node-name, "
                          "or "
                          "`triarch reset` the machine that has it",
                          strcmp(m->name, x->q.node_name) ? "address" : "name", m->name, m->peer_url);
                return refuse(x, ENROLL_NAME_EXISTS, 0, &e);
        }
        return check_node(x);
}

static int check_clock(struct session *x) {
        double off = enroll_clock_distance(x->q.clock_ns, x->sent_ns, x->received_ns);
        char theirs[TIME_TEXT_SIZE], ours[TIME_TEXT_SIZE];
        struct error e;

        if (x->received_ns - x->sent_ns > MAX_ROUND_TRIP_MS * INT64_C(1000000)) {
                error_set(&e, EXIT_FAILED, "the joiner took %.1f s to answer: too long to compare the clocks",
                          (double)(x->received_ns - x->sent_ns) / 1e9);
                return refuse(x, ENROLL_BUSY, 2, &e);
        }
        if (off <= x->s->max_offset_s && off >= -x->s->max_offset_s)
                return 0;
        error_set(&e, EXIT_FAILED,
                  "the clocks differ by %.3f s, the limit is %.3f s: the joiner says %s, the master %s; set "
                  "the wrong "
                  "one right (chrony) and join again",
                  off < 0 ? -off : off, x->s->max_offset_s, enroll_time_text(x->q.clock_ns, theirs),
                  enroll_time_text(x->received_ns, ours));
        return refuse(x, ENROLL_CLOCK, 0, &e);
}

static int (*const checks[])(struct session *x) = { check_proof, check_address, check_role,
                                                    check_token, check_name,    check_clock };

/* The bundle. */

static int read_entries(const struct enroll_server *s, struct enroll_bundle *b, struct error *e) {
        bool external = s->external_etcd->endpoints.n > 0;

        for (enum enroll_entry i = 0; i < ENROLL_ENTRIES; i++) {
                char path[PATH_MAX] = "";
                size_t size;
                int r;

                if (!enroll_entry_of(b->role, external, i))
                        continue;
                r = enroll_entry_path(i, s->root, s->cert_dir, s->external_etcd, path);
                if (r == -ENOENT)
                        continue;
                if (r < 0 || (r = pki_file_read(path, ENROLL_TEXT_MAX, &b->entries[i], &size)) < 0) {
                        error_set(e, EXIT_FAILED, "cannot read %s for the joiner: %s%s", path, strerror(-r),
                                  r == -ENOENT && i == ENROLL_VIP_KEY
                                          ? "; `triarch init phase certs vip-key` makes one"
                                          : "");
                        return r;
                }
        }
        return 0;
}

/* The certificate of a worker's kubelet: its name is the one that was proven with the token. */
static int sign_worker(struct session *x, struct enroll_bundle *b, struct error *e) {
        const struct pki_params p = { .root = x->s->root,
                                      .cert_dir = x->s->cert_dir,
                                      .now = (time_t)(x->received_ns / 1000000000) };
        struct pki_error pe = { 0 };

        if (pki_node_issue(&p, x->q.csr, x->q.node_name, &b->certificate, &pe) < 0)
                return error_from_pki(e, EXIT_FAILED, &pe);
        return 0;
}

static int make_bundle(struct session *x, char **ret, size_t *ret_size, struct error *e) {
        struct enroll_bundle b = { .role = x->token.role, .members = x->members };
        int r = read_entries(x->s, &b, e);

        if (r == 0 && b.role == ENROLL_WORKER)
                r = sign_worker(x, &b, e);
        else if (r == 0)
                r = enroll_position_take(x->s->root, x->q.node_name, x->q.node_address, &x->members,
                                         &b.position, e);
        if (r == 0 && !(b.config = strdup(x->s->shared_config)))
                r = -ENOMEM;
        if (r == 0 && (r = enroll_bundle_encode(&b, ret, ret_size)) < 0)
                error_set(e, EXIT_FAILED, "cannot write the bundle: %s", strerror(-r));
        enroll_bundle_done(&b);
        return r;
}

/* Everything that can fail comes before the use is consumed, and that before the bundle leaves. */
static int grant(struct session *x, struct enroll_grant *ret) {
        struct error e = { 0 };
        char *plain = NULL;
        size_t size = 0;
        int r = make_bundle(x, &plain, &size, &e);

        if (r < 0)
                return r == -EBUSY ? refuse(x, ENROLL_BUSY, RIVAL_RETRY_S, &e) : refuse_failed(x, &e);
        r = pki_bundle_seal(x->kp, &x->transcript, plain, size, &ret->sealed, &ret->size);
        pki_wipe_free(plain);
        if (r < 0) {
                error_set(&e, EXIT_FAILED, "cannot seal the bundle: %s", strerror(-r));
                return refuse_failed(x, &e);
        }
        r = token_consume(x->s->root, x->q.token_id, time(NULL), x->q.node_name, x->q.node_address,
                          x->q.joiner_pub, &e);
        if (r == 0)
                return 0;
        free(ret->sealed);
        ret->sealed = NULL;
        return refuse(x,
                      r == -EDQUOT        ? ENROLL_USED_UP
                      : r == -EKEYEXPIRED ? ENROLL_EXPIRED
                                          : ENROLL_FAILED,
                      0, &e);
}

/* The exchange. */

static void audit_refusal(const struct enroll_server *s, const char *peer, const struct enroll_request *q,
                          const struct enroll_refusal *f) {
        char line[1600];

        if (q)
                snprintf(line, sizeof line,
                         "enrolment refused: from %s, token %s, role %s, name %s, address %s: %s: %s", peer,
                         q->token_id, enroll_role_name(q->role), q->node_name, q->node_address,
                         enroll_code_name(f->code), f->message);
        else
                snprintf(line, sizeof line, "enrolment refused: from %s: %s: %s", peer,
                         enroll_code_name(f->code), f->message);
        s->ops.audit(s->ops.userdata, LOG_WARNING, line);
}

static void answer_refusal(struct enroll_conn *c, const struct enroll_refusal *f) {
        struct enroll_message m = { .type = ENROLL_REFUSAL, .refusal = *f };

        /* Control characters have no place in a message for a terminal. */
        for (char *p = m.refusal.message; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = ' ';
        enroll_conn_send(c, &m, NULL);
        enroll_conn_close(c);
}

static void fill_transcript(struct session *x) {
        struct pki_transcript *t = &x->transcript;

        t->cluster_id = x->s->cluster_id;
        t->token_id = x->q.token_id;
        t->role = enroll_role_name(x->q.role);
        t->csr = x->q.csr;
        t->node_name = x->q.node_name;
        t->node_address = x->q.node_address;
        t->clock_ns = x->q.clock_ns;
        memcpy(t->joiner_pub, x->q.joiner_pub, sizeof t->joiner_pub);
}

static void sleep_until(int64_t when_us) {
        int64_t left = when_us - monotonic_us();

        if (left > 0)
                nanosleep(&(struct timespec){ left / 1000000, left % 1000000 * 1000 }, NULL);
}

static enum enroll_outcome answer(struct session *x, struct enroll_conn *c, int64_t came_us) {
        struct enroll_message m = { .type = ENROLL_GRANT };
        char line[512];
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(checks) && r == 0; i++)
                r = checks[i](x);
        if (r == 0)
                r = grant(x, &m.grant);
        if (r < 0) {
                if (x->wrong) /* all wrong tries are answered at the same moment, whatever was wrong */
                        sleep_until(came_us + (int64_t)x->s->wrong_delay_ms * 1000);
                audit_refusal(x->s, x->peer, &x->q, &x->refusal);
                answer_refusal(c, &x->refusal);
                return x->wrong ? ENROLL_OUT_WRONG : ENROLL_OUT_REFUSED;
        }
        snprintf(line, sizeof line, "enrolment granted: %s at %s as %s, token %s", x->q.node_name,
                 x->q.node_address, enroll_role_name(x->q.role), x->q.token_id);
        x->s->ops.audit(x->s->ops.userdata, LOG_NOTICE, line);
        r = enroll_conn_send(c, &m, NULL);
        enroll_message_done(&m);
        enroll_conn_close(c);
        return r < 0 ? ENROLL_OUT_BROKEN : ENROLL_OUT_GRANTED;
}

static int exchange_hello(struct session *x, struct enroll_conn *c, struct error *e) {
        struct enroll_message m = { .type = ENROLL_HELLO };
        int r = enroll_conn_exporter(c, x->transcript.exporter);

        if (r < 0)
                return r;
        memcpy(m.hello.cluster_id, x->s->cluster_id, sizeof m.hello.cluster_id);
        m.hello.clock_ns = x->sent_ns = x->s->ops.clock_ns(x->s->ops.userdata);
        if ((r = enroll_conn_send(c, &m, e)) < 0 || (r = enroll_conn_recv(c, &m, e)) < 0)
                return r;
        x->received_ns = x->s->ops.clock_ns(x->s->ops.userdata);
        if (m.type != ENROLL_REQUEST) {
                enroll_message_done(&m);
                return -EBADMSG;
        }
        x->q = m.request;
        fill_transcript(x);
        return 0;
}

static enum enroll_outcome converse(const struct enroll_server *s, struct enroll_conn *c, const char *peer) {
        struct session x = { .s = s, .peer = peer };
        struct error e = { 0 };
        enum enroll_outcome out;
        int r = exchange_hello(&x, c, &e);

        if (r == -EBADMSG || r == -EMSGSIZE || r == -EPROTO) {
                x.refusal = (struct enroll_refusal){ .code = ENROLL_MALFORMED };
                snprintf(x.refusal.message, sizeof x.refusal.message,
                         "this is no request of enrolment protocol %d", ENROLL_VERSION);
                audit_refusal(s, peer, NULL, &x.refusal);
                answer_refusal(c, &x.refusal);
                return ENROLL_OUT_REFUSED;
        }
        if (r < 0)
                return ENROLL_OUT_BROKEN;
        c->deadline_us = monotonic_us() + ANSWER_TIMEOUT_MS * INT64_C(1000);
        out = answer(&x, c, monotonic_us());
        OPENSSL_cleanse(x.kp, sizeof x.kp);
        return out;
}

static int found(void *userdata, const struct token *t) {
        (void)t;
        *(bool *)userdata = true;
        return 0;
}

/* Reasons to say no before anything is looked at. */
static bool refused_unheard(const struct enroll_server *s, unsigned hold_s, struct enroll_refusal *f) {
        bool any = false;

        if (hold_s > 0) {
                *f = (struct enroll_refusal){ .code = ENROLL_SLOW_DOWN, .retry_s = hold_s };
                snprintf(f->message, sizeof f->message,
                         "too many wrong tries from this address; try again in %u s", hold_s);
                return true;
        }
        if (token_list(s->root, found, &any, NULL) < 0 || any)
                return false;
        *f = (struct enroll_refusal){ .code = ENROLL_NO_TOKEN,
                                      .message =
                                              "this master holds no enrolment token; `triarch token create "
                                              "--print-join-command` there makes one" };
        return true;
}

enum enroll_outcome enroll_serve(const struct enroll_server *s, int fd, const char *peer, unsigned hold_s) {
        enum enroll_outcome out = ENROLL_OUT_BROKEN;
        struct enroll_refusal f;
        struct enroll_conn c;

        if (enroll_conn_open(&c, s->ctx, fd, true, HELLO_TIMEOUT_MS, NULL) == 0) {
                if (refused_unheard(s, hold_s, &f)) {
                        audit_refusal(s, peer, NULL, &f);
                        answer_refusal(&c, &f);
                        out = ENROLL_OUT_REFUSED;
                } else
                        out = converse(s, &c, peer);
        }
        enroll_conn_close(&c);
        return out;
}
