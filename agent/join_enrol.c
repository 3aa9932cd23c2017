#include "agent/chrony.h"
#include "agent/config_join.h"
#include "agent/enroll_clock.h"
#include "agent/join.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/preflight.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <time.h>

enum { CONNECT_TIMEOUT_MS = 10000, CHRONY_TIMEOUT_MS = 500 };

static int64_t own_clock(void *userdata) {
        return enroll_clock_now(*(const double *)userdata);
}

/* A CA of another cluster would be found when ours is written; find it before the token is used. */
static int check_old_ca(const struct join *j, const struct config *c, struct error *e) {
        struct pki_error pe = { 0 };
        char path[PATH_MAX], pin[PKI_PIN_SIZE];

        if (root_path_below(path, j->root, c->cert_dir, "ca.crt") < 0)
                return error_set(e, EXIT_INPUT, "the certificates' directory has too long a name");
        if (access(path, F_OK) < 0)
                return 0;
        if (pki_ca_pin(path, pin, &pe) < 0)
                return error_from_pki(e, EXIT_FAILED, &pe);
        for (size_t i = 0; i < j->pins.n; i++)
                if (!strcmp(pin, j->pins.v[i]))
                        return 0;
        return error_set(
                e, EXIT_FAILED,
                "%s is the CA of another cluster (%s); `triarch reset` takes this machine back to before",
                path, pin);
}

static bool worth_waiting(const struct enroll_refusal *f, int64_t deadline_us) {
        return (f->code == ENROLL_SLOW_DOWN || f->code == ENROLL_BUSY) && f->retry_s > 0 &&
               monotonic_us() + f->retry_s * INT64_C(1000000) < deadline_us;
}

static int one_try(struct join *j, struct enroll_joiner *joiner, struct enroll_result *ret, struct error *e) {
        const char *advertised = j->flags.advertise_address;
        char local[ENROLL_ADDRESS_SIZE];
        CLEANUP(closep) int fd = -1;
        int r = enroll_connect(j->host, j->port, advertised, CONNECT_TIMEOUT_MS, &fd, local, e);

        if (r < 0)
                return r;
        snprintf(j->state.address, sizeof j->state.address, "%s", local);
        joiner->address = j->state.address;
        /* From here on the token may be spent on this key: it must outlive a crash. */
        if ((r = join_state_save(j->root, &j->state, e)) < 0)
                return r;
        return enroll_request_bundle(fd, joiner, ret, e);
}

static int ask_master(struct join *j, const struct config *c, struct enroll_result *ret, struct error *e) {
        int64_t deadline_us = monotonic_us() + c->timeouts.discovery_us;
        struct clock_state clock;
        CLEANUP(freep) char *csr = NULL;
        struct enroll_joiner joiner = { .token = j->token,
                                        .role = j->state.role,
                                        .node_name = j->state.node_name,
                                        .pins = &j->pins,
                                        .clock_ns = own_clock,
                                        .userdata = &clock.correction };
        int r;

        if (j->worker && (r = join_worker_key(j, NULL, &csr, e)) < 0)
                return r;
        joiner.csr = csr;
        memcpy(joiner.priv, j->state.key, sizeof joiner.priv);
        r = pki_x25519_public(joiner.priv, joiner.pub);
        while (r == 0) {
                clock_read(c->health.clock.port, CHRONY_TIMEOUT_MS, c->time_max_offset_s, &clock);
                r = one_try(j, &joiner, ret, e);
                if (r != -EACCES || !worth_waiting(&ret->refusal, deadline_us))
                        break;
                printf("[enrol] waiting %u s: %s\n", ret->refusal.retry_s, ret->refusal.message);
                fflush(stdout);
                nanosleep(&(struct timespec){ ret->refusal.retry_s, 0 }, NULL);
                r = 0;
        }
        OPENSSL_cleanse(joiner.priv, sizeof joiner.priv);
        return r;
}

static int store_bundle(struct join *j, const struct enroll_bundle *b, struct error *e) {
        char *text;
        size_t size;
        int r = enroll_bundle_encode(b, &text, &size);

        if (r < 0) {
                error_set(e, EXIT_FAILED, "cannot write the bundle: %s", strerror(-r));
                return r;
        }
        r = join_file_put(j->root, JOIN_BUNDLE, text, size, e);
        pki_wipe_free(text);
        return r;
}

