/* What the masters agree on about the virtual address, in etcd, where root services read and write it: the
 * member list with its generation (lease rule 12) and who of etcd's members each entry is. Pure. */
#ifndef AGENT_VIP_RECORD_H
#define AGENT_VIP_RECORD_H

#include "agent/etcd.h"
#include "vrrp/list.h"

#define VIP_ETCD_PREFIX  "/triarch/vip/"
#define VIP_ETCD_MEMBERS VIP_ETCD_PREFIX "members"
#define VIP_ETCD_KEYS    VIP_ETCD_PREFIX "keys"
#define VIP_ETCD_SEEN    VIP_ETCD_PREFIX "seen/" /* + member id: struct vip_seen */

struct vip_record {
        struct vrrp_list list;
        uint64_t etcd[VRRP_LIST_MEMBERS]; /* by position in the list: etcd's member id, 0: not known yet */
        uint64_t previous[VRRP_LIST_MEMBERS]; /* ids of the list before this one */
        size_t n_previous;
};
/* What a member goes by: VIP_ETCD_SEEN. */
struct vip_seen {
        uint64_t gen;  /* of the list */
        uint64_t keys; /* revision of VIP_ETCD_KEYS, 0: never read */
};

/* -EBADMSG: not such a record, or a list that vrrp_list_check() refuses. */
int vip_record_parse(const char *text, size_t size, struct vip_record *ret);
int vip_record_render(const struct vip_record *r, char **ret, size_t *ret_size);
int vip_seen_parse(const char *text, size_t size, struct vip_seen *ret);
int vip_seen_render(const struct vip_seen *s, char **ret, size_t *ret_size);

/* The record of a list that etcd does not know yet. */
void vip_record_first(const struct vrrp_list *list, const struct etcd_members *members,
                      struct vip_record *ret);
/* Fills in etcd's ids where they are not known. True when something changed (the generation does not). */
bool vip_record_identify(struct vip_record *r, const struct etcd_members *members);
/* Position of an entry that is no voting member of etcd any more, or -1. */
int vip_record_gone(const struct vip_record *r, const struct etcd_members *members);
/* -1: not in the list. */
int vip_record_find(const struct vip_record *r, const struct vrrp_ip *address);
/* The next generations. -E2BIG; -EEXIST: the address is listed; -EINVAL: the member has no address. */
int vip_record_without(const struct vip_record *r, size_t i, struct vip_record *ret);
int vip_record_with(const struct vip_record *r, const struct etcd_member *m, struct vip_record *ret);
/* Lease rule 12: may the next generation be published, when of the previous list's members `have` are known
 * to have this one on disk? (Beyond that, 1.1 D must pass.) */
bool vip_record_settled(const struct vip_record *r, size_t have);
/* The host of a member's peer URL: "https://172.18.0.154:2380". -EINVAL. */
int vip_record_address(const struct etcd_member *m, struct vrrp_ip *ret);

#endif
