#include "agent/adopt.h"
#include "agent/duration.h"
#include "agent/kube.h"
#include "agent/rootpath.h"
#include "agent/yaml.h"
#include "agent/yaml_out.h"
#include "pki/file.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>

enum { ADDRESS_TEXT = INET6_ADDRSTRLEN + 4 };

/* ---- keepalived's routers as a document ---- */

static void pair(struct yaml_out *o, const char *key, const char *value) {
        yaml_out_plain(o, key);
        yaml_out_plain(o, value);
}

static void text(struct yaml_out *o, const char *key, const char *value) {
        yaml_out_plain(o, key);
        yaml_out_text(o, value);
}

static void number(struct yaml_out *o, const char *key, unsigned value) {
        char digits[16];

        snprintf(digits, sizeof digits, "%u", value);
        pair(o, key, digits);
}

static void duration(struct yaml_out *o, const char *key, uint32_t us) {
        char value[DURATION_SIZE];

        duration_format(us, value);
        pair(o, key, value);
}

static void addresses(struct yaml_out *o, const struct adopt_vip *v, const struct keepalived_instance *i) {
        yaml_out_plain(o, "address");
        yaml_out_list(o);
        for (size_t k = 0; k < i->n_addresses; k++) {
                const struct keepalived_address *a = &i->addresses[k];
                uint8_t known = a->prefix == vrrp_ip_bits(&a->ip) && v->prefix_of ? v->prefix_of(&a->ip) : 0;
                char value[ADDRESS_TEXT];

                snprintf(value, sizeof value, "%s/%u", vrrp_ip_text(&a->ip).v, known ? known : a->prefix);
                yaml_out_text(o, value);
        }
        yaml_out_list_end(o);
}

static void member(struct yaml_out *o, const char *name, const char *address) {
        yaml_out_map(o);
        text(o, "name", name);
        text(o, "address", address);
        yaml_out_map_end(o);
}

/* keepalived knows its peers by address alone: that is their name until the list is another one. */
static void members(struct yaml_out *o, const struct adopt_vip *v, const struct keepalived_instance *i) {
        yaml_out_plain(o, "members");
        yaml_out_list(o);
        member(o, v->node_name, vrrp_ip_none(&i->source) ? v->self : vrrp_ip_text(&i->source).v);
        for (size_t k = 0; k < i->n_peers; k++) {
                struct vrrp_ip_text address = vrrp_ip_text(&i->peers[k]), name = address;

                for (char *c = name.v; *c; c++)
                        if (*c == '.' || *c == ':')
                                *c = '-';
                if (*name.v == '-' || (*name.v && name.v[strlen(name.v) - 1] == '-'))
                        snprintf(name.v, sizeof name.v, "peer-%zu", k + 1);
                member(o, name.v, address.v);
        }
        yaml_out_list_end(o);
}

static void group(struct yaml_out *o, const struct adopt_vip *v, const struct keepalived_instance *i) {
        yaml_out_map(o);
        addresses(o, v, i);
        if (*i->interface)
                text(o, "interface", i->interface);
        number(o, "virtualRouterID", i->vrid);
        duration(o, "advertisementInterval", i->interval_us);
        pair(o, "transport", "ip");
        pair(o, "election", "priority");
        pair(o, "preempt", i->nopreempt ? "never" : "always");
        if (i->preempt_delay_us > 0)
                duration(o, "preemptDelay", i->preempt_delay_us);
        number(o, "version", i->version);
        if (i->use_vmac)
                pair(o, "virtualMAC", "true");
        if (i->no_accept)
                pair(o, "accept", "false");
        number(o, "priority", i->priority);
        if (i->n_peers > 0) {
                pair(o, "unicast", "true");
                members(o, v, i);
        }
        yaml_out_map_end(o);
}

