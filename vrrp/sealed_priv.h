/* The sealed transport's inside: sealed.c (members, keys, sending), sealed_receive.c. */
#ifndef VRRP_SEALED_PRIV_H
#define VRRP_SEALED_PRIV_H

#include "vrrp/sealed.h"
#include "vrrp/sealed_socket.h"
#include "vrrp/session.h"

#include <net/if.h>

struct sealed_peer {
        struct vrrp_sealed *s;
        uint64_t id, last_us;
        struct vrrp_ip address;
        uint8_t network[VRRP_SEAL_CLUSTER]; /* vrrp_sealed_network() of its address and ours */
        uint16_t key_id;
        struct vrrp_session session;
        int fd; /* negative errno: why there is no socket */
        sd_event_source *io;
};
struct sealed_subscriber {
        const struct vrrp_sealed_ops *ops; /* NULL: nobody */
        void *userdata;
};
struct vrrp_sealed {
        sd_event *loop;
        char interface[IFNAMSIZ];
        unsigned ifindex;
        struct vrrp_ip address;
        uint16_t port;
        uint64_t self, boot, challenge_gap_us;
        uint8_t cluster[VRRP_SEAL_CLUSTER];
        struct vrrp_keyring *ring;
        void (*before_io)(void *userdata);
        void *userdata;

        struct sealed_peer *peers[VRRP_LIST_MEMBERS];
        size_t n;
        uint64_t seq;     /* at least what any member was sent that is not listed any more */
        uint64_t changes; /* of peers[] and their sockets: who calls out looks whether its peer may be gone */
        struct sealed_subscriber groups[VRRP_SEALED_GROUPS];
        struct vrrp_sealed_counters counters;

        uint64_t random; /* drawn ahead: the next nonce, 0: none yet */
        bool receiving;  /* batch is in use */
        struct vrrp_sealed_batch batch;
};

int sealed_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata);
/* Seals with the next sequence number of the peer's session, and sends. */
int sealed_send(struct sealed_peer *p, uint32_t group, uint8_t type, const void *body, size_t size);
void sealed_send_nonce(struct sealed_peer *p, enum vrrp_seal_type type, uint64_t nonce);
/* A nonce to be used now or later; 0 when the kernel gives none. */
uint64_t sealed_random(struct vrrp_sealed *s);

#endif
