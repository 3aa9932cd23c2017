#include "agent/etcd_own.h"
#include "agent/etcd_kv.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PICK_MS = 3000 };

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

static bool answers(const struct etcd_client *client, const char *endpoint) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        struct etcd_client one = *client;
        struct error why;

        one.endpoint = endpoint;
        if (one.timeout_ms > PICK_MS)
                one.timeout_ms = PICK_MS;
        return etcd_get(&one, "/triarch/none", &v, &why) == 0;
}

void etcd_own_pick(const struct config *c, struct etcd_client *client) {
        const struct str_list *l = &c->etcd_external.endpoints;
        size_t first = 0;

        if (l->n < 2)
                return;
        for (size_t i = 0; i < l->n; i++)
                if (!strcmp(l->items[i], client->endpoint))
                        first = i;
        for (size_t i = 0; i < l->n; i++)
                if (answers(client, l->items[(first + i) % l->n])) {
                        client->endpoint = l->items[(first + i) % l->n];
                        return;
                }
}

int etcd_own_client(const struct config *c, const char *root, unsigned timeout_ms,
                    struct etcd_files *ret_files, struct etcd_client *ret, struct error *e) {
        const char *endpoint;

        if (etcd_own(c, root, ret_files, &endpoint) < 0)
                return error_set(e, EXIT_FAILED, "the path of etcd's certificates is too long"),
                       -ENAMETOOLONG;
        *ret = etcd_client_with(ret_files, endpoint, timeout_ms);
        etcd_own_pick(c, ret);
        return 0;
}

int etcd_own_members(const struct config *c, unsigned timeout_ms, struct etcd_members *ret, struct error *e) {
        struct etcd_client client;
        struct etcd_files files;
        const char *endpoint;

        if (etcd_own(c, "", &files, &endpoint) < 0)
                return error_set(e, EXIT_FAILED, "the path of etcd's certificates is too long"),
                       -ENAMETOOLONG;
        if (*files.key && access(files.key, R_OK) < 0) {
                error_at(e, files.key, 0, 0, "etcd at %s cannot be asked without it: %s", endpoint,
                         strerror(errno));
                return -ENOENT;
        }
        client = etcd_client_with(&files, endpoint, timeout_ms);
        etcd_own_pick(c, &client);
        return etcd_member_list(&client, ret, e);
}