static size_t find_first(const struct adopt_vip *v) {
        struct vrrp_ip endpoint;

        if (!v->endpoint || vrrp_ip_parse(v->endpoint, &endpoint) < 0)
                return 0;
        for (size_t i = 0; i < v->keepalived->n_instances; i++)
                for (size_t k = 0; k < v->keepalived->instances[i].n_addresses; k++)
                        if (vrrp_ip_equal(&v->keepalived->instances[i].addresses[k].ip, &endpoint))
                                return i;
        return 0;
}

int adopt_vip_text(const struct adopt_vip *v, char **ret, size_t *ret_size) {
        size_t first = find_first(v);
        struct yaml_out o;

        yaml_out_begin(&o);
        yaml_out_document(&o);
        yaml_out_map(&o);
        pair(&o, "apiVersion", "triarch.dev/v1alpha1");
        pair(&o, "kind", "AgentConfiguration");
        pair(&o, "cni", "none"); /* the cluster has its network already */
        yaml_out_plain(&o, "vip");
        yaml_out_list(&o);
        group(&o, v, &v->keepalived->instances[first]);
        for (size_t i = 0; i < v->keepalived->n_instances; i++)
                if (i != first)
                        group(&o, v, &v->keepalived->instances[i]);
        yaml_out_list_end(&o);
        yaml_out_map_end(&o);
        yaml_out_document_end(&o);
        return yaml_out_end(&o, ret, ret_size);
}

/* ---- kubeadm's configuration ---- */

static int config_map(struct kube *k, const char *name, const char *key, char **ret, struct error *e) {
        const struct kube_ref ref = {
                .api_version = "v1", .kind = "ConfigMap", .namespace = "kube-system", .name = name
        };
        json_t *o = NULL;
        const char *value;
        int r = kube_get(k, &ref, &o, e);

        if (r < 0)
                return r;
        value = kube_string(o, "data", key, NULL);
        *ret = value ? strdup(value) : NULL;
        json_decref(o);
        if (!*ret)
                return error_set(e, EXIT_FAILED, "the ConfigMap kube-system/%s has no %s", name, key),
                       -ENOENT;
        return 0;
}

static int from_cluster(const struct adopt *a, char **ret, struct error *e) {
        CLEANUP(freep) char *cluster = NULL, *kubelet = NULL;
        CLEANUP(kube_freep) struct kube *k = NULL;
        char server[CONFIG_HOST_PORT_SIZE + 16], host[CONFIG_HOST_PORT_SIZE];
        unsigned port = (unsigned)strtoul(*a->node.bind_port ? a->node.bind_port : "6443", NULL, 10);
        int r;

        snprintf(server, sizeof server, "https://%s",
                 config_host_port(a->node.advertise_address, port, host));
        if ((r = kube_open("/etc/kubernetes/admin.conf", *a->node.advertise_address ? server : NULL, &k, e)) <
                    0 ||
            (r = config_map(k, "kubeadm-config", "ClusterConfiguration", &cluster, e)) < 0 ||
            (r = config_map(k, "kubelet-config", "kubelet", &kubelet, e)) < 0)
                return r;
        if (asprintf(ret, "%s\n---\n%s\n", cluster, kubelet) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        return 0;
}

static int kubeadm_text(const struct adopt *a, char **ret, struct error *e) {
        size_t size;

        if (a->in->kubeadm_config)
                return config_read_file(a->in->kubeadm_config, ret, &size, e);
        if (*a->root)
                return error_set(e, EXIT_INPUT,
                                 "under --root no cluster can be asked: --kubeadm-config gives its "
                                 "configuration"),
                       -EINVAL;
        return from_cluster(a, ret, e);
}

/* The host of controlPlaneEndpoint, "" when it is not to be seen; mistakes are found by who parses it all. */
static void find_endpoint(const char *kubeadm, char out[256]) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        struct error unused;

        *out = '\0';
        if (ydocs_parse(kubeadm, strlen(kubeadm), "", &d, &unused) < 0)
                return;
        for (size_t i = 0; i < d.n; i++) {
                const struct ynode *v = ynode_get(d.items[i], "controlPlaneEndpoint");
                const char *host = v && v->kind == YNODE_SCALAR ? v->value : NULL;

                if (host && *host == '[')
                        snprintf(out, 256, "%.*s", (int)strcspn(host + 1, "]"), host + 1);
                else if (host)
                        snprintf(out, 256, "%.*s", (int)strcspn(host, ":"), host);
        }
}

