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

/* out = root + dir + "/" + file; -ENAMETOOLONG. */
static inline int root_path_below(char out[PATH_MAX], const char *root, const char *dir, const char *file) {
        int n = snprintf(out, PATH_MAX, "%s%s/%s", root, dir, file);

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

#endif
