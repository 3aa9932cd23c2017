/* A sealed datagram from the wire: as it is, and again with a tag that is right, so that what lies behind the
 * tag is reached: what opens must seal to the same bytes, what decodes must encode to the same body. */
#include "tests/unit/seal_vectors.h"
#include "vrrp/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(const struct vrrp_sealed_datagram *d) {
        enum vrrp_lease_type type = d->header.type - VRRP_SEAL_LEASE;
        uint8_t again[VRRP_SEAL_MAX];
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        if (d->header.type < VRRP_SEAL_LEASE ||
            !vrrp_lease_decode(type, d->header.src, d->body, d->size, &list, &m))
                return;
        if (vrrp_lease_encode(&m, again, sizeof again) != d->size || memcmp(again, d->body, d->size) != 0)
                abort();
}

static void check_tagged(struct vrrp_keyring *ring, const uint8_t *data, size_t size) {
        uint8_t copy[VRRP_SEAL_MAX], again[VRRP_SEAL_MAX];
        struct vrrp_sealed_datagram d;

        if (size < VRRP_TAG_SIZE || size > sizeof copy)
                return;
        memcpy(copy, data, size);
        if (vrrp_keyring_tag(ring, vrrp_keyring_send_id(ring), copy, size - VRRP_TAG_SIZE,
                             copy + size - VRRP_TAG_SIZE) < 0)
                abort();
        if (vrrp_unseal(ring, vector_cluster, VECTOR_SRC, VECTOR_DST, copy, size, &d) != VRRP_SEAL_OK)
                return;
        if (vrrp_seal(ring, &d.header, d.body, d.size, again, sizeof again) != size ||
            memcmp(again, copy, size) != 0)
                abort();
        check_body(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct vrrp_keyring *ring; /* once: that takes longer than all the rest */
        struct vrrp_sealed_datagram d;

        if (!ring && vrrp_keyring_new(&vector_keys, &ring) < 0)
                abort();
        vrrp_unseal(ring, vector_cluster, VECTOR_SRC, VECTOR_DST, data, size, &d);
        check_tagged(ring, data, size);
        return 0;
}
