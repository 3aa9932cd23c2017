#include "templates/render.h"
#include "pki/util.h"
#include "templates/check.h"
#include "templates/expand.h"
#include "templates/kubelet_flags.h"
#include <errno.h>

/* file NULL: made by code, for its syntax is not YAML. */
static const struct output {
        const char *name, *file, *path;
        enum tmpl_component component;
        unsigned mode;
} outputs[] = {
        { "etcd", "etcd.yaml", "/etc/kubernetes/manifests/etcd.yaml", TMPL_ETCD, 0600 },
        { "kube-apiserver", "kube-apiserver.yaml", "/etc/kubernetes/manifests/kube-apiserver.yaml",
          TMPL_APISERVER, 0600 },
        { "kube-controller-manager", "kube-controller-manager.yaml",
          "/etc/kubernetes/manifests/kube-controller-manager.yaml", TMPL_CONTROLLER_MANAGER, 0600 },
        { "kube-scheduler", "kube-scheduler.yaml", "/etc/kubernetes/manifests/kube-scheduler.yaml",
          TMPL_SCHEDULER, 0600 },
        { "kubelet-config", "kubelet-config.yaml", "/var/lib/kubelet/config.yaml", TMPL_KUBELET, 0644 },
        { "kubelet-instance-config", "kubelet-instance-config.yaml", "/var/lib/kubelet/instance-config.yaml",
          TMPL_KUBELET, 0644 },
        { "kubelet-flags", NULL, "/var/lib/kubelet/kubeadm-flags.env", TMPL_KUBELET, 0644 },
        { "kubelet-dropin", "kubelet-dropin.conf", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
          TMPL_KUBELET, 0644 },
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

const struct tmpl_data *tmpl_data_find(const char *file) {
        const struct tmpl_data *d = tmpl_data;

        while (d->file && strcmp(d->file, file) != 0)
                d++;
        return d->file ? d : NULL;
}

static bool is_yaml(const char *file) {
        const char *dot = strrchr(file, '.');

        return dot && !strcmp(dot, ".yaml");
}

static int copy_text(const struct tmpl_data *data, char **ret, size_t *ret_size) {
        char *text = malloc(data->size + 1);

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
        int r = tmpl_vars_init(&vars, component, v);

        if (r >= 0)
                r = tmpl_expand(data, &vars, ret, ret_size, e);
        tmpl_vars_done(&vars);
        return r;
}

int tmpl_render(const char *name, const struct tmpl_values *v, char **ret, size_t *ret_size,
                struct tmpl_error *e) {
        const struct output *o = output_find(name);
        const struct tmpl_data *data;
        int r;

        if (!o)
                return tmpl_error_set(e, -ENOENT, "%s: no such template", name);
        if ((r = tmpl_values_check(v, e)) < 0)
                return r;
        if (!o->file)
                return tmpl_kubelet_flags(v, ret, ret_size, e);
        data = tmpl_data_find(o->file);
        if (!data)
                return tmpl_error_set(e, -ENOENT, "%s: not compiled in", o->file);
        if (!is_yaml(o->file))
                return copy_text(data, ret, ret_size);
        return expand(data, o->component, v, ret, ret_size, e);
}
