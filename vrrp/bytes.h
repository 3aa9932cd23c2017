/* Big-endian fields in a buffer, read and written through a cursor: every access checks the bound, after one
 * that failed all further ones fail and `bad` stays, so that a codec looks at it once, at the end. Pure. */
#ifndef VRRP_BYTES_H
#define VRRP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct vrrp_reader {
        const uint8_t *p;
        size_t left;
        bool bad;
};
struct vrrp_writer {
        uint8_t *p;
        size_t left;
        bool bad;
};

/* NULL when there are fewer than n left. */
static inline const uint8_t *vrrp_read(struct vrrp_reader *r, size_t n) {
        const uint8_t *p = r->p;

        if (r->bad || r->left < n) {
                r->bad = true;
                return NULL;
        }
        r->p += n;
        r->left -= n;
        return p;
}

/* n bytes, at most 8; 0 when they are not there. */
static inline uint64_t vrrp_read_uint(struct vrrp_reader *r, size_t n) {
        const uint8_t *p = vrrp_read(r, n);
        uint64_t v = 0;

        for (size_t i = 0; p && i < n; i++)
                v = v << 8 | p[i];
        return v;
}

static inline uint8_t vrrp_read_u8(struct vrrp_reader *r) {
        return (uint8_t)vrrp_read_uint(r, 1);
}

static inline uint16_t vrrp_read_u16(struct vrrp_reader *r) {
        return (uint16_t)vrrp_read_uint(r, 2);
}

static inline uint32_t vrrp_read_u32(struct vrrp_reader *r) {
        return (uint32_t)vrrp_read_uint(r, 4);
}

static inline uint64_t vrrp_read_u64(struct vrrp_reader *r) {
        return vrrp_read_uint(r, 8);
}

/* Reserved: whoever sends anything but 0 there says what we don't understand. */
static inline void vrrp_read_zero(struct vrrp_reader *r, size_t n) {
        const uint8_t *p = vrrp_read(r, n);

        for (size_t i = 0; p && i < n; i++)
                r->bad = r->bad || p[i] != 0;
}

static inline void vrrp_read_bytes(struct vrrp_reader *r, void *out, size_t n) {
        const uint8_t *p = vrrp_read(r, n);

        if (p)
                memcpy(out, p, n);
        else
                memset(out, 0, n);
}

/* NULL when there is no room for n. */
static inline uint8_t *vrrp_write(struct vrrp_writer *w, size_t n) {
        uint8_t *p = w->p;

        if (w->bad || w->left < n) {
                w->bad = true;
                return NULL;
        }
        w->p += n;
        w->left -= n;
        return p;
}

static inline void vrrp_write_uint(struct vrrp_writer *w, uint64_t v, size_t n) {
        uint8_t *p = vrrp_write(w, n);

        for (size_t i = n; p && i-- > 0; v >>= 8)
                p[i] = (uint8_t)v;
}

static inline void vrrp_write_bytes(struct vrrp_writer *w, const void *from, size_t n) {
        uint8_t *p = vrrp_write(w, n);

        if (p && n > 0)
                memcpy(p, from, n);
}

#endif
