#include "agent/addon.h"
#include "agent/patches.h"
#include "agent/phase.h"
#include "agent/phase_kube.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <strings.h>

enum { MAX_CA_DIRS = 8, MAX_PROXIES = 16 };

/* The templates' values and the lists behind them. */
struct phase_values {
        struct tmpl_values v;
        const char *ca_dirs[MAX_CA_DIRS + 1];
        struct tmpl_pair proxies[MAX_PROXIES];
        char *proxy_names[MAX_PROXIES]; /* owned */
        struct tmpl_gate *gates;
        char *etcd_servers, *register_taints;
        struct patches patches;
        char host_name[256];
};

extern char **environ;

static int exists(const struct phase_ctx *ctx, const char *path) {
        char real[PATH_MAX];

        return phase_path(ctx, path, real) && access(real, F_OK) == 0;
}

static int copy_pairs(const struct name_values *from, const struct tmpl_pair **ret, size_t *ret_n) {
        struct tmpl_pair *to = calloc(from->n + 1, sizeof *to);

        if (!to)
                return -ENOMEM;
        for (size_t i = 0; i < from->n; i++)
                to[i] = (struct tmpl_pair){ from->items[i].name, from->items[i].value };
        *ret = to;
        *ret_n = from->n;
        return 0;
}

static int copy_volumes(const struct extra_volumes *from, const struct tmpl_volume **ret, size_t *ret_n) {
        struct tmpl_volume *to = calloc(from->n + 1, sizeof *to);

        if (!to)
                return -ENOMEM;
        for (size_t i = 0; i < from->n; i++)
                to[i] = (struct tmpl_volume){ .name = from->items[i].name,
                                              .host_path = from->items[i].host_path,
                                              .mount_path = from->items[i].mount_path,
                                              .read_only = from->items[i].read_only,
                                              .path_type = from->items[i].path_type };
        *ret = to;
        *ret_n = from->n;
        return 0;
}

static int copy_component(const struct component *from, struct tmpl_extra *to) {
        int r;

        if ((r = copy_pairs(&from->extra_args, &to->args, &to->n_args)) < 0 ||
            (r = copy_volumes(&from->extra_volumes, &to->volumes, &to->n_volumes)) < 0)
                return r;
        return copy_pairs(&from->extra_envs, &to->envs, &to->n_envs);
}

static void free_component(struct tmpl_extra *x) {
        free((void *)x->args);
        free((void *)x->volumes);
        free((void *)x->envs);
}

void phase_values_free(struct phase_values *v) {
        if (!v)
                return;
        free_component(&v->v.apiserver);
        free_component(&v->v.controller_manager);
        free_component(&v->v.scheduler);
        free_component(&v->v.etcd);
        free((void *)v->v.kubelet_extra_args);
        for (size_t i = 0; i < MAX_PROXIES; i++)
                free(v->proxy_names[i]);
        free(v->gates);
        free(v->etcd_servers);
        free(v->register_taints);
        patches_done(&v->patches);
        free(v);
}

/* kubeadm's rule: every variable whose name ends in _proxy, in either case, that has a value. */
static int copy_proxies(struct phase_values *v) {
        for (char **env = environ; env && *env && v->v.n_proxy_envs < MAX_PROXIES; env++) {
                const char *eq = strchr(*env, '=');
                size_t i = v->v.n_proxy_envs;

                if (!eq || eq - *env < 6 || strncasecmp(eq - 6, "_proxy", 6) != 0 || !eq[1])
                        continue;
                if (!(v->proxy_names[i] = strndup(*env, (size_t)(eq - *env))))
                        return -ENOMEM;
                v->proxies[i] = (struct tmpl_pair){ v->proxy_names[i], eq + 1 };
                v->v.n_proxy_envs++;
        }
        v->v.proxy_envs = v->proxies;
        return 0;
}

static void find_ca_dirs(const struct phase_ctx *ctx, struct phase_values *v) {
        const char *dir;
        size_t n = 0;

        for (size_t i = 0; n < MAX_CA_DIRS && (dir = tmpl_ca_dir(i)); i++)
                if (exists(ctx, dir))
                        v->ca_dirs[n++] = dir;
        v->v.ca_host_dirs = v->ca_dirs;
}

