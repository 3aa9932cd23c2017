/* The phases that put kubeadm's objects into the cluster: what joins, kubelets and kubeadm itself read there.
 * They converge like all phases: what is there and the same is kept, with its resourceVersion. */
#include "agent/jread.h"
#include "agent/kube_node.h"
#include "agent/kube_token.h"
#include "agent/phase_kube.h"
#include "agent/rootpath.h"
#include "pki/base64.h"
#include "pki/file.h"
#include "templates/cluster_config.h"
#include <errno.h>
#include <openssl/evp.h>
#include <time.h>

enum { HASH_TEXT = 7 + 2 * 32 + 1, CA_MAX = 1 << 16, NODE_WAIT_MS = 60000 };

static int no_memory(const char *what, struct error *e) {
        error_set(e, EXIT_FAILED, "%s: out of memory", what);
        return -ENOMEM;
}

static bool wants(const char *sub, const char *name) {
        return !sub || !strcmp(sub, "all") || !strcmp(sub, name);
}

/* ---- upload-config ---- */

static int cluster_configuration(const struct config *c, char **ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        struct tmpl_error why = { 0 };
        size_t size;
        int r;

        if ((r = config_render_cluster(c, &text, &size)) < 0)
                return no_memory("ClusterConfiguration", e);
        if ((r = tmpl_cluster_config(text, size, ret, &size, &why)) < 0)
                return error_set(e, EXIT_FAILED, "kubeadm-config cannot be made: %s", why.what), r;
        return 0;
}

static int upload_kubeadm(struct phase_ctx *ctx, struct kube *k, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        int r = cluster_configuration(ctx->config, &text, e);

        if (r < 0)
                return r;
        const struct tmpl_pair pairs[] = { { "cluster_configuration", text } };

        return phase_kube_apply(ctx, "upload-config", k, "kubeadm-config", pairs, ARRAY_SIZE(pairs), NULL,
                                KUBE_OURS, e);
}

/* kubeadm's: over the values of the ConfigMap's data, here of one. */
static int config_hash(const char *text, char out[HASH_TEXT]) {
        unsigned char hash[32];

        if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        snprintf(out, HASH_TEXT, "sha256:");
        hex_encode(hash, sizeof hash, out + 7);
        return 0;
}

static int upload_kubelet(struct phase_ctx *ctx, struct kube *k, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        CLEANUP(freep) char *text = NULL;
        char hash[HASH_TEXT];
        size_t size;
        int r;

        if ((r = phase_values_new(ctx, &v, e)) < 0 ||
            (r = phase_render(v, "kubelet-config-shared", &text, &size, e)) < 0)
                return r;
        if ((r = config_hash(text, hash)) < 0)
                return no_memory("kubelet-config", e);
        const struct tmpl_pair pairs[] = {
                { "kubelet", text },
                { "kubelet_hash", ctx->config->kubelet_config_text ? NULL : hash },
        };

        return phase_kube_apply(ctx, "upload-config", k, "kubelet-config", pairs, ARRAY_SIZE(pairs), NULL,
                                KUBE_OURS, e);
}

int phase_upload_config(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(kube_freep) struct kube *k = NULL;
        int r;

        if (phase_kube_absent(ctx))
                return 0;
        if ((r = phase_kube_open(ctx, &k, e)) < 0)
                return r;
        if (wants(sub, "kubeadm") && ((!k && (r = phase_kube_apply(ctx, "upload-config", k, "cluster-admins",
                                                                   NULL, 0, NULL, KUBE_ONCE, e)) < 0) ||
                                      (r = upload_kubeadm(ctx, k, e)) < 0))
                return r;
        return wants(sub, "kubelet") ? upload_kubelet(ctx, k, e) : 0;
}

/* ---- mark-control-plane ---- */

static void print_marks(const struct config *c, const struct kube_node_marks *m) {
        printf("[mark-control-plane] would have marked Node %s:", c->node_name);
        for (const char *const *label = m->labels; *label; label++)
                printf(" %s=", *label);
        for (size_t i = 0; i < m->taints->n; i++)
                printf(" %s:%s", m->taints->items[i].key, m->taints->items[i].effect);
        putchar('\n');
}

