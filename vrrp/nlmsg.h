/* The few rtnetlink messages the router reads and writes. Pure: buffers in, values out.
 *
 * Received: links, IPv4 and IPv6 addresses, acknowledgements and the end of a dump; everything else is
 * skipped. A message whose attributes do not fit is skipped too; only what can be read whole is handed on. */
#ifndef VRRP_NLMSG_H
#define VRRP_NLMSG_H

#include "vrrp/ip.h"
#include <net/if.h>

enum vrrp_nl_kind { VRRP_NL_ACK, VRRP_NL_DONE, VRRP_NL_LINK, VRRP_NL_ADDRESS };
struct vrrp_nl {
        enum vrrp_nl_kind kind;
        uint32_t seq, portid; /* portid of who caused it; 0: the kernel itself */
        int error;            /* ACK, DONE: 0 or negative errno */
        unsigned ifindex;     /* LINK, ADDRESS */
        bool removed;
        /* LINK */
        bool running; /* administratively up, and the carrier is there */
        char name[IF_NAMESIZE];
        uint8_t mac[6]; /* zero unless the link has one of 6 bytes */
        /* ADDRESS */
        struct vrrp_ip address;
        uint8_t prefix, proto;
        bool secondary; /* IPv4: goes with the primary address of its network */
        bool unusable;  /* IPv6: tentative, or a duplicate was found */
};
typedef void vrrp_nl_fn(const struct vrrp_nl *m, void *userdata);

/* Calls fn for each message in buf (4-byte aligned, as recv() filled it). 0, or -EBADMSG when the rest
 * is no message. */
int vrrp_nl_parse(const void *buf, size_t size, vrrp_nl_fn *fn, void *userdata);

enum { VRRP_NL_REQUEST_MAX = 128 };
struct vrrp_nl_address {
        unsigned ifindex;
        struct vrrp_ip address;
        uint8_t prefix;
        uint32_t valid_s; /* adding: kernel lifetime */
};
/* IPv6 is added without duplicate address detection (an owner that is dying may still answer), and as
 * deprecated: valid, but no source address for what this host connects to. Requests, in buf of
 * VRRP_NL_REQUEST_MAX bytes, 4-byte aligned; they return the length. Adding again renews the lifetime.
 * Deleting matches prefix length and address exactly. Both ask for an ACK. */
size_t vrrp_nl_add(void *buf, uint32_t seq, const struct vrrp_nl_address *a);
size_t vrrp_nl_delete(void *buf, uint32_t seq, const struct vrrp_nl_address *a);
/* Of both families; ifindex 0: of all. */
size_t vrrp_nl_dump_addresses(void *buf, uint32_t seq, unsigned ifindex);
size_t vrrp_nl_get_link(void *buf, uint32_t seq, const char *name);

#endif
