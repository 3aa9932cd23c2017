/* The wire format of protocol buffers, as far as gRPC interfaces of container runtimes need it: varints,
 * texts, bytes and messages within messages. Field numbers are those of the interfaces' public
 * definitions. Fields that are not known are skipped, as the format wants it; fixed-width ones too. */
#ifndef AGENT_PB_H
#define AGENT_PB_H

#include "pki/util.h"
#include <stdbool.h>
#include <stdint.h>

/* A message being written. Starts as zeroes; what fails (memory) sticks in `failed`, so that only the end
 * needs to ask. There may be passwords in it: memory is wiped before it is given back. */
struct pb_out {
        uint8_t *data;
        size_t size, capacity;
        bool failed;
};

void pb_out_done(struct pb_out *o);
/* As the third version of the language has it: a number of 0 and an empty text are left out. */
void pb_number(struct pb_out *o, unsigned field, uint64_t value);
void pb_text(struct pb_out *o, unsigned field, const char *s); /* NULL: left out */
void pb_bytes(struct pb_out *o, unsigned field, const void *data, size_t size);
/* A message within; empty ones are written, too. Consumes `sub`. */
void pb_sub(struct pb_out *o, unsigned field, struct pb_out *sub);
/* One entry of a map from text to text. */
void pb_entry(struct pb_out *o, unsigned field, const char *key, const char *value);

/* A message being read; borrows the bytes. */
struct pb_in {
        const uint8_t *at, *end;
};
struct pb_value {
        unsigned field;
        bool is_data;        /* data and size are valid, else number */
        uint64_t number;     /* varint, or fixed width */
        const uint8_t *data; /* text, bytes or message: within what is read */
        size_t size;
};

static inline struct pb_in pb_in(const void *data, size_t size) {
        const uint8_t *at = data;

        return (struct pb_in){ at, at ? at + size : at };
}
static inline struct pb_in pb_within(const struct pb_value *v) {
        return pb_in(v->data, v->is_data ? v->size : 0);
}
/* The next field: 1, 0 at the end, -EBADMSG when it is cut off or no such thing. */
int pb_next(struct pb_in *in, struct pb_value *ret);
/* The first field of that number, the message being read to its end: 1, 0 there is none, -EBADMSG. */
int pb_find(struct pb_in in, unsigned field, struct pb_value *ret);
/* A copy of a text, ended by a zero byte; frees what *ret held (the last one counts). -EBADMSG when there is
 * a zero byte in it, or it is no text; -ENOMEM. */
int pb_copy_text(const struct pb_value *v, char **ret);
/* Key and value of a map's entry, both to be freed; one that is absent is "". */
int pb_copy_entry(const struct pb_value *v, char **ret_key, char **ret_value);

static inline void pb_out_donep(struct pb_out *o) {
        pb_out_done(o);
}

#endif
