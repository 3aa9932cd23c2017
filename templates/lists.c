#include "templates/lists.h"
#include "pki/util.h"
#include "templates/args.h"
#include "templates/etcd_dirs.h"
#include "templates/scalar.h"
#include <errno.h>
#include <limits.h>

int tmpl_node_scalar(yaml_document_t *doc, const char *s, yaml_scalar_style_t style) {
        int node = yaml_document_add_scalar(doc, NULL, (const yaml_char_t *)s, (int)strlen(s), style);

        return node ? node : -ENOMEM;
}

/* An address that has "::" is no number of YAML's, not even one with sixties. */
static bool is_ipv6(const char *s) {
        return strstr(s, "::") && !s[strspn(s, "0123456789abcdefABCDEF:.")];
}

/* "100m", "200Mi", "5%": no letter that numbers can have. */
static bool is_quantity(const char *s) {
        static const char units[] = "acdfghijklmnpqrstuvwyzACDFGHIJKLMNPQRSTUVWYZ";
        const char *unit = s + strspn(s, "0123456789");

        return unit > s && *unit && (!strcmp(unit, "%") || !unit[strspn(unit, units)]);
}

/* Go's "8760h0m0s". */
static bool is_duration(const char *s) {
        size_t n;

        if (!*s)
                return false;
        for (; *s; s += n + 1) {
                n = strspn(s, "0123456789");
                if (!n || !s[n] || !strchr("hms", s[n]))
                        return false;
        }
        return true;
}

/* Whether nothing but a string can be read in s when it stands without quotes: only characters that mean
 * nothing to YAML, and a beginning that is none of a number's. Whatever is not certain is quoted. */
static bool is_plainly_string(const char *s) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        static const char safe[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:*+@[]";
        size_t size = strlen(s), number = strspn(s, "0123456789.");
        unsigned dots = 0;

        if (is_quantity(s) || is_duration(s))
                return true;
        if (!size || s[strspn(s, safe)] || s[size - 1] == ':')
                return false;
        if (strchr(letters, *s))
                return !tmpl_scalar_is_word(s);
        for (size_t i = 0; i < number; i++)
                dots += s[i] == '.';
        return *s == '/' || (!strncmp(s, "--", 2) && s[2] && strchr(letters, s[2])) ||
               (*s != '.' && dots == 3) /* an address */ || is_ipv6(s);
}

/* "[fd00::1]:6443", which kubeadm's encoder has in single quotes. */
static bool is_ipv6_endpoint(const char *s) {
        return *s == '[' && !s[strspn(s, "[]0123456789abcdef:.")];
}

