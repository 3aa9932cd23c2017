#include "templates/vars.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLEXVOLUME_DIR "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"

enum { CONTROL_PLANE_TIMEOUT_S = 240, PROBE_PERIOD_S = 10 };

/* Where a name's value is: a pointer inside struct tmpl_values or inside struct tmpl_vars. */
#define VALUE(n)                                                                                             \
        { #n, 0, offsetof(struct tmpl_values, n) }
#define VAR(n)                                                                                               \
        { #n, 1, offsetof(struct tmpl_vars, n) }
static const struct name {
        const char *name;
        int computed;
        size_t offset;
} names[] = {
        VALUE(kubernetes_version),
        VALUE(image_repository),
        VALUE(node_name),
        VALUE(advertise_address),
        VALUE(cluster_name),
        VALUE(dns_domain),
        VALUE(service_subnet),
        VALUE(pod_subnet),
        VALUE(cluster_dns),
        VALUE(cert_dir),
        VALUE(etcd_data_dir),
        VALUE(initial_cluster),
        VALUE(cri_socket),
        VALUE(resolv_conf),
        VAR(bind_port),
        VAR(etcd_image),
        VAR(etcd_members),
        VAR(etcd_servers),
        VAR(authorization_config),
        VAR(probe_host),
        VAR(probe_port),
        VAR(probe_scheme),
        VAR(advertise_host),
        VAR(loopback_host),
        VAR(startup_failures),
        VAR(etcd_ca_file),
        VAR(etcd_cert_file),
        VAR(etcd_key_file),
        VAR(signing_cert),
        VAR(signing_key),
        VAR(flexvolume_dir),
        VAR(proxy_bind_address),
        VAR(etcd_livez),
        VAR(etcd_36),
        VAR(scheduler_livez),
        VAR(named_port),
};

static bool is_name(const char *have, const char *name, size_t size) {
        return strlen(have) == size && !memcmp(have, name, size);
}

int tmpl_var(const struct tmpl_vars *vars, const char *name, size_t size, const char **ret) {
        for (size_t i = 0; i < vars->n_pairs; i++)
                if (is_name(vars->pairs[i].name, name, size)) {
                        *ret = vars->pairs[i].value;
                        return 0;
                }
        if (!vars->v)
                return -ENOENT;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (is_name(names[i].name, name, size)) {
                        const char *base = names[i].computed ? (const char *)vars : (const char *)vars->v;

                        memcpy(ret, base + names[i].offset, sizeof *ret);
                        return 0;
                }
        return -ENOENT;
}

const char *tmpl_extra_arg(const struct tmpl_extra *extra, const char *name) {
        for (size_t i = extra->n_args; i-- > 0;)
                if (!strcmp(extra->args[i].name, name))
                        return extra->args[i].value;
        return NULL;
}

char *tmpl_print(const char *fmt, ...) {
        va_list ap;
        char *text;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        return n < 0 ? NULL : text;
}

bool tmpl_is_ipv6(const char *address) {
        return strchr(address, ':') != NULL;
}

static bool has(const struct tmpl_vars *vars, enum tmpl_trait trait) {
        return tmpl_version_has(vars->v->kubernetes_version, vars->v->gates, vars->v->n_gates, trait);
}

bool tmpl_vars_sort_args(const struct tmpl_vars *vars) {
        return !has(vars, TMPL_EXTRA_ARGS_LAST);
}

/* An address that means "all of them" names no host to probe: the kubelet then takes the pod's. */
static int set_probe_host(struct tmpl_vars *vars, const char *address) {
        if (!strcmp(address, "0.0.0.0") || !strcmp(address, "::"))
                return 0;
        vars->probe_host = strdup(address);
        return vars->probe_host ? 0 : -ENOMEM;
}

static int init_apiserver(struct tmpl_vars *vars) {
        vars->extra = &vars->v->apiserver;
        vars->authorization_config = tmpl_extra_arg(vars->extra, "authorization-config");
        if (set_probe_host(vars, vars->v->advertise_address) < 0)
                return -ENOMEM;
        return tmpl_vars_etcd_client(vars);
}

/* Controller manager and scheduler listen on loopback, unless told otherwise. */
static int init_loopback(struct tmpl_vars *vars, const struct tmpl_extra *extra) {
        const char *address = tmpl_extra_arg(extra, "bind-address");

        vars->extra = extra;
        return set_probe_host(vars, address ? address : "127.0.0.1");
}

/* With the CA's key elsewhere, the signer of kube-controller-manager is told of no pair, and stays off. */
static int init_controller_manager(struct tmpl_vars *vars) {
        const struct tmpl_values *v = vars->v;

        if (!has(vars, TMPL_NO_FLEXVOLUME)) {
                vars->flexvolume_dir = tmpl_extra_arg(&v->controller_manager, "flex-volume-plugin-dir");
                if (!vars->flexvolume_dir)
                        vars->flexvolume_dir = FLEXVOLUME_DIR;
        }
        vars->signing_cert = v->external_ca ? strdup("") : tmpl_print("%s/ca.crt", v->cert_dir);
        vars->signing_key = v->external_ca ? strdup("") : tmpl_print("%s/ca.key", v->cert_dir);
        if (!vars->signing_cert || !vars->signing_key)
                return -ENOMEM;
        return init_loopback(vars, &v->controller_manager);
}

/* What every component has. */
static int init_common(struct tmpl_vars *vars) {
        const struct tmpl_values *v = vars->v;
        unsigned timeout = v->control_plane_timeout_s ? v->control_plane_timeout_s : CONTROL_PLANE_TIMEOUT_S;
        bool ipv6 = tmpl_is_ipv6(v->advertise_address);

        vars->loopback_host = ipv6 ? "[::1]" : "127.0.0.1";
        vars->proxy_bind_address = ipv6 ? "::" : "0.0.0.0";
        vars->etcd_livez = has(vars, TMPL_ETCD_LIVEZ) ? "" : NULL;
        vars->scheduler_livez = has(vars, TMPL_SCHEDULER_LIVEZ) ? "" : NULL;
        vars->named_port = has(vars, TMPL_PROBE_PORT) ? "" : NULL;
        vars->bind_port = tmpl_print("%u", v->bind_port);
        vars->advertise_host = tmpl_print(ipv6 ? "[%s]" : "%s", v->advertise_address);
        vars->startup_failures = tmpl_print("%u", (timeout + PROBE_PERIOD_S - 1) / PROBE_PERIOD_S);
        return vars->bind_port && vars->advertise_host && vars->startup_failures ? 0 : -ENOMEM;
}

static const struct tmpl_extra none;

int tmpl_vars_init(struct tmpl_vars *vars, enum tmpl_component component, const struct tmpl_values *v) {
        *vars = (struct tmpl_vars){ .v = v, .extra = &none };
        if (init_common(vars) < 0)
                return -ENOMEM;
        switch (component) {
        case TMPL_ETCD:
                vars->extra = &v->etcd;
                return tmpl_vars_etcd(vars);
        case TMPL_APISERVER:
                return init_apiserver(vars);
        case TMPL_CONTROLLER_MANAGER:
                return init_controller_manager(vars);
        case TMPL_SCHEDULER:
                return init_loopback(vars, &v->scheduler);
        case TMPL_KUBELET:
        case TMPL_PROXY:
                break;
        }
        return 0;
}

int tmpl_vars_init_pairs(struct tmpl_vars *vars, const struct tmpl_pair *pairs, size_t n_pairs,
                         const struct tmpl_values *v) {
        int r = 0;

        *vars = (struct tmpl_vars){ .extra = &none };
        if (v)
                r = tmpl_vars_init(vars, TMPL_KUBELET, v);
        vars->pairs = pairs;
        vars->n_pairs = n_pairs;
        return r;
}

void tmpl_vars_done(struct tmpl_vars *vars) {
        char *const owned[] = {
                vars->bind_port,    vars->etcd_image,     vars->etcd_members,  vars->probe_host,
                vars->probe_port,   vars->advertise_host, vars->etcd_servers,  vars->startup_failures,
                vars->etcd_ca_file, vars->etcd_cert_file, vars->etcd_key_file, vars->signing_cert,
                vars->signing_key,
        };

        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
        *vars = (struct tmpl_vars){ 0 };
}
