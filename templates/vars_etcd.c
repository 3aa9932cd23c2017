/* What depends on etcd: where it runs, which version it is, where it is probed. */
#include "templates/images.h"
#include "templates/vars.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static int set_probe(struct tmpl_vars *vars, const char *urls) {
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
                vars->probe_host = strdup(tmpl_is_ipv6(vars->v->advertise_address) ? "::1" : "127.0.0.1");
        if (!vars->probe_port || !is_port(vars->probe_port)) {
                free(vars->probe_port);
                vars->probe_port = strdup("2381");
        }
        return vars->probe_host && vars->probe_port ? 0 : -ENOMEM;
}

/* Is the image's tag a semantic version from 3.6.0 on? As such, 3.6.0-0 comes before 3.6.0. */
static bool is_36(const char *tag) {
        unsigned major, minor, patch;
        int n = 0;

        if (sscanf(tag + (*tag == 'v'), "%3u.%3u.%3u%n", &major, &minor, &patch, &n) != 3)
                return false;
        tag += n + (*tag == 'v');
        if (*tag && !strchr("-+", *tag))
                return false;
        if (major != 3 || minor != 6)
                return major > 3 || (major == 3 && minor > 6);
        return patch > 0 || *tag != '-';
}

static bool has(const struct tmpl_vars *vars, enum tmpl_trait trait) {
        return tmpl_version_has(vars->v->kubernetes_version, vars->v->gates, vars->v->n_gates, trait);
}

int tmpl_vars_etcd(struct tmpl_vars *vars) {
        const struct tmpl_values *v = vars->v;
        char image[1024];
        int r = tmpl_etcd_image(v, image, sizeof image);

        if (r < 0)
                return r;
        if (has(vars, TMPL_ETCD_36_ALWAYS) || (has(vars, TMPL_ETCD_36) && is_36(tmpl_etcd_tag(v))))
                vars->etcd_36 = "";
        vars->etcd_image = strdup(image);
        vars->etcd_members = v->initial_cluster
                                     ? strdup(v->initial_cluster)
                                     : tmpl_print("%s=https://%s:2380", v->node_name, vars->advertise_host);
        if (!vars->etcd_image || !vars->etcd_members)
                return -ENOMEM;
        return set_probe(vars, tmpl_extra_arg(&v->etcd, "listen-metrics-urls"));
}

/* The administrator's etcd: certificate and key are only given together. */
static int external_client(struct tmpl_vars *vars) {
        const struct tmpl_values *v = vars->v;

        vars->etcd_servers = strdup(v->etcd_servers);
        if (v->etcd_ca_file)
                vars->etcd_ca_file = strdup(v->etcd_ca_file);
        if (v->etcd_cert_file && v->etcd_key_file) {
                vars->etcd_cert_file = strdup(v->etcd_cert_file);
                vars->etcd_key_file = strdup(v->etcd_key_file);
        }
        return vars->etcd_servers && !vars->etcd_ca_file == !v->etcd_ca_file &&
                               !vars->etcd_cert_file == !vars->etcd_key_file
                       ? 0
                       : -ENOMEM;
}

int tmpl_vars_etcd_client(struct tmpl_vars *vars) {
        const struct tmpl_values *v = vars->v;
        const char *given = tmpl_extra_arg(&v->etcd, "advertise-client-urls");

        if (v->etcd_servers)
                return external_client(vars);
        vars->etcd_servers = given ? strdup(given) : tmpl_print("https://%s:2379", vars->loopback_host);
        vars->etcd_ca_file = tmpl_print("%s/etcd/ca.crt", v->cert_dir);
        vars->etcd_cert_file = tmpl_print("%s/apiserver-etcd-client.crt", v->cert_dir);
        vars->etcd_key_file = tmpl_print("%s/apiserver-etcd-client.key", v->cert_dir);
        return vars->etcd_servers && vars->etcd_ca_file && vars->etcd_cert_file && vars->etcd_key_file
                       ? 0
                       : -ENOMEM;
}
