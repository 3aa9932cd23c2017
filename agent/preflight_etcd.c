/* An administrator's etcd, before anything relies on it. */
#include "agent/etcd_call.h"
#include "agent/etcd_own.h"
#include "agent/etcd_reply.h"
#include "agent/jread.h"
#include "agent/preflight.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { STATUS_MS = 5000 };

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

/* What kubeadm asks for as of 1.36 (MinExternalEtcdVersion there, 3.5.24); for older Kubernetes what our own
 * calls need, learners and the gateway at /v3. */
static bool is_new_enough(const char *version, unsigned kubernetes_minor, const char **ret_least) {
        unsigned major, minor, patch, least_minor = 4, least_patch = 0;

        *ret_least = "3.4.0";
        if (kubernetes_minor >= 36) {
                *ret_least = "3.5.24";
                least_minor = 5;
                least_patch = 24;
        }
        if (sscanf(version, "%3u.%3u.%3u", &major, &minor, &patch) != 3)
                return false;
        if (major != 3 || minor != least_minor)
                return major > 3 || (major == 3 && minor > least_minor);
        return patch >= least_patch;
}

bool preflight_etcd_version(const char *version, const char *kubernetes, const char **ret_least) {
        unsigned minor = 0;

        (void)sscanf(kubernetes ? kubernetes : "", "v%*u.%3u", &minor);
        return is_new_enough(version, minor, ret_least);
}

/* Each member answers this by itself. */
static int ask_version(const struct etcd_client *client, char out[32], struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        CLEANUP(jread_decref) json_t *request = json_object();
        CLEANUP(freep) char *reply = NULL;
        const char *version;
        size_t size;
        int r;

        if ((r = etcd_call(client, "maintenance/", "status", request, &reply, &size, e)) < 0 ||
            (r = etcd_reply_open("status", reply, size, &o, e)) < 0)
                return r;
        if (!(version = json_string_value(json_object_get(o, "version"))))
                return error_set(e, EXIT_FAILED, "etcd at %s tells no version", client->endpoint), -EBADMSG;
        snprintf(out, 32, "%s", version);
        return 0;
}

static void check_version(struct preflight *p, const struct preflight_check *c, const char *endpoint,
                          const char *version) {
        const char *least;

        if (!preflight_etcd_version(version, p->ctx->config->kubernetes_version, &least))
                preflight_add(p, c->level, c->name,
                              "etcd at %s is %s; Kubernetes %s wants %s at least: upgrade it", endpoint,
                              version, p->ctx->config->kubernetes_version, least);
}

/* One that does not answer is no obstacle while another does. */
void preflight_external_etcd(struct preflight *p, const struct preflight_check *c) {
        const struct str_list *l = &p->ctx->config->etcd_external.endpoints;
        struct etcd_files files;
        const char *first;
        char version[32];
        size_t answered = 0, before = p->n;
        struct error e;

        if (!l->n || etcd_own(p->ctx->config, p->ctx->root, &files, &first) < 0)
                return;
        for (size_t i = 0; i < l->n; i++) {
                const struct etcd_client client = etcd_client_with(&files, l->items[i], STATUS_MS);

                if (ask_version(&client, version, &e) < 0) {
                        preflight_add(p, PREFLIGHT_WARNING, c->name, "%s", e.message);
                        continue;
                }
                answered++;
                check_version(p, c, l->items[i], version);
        }
        for (size_t i = before; !answered && i < p->n; i++)
                p->v[i].level = c->level;
}

/* The library's last word about the files. */
static void tell(struct preflight *p, const struct preflight_check *c, const char *file) {
        char why[200];

        ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
        ERR_clear_error();
        preflight_add(p, c->level, c->name, "the external etcd's %s cannot be used: %s", file, why);
}

void preflight_external_etcd_files(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        struct etcd_files f;
        const char *first;

        if (!p->ctx->config->etcd_external.endpoints.n || !ctx ||
            etcd_own(p->ctx->config, p->ctx->root, &f, &first) < 0)
                return;
        if (*f.ca && SSL_CTX_load_verify_file(ctx, f.ca) != 1)
                tell(p, c, f.ca);
        if (!*f.crt)
                return;
        if (SSL_CTX_use_certificate_chain_file(ctx, f.crt) != 1)
                tell(p, c, f.crt);
        else if (SSL_CTX_use_PrivateKey_file(ctx, f.key, SSL_FILETYPE_PEM) != 1)
                tell(p, c, f.key); /* also when it is another certificate's */
}
