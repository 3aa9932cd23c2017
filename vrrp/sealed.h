/* The `sealed` transport: authenticated datagrams between listed members, unicast, one connected UDP socket
 * per member on the VIP's interface, sessions by challenge. One per agent and interface; all groups there and
 * the agents' own exchange share it. Nothing here knows what the messages say, and nothing is logged: what is
 * wrong is counted, and a flood of it costs the time to read it, member by member in turn.
 *
 * The sockets live as long as the interface's index: when that is gone nothing comes, sending is counted as
 * failed, and a new transport must be made. When the own address goes and comes back they work again. */
#ifndef VRRP_SEALED_H
#define VRRP_SEALED_H

#include "vrrp/list.h"
#include "vrrp/seal.h"
#include <systemd/sd-event.h>

enum { VRRP_SEALED_GROUPS = 256 }; /* VRIDs, and 0 */

struct vrrp_sealed_params {
        const char *interface;  /* borrowed during the call */
        struct vrrp_ip address; /* own, on that interface */
        uint16_t port;          /* VRRP_SEAL_PORT */
        uint64_t self;          /* member id */
        uint8_t cluster[VRRP_SEAL_CLUSTER];
        uint64_t challenge_gap_us; /* A / 4 of the fastest group */
};
struct vrrp_sealed_in {
        uint64_t src, now_us; /* read after it was received */
        uint32_t group;
        uint8_t type;
        const uint8_t *body;
        size_t size;
};
/* May send, subscribe, unsubscribe and set another list; must not free the transport. drain and discard do
 * nothing within. */
struct vrrp_sealed_ops {
        void (*message)(void *userdata, const struct vrrp_sealed_in *in);
        void (*peer_restarted)(void *userdata, uint64_t id); /* a session was proven; may be NULL */
};
struct vrrp_sealed_peer { /* status of one */
        uint64_t id, last_us;
        struct vrrp_ip address;
        bool session;
        uint16_t key_id; /* of its last datagram */
};
struct vrrp_sealed_counters {
        uint64_t sent, received, send_errors, challenges, replays, discarded,
                unclaimed; /* replays: all that its session dropped; discarded: after a late wake-up;
                              unclaimed: of a group that nobody subscribed to */
        uint64_t bad[VRRP_SEAL_N_VERDICTS];
};

/* What datagrams between two addresses, in either direction, have in the place of the cluster: the start of
 * the SHA-256 of cluster and both addresses, the lower first, each as 4 or 6 and 16 bytes. Members have the
 * same ids and key on all networks that they share; what somebody carries from one to the other is nothing
 * there. */
void vrrp_sealed_network(const uint8_t cluster[VRRP_SEAL_CLUSTER], const struct vrrp_ip *a,
                         const struct vrrp_ip *b, uint8_t ret[VRRP_SEAL_CLUSTER]);

struct vrrp_sealed;
/* before_io is called first in every handler (rule 14: a late wake-up is looked at before anything is read);
 * may be NULL. The ring becomes the transport's when this succeeds. -ENODEV: no such interface; -EINVAL. */
int vrrp_sealed_new(sd_event *loop, const struct vrrp_sealed_params *p, struct vrrp_keyring *ring,
                    void (*before_io)(void *userdata), void *userdata, struct vrrp_sealed **ret);
void vrrp_sealed_free(struct vrrp_sealed *s);
/* Sockets for exactly the listed members but ourselves; sessions of those that stay are kept. Negative errno:
 * some could not be opened (-EADDRNOTAVAIL: our address is not there, or IPv6 has not found it unique yet);
 * the others work, and the same list again tries the rest again, or all of
 * them when the interface was made anew. */
int vrrp_sealed_set_list(struct vrrp_sealed *s, const struct vrrp_list *list);
void vrrp_sealed_set_keys(struct vrrp_sealed *s, struct vrrp_keyring *ring);
/* group 0: the agents' own. At most one subscriber per group: -EEXIST. ops are borrowed. -EINVAL: group too
 * high. */
int vrrp_sealed_subscribe(struct vrrp_sealed *s, uint32_t group, const struct vrrp_sealed_ops *ops,
                          void *userdata);
void vrrp_sealed_unsubscribe(struct vrrp_sealed *s, uint32_t group);
/* dst 0: every listed member. Never blocks; what cannot be sent is counted and lost: the first such errno.
 * -ENOENT: dst is not listed. -EMSGSIZE: longer than VRRP_SEAL_BODY. */
int vrrp_sealed_send(struct vrrp_sealed *s, uint64_t dst, uint32_t group, uint8_t type, const void *body,
                     size_t size);
/* Hand on what is queued now (bounded); or read it keeping only sequence numbers (rule 14). */
void vrrp_sealed_drain(struct vrrp_sealed *s);
void vrrp_sealed_discard(struct vrrp_sealed *s);
/* After a suspend: a new boot, all sessions forgotten (rule 1). */
int vrrp_sealed_restart(struct vrrp_sealed *s);
uint64_t vrrp_sealed_boot(const struct vrrp_sealed *s);
size_t vrrp_sealed_peers(const struct vrrp_sealed *s, struct vrrp_sealed_peer *out, size_t max);
const struct vrrp_sealed_counters *vrrp_sealed_counters(const struct vrrp_sealed *s);

#endif
