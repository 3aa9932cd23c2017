#include "agent/etcd_own.h"
#include "agent/rootpath.h"
#include <string.h>

static int external_file(char out[PATH_MAX], const char *root, const char *file) {
        *out = '\0';
        return file ? root_path(out, root, file) : 0;
}

int etcd_own(const struct config *c, const char *root, struct etcd_files *ret, const char **ret_endpoint) {
        const struct external_etcd *x = &c->etcd_external;
        bool ipv6 = c->advertise_address && strchr(c->advertise_address, ':');
        int r;

        if (!x->endpoints.n) {
                *ret_endpoint = ipv6 ? "https://[::1]:2379" : "https://127.0.0.1:2379";
                return etcd_files_init(ret, root, c->cert_dir);
        }
        *ret_endpoint = x->endpoints.items[0];
        if ((r = external_file(ret->ca, root, x->ca_file)) < 0 ||
            (r = external_file(ret->crt, root, x->cert_file)) < 0)
                return r;
        return external_file(ret->key, root, x->key_file);
}
