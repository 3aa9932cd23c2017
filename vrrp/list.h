/* The member list of a group of masters (lease rule 12): generations differ by one member each. A value. */
#ifndef VRRP_LIST_H
#define VRRP_LIST_H

#include "vrrp/ip.h"

enum { VRRP_LIST_MEMBERS = 16, VRRP_LIST_NAME = 64 };

struct vrrp_list_member {
        uint64_t id; /* random per join, never 0 nor UINT64_MAX: a replaced machine gets a new one */
        struct vrrp_ip address;
        char name[VRRP_LIST_NAME]; /* host name, cut to fit; NUL-terminated; for people only */
        bool witness;              /* votes, never owns */
};
struct vrrp_list {
        uint64_t gen; /* from 1; 0: no list */
        size_t n;
        struct vrrp_list_member v[VRRP_LIST_MEMBERS];
};

/* NULL when not in the list. */
const struct vrrp_list_member *vrrp_list_find(const struct vrrp_list *l, uint64_t id);
bool vrrp_list_equal(const struct vrrp_list *a, const struct vrrp_list *b);
/* 0; -EINVAL: empty, too long, gen 0 or beyond INT64_MAX, an id that is 0, UINT64_MAX or twice there, an
 * address twice there or none. */
int vrrp_list_check(const struct vrrp_list *l);

#endif
