/* Replies of etcd's gateway: what is accepted fits its fields. */
#include "agent/etcd_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct etcd_members m;
        struct error e;
        uint64_t id;

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
