/* The names that a template can use in ${...}, and their values for one rendering. Internal. */
#ifndef TEMPLATES_VARS_H
#define TEMPLATES_VARS_H

#include "templates/render.h"

struct tmpl_vars {
        const struct tmpl_values *v;   /* NULL: objects that need none */
        const struct tmpl_pair *pairs; /* names of the caller's, which go first */
        size_t n_pairs;
        const struct tmpl_extra *extra; /* of the component that is rendered; never NULL */
        /* Computed, owned; NULL: not given, which is what ${?x} asks. */
        char *bind_port, *etcd_image, *etcd_members, *probe_host, *probe_port;
        char *advertise_host, *etcd_servers, *startup_failures; /* host: with brackets where it is IPv6 */
        char *etcd_ca_file, *etcd_cert_file, *etcd_key_file, *signing_cert, *signing_key;
        /* Borrowed, or static. */
        const char *probe_scheme, *loopback_host, *authorization_config, *flexvolume_dir;
        const char *proxy_bind_address;
        /* "" where it is so, else NULL. */
        const char *etcd_livez, *etcd_36, *scheduler_livez, *named_port;
};

/* What a template describes: decides which extra arguments and which probe it gets. */
enum tmpl_component {
        TMPL_ETCD,
        TMPL_APISERVER,
        TMPL_CONTROLLER_MANAGER,
        TMPL_SCHEDULER,
        TMPL_KUBELET,
        TMPL_PROXY
};

/* Computes what the component needs. The values must be checked already (tmpl_values_check). 0 or
 * negative errno; tmpl_vars_done() is due in both cases. */
int tmpl_vars_init(struct tmpl_vars *vars, enum tmpl_component component, const struct tmpl_values *v);
/* For objects: the caller's names; v may be NULL. */
int tmpl_vars_init_pairs(struct tmpl_vars *vars, const struct tmpl_pair *pairs, size_t n_pairs,
                         const struct tmpl_values *v);
void tmpl_vars_done(struct tmpl_vars *vars);

/* Value of a name of `size` bytes; *ret NULL when it has none. -ENOENT: no such name. */
int tmpl_var(const struct tmpl_vars *vars, const char *name, size_t size, const char **ret);

/* Parts of tmpl_vars_init(): what the pods of etcd and of kube-apiserver say of etcd (vars_etcd.c). */
int tmpl_vars_etcd(struct tmpl_vars *vars);
int tmpl_vars_etcd_client(struct tmpl_vars *vars);
bool tmpl_is_ipv6(const char *address);
/* malloc'ed copy by a format; NULL: no memory. */
char *tmpl_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Does the component sort all its arguments, those given, too? */
bool tmpl_vars_sort_args(const struct tmpl_vars *vars);

/* The last value of an extra argument, or NULL. */
const char *tmpl_extra_arg(const struct tmpl_extra *extra, const char *name);

#endif
