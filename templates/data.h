/* The templates of this directory, compiled in by embed.cmake. */
#ifndef TEMPLATES_DATA_H
#define TEMPLATES_DATA_H

#include <stddef.h>

struct tmpl_data {
        const char *file; /* "etcd.yaml" */
        const unsigned char *text;
        size_t size;
};

/* Ends with file == NULL. */
extern const struct tmpl_data tmpl_data[];

#endif
