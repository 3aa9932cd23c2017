/* The templates of this directory, compiled in by embed.cmake. */
#ifndef TEMPLATES_DATA_H
#define TEMPLATES_DATA_H

#include <stddef.h>

struct tmpl_data {
        const char *file; /* "etcd.yaml", "objects/kubeadm-config.yaml" */
        const unsigned char *text;
        size_t size;
};

/* Ends with file == NULL. */
extern const struct tmpl_data tmpl_data[];

/* NULL: not compiled in. */
const struct tmpl_data *tmpl_data_find(const char *file);

#endif
