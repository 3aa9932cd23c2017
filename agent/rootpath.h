/* The real path of a file on the tree that --root names. */
#ifndef AGENT_ROOTPATH_H
#define AGENT_ROOTPATH_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* out = root + path; -ENAMETOOLONG. */
static inline int root_path(char out[PATH_MAX], const char *root, const char *path) {
        int n = snprintf(out, PATH_MAX, "%s%s", root, path);

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

#endif
