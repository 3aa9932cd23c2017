/* The sealed datagram: codec and authentication (docs/wire.md). Pure but for the HMAC of libcrypto, whose
 * contexts the keyring holds; allocates nothing per datagram.
 *
 * HMAC-SHA-256 over all that comes before the tag: version, type, key id, cluster, group, source,
 * destination, boot, sequence number and body. What does not verify is nobody's. */
#ifndef VRRP_SEAL_H
#define VRRP_SEAL_H

#include "vrrp/keyring.h"
#include "vrrp/lease.h"

enum {
        VRRP_SEAL_PORT = 7644,
        VRRP_SEAL_CLUSTER = 16,
        VRRP_SEAL_MAX = 4096,  /* whole datagram; IP fragments above the MTU, only lists are that long */
        VRRP_SEAL_HEADER = 64, /* before the body */
        VRRP_SEAL_BODY = VRRP_SEAL_MAX - VRRP_SEAL_HEADER - VRRP_TAG_SIZE,
        VRRP_SEAL_NONCE = 8, /* the body of CHALLENGE and RESPONSE */
};
/* Where the kernel's filter finds what is the same in all datagrams of one member. */
enum {
        VRRP_SEAL_MAGIC = 0x54525601, /* "TRV", version 1 */
        VRRP_SEAL_AT_MAGIC = 0,
        VRRP_SEAL_AT_CLUSTER = 8,
        VRRP_SEAL_AT_SRC = 28,
        VRRP_SEAL_AT_DST = 36,
};
enum vrrp_seal_type {
        VRRP_SEAL_ADVERT = 0x01, /* a VRRP message (`election: priority`) */
        VRRP_SEAL_CHALLENGE = 0x02,
        VRRP_SEAL_RESPONSE = 0x03,
        VRRP_SEAL_LEASE = 0x10,  /* + enum vrrp_lease_type */
        VRRP_SEAL_HEALTH = 0x20, /* between agents, group 0: agent/exchange.h */
};
struct vrrp_seal_header {
        uint8_t type;
        uint16_t key_id; /* decoded: the one it was sealed with */
        uint8_t cluster[VRRP_SEAL_CLUSTER];
        uint32_t group; /* VRID; 0: of the agents */
        uint64_t src, dst, boot, seq;
};
struct vrrp_sealed_datagram {
        struct vrrp_seal_header header;
        const uint8_t *body; /* within the datagram */
        size_t size;
};
enum vrrp_seal_verdict {
        VRRP_SEAL_OK,
        VRRP_SEAL_BAD_FORM, /* length, magic, version, reserved fields */
        VRRP_SEAL_BAD_CLUSTER,
        VRRP_SEAL_BAD_MEMBER, /* not from src, or not to dst */
        VRRP_SEAL_BAD_KEY,    /* key id not in the ring */
        VRRP_SEAL_BAD_TAG,
        VRRP_SEAL_N_VERDICTS,
};

/* Sealed with the ring's sending key. The length, or 0 when buf is too small or libcrypto fails. */
size_t vrrp_seal(struct vrrp_keyring *ring, const struct vrrp_seal_header *h, const void *body, size_t size,
                 uint8_t *buf, size_t buf_size);
/* Cheap checks first, the tag last. src and dst: whom the socket it came from is connected to, and us. */
enum vrrp_seal_verdict vrrp_unseal(struct vrrp_keyring *ring, const uint8_t cluster[VRRP_SEAL_CLUSTER],
                                   uint64_t src, uint64_t dst, const uint8_t *datagram, size_t size,
                                   struct vrrp_sealed_datagram *ret);
const char *vrrp_seal_verdict_text(enum vrrp_seal_verdict v);

/* Bodies of the lease's messages (vrrp/lease_wire.c, pure). What the type has no use for is not carried, and
 * arrives as 0; m->rank.id is m->src. The length, or 0 when buf is too small or decode would not take it. */
size_t vrrp_lease_encode(const struct vrrp_lease_msg *m, uint8_t *buf, size_t size);
/* list: where a NACK's list goes, m->list points at it. False unless the body is exactly one message of that
 * type with every field in its range. */
bool vrrp_lease_decode(enum vrrp_lease_type type, uint64_t src, const uint8_t *body, size_t size,
                       struct vrrp_list *list, struct vrrp_lease_msg *m);

#endif
