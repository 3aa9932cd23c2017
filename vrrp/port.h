/* The `ip` transport: protocol 112 in IPv4 or IPv6 (RFC 9568 section 5.1), multicast or unicast. One raw
 * socket for all virtual routers of one interface, family and way of sending; what is heard is handed to the
 * one whose VRID it carries, the kernel drops the rest (a filter). Carries messages and knows nothing else of
 * them. The sockets die with the interface index: make a new port when that changes. */
#ifndef VRRP_PORT_H
#define VRRP_PORT_H

#include "vrrp/wire.h"
#include <systemd/sd-event.h>

enum { VRRP_PORT_ALL = 4096 }; /* packets: more than the socket's buffer holds */

struct vrrp_port_params {
        const char *interface; /* borrowed during the call */
        unsigned ifindex;
        uint8_t family;
        bool multicast; /* member of the group; else unicast only */
        bool send_only; /* as the way out through a virtual MAC's interface: receives nothing */
};
struct vrrp_port_counters {
        uint64_t received, not_whole; /* not_whole: no IP packet that could be handed on */
};
/* p is valid during the call. It may subscribe and unsubscribe, but must not free the port. */
typedef void vrrp_port_fn(const struct vrrp_packet *p, void *userdata);

struct vrrp_port;
/* CAP_NET_RAW. Never hears what this host sends. before_io is called first when something can be read (lease
 * rule 14); may be NULL. 0 or negative errno. */
int vrrp_port_new(sd_event *loop, const struct vrrp_port_params *p, void (*before_io)(void *userdata),
                  void *userdata, struct vrrp_port **ret);
void vrrp_port_free(struct vrrp_port *port); /* NULL is fine */
/* The group's memberships, anew: after the link was down a bridge or switch may have forgotten them.
 * Unicast: nothing. */
int vrrp_port_join(struct vrrp_port *port);

/* One subscriber a VRID: -EEXIST. */
int vrrp_port_subscribe(struct vrrp_port *port, uint8_t vrid, vrrp_port_fn *fn, void *userdata);
void vrrp_port_unsubscribe(struct vrrp_port *port, uint8_t vrid);
/* One VRRP message, the kernel puts the IP header before it: source src, TTL or hop limit 255, DSCP 0xc0. */
int vrrp_port_send(struct vrrp_port *port, const struct vrrp_ip *src, const struct vrrp_ip *dst,
                   const void *msg, size_t size);
/* Hand on what is queued now, at most `bound` packets. Within a subscriber's call it does nothing. */
void vrrp_port_drain(struct vrrp_port *port, unsigned bound);
const struct vrrp_port_counters *vrrp_port_counters(const struct vrrp_port *port);

/* For preflight: is the VRID in use on the interface? From vrrp_port_listen() on, advertisements of it (any
 * version) in multicast of the family wait in *ret_fd. vrrp_port_heard() blocks: 1 and *who as soon as there
 * is one, 0 when none came within timeout_ms (at once with 0), or negative errno. */
int vrrp_port_listen(const char *interface, uint8_t family, uint8_t vrid, int *ret_fd);
int vrrp_port_heard(int fd, unsigned timeout_ms, struct vrrp_ip *who);

#endif
