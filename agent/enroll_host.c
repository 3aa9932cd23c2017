#include "agent/chrony.h"
#include "agent/enroll_clock.h"
#include "agent/enroll_server.h"
#include "agent/etcd_own.h"
#include "agent/jread.h"
#include "agent/kube.h"
#include "agent/masters.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <openssl/rand.h>
#include <systemd/sd-journal.h>

enum { CHRONY_PORT = 323, CHRONY_TIMEOUT_MS = 500, ETCD_TIMEOUT_MS = 4000, API_TIMEOUT_MS = 4000 };

static int64_t host_clock_ns(void *userdata) {
        const struct enroll_host *h = userdata;
        struct clock_state clock;

        clock_read(h->chrony_port, CHRONY_TIMEOUT_MS, h->config->time_max_offset_s, &clock);
        return enroll_clock_now(clock.correction);
}

static int host_members(void *userdata, struct etcd_members *ret, struct error *e) {
        const struct enroll_host *h = userdata;
        struct etcd_client client = etcd_client_with(&h->etcd, h->etcd_endpoint, ETCD_TIMEOUT_MS);

        etcd_own_pick(h->config, &client);
        return masters_list(h->config, &client, ret, e);
}

static bool is_ready(const json_t *node) {
        const json_t *list = json_object_get(json_object_get(node, "status"), "conditions"), *one;
        size_t i;

        json_array_foreach(list, i, one) {
                const char *type = kube_string(one, "type", NULL), *status = kube_string(one, "status", NULL);

                if (type && status && !strcmp(type, "Ready"))
                        return !strcmp(status, "True");
        }
        return false;
}

static bool is_master(const json_t *node) {
        return kube_string(node, "metadata", "labels", "node-role.kubernetes.io/control-plane", NULL) != NULL;
}

/* This machine's own API server: with the virtual address away, the answer is none about this cluster. */
static int host_node(void *userdata, const char *name, struct error *e) {
        const struct enroll_host *h = userdata;
        const struct kube_ref ref = { .api_version = "v1", .kind = "Node", .name = name };
        CLEANUP(jread_decref) json_t *node = NULL;
        CLEANUP(kube_freep) struct kube *k = NULL;
        char own[CONFIG_HOST_PORT_SIZE + 8], address[CONFIG_HOST_PORT_SIZE];
        int r;

        if (!h->config->advertise_address)
                return error_set(e, EXIT_FAILED, "%s names no advertiseAddress", TRIARCH_CONFIG_FILE);
        snprintf(own, sizeof own, "https://%s",
                 config_host_port(h->config->advertise_address, h->config->bind_port, address));
        if ((r = kube_open(h->admin_conf, own, &k, e)) < 0)
                return r;
        kube_limits(k, API_TIMEOUT_MS, 0);
        r = kube_get(k, &ref, &node, e);
        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : is_ready(node) || is_master(node);
}

/* Under systemd to the journal, else to stderr. */
static void host_audit(void *userdata, int priority, const char *line) {
        (void)userdata;
        if (getenv("JOURNAL_STREAM"))
                sd_journal_print(priority, "%s", line);
        else
                fprintf(stderr, "triarch: %s\n", line);
}

int enroll_host_init(struct enroll_host *h, const char *root, const struct config *c, struct enroll_ops *ret,
                     struct error *e) {
        *h = (struct enroll_host){ .config = c,
                                   .chrony_port = c->health.clock.port ? c->health.clock.port : CHRONY_PORT };
        if (etcd_own(c, root, &h->etcd, &h->etcd_endpoint) < 0)
                return error_set(e, EXIT_FAILED, "the path of the certificates is too long");
        if (root_path(h->admin_conf, root, "/etc/kubernetes/admin.conf") < 0)
                return error_set(e, EXIT_FAILED, "--root: the path is too long");
        *ret = (struct enroll_ops){ .clock_ns = host_clock_ns,
                                    .members = host_members,
                                    .node = host_node,
                                    .audit = host_audit,
                                    .userdata = h };
        return 0;
}

/* A Kp that nobody knows, for tokens that do not exist. */
static int make_decoy(struct enroll_server *s, struct error *e) {
        uint8_t kp[PKI_KP_SIZE];
        int r = RAND_bytes(kp, sizeof kp) == 1 ? 0 : -EIO;

        if (r == 0)
                r = pki_kp_wrap(s->ca_key, ENROLL_DECOY_ID, kp, s->decoy);
        OPENSSL_cleanse(kp, sizeof kp);
        if (r < 0) {
                error_set(e, EXIT_FAILED, "cannot use the CA's key: %s", strerror(-r));
                if (e)
                        memcpy(e->file, s->ca_key, sizeof e->file);
        }
        return r;
}

static int open_identity(struct enroll_server *s, struct error *e) {
        char ca[PATH_MAX], crt[PATH_MAX], key[PATH_MAX];
        struct pki_error pe = { 0 };
        int r;

        if (root_path_below(ca, s->root, s->cert_dir, "ca.crt") < 0 ||
            root_path_below(s->ca_key, s->root, s->cert_dir, "ca.key") < 0 ||
            root_path(crt, s->root, TRIARCH_ENROLL_CRT) < 0 ||
            root_path(key, s->root, TRIARCH_ENROLL_KEY) < 0)
                return error_set(e, EXIT_FAILED, "the path of the certificates is too long");
        if ((r = pki_cluster_id(ca, s->cluster_id, &pe)) < 0) {
                error_from_pki(e, EXIT_FAILED, &pe);
                return r;
        }
        if ((r = make_decoy(s, e)) < 0)
                return r;
        return enroll_tls_server(crt, key, ca, &s->ctx, e);
}

int enroll_server_init(struct enroll_server *s, const char *root, const struct config *c,
                       const struct enroll_ops *ops, struct error *e) {
        size_t size;
        int r;

        *s = (struct enroll_server){ .root = root,
                                     .cert_dir = c->cert_dir,
                                     .external_etcd = &c->etcd_external,
                                     .max_offset_s = c->time_max_offset_s,
                                     .wrong_delay_ms = 1000,
                                     .ops = *ops };
        if ((r = config_render(c, true, &s->shared_config, &size)) < 0) {
                error_set(e, EXIT_FAILED, "cannot write the shared configuration: %s", strerror(-r));
                return r;
        }
        if ((r = open_identity(s, e)) < 0)
                enroll_server_done(s);
        return r;
}

void enroll_server_done(struct enroll_server *s) {
        SSL_CTX_free(s->ctx);
        s->ctx = NULL;
        free(s->shared_config);
        s->shared_config = NULL;
}
