/* Keys and values in etcd: what the masters agree on (/triarch/...). Blocking, as agent/etcd.h. */
#ifndef AGENT_ETCD_KV_H
#define AGENT_ETCD_KV_H

#include "agent/etcd.h"

enum { ETCD_VALUE_MAX = 64 * 1024 };
struct etcd_value {
        char *data; /* malloc'ed, NUL-terminated beyond size; NULL: there is no such key. Wiped when freed */
        size_t size;
        uint64_t revision; /* of its last change; 0: there is no such key */
        uint64_t at;       /* the whole store's when it was read */
};
void etcd_value_done(struct etcd_value *v);

/* Linearizable. 0 also when there is no such key; errors as in agent/etcd.h. */
int etcd_get(const struct etcd_client *c, const char *key, struct etcd_value *ret, struct error *e);
/* Write if the key's last change is still `revision` (0: it does not exist). 1 written, 0 somebody was
 * faster; errors as in agent/etcd.h: after -EAGAIN it may have been written. */
int etcd_put_if(const struct etcd_client *c, const char *key, uint64_t revision, const void *data,
                size_t size, struct error *e);
/* Wait until a key that begins with prefix was changed after the store's revision `after`. 1 it was, 0 not
 * within timeout_ms; errors as in agent/etcd.h. */
int etcd_watch(const struct etcd_client *c, const char *prefix, uint64_t after, unsigned timeout_ms,
               struct error *e);
int etcd_delete(const struct etcd_client *c, const char *key, struct error *e);

/* Pure: replies of kv/range and kv/txn. */
int etcd_kv_parse_range(const char *body, size_t size, struct etcd_value *ret, struct error *e);
int etcd_kv_parse_txn(const char *body, size_t size, bool *ret_done, struct error *e);

#endif
