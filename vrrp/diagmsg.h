/* The inet_diag messages that find and end the TCP connections of an address. Pure: buffers in, values out.
 */
#ifndef VRRP_DIAGMSG_H
#define VRRP_DIAGMSG_H

#include "vrrp/ip.h"
#include <linux/inet_diag.h>

enum { VRRP_DIAG_REQUEST_MAX = 192 };

struct vrrp_diag {
        enum { VRRP_DIAG_SOCKET, VRRP_DIAG_END } kind;
        uint32_t seq;
        int error;                  /* END: of a dump or an ACK; 0 or negative errno */
        uint8_t family;             /* SOCKET: also AF_INET6 for an IPv4 address (mapped) */
        struct vrrp_ip local;       /* SOCKET: never in mapped form */
        struct inet_diag_sockid id; /* SOCKET: names it in a request to end it */
};
typedef void vrrp_diag_fn(const struct vrrp_diag *m, void *userdata);

/* Calls fn for each message in buf (4-byte aligned, as recv() filled it). 0, or -EBADMSG when the rest is no
 * message. */
int vrrp_diag_parse(const void *buf, size_t size, vrrp_diag_fn *fn, void *userdata);
/* Requests, in buf of VRRP_DIAG_REQUEST_MAX bytes, 4-byte aligned; they return the length. The dump is of the
 * sockets of `family` that are connected (or being so) with `local` as their own address: the kernel filters.
 */
size_t vrrp_diag_dump(void *buf, uint32_t seq, uint8_t family, const struct vrrp_ip *local);
size_t vrrp_diag_destroy(void *buf, uint32_t seq, const struct vrrp_diag *socket);

#endif
