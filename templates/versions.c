#include "templates/versions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V31 (TMPL_ETCD_LIVEZ | TMPL_V1BETA4)
#define V32 (V31 | TMPL_SCHEDULER_LIVEZ)
#define V33 (V32 | TMPL_LOCAL_KUBELET)
#define V34 (V33 | TMPL_PROBE_PORT | TMPL_ETCD_36 | TMPL_INSTANCE_CONFIG)
#define V35 (V34 | TMPL_NO_PAUSE_FLAG)
#define V36 (V35 | TMPL_NO_FLEXVOLUME | TMPL_ETCD_36_ALWAYS)

/* Sources: 1.31 to 1.36: kubeadm's source of those releases (cmd/kubeadm/app/constants, phases, features,
 * util) and their changelogs; 1.36.2 was also run. 1.29 and 1.30: `kubeadm config images list` as published
 * for 1.29.0 to 1.29.6, 1.29.9, 1.29.13, 1.30.0 to 1.30.2, 1.30.4, 1.30.5 and 1.30.14, and public manifests
 * of both; the patch levels between take the earlier row. The order of extra arguments was changed
 * in 1.32.12, 1.33.8, 1.34.4, 1.35.1 and 1.36.0 alike. Ascending. */
static const struct tmpl_version versions[] = {
        { 29, 0, "3.5.10-0", "v1.11.1", "3.9", 0 },
        { 29, 3, "3.5.12-0", "v1.11.1", "3.9", 0 },
        { 29, 9, "3.5.15-0", "v1.11.1", "3.9", 0 },
        { 29, 13, "3.5.16-0", "v1.11.1", "3.9", 0 },
        { 30, 0, "3.5.12-0", "v1.11.1", "3.9", 0 },
        { 30, 5, "3.5.15-0", "v1.11.3", "3.9", 0 },
        { 31, 0, "3.5.15-0", "v1.11.1", "3.10", V31 },
        { 31, 1, "3.5.15-0", "v1.11.3", "3.10", V31 },
        { 31, 14, "3.5.24-0", "v1.11.3", "3.10", V31 },
        { 32, 0, "3.5.16-0", "v1.11.3", "3.10", V32 },
        { 32, 10, "3.5.24-0", "v1.11.3", "3.10", V32 },
        { 32, 12, "3.5.24-0", "v1.11.3", "3.10", V32 | TMPL_EXTRA_ARGS_LAST },
        { 33, 0, "3.5.21-0", "v1.12.0", "3.10", V33 },
        { 33, 6, "3.5.24-0", "v1.12.0", "3.10", V33 },
        { 33, 8, "3.5.24-0", "v1.12.0", "3.10", V33 | TMPL_EXTRA_ARGS_LAST },
        { 34, 0, "3.6.4-0", "v1.12.1", "3.10.1", V34 },
        { 34, 2, "3.6.5-0", "v1.12.1", "3.10.1", V34 },
        { 34, 4, "3.6.5-0", "v1.12.1", "3.10.1", V34 | TMPL_EXTRA_ARGS_LAST },
        { 35, 0, "3.6.6-0", "v1.13.1", "3.10.1", V35 },
        { 35, 1, "3.6.6-0", "v1.13.1", "3.10.1", V35 | TMPL_EXTRA_ARGS_LAST },
        { 36, 0, "3.6.8-0", "v1.14.2", "3.10.2", V36 | TMPL_EXTRA_ARGS_LAST },
};

enum { N_VERSIONS = sizeof versions / sizeof *versions };

/* Gates by which a version can be told to do the one or the other; in later versions they are locked or
 * gone. */
static const struct {
        const char *name;
        enum tmpl_trait trait;
        unsigned first, last; /* minor versions */
} gates[] = {
        { "ControlPlaneKubeletLocalMode", TMPL_LOCAL_KUBELET, 31, 34 },
        { "NodeLocalCRISocket", TMPL_INSTANCE_CONFIG, 32, 35 },
};

/* Digits without a leading zero, ended by `end`. */
static bool parse_number(const char **s, char end, unsigned *ret) {
        size_t n = strspn(*s, "0123456789");

        if (!n || n > 4 || (n > 1 && **s == '0') || (*s)[n] != end)
                return false;
        *ret = (unsigned)strtoul(*s, NULL, 10);
        *s += n + (end != '\0');
        return true;
}

const struct tmpl_version *tmpl_version_find(const char *version) {
        const struct tmpl_version *found = NULL;
        unsigned minor, patch;

        if (!version || strncmp(version, "v1.", 3) != 0)
                return NULL;
        version += 3;
        if (!parse_number(&version, '.', &minor) || !parse_number(&version, '\0', &patch))
                return NULL;
        for (size_t i = 0; i < N_VERSIONS; i++)
                if (versions[i].minor == minor && versions[i].patch <= patch)
                        found = &versions[i];
        return found;
}

const char *tmpl_version_first(void) {
        return "v1.29";
}

const char *tmpl_version_last(void) {
        return "v1.36";
}

bool tmpl_version_has(const char *version, const struct tmpl_gate *given, size_t n, enum tmpl_trait trait) {
        const struct tmpl_version *v = tmpl_version_find(version);

        if (!v)
                return false;
        for (size_t g = 0; g < sizeof gates / sizeof *gates; g++)
                for (size_t i = 0; gates[g].trait == trait && i < n; i++)
                        if (!strcmp(given[i].name, gates[g].name) && v->minor >= gates[g].first &&
                            v->minor <= gates[g].last)
                                return given[i].on;
        return v->traits & trait;
}
