/* The keys of the sealed transport: one to send with, several to accept (accept-new, send-new, drop-old).
 * File (root:triarch 0640), one key per line, # starts a comment:
 *
 *     send 2 8f1c...   64 hex digits
 *     accept 1 03aa...
 *
 * Exactly one send; ids 1..65535, each once; at most VRRP_KEYS. */
#ifndef VRRP_KEYRING_H
#define VRRP_KEYRING_H

#include <stddef.h>
#include <stdint.h>

enum { VRRP_KEYS = 4, VRRP_KEY_SIZE = 32 };
struct vrrp_keys {      /* wipe it: vrrp_keys_wipe() */
        size_t n, send; /* send: index */
        struct {
                uint16_t id;
                uint8_t key[VRRP_KEY_SIZE];
        } v[VRRP_KEYS];
};
/* Pure. 0, or -EINVAL and *ret_line, *ret_problem (static text). */
int vrrp_keys_parse(const char *text, size_t size, struct vrrp_keys *ret, unsigned *ret_line,
                    const char **ret_problem);
/* The file's text, NUL-terminated. -ENOBUFS. */
int vrrp_keys_render(const struct vrrp_keys *k, char *out, size_t size);
void vrrp_keys_wipe(struct vrrp_keys *k);

struct vrrp_keyring; /* keys ready for use; copies, and wipes when freed */
int vrrp_keyring_new(const struct vrrp_keys *k, struct vrrp_keyring **ret);
void vrrp_keyring_free(struct vrrp_keyring *ring);

#endif
