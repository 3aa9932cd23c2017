#include "vrrp/keyring.h"
#include "pki/util.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

DEFINE_CLEANUP(EVP_MAC *, EVP_MAC_free)

/* One context per key, made once: to start it again with the key it has takes half the time, and no memory.
 */
struct vrrp_keyring {
        size_t n, send;
        struct {
                uint16_t id;
                EVP_MAC_CTX *mac;
        } v[VRRP_KEYS];
};
DEFINE_CLEANUP(struct vrrp_keyring *, vrrp_keyring_free)

static int new_context(EVP_MAC *hmac, const uint8_t *key, EVP_MAC_CTX **ret) {
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                OSSL_PARAM_construct_end(),
        };
        EVP_MAC_CTX *c = EVP_MAC_CTX_new(hmac);

        if (!c || !EVP_MAC_init(c, key, VRRP_KEY_SIZE, params)) {
                EVP_MAC_CTX_free(c);
                ERR_clear_error();
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

int vrrp_keyring_new(const struct vrrp_keys *k, struct vrrp_keyring **ret) {
        CLEANUP(vrrp_keyring_freep) struct vrrp_keyring *ring = NULL;
        CLEANUP(EVP_MAC_freep) EVP_MAC *hmac = NULL;
        int r;

        if (k->n == 0 || k->n > VRRP_KEYS || k->send >= k->n)
                return -EINVAL;
        ring = calloc(1, sizeof *ring);
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        if (!ring || !hmac) {
                ERR_clear_error();
                return -ENOMEM;
        }
        for (; ring->n < k->n; ring->n++) {
                ring->v[ring->n].id = k->v[ring->n].id;
                if ((r = new_context(hmac, k->v[ring->n].key, &ring->v[ring->n].mac)) < 0)
                        return r;
        }
        ring->send = k->send;
        *ret = TAKE_PTR(ring);
        return 0;
}

void vrrp_keyring_free(struct vrrp_keyring *ring) {
        if (!ring)
                return;
        for (size_t i = 0; i < ring->n; i++)
                EVP_MAC_CTX_free(ring->v[i].mac); /* clears the key it holds */
        free(ring);
}

uint16_t vrrp_keyring_send_id(const struct vrrp_keyring *ring) {
        return ring->v[ring->send].id;
}

static EVP_MAC_CTX *context_of(const struct vrrp_keyring *ring, uint16_t id) {
        for (size_t i = 0; i < ring->n; i++)
                if (ring->v[i].id == id)
                        return ring->v[i].mac;
        return NULL;
}

bool vrrp_keyring_accepts(const struct vrrp_keyring *ring, uint16_t id) {
        return context_of(ring, id) != NULL;
}

int vrrp_keyring_tag(struct vrrp_keyring *ring, uint16_t id, const void *data, size_t size,
                     uint8_t ret[VRRP_TAG_SIZE]) {
        EVP_MAC_CTX *c = context_of(ring, id);
        size_t n = 0;

        if (!c)
                return -ENOENT;
        if (!EVP_MAC_init(c, NULL, 0, NULL) || !EVP_MAC_update(c, data, size) ||
            !EVP_MAC_final(c, ret, &n, VRRP_TAG_SIZE) || n != VRRP_TAG_SIZE) {
                ERR_clear_error();
                return -EIO;
        }
        return 0;
}