/* The bundle that an earlier run got, or the master's answer now. Refused: nothing stays. */
static int get_bundle(struct join *j, const struct config *c, struct enroll_bundle *ret, struct error *e) {
        struct enroll_result result = { 0 };
        bool had_base = join_base_exists(j->root);
        char server[CONFIG_HOST_PORT_SIZE];
        int r;

        if ((r = phase_clock_gate(&j->ctx, e)) < 0 || (r = check_old_ca(j, c, e)) < 0)
                return r;
        printf("[enrol] asking %s to join as %s\n", config_host_port(j->host, j->port, server),
               j->state.node_name);
        fflush(stdout);
        r = ask_master(j, c, &result, e);
        if (r == 0)
                r = store_bundle(j, &result.bundle, e);
        if (r < 0 && (r == -EACCES || (!result.sent && !j->resumed)))
                join_journal_remove(j->root, !had_base);
        if (r == 0)
                *ret = result.bundle;
        else
                enroll_bundle_done(&result.bundle);
        return r;
}

int join_bundle_load(struct join *j, struct enroll_bundle *ret, struct error *e) {
        char *text = NULL;
        size_t size;
        int r = join_file_get(j->root, JOIN_BUNDLE, &text, &size, e);

        if (r < 0)
                return r;
        r = enroll_bundle_decode(text, size, ret);
        pki_wipe_free(text);
        if (r < 0)
                error_set(e, EXIT_FAILED, "the join journal is damaged; `triarch reset` starts over");
        return r;
}

static int note_cluster(struct join_state *s, const struct enroll_bundle *b, struct error *e) {
        char pin[PKI_PIN_SIZE];

        if (enroll_bundle_pin(b, pin) < 0)
                return error_set(e, EXIT_FAILED, "the master's bundle has no CA certificate");
        snprintf(s->cluster_id, sizeof s->cluster_id, "%.*s", PKI_CLUSTER_ID_SIZE - 1,
                 pin + strlen("sha256:"));
        s->position = b->position;
        s->n_endpoints = 0;
        for (size_t i = 0; i < b->members.n; i++) {
                const struct etcd_member *m = &b->members.v[i];

                if (!m->learner && *m->client_url && strcmp(m->name, s->node_name) != 0)
                        snprintf(s->endpoints[s->n_endpoints++], sizeof s->endpoints[0], "%s", m->client_url);
        }
        return 0;
}

/* The cluster's configuration with this node's own values. */
static int make_config(struct join *j, const struct enroll_bundle *b, struct error *e) {
        struct config_flags flags = j->flags;
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(freep) char *text = NULL, *both = NULL;
        unsigned priority = 250 - 20 * (b->position < 6 ? b->position : 6);
        size_t size;
        int n, r;

        flags.node_name = j->state.node_name;
        flags.advertise_address = j->state.address;
        flags.ignore_preflight_errors = NULL;
        flags.join = true;
        flags.worker = j->worker;
        if (!b->config) /* cannot be: a bundle is decoded as a whole */
                return -EBADMSG;
        if ((n = asprintf(&both, "%s%s%s", b->config, j->overlay ? CONFIG_JOIN_SEPARATOR : "",
                          j->overlay ? j->overlay : "")) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = config_parse(both, (size_t)n, "the configuration from the master", &flags, &c, e)) < 0)
                return r;
        for (size_t i = 0; i < c->vips.n; i++)
                if (!config_member(&c->vips.items[i], c->node_name))
                        c->vips.items[i].priority = (uint8_t)priority;
        if ((r = config_render(c, false, &text, &size)) < 0) {
                error_set(e, EXIT_FAILED, "cannot write this machine's configuration: %s", strerror(-r));
                return r;
        }
        return join_file_put(j->root, JOIN_CONFIG, text, size, e);
}

int join_load_config(struct join *j, struct error *e) {
        const struct config_flags flags = { .ignore_preflight_errors = j->flags.ignore_preflight_errors };
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = join_file_get(j->root, JOIN_CONFIG, &text, &size, e);

        if (r == -ENOENT)
                return error_set(e, EXIT_FAILED, "the join journal lost its %s; `triarch reset` starts over",
                                 JOIN_CONFIG);
        if (r < 0 || (r = config_parse(text, size, JOIN_CONFIG, &flags, &j->config, e)) < 0)
                return r;
        j->ctx.config = j->config;
        return *j->root || j->worker ? 0 : config_resolve(j->config, e);
}

int join_prepare(struct join *j, struct config **ret, struct error *e) {
        const char *overlay = j->overlay ? j->overlay : "";
        struct config_flags flags = j->flags;
        int r;

        /* The defaults of a master, such as its runtime's socket; the endpoint is not known yet, and
         * whatever else the cluster has comes with the bundle. */
        flags.cluster = true;
        flags.join = true;
        flags.control_plane_endpoint = j->host;
        r = config_parse(overlay, strlen(overlay), j->overlay ? "the JoinConfiguration" : "", &flags, ret, e);
        if (r < 0)
                return r;
        snprintf(j->state.node_name, sizeof j->state.node_name, "%s", (*ret)->node_name);
        j->ctx.config = *ret;
        if (*j->root || (*ret)->skip_phases.n > 0) /* join can skip nothing but preflight */
                return 0;
        return preflight_run(&j->ctx, false, e);
}

