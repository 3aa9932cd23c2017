#include "vrrp/seal.h"
#include "vrrp/bytes.h"

#include <openssl/crypto.h>

static void write_header(struct vrrp_writer *w, const struct vrrp_seal_header *h, uint16_t key_id,
                         size_t body) {
        vrrp_write_uint(w, VRRP_SEAL_MAGIC, 4);
        vrrp_write_uint(w, h->type, 1);
        vrrp_write_uint(w, 0, 1);
        vrrp_write_uint(w, key_id, 2);
        vrrp_write_bytes(w, h->cluster, sizeof h->cluster);
        vrrp_write_uint(w, h->group, 4);
        vrrp_write_uint(w, h->src, 8);
        vrrp_write_uint(w, h->dst, 8);
        vrrp_write_uint(w, h->boot, 8);
        vrrp_write_uint(w, h->seq, 8);
        vrrp_write_uint(w, body, 2);
        vrrp_write_uint(w, 0, 2);
}

size_t vrrp_seal(struct vrrp_keyring *ring, const struct vrrp_seal_header *h, const void *body, size_t size,
                 uint8_t *buf, size_t buf_size) {
        struct vrrp_writer w = { .p = buf, .left = buf_size < VRRP_SEAL_MAX ? buf_size : VRRP_SEAL_MAX };
        uint16_t key_id = vrrp_keyring_send_id(ring);
        uint8_t *tag;

        if (size > VRRP_SEAL_BODY)
                return 0;
        write_header(&w, h, key_id, size);
        vrrp_write_bytes(&w, body, size);
        tag = vrrp_write(&w, VRRP_TAG_SIZE);
        if (!tag || vrrp_keyring_tag(ring, key_id, buf, (size_t)(tag - buf), tag) < 0)
                return 0;
        return (size_t)(tag - buf) + VRRP_TAG_SIZE;
}

/* Leaves r at the tag. */
static bool read_datagram(struct vrrp_reader *r, struct vrrp_sealed_datagram *d) {
        struct vrrp_seal_header *h = &d->header;

        if (vrrp_read_u32(r) != VRRP_SEAL_MAGIC)
                return false;
        h->type = vrrp_read_u8(r);
        vrrp_read_zero(r, 1);
        h->key_id = vrrp_read_u16(r);
        vrrp_read_bytes(r, h->cluster, sizeof h->cluster);
        h->group = vrrp_read_u32(r);
        h->src = vrrp_read_u64(r);
        h->dst = vrrp_read_u64(r);
        h->boot = vrrp_read_u64(r);
        h->seq = vrrp_read_u64(r);
        d->size = vrrp_read_u16(r);
        vrrp_read_zero(r, 2);
        d->body = vrrp_read(r, d->size);
        return !r->bad && r->left == VRRP_TAG_SIZE;
}

static bool tag_matches(struct vrrp_keyring *ring, uint16_t key_id, const uint8_t *datagram,
                        const uint8_t *tag) {
        uint8_t expected[VRRP_TAG_SIZE];

        return vrrp_keyring_tag(ring, key_id, datagram, (size_t)(tag - datagram), expected) == 0 &&
               CRYPTO_memcmp(expected, tag, sizeof expected) == 0;
}

enum vrrp_seal_verdict vrrp_unseal(struct vrrp_keyring *ring, const uint8_t cluster[VRRP_SEAL_CLUSTER],
                                   uint64_t src, uint64_t dst, const uint8_t *datagram, size_t size,
                                   struct vrrp_sealed_datagram *ret) {
        struct vrrp_reader r = { .p = datagram, .left = size };

        *ret = (struct vrrp_sealed_datagram){ 0 };
        if (size > VRRP_SEAL_MAX || !read_datagram(&r, ret))
                return VRRP_SEAL_BAD_FORM;
        if (memcmp(ret->header.cluster, cluster, VRRP_SEAL_CLUSTER) != 0)
                return VRRP_SEAL_BAD_CLUSTER;
        if (ret->header.src != src || ret->header.dst != dst)
                return VRRP_SEAL_BAD_MEMBER;
        if (!vrrp_keyring_accepts(ring, ret->header.key_id))
                return VRRP_SEAL_BAD_KEY;
        return tag_matches(ring, ret->header.key_id, datagram, r.p) ? VRRP_SEAL_OK : VRRP_SEAL_BAD_TAG;
}

const char *vrrp_seal_verdict_text(enum vrrp_seal_verdict v) {
        static const char *const texts[VRRP_SEAL_N_VERDICTS] = {
                [VRRP_SEAL_OK] = "authentic",
                [VRRP_SEAL_BAD_FORM] = "not a datagram of this version",
                [VRRP_SEAL_BAD_CLUSTER] = "of another cluster or network",
                [VRRP_SEAL_BAD_MEMBER] = "not from this member, or not to us",
                [VRRP_SEAL_BAD_KEY] = "sealed with a key that is not in our key file",
                [VRRP_SEAL_BAD_TAG] = "tag is wrong",
        };

        return texts[v];
}
