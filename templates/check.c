#include "templates/check.h"
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int tmpl_error_set(struct tmpl_error *e, int r, const char *fmt, ...) {
        va_list ap;

        if (!e)
                return r;
        va_start(ap, fmt);
        vsnprintf(e->what, sizeof e->what, fmt, ap);
        va_end(ap);
        return r;
}

/* Bytes of the code point at s, 0 when it is not UTF-8 (RFC 3629 section 4: no overlong forms, no
 * surrogates, nothing above U+10FFFF). A NUL ends every string, so no read goes past one. */
static size_t utf8_length(const unsigned char *s) {
        static const struct {
                unsigned char first, last, second_min, second_max, length;
        } forms[] = {
                { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                if (*s < forms[i].first || *s > forms[i].last)
                        continue;
                if (forms[i].length > 1 && (s[1] < forms[i].second_min || s[1] > forms[i].second_max))
                        return 0;
                for (size_t k = 2; k < forms[i].length; k++)
                        if ((s[k] & 0xc0) != 0x80)
                                return 0;
                return forms[i].length;
        }
        return 0;
}

int tmpl_text_check(const char *field, const char *s, struct tmpl_error *e) {
        const unsigned char *p = (const unsigned char *)s;
        size_t n;

        for (; *p; p += n)
                if (!(n = utf8_length(p)))
                        return tmpl_error_set(e, -EINVAL,
                                              "%s: byte %zu (0x%02x) is not UTF-8, which YAML cannot carry",
                                              field, (size_t)(p - (const unsigned char *)s), *p);
        return 0;
}

static int check_required(const char *field, const char *s, struct tmpl_error *e) {
        if (!s || !*s)
                return tmpl_error_set(e, -EINVAL, "%s: missing", field);
        return tmpl_text_check(field, s, e);
}

static int check_item(const char *component, const char *list, size_t i, const char *part, const char *s,
                      struct tmpl_error *e) {
        char field[128];

        snprintf(field, sizeof field, "%s.%s[%zu].%s", component, list, i, part);
        return strcmp(part, "value") != 0 ? check_required(field, s, e)
               : s                        ? tmpl_text_check(field, s, e)
                                          : tmpl_error_set(e, -EINVAL, "%s: missing", field);
}

/* The name of an argument or of a variable ends at its '='; one that holds a '=' is another name. */
static int check_pairs(const char *component, const char *list, const struct tmpl_pair *pairs, size_t n,
                       struct tmpl_error *e) {
        int r;

        for (size_t i = 0; i < n; i++) {
                if ((r = check_item(component, list, i, "name", pairs[i].name, e)) < 0 ||
                    (r = check_item(component, list, i, "value", pairs[i].value, e)) < 0)
                        return r;
                if (strchr(pairs[i].name, '='))
                        return tmpl_error_set(e, -EINVAL, "%s.%s[%zu].name: \"%s\" holds a '='", component,
                                              list, i, pairs[i].name);
        }
        return 0;
}

static int check_volumes(const char *component, const struct tmpl_volume *volumes, size_t n,
                         struct tmpl_error *e) {
        int r;

        for (size_t i = 0; i < n; i++)
                if ((r = check_item(component, "extraVolumes", i, "name", volumes[i].name, e)) < 0 ||
                    (r = check_item(component, "extraVolumes", i, "hostPath", volumes[i].host_path, e)) < 0 ||
                    (r = check_item(component, "extraVolumes", i, "mountPath", volumes[i].mount_path, e)) <
                            0 ||
                    (volumes[i].path_type && *volumes[i].path_type &&
                     (r = check_item(component, "extraVolumes", i, "pathType", volumes[i].path_type, e)) < 0))
                        return r;
        return 0;
}

static int check_extra(const char *component, const struct tmpl_extra *x, struct tmpl_error *e) {
        int r;

        if ((r = check_pairs(component, "extraArgs", x->args, x->n_args, e)) < 0 ||
            (r = check_volumes(component, x->volumes, x->n_volumes, e)) < 0)
                return r;
        return check_pairs(component, "extraEnvs", x->envs, x->n_envs, e);
}

static int check_scalars(const struct tmpl_values *v, struct tmpl_error *e) {
        const struct {
                const char *field, *value;
                bool required;
        } scalars[] = {
                { "imageRepository", v->image_repository, true },
                { "etcd.local.imageRepository", v->etcd_image_repository, false },
                { "etcd.local.imageTag", v->etcd_image_tag, false },
                { "dns.imageRepository", v->dns_image_repository, false },
                { "dns.imageTag", v->dns_image_tag, false },
                { "etcd.external.endpoints", v->etcd_servers, false },
                { "etcd.external.caFile", v->etcd_ca_file, false },
                { "etcd.external.certFile", v->etcd_cert_file, false },
                { "etcd.external.keyFile", v->etcd_key_file, false },
                { "nodeRegistration.taints", v->register_taints, false },
                { "nodeRegistration.name", v->node_name, true },
                { "localAPIEndpoint.advertiseAddress", v->advertise_address, true },
                { "clusterName", v->cluster_name, true },
                { "networking.dnsDomain", v->dns_domain, true },
                { "networking.serviceSubnet", v->service_subnet, true },
                { "networking.podSubnet", v->pod_subnet, false },
                { "clusterDNS", v->cluster_dns, true },
                { "certificatesDir", v->cert_dir, true },
                { "etcd.local.dataDir", v->etcd_data_dir, true },
                { "initial cluster", v->initial_cluster, false },
                { "nodeRegistration.criSocket", v->cri_socket, true },
                { "resolvConf", v->resolv_conf, false },
                { "host name", v->host_name, false },
        };
        int r;

        for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
                if ((scalars[i].required || scalars[i].value) &&
                    (r = check_required(scalars[i].field, scalars[i].value, e)) < 0)
                        return r;
        return 0;
}

int tmpl_values_check(const struct tmpl_values *v, struct tmpl_error *e) {
        int r;

        if (!v->kubernetes_version)
                return tmpl_error_set(e, -EINVAL, "kubernetesVersion: missing");
        if (!tmpl_version_find(v->kubernetes_version))
                return tmpl_error_set(e, -EOPNOTSUPP,
                                      "kubernetesVersion: %s is not supported, only %s.x to %s.x are",
                                      v->kubernetes_version, tmpl_version_first(), tmpl_version_last());
        if (v->bind_port < 1 || v->bind_port > 65535)
                return tmpl_error_set(e, -EINVAL, "localAPIEndpoint.bindPort: %u is not in 1..65535",
                                      v->bind_port);
        if ((r = check_scalars(v, e)) < 0)
                return r;
        for (size_t i = 0; v->ca_host_dirs && v->ca_host_dirs[i]; i++)
                if ((r = check_item("host", "caDirs", i, "path", v->ca_host_dirs[i], e)) < 0)
                        return r;
        if ((r = check_extra("apiServer", &v->apiserver, e)) < 0 ||
            (r = check_extra("controllerManager", &v->controller_manager, e)) < 0 ||
            (r = check_extra("scheduler", &v->scheduler, e)) < 0 ||
            (r = check_extra("etcd.local", &v->etcd, e)) < 0 ||
            (r = check_pairs("nodeRegistration", "kubeletExtraArgs", v->kubelet_extra_args,
                             v->n_kubelet_extra_args, e)) < 0)
                return r;
        return check_pairs("environment", "proxy", v->proxy_envs, v->n_proxy_envs, e);
}
