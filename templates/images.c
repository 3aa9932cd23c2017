#include "templates/images.h"
#include "templates/versions.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_REPOSITORY "registry.k8s.io"

static int print_image(char *out, size_t size, const char *repository, const char *name, const char *tag) {
        int n = snprintf(out, size, "%s/%s:%s", repository, name, tag);

        return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

const char *tmpl_etcd_tag(const struct tmpl_values *v) {
        const struct tmpl_version *version = tmpl_version_find(v->kubernetes_version);

        return v->etcd_image_tag ? v->etcd_image_tag : version ? version->etcd : "";
}

int tmpl_etcd_image(const struct tmpl_values *v, char *out, size_t size) {
        return print_image(out, size,
                           v->etcd_image_repository ? v->etcd_image_repository : v->image_repository, "etcd",
                           tmpl_etcd_tag(v));
}

int tmpl_pause_image(const struct tmpl_values *v, char *out, size_t size) {
        const struct tmpl_version *version = tmpl_version_find(v->kubernetes_version);

        return version ? print_image(out, size, v->image_repository, "pause", version->pause) : -EOPNOTSUPP;
}

/* CoreDNS has a directory of its own in the default registry; mirrors are flat. */
static int coredns_image(const struct tmpl_values *v, char *out, size_t size) {
        const struct tmpl_version *version = tmpl_version_find(v->kubernetes_version);
        const char *repository = v->dns_image_repository ? v->dns_image_repository : v->image_repository;
        bool ours = !strcmp(repository, DEFAULT_REPOSITORY);

        if (!version)
                return -EOPNOTSUPP;
        return print_image(out, size, repository, ours ? "coredns/coredns" : "coredns",
                           v->dns_image_tag ? v->dns_image_tag : version->coredns);
}

/* The images in kubeadm's order; print NULL: one whose tag is the Kubernetes version. */
static const struct image {
        const char *name;
        int (*print)(const struct tmpl_values *v, char *out, size_t size);
} images[] = {
        { "kube-apiserver", NULL },  { "kube-controller-manager", NULL }, { "kube-scheduler", NULL },
        { "kube-proxy", NULL },      { "coredns", coredns_image },        { "pause", tmpl_pause_image },
        { "etcd", tmpl_etcd_image },
};

static bool is_wanted(const struct tmpl_values *v, const struct image *image) {
        if (!strcmp(image->name, "kube-proxy"))
                return !v->proxy_disabled;
        if (!strcmp(image->name, "coredns"))
                return !v->dns_disabled;
        return strcmp(image->name, "etcd") != 0 || !v->etcd_servers;
}

int tmpl_image(const struct tmpl_values *v, size_t i, char *out, size_t size) {
        for (size_t k = 0; k < sizeof images / sizeof *images; k++) {
                if (!is_wanted(v, &images[k]) || i-- > 0)
                        continue;
                return images[k].print ? images[k].print(v, out, size)
                                       : print_image(out, size, v->image_repository, images[k].name,
                                                     v->kubernetes_version);
        }
        return -ENOENT;
}
