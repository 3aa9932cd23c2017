/* Replies of etcd's gateway: what is accepted fits its fields. */
#include "agent/etcd_kv.h"
#include "agent/etcd_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keys(const char *text, size_t size) {
        struct etcd_value v = { 0 };
        struct error e;
        bool done;

        if (etcd_kv_parse_range(text, size, &v, &e) == 0 && v.data && v.data[v.size] != '\0')
                abort();
        etcd_value_done(&v);
        (void)etcd_kv_parse_txn(text, size, &done, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct etcd_members m;
        struct error e;
        uint64_t id;

        keys((const char *)data, size);
        if (etcd_reply_parse("member/list", (const char *)data, size, &m, &id, &e) < 0)
                return 0;
        if (m.n > ETCD_MAX_MEMBERS)
                abort();
        for (size_t i = 0; i < m.n; i++)
                if (!memchr(m.v[i].name, '\0', sizeof m.v[i].name) ||
                    !memchr(m.v[i].peer_url, '\0', sizeof m.v[i].peer_url))
                        abort();
        return 0;
}
