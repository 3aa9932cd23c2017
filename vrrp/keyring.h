/* The keys of the sealed transport: one to send with, several to accept (accept-new, send-new, drop-old).
 * File (root:triarch 0640), one key per line, # starts a comment:
 *
 *     send 2 8f1c...   64 hex digits
 *     accept 1 03aa...
 *
 * Exactly one send; ids 1..65535, each once, each key once; at most VRRP_KEYS. */
#ifndef VRRP_KEYRING_H
#define VRRP_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        VRRP_KEYS = 4,
        VRRP_KEY_SIZE = 32,
        VRRP_TAG_SIZE = 32,                 /* HMAC-SHA-256 */
        VRRP_KEYS_TEXT = VRRP_KEYS * 80 + 1 /* rendered: fits always */
};
struct vrrp_keys {      /* wipe it: vrrp_keys_wipe() */
        size_t n, send; /* send: index */
        struct vrrp_key {
                uint16_t id;
                uint8_t key[VRRP_KEY_SIZE];
        } v[VRRP_KEYS];
};
/* Pure (vrrp/keys.c). 0, or -EINVAL and *ret_line, *ret_problem (static text); *ret is then wiped. */
int vrrp_keys_parse(const char *text, size_t size, struct vrrp_keys *ret, unsigned *ret_line,
                    const char **ret_problem);
/* The file's text, NUL-terminated. -ENOBUFS. */
int vrrp_keys_render(const struct vrrp_keys *k, char *out, size_t size);
void vrrp_keys_wipe(struct vrrp_keys *k);
bool vrrp_keys_accepts(const struct vrrp_keys *k, uint16_t id);

/* The steps of a rotation, on the value. What the members must agree on before a step is the caller's part.
 * A first key, to send with; or one more to accept, with the id after the highest (after 65535: the lowest
 * free one). -ENOSPC: VRRP_KEYS are there already; -EEXIST: this key is there. */
int vrrp_keys_add(struct vrrp_keys *k, const uint8_t key[VRRP_KEY_SIZE], uint16_t *ret_id);
int vrrp_keys_send(struct vrrp_keys *k, uint16_t id); /* from now on; the others are accepted. -ENOENT */
int vrrp_keys_drop(struct vrrp_keys *k, uint16_t id); /* -ENOENT; -EBUSY: it is the one to send with */

struct vrrp_keyring; /* keys ready for use (vrrp/keyring.c, libcrypto); copies, and wipes when freed */
/* -EINVAL: no key, or send is none of them; -ENOMEM. */
int vrrp_keyring_new(const struct vrrp_keys *k, struct vrrp_keyring **ret);
void vrrp_keyring_free(struct vrrp_keyring *ring);
uint16_t vrrp_keyring_send_id(const struct vrrp_keyring *ring);
bool vrrp_keyring_accepts(const struct vrrp_keyring *ring, uint16_t id);
/* HMAC-SHA-256 of data. -ENOENT: no such key; -EIO: libcrypto failed. Allocates nothing. */
int vrrp_keyring_tag(struct vrrp_keyring *ring, uint16_t id, const void *data, size_t size,
                     uint8_t ret[VRRP_TAG_SIZE]);

#endif