static uint8_t bits_of(const struct sockaddr *mask) {
        const uint8_t *b = mask->sa_family == AF_INET6
                                   ? (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr
                                   : (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr;
        uint8_t n = 0;

        for (size_t i = 0; i < (mask->sa_family == AF_INET6 ? 16 : 4); i++)
                n = (uint8_t)(n + __builtin_popcount(b[i]));
        return n;
}

/* Of the network of this host that holds it. */
static uint8_t own_prefix(const struct vrrp_ip *ip) {
        struct ifaddrs *all = NULL;
        uint8_t found = 0;

        if (getifaddrs(&all) < 0)
                return 0;
        for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
                struct vrrp_ip own = { 0 };

                if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != ip->family)
                        continue;
                own = vrrp_ip_of_sockaddr((const struct sockaddr_storage *)(const void *)i->ifa_addr);
                if (!vrrp_ip_equal(&own, ip) && vrrp_ip_same_network(&own, ip, bits_of(i->ifa_netmask)))
                        found = bits_of(i->ifa_netmask);
        }
        freeifaddrs(all);
        return found;
}

/* The command line's values win over what the files say. */
static struct config_flags flags_of(const struct adopt *a) {
        const struct adopt_node *n = &a->node;
        struct config_flags f = a->in->flags;

        f.cluster = true;
        if (!f.node_name && *n->name)
                f.node_name = n->name;
        if (!f.advertise_address && *n->advertise_address)
                f.advertise_address = n->advertise_address;
        if (*n->bind_port)
                f.bind_port = n->bind_port;
        if (*n->cri_socket)
                f.cri_socket = n->cri_socket;
        return f;
}

static int parse(struct adopt *a, const char *kubeadm, struct error *e) {
        struct config_flags f = flags_of(a);
        CLEANUP(freep) char *vip = NULL, *whole = NULL;
        char endpoint[256], host[256] = "";
        size_t size;
        int n;

        find_endpoint(kubeadm, endpoint);
        gethostname(host, sizeof host - 1);
        struct adopt_vip v = { .keepalived = a->keepalived,
                               .node_name = f.node_name ? f.node_name : host,
                               .self = f.advertise_address ? f.advertise_address : "",
                               .endpoint = endpoint,
                               .prefix_of = *a->root ? NULL : own_prefix };
        if (adopt_vip_text(&v, &vip, &size) < 0 || (n = asprintf(&whole, "%s\n---\n%s", kubeadm, vip)) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        return config_parse(whole, (size_t)n,
                            a->in->kubeadm_config ? a->in->kubeadm_config : "kubeadm-config", &f, &a->config,
                            e);
}

int adopt_load(struct adopt *a, struct error *e) {
        CLEANUP(freep) char *kubeadm = NULL;
        int r;

        if ((r = keepalived_conf_load(a->root, a->in->keepalived_conf, &a->keepalived, e)) < 0 ||
            (r = adopt_node_read(a->root, &a->node, e)) < 0 || (r = kubeadm_text(a, &kubeadm, e)) < 0 ||
            (r = parse(a, kubeadm, e)) < 0)
                return r;
        if (!*a->root && (r = config_resolve(a->config, e)) < 0)
                return r;
        a->ctx = (struct phase_ctx){ .config = a->config,
                                     .root = a->root,
                                     .initial_cluster =
                                             *a->node.initial_cluster ? a->node.initial_cluster : NULL,
                                     .join = *a->node.initial_cluster != '\0',
                                     .verbose = a->in->common.verbose };
        return 0;
}
