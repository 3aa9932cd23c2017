#include "agent/grpc.h"
#include <ctype.h>
#include <errno.h>

enum { PREFIX = 5, FIRST_CAPACITY = 4096 };

static size_t body_size(const uint8_t *prefix) {
        return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
}

static int make_room(struct grpc_frames *f, size_t want) {
        size_t capacity = f->capacity ? f->capacity : FIRST_CAPACITY;
        uint8_t *data;

        while (capacity < want)
                capacity *= 2;
        if (capacity == f->capacity)
                return 0;
        if (!(data = realloc(f->data, capacity)))
                return -ENOMEM;
        f->data = data;
        f->capacity = capacity;
        return 0;
}

/* Bytes of the message that is under way which are still to come. */
static int missing(const struct grpc_frames *f, size_t *ret) {
        size_t body;

        if (f->size < PREFIX) {
                *ret = PREFIX - f->size;
                return 0;
        }
        if (f->data[0] != 0)
                return -EPROTO;
        if ((body = body_size(f->data)) > GRPC_MAX_MESSAGE)
                return -EMSGSIZE;
        *ret = PREFIX + body - f->size;
        return 0;
}

int grpc_frames_feed(struct grpc_frames *f, const void *data, size_t size, grpc_reply_fn reply,
                     void *userdata) {
        const uint8_t *at = data;
        size_t want;
        int r;

        while (size) {
                if ((r = missing(f, &want)) < 0)
                        return r;
                want = want < size ? want : size;
                if ((r = make_room(f, f->size + want)) < 0)
                        return r;
                memcpy(f->data + f->size, at, want);
                f->size += want;
                at += want;
                size -= want;
                if ((r = missing(f, &want)) < 0)
                        return r;
                if (want || f->size < PREFIX)
                        continue;
                want = f->size - PREFIX;
                f->size = 0;
                if (reply && (r = reply(userdata, f->data + PREFIX, want)) < 0)
                        return r;
        }
        return 0;
}

void grpc_frames_done(struct grpc_frames *f) {
        free(f->data);
        *f = (struct grpc_frames){ 0 };
}

static int hex(char c) {
        return isdigit((unsigned char)c)    ? c - '0'
               : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                            : -1;
}

void grpc_unescape(const char *in, size_t size, char *out, size_t out_size) {
        size_t n = 0;

        for (size_t i = 0; i < size && n + 1 < out_size; i++) {
                char c = in[i];

                if (c == '%' && i + 2 < size && hex(in[i + 1]) >= 0 && hex(in[i + 2]) >= 0) {
                        c = (char)(16 * hex(in[i + 1]) + hex(in[i + 2]));
                        i += 2;
                }
                /* Goes to a terminal, on one line. */
                out[n++] = (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
        }
        out[n] = '\0';
}
