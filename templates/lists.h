/* The lists of a pod that the caller adds to (arguments, environment, mounts, volumes), and making
 * nodes of libyaml's tree. Internal. Functions that make a node return its number (from 1) or
 * negative errno. */
#ifndef TEMPLATES_LISTS_H
#define TEMPLATES_LISTS_H

#include "templates/vars.h"
#include <yaml.h>

int tmpl_node_scalar(yaml_document_t *doc, const char *s, yaml_scalar_style_t style);
/* A value: in double quotes unless it can be nothing but a string without them. */
int tmpl_node_string(yaml_document_t *doc, const char *s);

/* A list of the output before it is written. Items that are mappings with a "name" replace an
 * earlier one of that name, as in kubeadm, where they are keys of a map. */
struct tmpl_items {
        struct tmpl_item {
                int node;
                const char *name; /* NULL: has none; borrowed from the document */
        } * v;
        size_t n;
        bool sort;
};
void tmpl_items_done(struct tmpl_items *items);

/* Takes what a node function returned: an error is passed on, 0 means absent. 0 or negative errno. */
int tmpl_items_add(struct tmpl_items *items, yaml_document_t *doc, int node);

/* Adds what the marker (the inside of "${@...}", of `size` bytes) stands for. -ENOENT: no such marker. */
int tmpl_items_add_marker(struct tmpl_items *items, yaml_document_t *doc, const struct tmpl_vars *vars,
                          const char *marker, size_t size);

/* Writes the items into `sequence` of the document. */
int tmpl_items_write(struct tmpl_items *items, yaml_document_t *doc, int sequence);

#endif
