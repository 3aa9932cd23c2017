#include "templates/render.h"
#include "pki/util.h"
#include "templates/check.h"
#include "templates/component.h"
#include "templates/expand.h"
#include "templates/kubelet_flags.h"
#include <errno.h>

struct output {
        const char *name, *file, *path;
        enum tmpl_component component;
        unsigned mode;
        int (*render)(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                      struct tmpl_error *e);
};

const struct tmpl_data *tmpl_data_find(const char *file) {
        const struct tmpl_data *d = tmpl_data;

        while (d->file && strcmp(d->file, file) != 0)
                d++;
        return d->file ? d : NULL;
}

static int render_text(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                       struct tmpl_error *e) {
        const struct tmpl_data *data = tmpl_data_find(o->file);
        char *text = data ? malloc(data->size + 1) : NULL;

        (void)v;
        (void)e;
        if (!text)
                return -ENOMEM;
        memcpy(text, data->text, data->size);
        text[data->size] = '\0';
        *ret = text;
        *ret_size = data->size;
        return 0;
}

static int expand(const struct tmpl_data *data, enum tmpl_component component, const struct tmpl_values *v,
                  char **ret, size_t *ret_size, struct tmpl_error *e) {
        struct tmpl_vars vars;
        int r = data ? tmpl_vars_init(&vars, component, v) : -ENOENT;

        if (!data)
                return tmpl_error_set(e, r, "a template is not compiled in");
        if (r >= 0)
                r = tmpl_expand(data, &vars, ret, ret_size, e);
        tmpl_vars_done(&vars);
        return r;
}

/* The configuration of kubelet or kube-proxy, merged. */
static int merge(const struct output *o, const struct tmpl_values *v, struct tmpl_tree **ret,
                 tmpl_warn_fn warn, void *userdata, struct tmpl_error *e) {
        bool proxy = o->component == TMPL_PROXY;
        const struct tmpl_data *data = tmpl_data_find(o->file);
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int r = expand(data, o->component, v, &text, &size, e);

        return r < 0 ? r
                     : tmpl_component_merge(proxy ? "KubeProxyConfiguration" : "KubeletConfiguration", text,
                                            size, proxy ? v->kube_proxy_config : v->kubelet_config, ret, warn,
                                            userdata, e);
}

static int render_component(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                            struct tmpl_error *e) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *config = NULL;
        int r = merge(o, v, &config, NULL, NULL, e);

        if (r == 0 && o->path)
                r = tmpl_kubelet_finish(v, &config, e);
        return r < 0 ? r : tmpl_tree_emit(config, ret, ret_size);
}

static int render_pod(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                      struct tmpl_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = expand(tmpl_data_find(o->file), o->component, v, &text, &size, e);

        if (r < 0 || (r = tmpl_patch_apply(v->patches, v->n_patches, o->name, &text, &size, e)) < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static int render_plain(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                        struct tmpl_error *e) {
        return expand(tmpl_data_find(o->file), o->component, v, ret, ret_size, e);
}

static int render_flags(const struct output *o, const struct tmpl_values *v, char **ret, size_t *ret_size,
                        struct tmpl_error *e) {
        (void)o;
        return tmpl_kubelet_flags(v, ret, ret_size, e);
}

/* path NULL: belongs in a ConfigMap. */
static const struct output outputs[] = {
        { "etcd", "etcd.yaml", "/etc/kubernetes/manifests/etcd.yaml", TMPL_ETCD, 0600, render_pod },
        { "kube-apiserver", "kube-apiserver.yaml", "/etc/kubernetes/manifests/kube-apiserver.yaml",
          TMPL_APISERVER, 0600, render_pod },
        { "kube-controller-manager", "kube-controller-manager.yaml",
          "/etc/kubernetes/manifests/kube-controller-manager.yaml", TMPL_CONTROLLER_MANAGER, 0600,
          render_pod },
        { "kube-scheduler", "kube-scheduler.yaml", "/etc/kubernetes/manifests/kube-scheduler.yaml",
          TMPL_SCHEDULER, 0600, render_pod },
        { "kubelet-config", "kubelet-config.yaml", "/var/lib/kubelet/config.yaml", TMPL_KUBELET, 0644,
          render_component },
        { "kubelet-instance-config", "kubelet-instance-config.yaml", "/var/lib/kubelet/instance-config.yaml",
          TMPL_KUBELET, 0644, render_plain },
        { "kubelet-flags", NULL, "/var/lib/kubelet/kubeadm-flags.env", TMPL_KUBELET, 0644, render_flags },
        { "kubelet-dropin", "kubelet-dropin.conf", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
          TMPL_KUBELET, 0644, render_text },
        { "kubelet-config-shared", "kubelet-config.yaml", NULL, TMPL_KUBELET, 0, render_component },
        { "kube-proxy-config", "kube-proxy-config.yaml", NULL, TMPL_PROXY, 0, render_component },
};

static const struct output *output_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
                if (!strcmp(outputs[i].name, name))
                        return &outputs[i];
        return NULL;
}

const char *tmpl_path(const char *name, unsigned *ret_mode) {
        const struct output *o = output_find(name);

        if (o && ret_mode)
                *ret_mode = o->mode;
        return o ? o->path : NULL;
}

bool tmpl_wanted(const char *name, const struct tmpl_values *v) {
        if (!strcmp(name, "etcd"))
                return !v->etcd_servers;
        if (!strcmp(name, "kubelet-instance-config"))
                return tmpl_version_has(v->kubernetes_version, v->gates, v->n_gates, TMPL_INSTANCE_CONFIG);
        return output_find(name);
}

int tmpl_warnings(const struct tmpl_values *v, tmpl_warn_fn warn, void *userdata, struct tmpl_error *e) {
        static const char *const names[] = { "kubelet-config-shared", "kube-proxy-config" };
        int r = tmpl_values_check(v, e);

        for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
                CLEANUP(tmpl_tree_freep) struct tmpl_tree *config = NULL;

                r = merge(output_find(names[i]), v, &config, warn, userdata, e);
        }
        return r;
}

int tmpl_render(const char *name, const struct tmpl_values *v, char **ret, size_t *ret_size,
                struct tmpl_error *e) {
        const struct output *o = output_find(name);
        int r;

        if (!o)
                return tmpl_error_set(e, -ENOENT, "%s: no such template", name);
        if ((r = tmpl_values_check(v, e)) < 0)
                return r;
        if (!tmpl_wanted(name, v))
                return tmpl_error_set(e, -ENOENT, "%s: this configuration has no such file", name);
        return o->render(o, v, ret, ret_size, e);
}
