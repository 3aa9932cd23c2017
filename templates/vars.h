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
        const char *probe_scheme, *etcd_servers, *authorization_config; /* borrowed */
};

/* What a template describes: decides which extra arguments and which probe it gets. */
enum tmpl_component { TMPL_ETCD, TMPL_APISERVER, TMPL_CONTROLLER_MANAGER, TMPL_SCHEDULER, TMPL_KUBELET };

/* Computes what the component needs. The values must be checked already (tmpl_values_check). 0 or
 * negative errno; tmpl_vars_done() is due in both cases. */
int tmpl_vars_init(struct tmpl_vars *vars, enum tmpl_component component, const struct tmpl_values *v);
/* For objects: the caller's names; v may be NULL. */
int tmpl_vars_init_pairs(struct tmpl_vars *vars, const struct tmpl_pair *pairs, size_t n_pairs,
                         const struct tmpl_values *v);
void tmpl_vars_done(struct tmpl_vars *vars);

/* Value of a name of `size` bytes; *ret NULL when it has none. -ENOENT: no such name. */
int tmpl_var(const struct tmpl_vars *vars, const char *name, size_t size, const char **ret);

/* The last value of an extra argument, or NULL. */
const char *tmpl_extra_arg(const struct tmpl_extra *extra, const char *name);

#endif
