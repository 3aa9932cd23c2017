/* Fills a YAML template. Works on libyaml's tree of nodes, never on text, so that no value can change
 * the structure. Internal.
 *
 * Inside a scalar of the template:
 *   ${name}   the value, as part of a string; quoted wherever YAML could read something else in it
 *   ${#name}  the value as a number (the scalar must hold nothing else)
 *   ${?name}  nothing; without a value the list item or mapping entry is left out
 *   ${!name}  nothing; with a value the list item or mapping entry is left out
 * A key that begins with ${?name} or ${!name} leaves its whole entry out by the same rule; a mapping that
 * has lost all its entries is left out, too.
 * As an item of a list:
 *   ${@extra_args} ${@extra_envs} ${@extra_mounts} ${@extra_volumes} ${@proxy_envs} ${@ca_mounts}
 *   ${@ca_volumes} ${@etcd_mounts} ${@etcd_volumes}
 *                   any number of items; a named one replaces an earlier one of that name
 *   ${@sort}        nothing; the list is sorted by name
 *   ${@sort_args}   nothing; the list of arguments is sorted, where that version's kubeadm does that
 * An item "--name=value" is left out when the extra arguments have that name. A list that ends up
 * empty is left out. */
#ifndef TEMPLATES_EXPAND_H
#define TEMPLATES_EXPAND_H

#include "templates/data.h"
#include "templates/vars.h"

/* Every document of the template. A value of several lines that is a scalar of its own becomes a block scalar
 * where that carries it. *ret is malloc'ed, NUL-terminated. 0 or negative errno. */
int tmpl_expand(const struct tmpl_data *template, const struct tmpl_vars *vars, char **ret, size_t *ret_size,
                struct tmpl_error *e);

#endif
