/* Flags are read by the same fields as the file, after it: a flag wins, and is blamed by its name. */
#include "agent/config_fields.h"
#include "agent/duration.h"
#include <errno.h>

static const struct config_flag {
        const char *name;
        size_t offset; /* in struct config_flags */
        const struct field *table;
        const char *path;
} config_flag_table[] = {
#define FLAG(name, member, table, path)                                                                      \
        { name, offsetof(struct config_flags, member), table, path }
        FLAG("--node-name", node_name, fields_init, "nodeRegistration.name"),
        FLAG("--vip", vip, fields_vip, "address"),
        FLAG("--interface", interface, fields_vip, "interface"),
        FLAG("--apiserver-advertise-address", advertise_address, fields_init,
             "localAPIEndpoint.advertiseAddress"),
        FLAG("--apiserver-bind-port", bind_port, fields_init, "localAPIEndpoint.bindPort"),
        FLAG("--apiserver-cert-extra-sans", cert_sans, fields_cluster, "apiServer.certSANs"),
        FLAG("--control-plane-endpoint", control_plane_endpoint, fields_cluster, "controlPlaneEndpoint"),
        FLAG("--kubernetes-version", kubernetes_version, fields_cluster, "kubernetesVersion"),
        FLAG("--image-repository", image_repository, fields_cluster, "imageRepository"),
        FLAG("--pod-network-cidr", pod_subnet, fields_cluster, "networking.podSubnet"),
        FLAG("--service-cidr", service_subnet, fields_cluster, "networking.serviceSubnet"),
        FLAG("--service-dns-domain", dns_domain, fields_cluster, "networking.dnsDomain"),
        FLAG("--cert-dir", cert_dir, fields_cluster, "certificatesDir"),
        FLAG("--cri-socket", cri_socket, fields_init, "nodeRegistration.criSocket"),
        FLAG("--ignore-preflight-errors", ignore_preflight_errors, fields_init,
             "nodeRegistration.ignorePreflightErrors"),
        FLAG("--skip-phases", skip_phases, fields_init, "skipPhases"),
        FLAG("--patches", patches, fields_init, "patches.directory"),
#undef FLAG
};

/* "a,b,c" as the list that the field reads. */
static int read_list(struct config_reader *r, const struct field *f, const char *value) {
        size_t n = 1, i = 0;
        int k = -ENOMEM;

        for (const char *p = value; *p; p++)
                n += *p == ',';
        CLEANUP(freep) char *copy = strdup(value);
        CLEANUP(freep) struct ynode *nodes = calloc(n, sizeof *nodes);
        CLEANUP(freep) struct ynode **items = calloc(n, sizeof(*items));
        if (!copy || !nodes || !items)
                return config_no_memory(r);
        char *rest = copy;
        for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ","), i++) {
                nodes[i] = (struct ynode){ .kind = YNODE_SCALAR, .type = YTYPE_ANY, .value = word };
                items[i] = &nodes[i];
        }
        struct ynode list = { .kind = YNODE_LIST, .items = items, .n = *value ? n : 0 };
        k = config_read_value(r, f, &list, r->c);
        return k;
}

/* A flag about the address means the first group, which there may be only by it. */
static int make_group(struct config_reader *r) {
        struct vip_list *vips = &r->c->vips;

        if (vips->n)
                return 0;
        vips->items = calloc(1, sizeof *vips->items);
        if (!vips->items)
                return config_no_memory(r);
        vips->n = 1;
        return config_read_defaults(r, fields_vip, vips->items);
}

static int read_flag(struct config_reader *r, const struct config_flag *flag, const char *value) {
        const struct field *f = config_find(flag->table, flag->path);
        struct ynode n = { .kind = YNODE_SCALAR, .type = YTYPE_ANY, .value = (char *)value };
        int k;

        r->file = flag->name;
        if (flag->table == fields_vip)
                return (k = make_group(r)) < 0 ? k : config_read_value(r, f, &n, r->c->vips.items);
        if (f->ops == &op_strings)
                return read_list(r, f, value);
        return config_read_value(r, f, &n, r->c);
}

/* Not in the file: it is for one run of init. */
static int read_token_ttl(struct config_reader *r, const char *value) {
        uint64_t us;
        int k = duration_parse(value, &us);

        if (k == -EINVAL)
                return error_at(r->e, "--token-ttl", 0, 0,
                                "\"%s\" must be a duration with its unit, such as 30m or 2h", value);
        if (k < 0 || us < 1000000 || us > CONFIG_TOKEN_TTL_MAX_S * UINT64_C(1000000))
                return error_at(r->e, "--token-ttl", 0, 0, "%s is out of range; it must be from 1s to 168h",
                                value);
        r->c->token_ttl_s = (uint32_t)(us / 1000000);
        return 0;
}

int config_read_flags(struct config_reader *r, const struct config_flags *flags) {
        const char *file = r->file;
        int k;

        if (!flags)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(config_flag_table); i++) {
                const struct config_flag *flag = &config_flag_table[i];
                const char *value = *(const char *const *)((const char *)flags + flag->offset);

                if (value && (k = read_flag(r, flag, value)) < 0)
                        return k;
        }
        r->file = file;
        r->c->dry_run = r->c->dry_run || flags->dry_run;
        return flags->token_ttl ? read_token_ttl(r, flags->token_ttl) : 0;
}