int tmpl_node_string(yaml_document_t *doc, const char *s) {
        if (is_plainly_string(s))
                return tmpl_node_scalar(doc, s, YAML_PLAIN_SCALAR_STYLE);
        return tmpl_node_scalar(doc, s,
                                is_ipv6_endpoint(s) ? YAML_SINGLE_QUOTED_SCALAR_STYLE
                                                    : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static int add_mapping(yaml_document_t *doc) {
        int node = yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);

        return node ? node : -ENOMEM;
}

/* `value` is a node, or the error that making it gave. */
static int add_pair(yaml_document_t *doc, int mapping, const char *key, int value) {
        int k;

        if (value < 0)
                return value;
        k = tmpl_node_scalar(doc, key, YAML_PLAIN_SCALAR_STYLE);
        if (k < 0)
                return k;
        return yaml_document_append_mapping_pair(doc, mapping, k, value) ? 0 : -ENOMEM;
}

static int add_string_pair(yaml_document_t *doc, int mapping, const char *key, const char *value) {
        return add_pair(doc, mapping, key, tmpl_node_string(doc, value));
}

void tmpl_items_done(struct tmpl_items *items) {
        free(items->v);
}

static const char *scalar_of(yaml_document_t *doc, int id) {
        yaml_node_t *node = yaml_document_get_node(doc, id);

        return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static const char *name_of(yaml_document_t *doc, int id) {
        yaml_node_t *node = yaml_document_get_node(doc, id);

        if (!node || node->type != YAML_MAPPING_NODE)
                return NULL;
        for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
                if (!strcmp(scalar_of(doc, p->key), "name"))
                        return scalar_of(doc, p->value);
        return NULL;
}

int tmpl_items_add(struct tmpl_items *items, yaml_document_t *doc, int node) {
        const char *name;
        struct tmpl_item *v;

        if (node <= 0)
                return node;
        name = name_of(doc, node);
        for (size_t i = 0; name && i < items->n; i++)
                if (items->v[i].name && !strcmp(items->v[i].name, name)) {
                        items->v[i].node = node;
                        return 0;
                }
        v = reallocarray(items->v, items->n + 1, sizeof *v);
        if (!v)
                return -ENOMEM;
        items->v = v;
        v[items->n++] = (struct tmpl_item){ node, name };
        return 0;
}

static int add_args(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        int r = 0;

        for (size_t i = 0; i < vars->extra->n_args && r == 0; i++) {
                const struct tmpl_pair *pair = &vars->extra->args[i];
                CLEANUP(freep) char *arg = NULL;

                if (asprintf(&arg, "--%s=%s", pair->name, pair->value) < 0)
                        return (arg = NULL, -ENOMEM);
                r = tmpl_items_add(items, doc, tmpl_node_string(doc, arg));
        }
        return r;
}

static int make_env(yaml_document_t *doc, const struct tmpl_pair *env) {
        int r, node = add_mapping(doc);

        if (node < 0 || (r = add_string_pair(doc, node, "name", env->name)) < 0 ||
            (r = add_string_pair(doc, node, "value", env->value)) < 0)
                return node < 0 ? node : r;
        return node;
}

static int add_envs(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_pair *envs, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                r = tmpl_items_add(items, doc, make_env(doc, &envs[i]));
        return r;
}

static int add_proxy_envs(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_envs(items, doc, vars->v->proxy_envs, vars->v->n_proxy_envs);
}

static int add_extra_envs(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_envs(items, doc, vars->extra->envs, vars->extra->n_envs);
}

static int make_mount(yaml_document_t *doc, const struct tmpl_volume *v) {
        int r, node = add_mapping(doc);

        if (node < 0)
                return node;
        if ((r = add_string_pair(doc, node, "mountPath", v->mount_path)) < 0 ||
            (r = add_string_pair(doc, node, "name", v->name)) < 0)
                return r;
        if (!v->read_only)
                return node;
        r = add_pair(doc, node, "readOnly", tmpl_node_scalar(doc, "true", YAML_PLAIN_SCALAR_STYLE));
        return r < 0 ? r : node;
}

static int make_volume(yaml_document_t *doc, const struct tmpl_volume *v) {
        int r, node = add_mapping(doc), path = add_mapping(doc);

        if (node < 0 || path < 0)
                return -ENOMEM;
        if ((r = add_string_pair(doc, path, "path", v->host_path)) < 0 ||
            (r = add_string_pair(doc, path, "type", v->path_type ? v->path_type : "")) < 0 ||
            (r = add_pair(doc, node, "hostPath", path)) < 0 ||
            (r = add_string_pair(doc, node, "name", v->name)) < 0)
                return r;
        return node;
}

static int add_extra_mounts(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        int r = 0;

        for (size_t i = 0; i < vars->extra->n_volumes && r == 0; i++)
                r = tmpl_items_add(items, doc, make_mount(doc, &vars->extra->volumes[i]));
        return r;
}

static int add_extra_volumes(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        int r = 0;

        for (size_t i = 0; i < vars->extra->n_volumes && r == 0; i++)
                r = tmpl_items_add(items, doc, make_volume(doc, &vars->extra->volumes[i]));
        return r;
}

/* The volumes of the CA directories are called after them: etc-pki-tls-certs. */
static int add_ca_dirs(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars,
                       int (*make)(yaml_document_t *doc, const struct tmpl_volume *v)) {
        const char *const *dirs = vars->v->ca_host_dirs;
        char name[NAME_MAX + 1];
        int r = 0;

        for (size_t i = 0; dirs && dirs[i] && r == 0; i++) {
                struct tmpl_volume volume = { name, dirs[i], dirs[i], true, "DirectoryOrCreate" };
                int n = snprintf(name, sizeof name, "%s", *dirs[i] == '/' ? dirs[i] + 1 : dirs[i]);

                if (n < 0 || (size_t)n >= sizeof name)
                        return -ENAMETOOLONG;
                for (char *p = name; (p = strchr(p, '/'));)
                        *p = '-';
                r = tmpl_items_add(items, doc, make(doc, &volume));
        }
        return r;
}

static int add_ca_mounts(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_ca_dirs(items, doc, vars, make_mount);
}

static int add_ca_volumes(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_ca_dirs(items, doc, vars, make_volume);
}

/* The directories that external etcd's certificates are in, where no other volume holds them. */
static int add_etcd_dirs(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars,
                         int (*make)(yaml_document_t *doc, const struct tmpl_volume *v)) {
        struct tmpl_etcd_dirs dirs;
        int r = tmpl_etcd_dirs(vars->v, &dirs);

        for (size_t i = 0; i < dirs.n && r == 0; i++) {
                struct tmpl_volume volume = { NULL, dirs.v[i], dirs.v[i], true, "DirectoryOrCreate" };
                char name[32];

                snprintf(name, sizeof name, "etcd-certs-%zu", i);
                volume.name = name;
                r = tmpl_items_add(items, doc, make(doc, &volume));
        }
        tmpl_etcd_dirs_done(&dirs);
        return r;
}

static int add_etcd_mounts(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_etcd_dirs(items, doc, vars, make_mount);
}

static int add_etcd_volumes(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        return add_etcd_dirs(items, doc, vars, make_volume);
}

static int sort(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        (void)doc;
        (void)vars;
        items->sort = true;
        return 0;
}

static int sort_args(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars) {
        if (tmpl_vars_sort_args(vars))
                tmpl_args_sort(items, doc);
        return 0;
}

int tmpl_items_add_marker(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars,
                          const char *marker, size_t size) {
        static const struct {
                const char *name;
                int (*add)(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars);
        } markers[] = {
                { "extra_args", add_args },
                { "proxy_envs", add_proxy_envs },
                { "extra_envs", add_extra_envs },
                { "ca_mounts", add_ca_mounts },
                { "extra_mounts", add_extra_mounts },
                { "ca_volumes", add_ca_volumes },
                { "extra_volumes", add_extra_volumes },
                { "etcd_mounts", add_etcd_mounts },
                { "etcd_volumes", add_etcd_volumes },
                { "sort", sort },
                { "sort_args", sort_args },
        };

        for (size_t i = 0; i < ARRAY_SIZE(markers); i++)
                if (strlen(markers[i].name) == size && !memcmp(markers[i].name, marker, size))
                        return markers[i].add(items, doc, vars);
        return -ENOENT;
}

static int compare_items(const void *a, const void *b) {
        const struct tmpl_item *x = a, *y = b;

        return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

int tmpl_items_write(struct tmpl_items *items, yaml_document_t *doc, int sequence) {
        if (items->sort && items->n)
                qsort(items->v, items->n, sizeof *items->v, compare_items);
        for (size_t i = 0; i < items->n; i++)
                if (!yaml_document_append_sequence_item(doc, sequence, items->v[i].node))
                        return -ENOMEM;
        return 0;
}
