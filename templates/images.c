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

/* One release of flannel for all versions of Kubernetes: v0.28.9 of August 2026, with the plugin of its own
 * manifest. */
static int flannel_image(const struct tmpl_values *v, char *out, size_t size) {
        return print_image(out, size, v->flannel_image_repository, "flannel", "v0.28.9");
}

static int flannel_cni_image(const struct tmpl_values *v, char *out, size_t size) {
        return print_image(out, size, v->flannel_image_repository, "flannel-cni-plugin", "v1.9.1-flannel3");
}

/* The images in kubeadm's order, then the network's; print NULL: one whose tag is the Kubernetes version. */
static const struct image {
        const char *name;
        int (*print)(const struct tmpl_values *v, char *out, size_t size);
} images[] = {
        { "kube-apiserver", NULL },
        { "kube-controller-manager", NULL },
        { "kube-scheduler", NULL },
        { "kube-proxy", NULL },
        { "coredns", coredns_image },
        { "pause", tmpl_pause_image },
        { "etcd", tmpl_etcd_image },
        { "flannel", flannel_image },
        { "flannel-cni-plugin", flannel_cni_image },
};

static bool is_wanted(const struct tmpl_values *v, const struct image *image) {
        if (!strcmp(image->name, "kube-proxy"))
                return !v->proxy_disabled;
        if (!strcmp(image->name, "coredns"))
                return !v->dns_disabled;
        if (!strncmp(image->name, "flannel", 7))
                return v->flannel_image_repository != NULL;
        return strcmp(image->name, "etcd") != 0 || !v->etcd_servers;
}

static int print(const struct tmpl_values *v, const struct image *image, char *out, size_t size) {
        return image->print ? image->print(v, out, size)
                            : print_image(out, size, v->image_repository, image->name, v->kubernetes_version);
}

int tmpl_image(const struct tmpl_values *v, size_t i, char *out, size_t size) {
        for (size_t k = 0; k < sizeof images / sizeof *images; k++)
                if (is_wanted(v, &images[k]) && i-- == 0)
                        return print(v, &images[k], out, size);
        return -ENOENT;
}

int tmpl_image_named(const struct tmpl_values *v, const char *name, char *out, size_t size) {
        for (size_t k = 0; k < sizeof images / sizeof *images; k++)
                if (!strcmp(images[k].name, name))
                        return is_wanted(v, &images[k]) ? print(v, &images[k], out, size) : -ENOENT;
        return -ENOENT;
}