/* That of a run which was killed before its journal said whose it is. */
static int check_bundle(const struct join *j, const struct enroll_bundle *b, struct error *e) {
        char pin[PKI_PIN_SIZE];
        bool same = j->pins.n == 0;

        if (enroll_bundle_pin(b, pin) < 0)
                return error_set(e, EXIT_FAILED, "the join journal is damaged; `triarch reset` starts over");
        for (size_t i = 0; i < j->pins.n; i++)
                same |= !strcmp(pin, j->pins.v[i]);
        if (same && b->role == j->state.role)
                return 0;
        return error_set(
                e, EXIT_INPUT,
                "this machine is on its way into %s cluster as a %s; `triarch reset` takes it back to "
                "before",
                same ? "the" : "another", enroll_role_name(b->role));
}

int join_enrol(struct join *j, struct error *e) {
        CLEANUP(config_freep) struct config *early = NULL;
        struct enroll_bundle b = { 0 };
        int r = join_bundle_load(j, &b, e);

        if (r == -ENOENT && (r = join_prepare(j, &early, e)) == 0)
                r = get_bundle(j, early, &b, e);
        j->ctx.config = NULL;
        if (r < 0)
                return r;
        if ((r = check_bundle(j, &b, e)) == 0 && (r = note_cluster(&j->state, &b, e)) == 0)
                r = make_config(j, &b, e);
        enroll_bundle_done(&b);
        return r;
}

static int make_directory_of(const char *path, struct error *e) {
        char dir[PATH_MAX];
        int r;

        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
        if ((r = pki_mkdir_p(dir, 0755)) < 0)
                error_set(e, EXIT_FAILED, "cannot make %s: %s", dir, strerror(-r));
        return r;
}

/* Not phase_put_file(): what differs is never shown, keys are among them. */
static int put_entry(struct join *j, enum enroll_entry i, const char *text, struct error *e) {
        const struct enroll_entry_place *place = enroll_entry_place(i);
        char path[PATH_MAX], *old = NULL;
        gid_t gid = (gid_t)-1;
        bool same;
        size_t size;
        int r;

        if (enroll_entry_path(i, j->root, j->config->cert_dir, &j->config->etcd_external, path) < 0)
                return error_set(e, EXIT_FAILED, "no path for %s, or too long a one", place->name);
        if (place->etcd == ENROLL_EXTERNAL_ETCD && (r = make_directory_of(path, e)) < 0)
                return r;
        if (place->agent && (r = phase_agent_gid(&j->ctx, &gid, e)) < 0)
                return r;
        r = pki_file_read(path, ENROLL_TEXT_MAX, &old, &size);
        same = r == 0 && size == strlen(text) && CRYPTO_memcmp(old, text, size) == 0;
        pki_wipe_free(old);
        if (r == -ENOENT)
                r = pki_file_write(path, place->mode, gid, text, strlen(text), PKI_FILE_EXCL);
        else if (r == 0 && same) {
                phase_report(&j->ctx, "certs", false, path + strlen(j->root));
                return 0;
        } else if (r == 0)
                r = -EEXIST;
        if (r < 0) {
                error_set(e, EXIT_FAILED, "%s",
                          r == -EEXIST ? "exists and is not the cluster's; `triarch reset` takes this "
                                         "machine back to "
                                         "before"
                                       : strerror(-r));
                snprintf(e->file, sizeof e->file, "%s", path);
                return r;
        }
        phase_report(&j->ctx, "certs", true, path + strlen(j->root));
        return 0;
}

int join_shared_pki(struct join *j, struct error *e) {
        struct enroll_bundle b = { 0 };
        char dirs[3][PATH_MAX];
        size_t n_dirs;
        int r = join_bundle_load(j, &b, e);

        n_dirs = j->worker ? 1 : ARRAY_SIZE(dirs);
        if (r == 0 && (root_path(dirs[0], j->root, j->config->cert_dir) < 0 ||
                       root_path_below(dirs[1], j->root, j->config->cert_dir, "etcd") < 0 ||
                       root_path(dirs[2], j->root, TRIARCH_PKI_DIR) < 0))
                r = error_set(e, EXIT_FAILED, "the certificates' directory has too long a name");
        for (size_t i = 0; i < n_dirs && r == 0; i++)
                if ((r = pki_mkdir_p(dirs[i], 0755)) < 0)
                        error_set(e, EXIT_FAILED, "cannot make %s: %s", dirs[i], strerror(-r));
        for (enum enroll_entry i = 0; i < ENROLL_ENTRIES && r == 0; i++)
                if (b.entries[i])
                        r = put_entry(j, i, b.entries[i], e);
        enroll_bundle_done(&b);
        return r;
}
