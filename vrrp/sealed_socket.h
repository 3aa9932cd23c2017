/* One member's socket of the sealed transport: UDP between two fixed addresses and ports, on one interface.
 */
#ifndef VRRP_SEALED_SOCKET_H
#define VRRP_SEALED_SOCKET_H

#include "vrrp/seal.h"

enum { VRRP_SEALED_BATCH = 16 }; /* datagrams per call of the kernel */

struct vrrp_sealed_path {
        const char *interface;
        unsigned ifindex; /* scope of link-local addresses */
        uint16_t port;    /* of both sides */
        struct vrrp_ip own, peer;
        const uint8_t *network; /* what is in the place of the cluster */
        uint64_t own_id, peer_id;
};
struct vrrp_sealed_batch {
        size_t n, size[VRRP_SEALED_BATCH];
        uint8_t v[VRRP_SEALED_BATCH][VRRP_SEAL_MAX];
};

/* Connected, not blocking, tied to the interface (CAP_NET_RAW where the kernel wants it), with a filter that
 * lets nothing up but what claims to be from that member to us, so that other noise costs next to nothing.
 * Several share the own address and port, of one user only. The descriptor, or negative errno:
 * -EADDRNOTAVAIL while the own address is not there. */
int vrrp_sealed_socket(const struct vrrp_sealed_path *p);
/* 0 or negative errno. What an ICMP message left behind (nobody listens there) is no error of this datagram.
 */
int vrrp_sealed_socket_send(int fd, const void *datagram, size_t size);
/* What is queued, at most a batch. 0: no more. */
size_t vrrp_sealed_socket_receive(int fd, struct vrrp_sealed_batch *b);

#endif
