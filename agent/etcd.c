#include "agent/etcd.h"
#include "agent/etcd_call.h"
#include "agent/etcd_reply.h"
#include "agent/jread.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <inttypes.h>

/* One request and its reply; `request` is NULL when making it failed. */
static int call(const struct etcd_client *client, const char *name, json_t *request, struct etcd_members *ret,
                uint64_t *ret_member, struct error *e) {
        CLEANUP(freep) char *reply = NULL;
        size_t size;
        int r;

        if ((r = etcd_call(client, "cluster/", name, request, &reply, &size, e)) < 0)
                return r;
        return etcd_reply_parse(name, reply, size, ret, ret_member, e);
}

int etcd_member_list(const struct etcd_client *c, struct etcd_members *ret, struct error *e) {
        CLEANUP(jread_decref) json_t *request = json_object();

        return call(c, "member/list", request, ret, NULL, e);
}

int etcd_member_add_learner(const struct etcd_client *c, const char *peer_url, uint64_t *ret_id,
                            struct etcd_members *ret, struct error *e) {
        CLEANUP(jread_decref)
        json_t *request = json_pack("{s:[s],s:b}", "peerURLs", peer_url, "isLearner", 1);
        uint64_t id;
        int r = call(c, "member/add", request, ret, &id, e);

        if (r < 0)
                return r;
        if (!id) {
                error_set(e, EXIT_FAILED, "etcd member/add: the reply names no new member");
                return -EBADMSG;
        }
        *ret_id = id;
        return 0;
}

/* As a string: a JSON number need not carry 64 bits. */
static int call_with_id(const struct etcd_client *c, const char *name, uint64_t id, struct error *e) {
        CLEANUP(jread_decref) json_t *request = NULL;
        char text[24];

        snprintf(text, sizeof text, "%" PRIu64, id);
        request = json_pack("{s:s}", "ID", text);
        return call(c, name, request, NULL, NULL, e);
}

int etcd_member_promote(const struct etcd_client *c, uint64_t id, struct error *e) {
        return call_with_id(c, "member/promote", id, e);
}

int etcd_member_remove(const struct etcd_client *c, uint64_t id, struct error *e) {
        return call_with_id(c, "member/remove", id, e);
}

int etcd_files_init(struct etcd_files *f, const char *root, const char *cert_dir) {
        int r = root_path_below(f->ca, root, cert_dir, "etcd/ca.crt");

        if (r == 0)
                r = root_path_below(f->crt, root, cert_dir, "etcd/healthcheck-client.crt");
        return r < 0 ? r : root_path_below(f->key, root, cert_dir, "etcd/healthcheck-client.key");
}

struct etcd_client etcd_client_with(const struct etcd_files *f, const char *endpoint, unsigned timeout_ms) {
        return (struct etcd_client){ .endpoint = endpoint,
                                     .ca_file = f->ca,
                                     .cert_file = f->crt,
                                     .key_file = f->key,
                                     .timeout_ms = timeout_ms };
}