/* The name that the tree under a root will have when it is started; without a file systemd says localhost. */
static void read_host_name(const struct phase_ctx *ctx, char *out, size_t size) {
        CLEANUP(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t n;

        if (phase_path(ctx, "/etc/hostname", path) && pki_file_read(path, 4096, &text, &n) == 0)
                snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The kubelet takes the host name, in lower case, for the node's, unless it is told another. */
static void find_host_name(const struct phase_ctx *ctx, struct phase_values *v) {
        if (*ctx->root)
                read_host_name(ctx, v->host_name, sizeof v->host_name);
        else if (gethostname(v->host_name, sizeof v->host_name - 1) < 0)
                *v->host_name = '\0';
        if (!*v->host_name)
                snprintf(v->host_name, sizeof v->host_name, "localhost");
        for (char *s = v->host_name; *s; s++)
                if (*s >= 'A' && *s <= 'Z')
                        *s = (char)(*s - 'A' + 'a');
        v->v.host_name = v->host_name;
}

/* flannel's images come from where flannel publishes them, or from the mirror that has all others. */
static const char *flannel_repository(const struct config *c) {
        static const char upstream[] = "ghcr.io/flannel-io";
        const char *given = c->flannel_image_repository ? c->flannel_image_repository : upstream;
        bool mirrored = strcmp(c->image_repository, "registry.k8s.io") != 0;

        return mirrored && !strcmp(given, upstream) ? c->image_repository : given;
}

static int copy_gates(const struct feature_gates *from, struct phase_values *v) {
        if (!(v->gates = calloc(from->n + 1, sizeof *v->gates)))
                return -ENOMEM;
        for (size_t i = 0; i < from->n; i++)
                v->gates[i] = (struct tmpl_gate){ from->items[i].name, from->items[i].on };
        v->v.gates = v->gates;
        v->v.n_gates = from->n;
        return 0;
}

/* The external etcd's URLs, as --etcd-servers has them. */
static int join_endpoints(const struct str_list *from, struct phase_values *v) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = from->n ? open_memstream(&text, &size) : NULL;

        if (!from->n)
                return 0;
        for (size_t i = 0; f && i < from->n; i++)
                fprintf(f, "%s%s", i ? "," : "", from->items[i]);
        if (!f || fclose(f) != 0)
                return -ENOMEM;
        v->v.etcd_servers = v->etcd_servers = TAKE_PTR(text);
        return 0;
}

/* A worker registers with its taints; a master is tainted when its API server is there. */
static int join_taints(const struct phase_ctx *ctx, struct phase_values *v) {
        const struct taints *taints = ctx->worker ? config_taints(ctx->config, true) : NULL;
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = taints && taints->n ? open_memstream(&text, &size) : NULL;

        if (!taints || !taints->n)
                return 0;
        for (size_t i = 0; f && i < taints->n; i++) {
                const struct taint *t = &taints->items[i];
                bool value = t->value && *t->value;

                fprintf(f, "%s%s%s%s:%s", i ? "," : "", t->key, value ? "=" : "", value ? t->value : "",
                        t->effect);
        }
        if (!f || fclose(f) != 0)
                return -ENOMEM;
        v->v.register_taints = v->register_taints = TAKE_PTR(text);
        return 0;
}

static int copy_patches(const struct config *c, struct phase_values *v, struct error *e) {
        int r = patches_load(c->patches_dir, &v->patches, e);

        v->v.patches = v->patches.v;
        v->v.n_patches = v->patches.n;
        return r;
}

bool phase_external_ca(const struct phase_ctx *ctx, const char *name) {
        char base[PATH_MAX], file[PATH_MAX + 4];

        if (root_path_below(base, ctx->root, ctx->config->cert_dir, name) < 0)
                return false;
        snprintf(file, sizeof file, "%s.crt", base);
        if (access(file, F_OK) < 0)
                return false;
        snprintf(file, sizeof file, "%s.key", base);
        return access(file, F_OK) < 0;
}

static struct tmpl_values scalars(const struct phase_ctx *ctx) {
        const struct config *c = ctx->config;
        const char *resolv = "/run/systemd/resolve/resolv.conf";

        return (struct tmpl_values){
                .kubernetes_version = c->kubernetes_version,
                .image_repository = c->image_repository,
                .etcd_image_repository = c->etcd_image_repository,
                .etcd_image_tag = c->etcd_image_tag,
                .node_name = c->node_name,
                .advertise_address = c->advertise_address,
                .bind_port = c->bind_port,
                .cluster_name = c->cluster_name,
                .dns_domain = c->dns_domain,
                .service_subnet = c->service_subnet,
                .pod_subnet = c->pod_subnet,
                .cluster_dns = c->cluster_dns,
                .external_ca = phase_external_ca(ctx, "ca"),
                .cert_dir = c->cert_dir,
                .etcd_data_dir = c->etcd_data_dir,
                .initial_cluster = ctx->initial_cluster,
                .cri_socket = c->cri_socket,
                .resolv_conf = exists(ctx, resolv) ? resolv : NULL,
                .flannel_image_repository = addon_unwanted(c, "flannel") ? NULL : flannel_repository(c),
                .dns_image_repository = c->dns_image_repository,
                .dns_image_tag = c->dns_image_tag,
                .dns_disabled = c->dns_disabled,
                .proxy_disabled = c->proxy_disabled,
                .etcd_ca_file = c->etcd_external.ca_file,
                .etcd_cert_file = c->etcd_external.cert_file,
                .etcd_key_file = c->etcd_external.key_file,
                .control_plane_timeout_s = (c->timeouts.control_plane_us + 999999) / 1000000,
                .kubelet_config = c->kubelet_config_text,
                .kube_proxy_config = c->kube_proxy_config_text,
        };
}

int phase_image(const struct phase_ctx *ctx, size_t i, char *out, size_t size) {
        struct tmpl_values v = scalars(ctx);

        return tmpl_image(&v, i, out, size);
}

int phase_values_new(const struct phase_ctx *ctx, struct phase_values **ret, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = calloc(1, sizeof *v);
        const struct config *c = ctx->config;
        int r;

        if (!v)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if (!c->advertise_address)
                return error_set(e, EXIT_INPUT,
                                 "no address of this machine is known; give --apiserver-advertise-address");
        v->v = scalars(ctx);
        find_host_name(ctx, v);
        find_ca_dirs(ctx, v);
        if ((r = copy_component(&c->api_server, &v->v.apiserver)) < 0 ||
            (r = copy_component(&c->controller_manager, &v->v.controller_manager)) < 0 ||
            (r = copy_component(&c->scheduler, &v->v.scheduler)) < 0 ||
            (r = copy_component(&c->etcd, &v->v.etcd)) < 0 ||
            (r = copy_pairs(&c->kubelet_extra_args, &v->v.kubelet_extra_args, &v->v.n_kubelet_extra_args)) <
                    0 ||
            (r = copy_proxies(v)) < 0 || (r = copy_gates(&c->feature_gates, v)) < 0 ||
            (r = join_endpoints(&c->etcd_external.endpoints, v)) < 0 || (r = join_taints(ctx, v)) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), r;
        if ((r = copy_patches(c, v, e)) < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

const struct tmpl_values *phase_values_get(const struct phase_values *v) {
        return &v->v;
}

int phase_render(const struct phase_values *v, const char *name, char **ret, size_t *ret_size,
                 struct error *e) {
        struct tmpl_error why = { 0 };
        int r = tmpl_render(name, &v->v, ret, ret_size, &why);

        if (r < 0)
                error_set(e, r == -ENOMEM ? EXIT_FAILED : EXIT_INPUT, "%s cannot be made: %s", name,
                          *why.what ? why.what : strerror(-r));
        return r;
}

int phase_render_objects(const struct phase_values *v, const char *name, const struct tmpl_pair *pairs,
                         size_t n_pairs, char **ret, size_t *ret_size, struct error *e) {
        struct tmpl_error why = { 0 };
        int r = tmpl_render_objects(name, pairs, n_pairs, v ? &v->v : NULL, ret, ret_size, &why);

        if (r < 0)
                error_set(e, r == -ENOMEM ? EXIT_FAILED : EXIT_INPUT, "%s cannot be made: %s", name,
                          *why.what ? why.what : strerror(-r));
        return r;
}

bool phase_wanted(const struct phase_values *v, const char *name) {
        return tmpl_wanted(name, &v->v);
}

int phase_validate(const struct phase_ctx *ctx, struct error *e) {
        static const char *const names[] = { "etcd",           "kube-apiserver", "kube-controller-manager",
                                             "kube-scheduler", "kubelet-config", "kubelet-instance-config",
                                             "kubelet-flags",  "kubelet-dropin" };
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        struct pki_params p;
        int r;

        if ((r = phase_pki_params(ctx, &p, e)) < 0 || (r = phase_values_new(ctx, &v, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                CLEANUP(freep) char *text = NULL;
                size_t size;

                if (phase_wanted(v, names[i]) && (r = phase_render(v, names[i], &text, &size, e)) < 0)
                        return r;
        }
        return 0;
}

static void warn_external(const struct phase_ctx *ctx, void (*warn)(void *userdata, const char *text),
                          void *userdata) {
        static const char *const names[] = { "ca", "front-proxy-ca", "etcd/ca" };
        char text[PATH_MAX + 256];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (!phase_external_ca(ctx, names[i]))
                        continue;
                snprintf(text, sizeof text,
                         "%s/%s.key is not here: its CA is taken for an external one, and signs nothing "
                         "here; if "
                         "the key was lost, put it back",
                         ctx->config->cert_dir, names[i]);
                warn(userdata, text);
        }
}

int phase_warnings(const struct phase_ctx *ctx, void (*warn)(void *userdata, const char *text),
                   void *userdata, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        struct tmpl_error why = { 0 };
        int r = phase_values_new(ctx, &v, e);

        if (r < 0)
                return r;
        warn_external(ctx, warn, userdata);
        for (size_t i = 0; i < v->patches.n_ignored; i++) {
                char text[PATH_MAX + 256];

                snprintf(text, sizeof text, "patches: %s; the file is ignored", v->patches.ignored[i]);
                warn(userdata, text);
        }
        r = tmpl_warnings(&v->v, warn, userdata, &why);
        return r < 0 ? error_set(e, EXIT_INPUT, "%s", *why.what ? why.what : strerror(-r)) : 0;
}
