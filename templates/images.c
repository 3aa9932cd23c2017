#include "templates/images.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ETCD_TAG           "3.6.8-0"
#define DEFAULT_REPOSITORY "registry.k8s.io"

/* In kubeadm's order; tag NULL: the Kubernetes version. */
static const struct image {
        const char *name, *tag;
} images[] = {
        { "kube-apiserver", NULL }, { "kube-controller-manager", NULL },
        { "kube-scheduler", NULL }, { "kube-proxy", NULL },
        { "coredns", "v1.14.2" },   { "pause", "3.10.2" },
        { "etcd", ETCD_TAG },
};

bool tmpl_version_supported(const char *version) {
        static const char minor[] = "v1.36.";
        const char *patch;

        if (!version || strncmp(version, minor, strlen(minor)) != 0)
                return false;
        patch = version + strlen(minor);
        return *patch && patch[strspn(patch, "0123456789")] == '\0';
}

static int print_image(char *out, size_t size, const char *repository, const char *name, const char *tag) {
        int n = snprintf(out, size, "%s/%s:%s", repository, name, tag);

        return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int tmpl_etcd_image(const struct tmpl_values *v, char *out, size_t size) {
        return print_image(out, size,
                           v->etcd_image_repository ? v->etcd_image_repository : v->image_repository, "etcd",
                           v->etcd_image_tag ? v->etcd_image_tag : ETCD_TAG);
}

int tmpl_image(const struct tmpl_values *v, size_t i, char *out, size_t size) {
        const struct image *image = &images[i];

        if (i >= sizeof images / sizeof *images)
                return -ENOENT;
        if (!strcmp(image->name, "etcd"))
                return tmpl_etcd_image(v, out, size);
        /* CoreDNS has a directory of its own in the default registry; mirrors are flat. */
        if (!strcmp(image->name, "coredns") && !strcmp(v->image_repository, DEFAULT_REPOSITORY))
                return print_image(out, size, v->image_repository, "coredns/coredns", image->tag);
        return print_image(out, size, v->image_repository, image->name,
                           image->tag ? image->tag : v->kubernetes_version);
}
