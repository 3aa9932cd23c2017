#include "templates/vars.h"
#include "templates/images.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        VALUE(kubernetes_version), VALUE(image_repository), VALUE(node_name),
        VALUE(advertise_address),  VALUE(cluster_name),     VALUE(dns_domain),
        VALUE(service_subnet),     VALUE(pod_subnet),       VALUE(cluster_dns),
        VALUE(cert_dir),           VALUE(etcd_data_dir),    VALUE(initial_cluster),
        VALUE(cri_socket),         VALUE(resolv_conf),      VAR(bind_port),
        VAR(etcd_image),           VAR(etcd_members),       VAR(etcd_servers),
        VAR(authorization_config), VAR(probe_host),         VAR(probe_port),
        VAR(probe_scheme),
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

/* An address that means "all of them" names no host to probe: the kubelet then takes the pod's. */
static int set_probe_host(struct tmpl_vars *vars, const char *address) {
        if (!strcmp(address, "0.0.0.0") || !strcmp(address, "::"))
                return 0;
        vars->probe_host = strdup(address);
        return vars->probe_host ? 0 : -ENOMEM;
}

static int is_port(const char *s) {
        char *end;
        unsigned long port = strtoul(s, &end, 10);

        return *s >= '0' && *s <= '9' && !*end && port > 0 && port <= 65535;
}

/* The host and the port of `size` bytes of "host[:port]" or "[host][:port]", as far as there are any. */
static void set_authority(struct tmpl_vars *vars, const char *s, size_t size) {
        int bracket = size && *s == '[';
        const char *end = s + size, *host = s + bracket, *port;
        const char *stop = memchr(host, bracket ? ']' : ':', (size_t)(end - host));

        if (!stop && bracket)
                return;
        if (!stop)
                stop = end;
        if (stop > host)
                vars->probe_host = strndup(host, (size_t)(stop - host));
        port = stop + bracket;
        if (port < end && *port == ':')
                vars->probe_port = strndup(port + 1, (size_t)(end - port - 1));
}

/* etcd is probed where its metrics are: the first of --listen-metrics-urls. */
static int set_etcd_probe(struct tmpl_vars *vars, const char *urls) {
        static const char *const schemes[][2] = { { "http://", "HTTP" }, { "https://", "HTTPS" } };

        vars->probe_scheme = "HTTP";
        for (size_t i = 0; urls && i < 2; i++) {
                size_t skip = strlen(schemes[i][0]);

                if (strncmp(urls, schemes[i][0], skip) != 0)
                        continue;
                set_authority(vars, urls + skip, strcspn(urls + skip, ",/?#"));
                if (vars->probe_host)
                        vars->probe_scheme = schemes[i][1];
        }
        if (!vars->probe_host)
                vars->probe_host = strdup("127.0.0.1");
        if (!vars->probe_port || !is_port(vars->probe_port)) {
                free(vars->probe_port);
                vars->probe_port = strdup("2381");
        }
        return vars->probe_host && vars->probe_port ? 0 : -ENOMEM;
}

static int init_etcd(struct tmpl_vars *vars, const struct tmpl_values *v) {
        char image[1024];
        int r = tmpl_etcd_image(v, image, sizeof image);

        if (r < 0)
                return r;
        vars->etcd_image = strdup(image);
        if (v->initial_cluster)
                vars->etcd_members = strdup(v->initial_cluster);
        else if (asprintf(&vars->etcd_members, "%s=https://%s:2380", v->node_name, v->advertise_address) < 0)
                vars->etcd_members = NULL;
        if (!vars->etcd_image || !vars->etcd_members)
                return -ENOMEM;
        return set_etcd_probe(vars, tmpl_extra_arg(&v->etcd, "listen-metrics-urls"));
}

static int init_apiserver(struct tmpl_vars *vars, const struct tmpl_values *v) {
        vars->etcd_servers = tmpl_extra_arg(&v->etcd, "advertise-client-urls");
        if (!vars->etcd_servers)
                vars->etcd_servers = "https://127.0.0.1:2379";
        vars->authorization_config = tmpl_extra_arg(&v->apiserver, "authorization-config");
        return set_probe_host(vars, v->advertise_address);
}

/* Controller manager and scheduler listen on loopback, unless told otherwise. */
static int init_loopback(struct tmpl_vars *vars) {
        const char *address = tmpl_extra_arg(vars->extra, "bind-address");

        return set_probe_host(vars, address ? address : "127.0.0.1");
}

static const struct tmpl_extra none;

int tmpl_vars_init(struct tmpl_vars *vars, enum tmpl_component component, const struct tmpl_values *v) {
        *vars = (struct tmpl_vars){ .v = v, .extra = &none };
        if (asprintf(&vars->bind_port, "%u", v->bind_port) < 0)
                return (vars->bind_port = NULL, -ENOMEM);
        switch (component) {
        case TMPL_ETCD:
                vars->extra = &v->etcd;
                return init_etcd(vars, v);
        case TMPL_APISERVER:
                vars->extra = &v->apiserver;
                return init_apiserver(vars, v);
        case TMPL_CONTROLLER_MANAGER:
                vars->extra = &v->controller_manager;
                return init_loopback(vars);
        case TMPL_SCHEDULER:
                vars->extra = &v->scheduler;
                return init_loopback(vars);
        case TMPL_KUBELET:
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
        free(vars->bind_port);
        free(vars->etcd_image);
        free(vars->etcd_members);
        free(vars->probe_host);
        free(vars->probe_port);
        *vars = (struct tmpl_vars){ 0 };
}
