#include "agent/addon.h"
#include "agent/jread.h"
#include "templates/objects.h"
#include <errno.h>

/* The network is last: flannel goes to the endpoint of the control plane and needs neither of the others. */
static const struct addon_part parts[] = {
        { "coredns", "coredns", KUBE_OURS },
        { "coredns", "coredns-configmap", KUBE_SHARED },
        { "coredns", "coredns-deployment", KUBE_SHARED },
        { "kube-proxy", "kube-proxy", KUBE_OURS },
        { "kube-proxy", "kube-proxy-configmap", KUBE_SHARED },
        { "kube-proxy", "kube-proxy-daemonset", KUBE_SHARED },
        { "flannel", "flannel", KUBE_OURS },
        { "flannel", "flannel-configmap", KUBE_SHARED },
        { "flannel", "flannel-daemonset", KUBE_SHARED },
};

const struct addon_part *addon_part(const char *addon, size_t i) {
        for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
                if (!strcmp(parts[k].addon, addon) && i-- == 0)
                        return &parts[k];
        return NULL;
}

const char *addon_unwanted(const struct config *c, const char *addon) {
        if (!strcmp(addon, "coredns") && c->dns_disabled)
                return "dns.disabled is true";
        if (!strcmp(addon, "kube-proxy") && c->proxy_disabled)
                return "proxy.disabled is true";
        if (!strcmp(addon, "flannel") && c->cni == CNI_NONE)
                return "cni is none";
        if (!strcmp(addon, "flannel") && !c->pod_subnet)
                return "there is no networking.podSubnet";
        return NULL;
}

/* What is computed for the templates; the strings are owned. */
struct values {
        char images[4][512];
        char api_url[CONFIG_HOST_PORT_SIZE + 8], port[8], replicas[12];
        char *net_conf, *proxy_config;
};

static void values_done(struct values *x) {
        free(x->net_conf);
        free(x->proxy_config);
}

/* "A,B": the network of each family under flannel's name for it. */
static int add_networks(json_t *conf, const char *subnets) {
        for (const char *s = subnets; *s; s += *s == ',') {
                size_t n = strcspn(s, ",");
                bool v6 = memchr(s, ':', n) != NULL;

                if (json_object_set_new(conf, v6 ? "IPv6Network" : "Network", json_stringn(s, n)) < 0 ||
                    (v6 && json_object_set_new(conf, "EnableIPv6", json_true()) < 0))
                        return -ENOMEM;
                s += n;
        }
        if (!json_object_get(conf, "Network") && json_object_set_new(conf, "EnableIPv4", json_false()) < 0)
                return -ENOMEM;
        return 0;
}

/* flannel's net-conf.json. */
static int make_net_conf(const struct config *c, char **ret) {
        static const char *const backends[] = {
                [FLANNEL_VXLAN] = "vxlan", [FLANNEL_HOST_GW] = "host-gw", [FLANNEL_WIREGUARD] = "wireguard"
        };
        CLEANUP(jread_decref) json_t *conf = json_object();
        CLEANUP(freep) char *text = NULL;

        if (!conf || add_networks(conf, c->pod_subnet) < 0 ||
            json_object_set_new(conf, "EnableNFTables", json_false()) < 0 ||
            json_object_set_new(conf, "Backend", json_pack("{s:s}", "Type", backends[c->flannel_backend])) <
                    0 ||
            !(text = json_dumps(conf, JSON_INDENT(2))))
                return -ENOMEM;
        return asprintf(ret, "%s\n", text) < 0 ? -ENOMEM : 0;
}

static int find_images(const struct tmpl_values *v, struct values *x, struct error *e) {
        static const char *const names[] = { "coredns", "kube-proxy", "flannel", "flannel-cni-plugin" };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if ((r = tmpl_image_named(v, names[i], x->images[i], sizeof x->images[i])) < 0 &&
                    r != -ENOENT)
                        return error_set(e, EXIT_INPUT, "the name of %s's image cannot be made: %s", names[i],
                                         strerror(-r));
        return 0;
}

static int compute(const struct config *c, const struct phase_values *v, const struct addon_part *part,
                   const struct addon_found *found, struct values *x, struct error *e) {
        char endpoint[CONFIG_HOST_PORT_SIZE];
        size_t size;
        int r;

        if ((r = find_images(phase_values_get(v), x, e)) < 0)
                return r;
        snprintf(x->api_url, sizeof x->api_url, "https://%s",
                 config_host_port(c->endpoint_host, c->endpoint_port, endpoint));
        snprintf(x->port, sizeof x->port, "%u", c->endpoint_port);
        snprintf(x->replicas, sizeof x->replicas, "%u", found->dns_replicas);
        if (!strcmp(part->name, "flannel-configmap") && make_net_conf(c, &x->net_conf) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if (!strcmp(part->name, "kube-proxy-configmap"))
                return phase_render(v, "kube-proxy-config", &x->proxy_config, &size, e);
        return 0;
}

/* kubeadm patches one object of an add-on: CoreDNS' Deployment. */
static int patch(const struct tmpl_values *v, const struct addon_part *part, char **text, size_t *size,
                 struct tmpl_error *why) {
        if (strcmp(part->name, "coredns-deployment") != 0)
                return 0;
        return tmpl_patch_apply(v->patches, v->n_patches, "corednsdeployment", text, size, why);
}

/* Nodes may differ: besides where this master's runtime looks, where Debian's does, and then upstream's. */
static const char *other_cni_dir(const struct addon_found *found) {
        return !strcmp(found->cni_bin_dir, "/usr/lib/cni") ? "/opt/cni/bin" : "/usr/lib/cni";
}

static int render(const struct config *c, const struct tmpl_values *v, const struct addon_part *part,
                  const struct addon_found *found, const struct values *x, char **ret, size_t *ret_size,
                  struct tmpl_error *why) {
        const struct tmpl_pair pairs[] = {
                { "coredns_image", x->images[0] },     { "proxy_image", x->images[1] },
                { "flannel_image", x->images[2] },     { "flannel_cni_image", x->images[3] },
                { "coredns_replicas", x->replicas },   { "api_url", x->api_url },
                { "endpoint_host", c->endpoint_host }, { "endpoint_port", x->port },
                { "net_conf", x->net_conf },           { "proxy_config", x->proxy_config },
                { "cni_bin_dir", found->cni_bin_dir }, { "cni_bin_dir_other", other_cni_dir(found) },
        };
        int r = tmpl_render_objects(part->name, pairs, ARRAY_SIZE(pairs), v, ret, ret_size, why);

        if (r < 0 || (r = patch(v, part, ret, ret_size, why)) == 0)
                return r;
        free(*ret);
        *ret = NULL;
        return r;
}

int addon_render(const struct config *c, const struct phase_values *v, const struct addon_part *part,
                 const struct addon_found *found, char **ret, size_t *ret_size, struct error *e) {
        CLEANUP(values_done) struct values x = { 0 };
        struct tmpl_error why = { 0 };
        int r = compute(c, v, part, found, &x, e);

        if (r < 0)
                return r;
        r = render(c, phase_values_get(v), part, found, &x, ret, ret_size, &why);
        if (r < 0)
                error_set(e, r == -ENOMEM ? EXIT_FAILED : EXIT_INPUT, "%s cannot be made: %s", part->name,
                          *why.what ? why.what : strerror(-r));
        return r;
}
