/* The directory of patches (patches.directory, --patches): read, named and sorted as kubeadm does. */
#ifndef AGENT_PATCHES_H
#define AGENT_PATCHES_H

#include "agent/error.h"
#include "templates/patch.h"

struct patches {
        struct tmpl_patch *v; /* in the order of their paths; owned, and their texts */
        size_t n;
        char **ignored; /* "NAME: why": files that are no patches, and empty ones */
        size_t n_ignored;
};

/* All files below `dir`, which may be NULL: none. patches_done() is due in every case. Nothing but the
 * directory is read. -EINVAL with *e (EXIT_INPUT): it is no directory, cannot be read, or a name ends in
 * an unknown type; -ENOMEM. */
int patches_load(const char *dir, struct patches *ret, struct error *e);
void patches_done(struct patches *p);

#endif
