/* The directories with the certificates of an external etcd that kube-apiserver must be able to see.
 * Internal. */
#ifndef TEMPLATES_ETCD_DIRS_H
#define TEMPLATES_ETCD_DIRS_H

#include "templates/render.h"

enum { TMPL_ETCD_DIRS_MAX = 3 };

struct tmpl_etcd_dirs {
        char *v[TMPL_ETCD_DIRS_MAX]; /* sorted; none holds another */
        size_t n;
};

/* Without those that are mounted anyway. tmpl_etcd_dirs_done() is due in every case. -ENOMEM. */
int tmpl_etcd_dirs(const struct tmpl_values *v, struct tmpl_etcd_dirs *ret);
void tmpl_etcd_dirs_done(struct tmpl_etcd_dirs *dirs);

#endif
