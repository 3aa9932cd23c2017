/* Replies of etcd's JSON gateway, as 3.4 (gateway 1), 3.5 and 3.6 (gateway 2) write them. Pure.
 *
 * 64-bit numbers come as strings, and what is zero, false or empty does not come at all. An error is
 * known by its numeric code: the HTTP status differs between versions, and 3.6 has no "error" field. */
#ifndef AGENT_ETCD_REPLY_H
#define AGENT_ETCD_REPLY_H

#include "agent/etcd.h"
#include <jansson.h>

/* `call` names the request in messages. ret_member (may be NULL): id of "member", 0 when there is
 * none; ret (may be NULL): the members. 0; what agent/etcd.h says for etcd's errors; -EBADMSG when it is
 * no reply of etcd. Outputs are touched only on 0. */
int etcd_reply_parse(const char *call, const char *body, size_t size, struct etcd_members *ret,
                     uint64_t *ret_member, struct error *e);

/* What all replies have in common, for other calls: the object, and 0 when it is no error of etcd. *ret is
 * the caller's (json_decref), NULL on failure. */
int etcd_reply_open(const char *call, const char *body, size_t size, json_t **ret, struct error *e);
/* "18446744073709551615", or a number as far as those go; absent: 0. -EBADMSG. */
int etcd_reply_u64(const json_t *v, uint64_t *ret);

#endif