int phase_mark_control_plane(struct phase_ctx *ctx, const char *sub, struct error *e) {
        static const char *const labels[] = { "node-role.kubernetes.io/control-plane",
                                              "node.kubernetes.io/exclude-from-external-load-balancers",
                                              NULL };
        const struct config *c = ctx->config;
        const struct kube_node_marks marks = {
                .labels = labels,
                .taints = config_taints(c, false),
                .cri_socket = tmpl_version_has(c->kubernetes_version, NULL, 0, TMPL_INSTANCE_CONFIG)
                                      ? NULL
                                      : c->cri_socket,
        };
        unsigned wait_ms = c->timeouts.api_call_us ? c->timeouts.api_call_us / 1000 : NODE_WAIT_MS;
        CLEANUP(kube_freep) struct kube *k = NULL;
        enum kube_outcome outcome;
        char object[300];
        int r;

        (void)sub;
        if (phase_kube_absent(ctx))
                return 0;
        if ((r = phase_kube_open(ctx, &k, e)) < 0)
                return r;
        if (!k)
                return print_marks(c, &marks), 0;
        if ((r = kube_node_mark(k, c->node_name, &marks, wait_ms, &outcome, e)) < 0)
                return r;
        snprintf(object, sizeof object, "Node %s", c->node_name);
        phase_kube_report(ctx, "mark-control-plane", outcome, object);
        return 0;
}

/* ---- bootstrap-token ---- */

static int read_ca(const struct phase_ctx *ctx, char **ret, struct error *e) {
        char path[PATH_MAX];
        size_t size;
        int r = root_path_below(path, ctx->root, ctx->config->cert_dir, "ca.crt");

        if (r == 0)
                r = pki_file_read(path, CA_MAX, ret, &size);
        if (r == -ENOENT && ctx->config->dry_run) /* it would have been made before */
                return (*ret = strdup("(the CA's certificate)")) ? 0 : no_memory("cluster-info", e);
        if (r < 0) {
                error_set(e, EXIT_FAILED, "cannot be read: %s", strerror(-r));
                if (e)
                        snprintf(e->file, sizeof e->file, "%s", path);
        }
        return r;
}

static int cluster_info(struct phase_ctx *ctx, struct kube *k, struct error *e) {
        CLEANUP(freep) char *ca = NULL, *base64 = NULL, *text = NULL, *server = NULL;
        const struct config *c = ctx->config;
        char authority[CONFIG_HOST_PORT_SIZE];
        size_t size;
        int r;

        if ((r = read_ca(ctx, &ca, e)) < 0)
                return r;
        if (!(base64 = pki_base64_encode(ca)) ||
            asprintf(&server, "https://%s", config_host_port(c->endpoint_host, c->endpoint_port, authority)) <
                    0)
                return no_memory("cluster-info", e);
        const struct tmpl_pair inner[] = { { "ca_base64", base64 }, { "server", server } };

        if ((r = phase_render_objects(NULL, "cluster-info-kubeconfig", inner, ARRAY_SIZE(inner), &text, &size,
                                      e)) < 0)
                return r;
        const struct tmpl_pair pairs[] = { { "kubeconfig", text } };

        return phase_kube_apply(ctx, "bootstrap-token", k, "cluster-info", pairs, ARRAY_SIZE(pairs), NULL,
                                KUBE_OURS, e);
}

static int put_token(struct phase_ctx *ctx, struct kube *k, const struct bootstrap_token *t,
                     struct error *e) {
        const struct kube_token token = {
                .token = t->token,
                .description = t->description,
                .expires_s = t->expires ? t->expires
                             : t->ttl_s ? (int64_t)time(NULL) + t->ttl_s
                                        : 0,
                .usages = &t->usages,
                .groups = &t->groups,
        };
        CLEANUP(pki_wipe_freep) char *text = NULL;
        enum kube_outcome outcome;
        char object[64];
        size_t size;
        int r;

        if (!k) {
                r = kube_token_render(&token, &text, &size, e);
                return r < 0 ? r
                             : phase_kube_put(ctx, "bootstrap-token", k, text, size, "bootstrap-token",
                                              KUBE_ONCE, e);
        }
        if ((r = kube_bootstrap_token_put(k, &token, &outcome, e)) < 0)
                return r;
        snprintf(object, sizeof object, "Secret kube-system/bootstrap-token-%.6s", t->token);
        phase_kube_report(ctx, "bootstrap-token", outcome, object);
        return 0;
}

/* kubeadm makes a token on every init, and prints it. Here machines join by tokens of enrolment; those of
 * Kubernetes are made as the configuration names them, and by `kubeadm token create`. */
int phase_bootstrap_token(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(kube_freep) struct kube *k = NULL;
        const struct bootstrap_tokens *tokens = &ctx->config->bootstrap_tokens;
        int r;

        (void)sub;
        if (phase_kube_absent(ctx))
                return 0;
        if ((r = phase_kube_open(ctx, &k, e)) < 0 ||
            (r = phase_kube_apply(ctx, "bootstrap-token", k, "bootstrap-rbac", NULL, 0, NULL, KUBE_OURS, e)) <
                    0 ||
            (r = cluster_info(ctx, k, e)) < 0)
                return r;
        for (size_t i = 0; i < tokens->n; i++)
                if ((r = put_token(ctx, k, &tokens->items[i], e)) < 0)
                        return r;
        return 0;
}
