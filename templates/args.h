/* Arguments "--name=value" in the order that kubeadm gives them. Internal. */
#ifndef TEMPLATES_ARGS_H
#define TEMPLATES_ARGS_H

#include "templates/lists.h"

/* Whether the extra arguments replace this "--name=value". */
bool tmpl_arg_replaced(const struct tmpl_extra *extra, const char *arg);

/* By name, then by value: <0, 0, >0. What is no "--name..." comes first. */
int tmpl_arg_compare(const char *a, const char *b);

/* Sorts the items, scalars of the document. */
void tmpl_args_sort(struct tmpl_items *items, yaml_document_t *doc);

#endif
