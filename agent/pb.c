#include "agent/pb.h"
#include "pki/file.h"
#include <errno.h>

enum { WIRE_VARINT, WIRE_64, WIRE_DATA, WIRE_32 = 5 };
enum { MAX_VARINT = 10, MAX_FIELD = 536870911 };

void pb_out_done(struct pb_out *o) {
        if (o->data)
                pki_wipe(o->data, o->capacity);
        free(o->data);
        *o = (struct pb_out){ 0 };
}

static bool make_room(struct pb_out *o, size_t more) {
        size_t capacity = o->capacity ? o->capacity : 64;
        uint8_t *data;

        if (o->failed || more > SIZE_MAX / 2 - o->size) {
                o->failed = true;
                return false;
        }
        while (capacity < o->size + more)
                capacity *= 2;
        if (capacity == o->capacity)
                return true;
        if (!(data = malloc(capacity))) {
                o->failed = true;
                return false;
        }
        if (o->data) {
                memcpy(data, o->data, o->size);
                pki_wipe(o->data, o->size);
                free(o->data);
        }
        o->data = data;
        o->capacity = capacity;
        return true;
}

static void append(struct pb_out *o, const void *data, size_t size) {
        if (!make_room(o, size) || !size)
                return;
        memcpy(o->data + o->size, data, size);
        o->size += size;
}

static void varint(struct pb_out *o, uint64_t v) {
        uint8_t bytes[MAX_VARINT];
        size_t n = 0;

        do {
                bytes[n] = (uint8_t)(v & 0x7f);
                v >>= 7;
                bytes[n++] |= v ? 0x80 : 0;
        } while (v);
        append(o, bytes, n);
}

static void data_field(struct pb_out *o, unsigned field, const void *data, size_t size) {
        varint(o, (uint64_t)field << 3 | WIRE_DATA);
        varint(o, size);
        append(o, data, size);
}

void pb_number(struct pb_out *o, unsigned field, uint64_t value) {
        if (!value)
                return;
        varint(o, (uint64_t)field << 3 | WIRE_VARINT);
        varint(o, value);
}

void pb_text(struct pb_out *o, unsigned field, const char *s) {
        if (s && *s)
                data_field(o, field, s, strlen(s));
}

void pb_bytes(struct pb_out *o, unsigned field, const void *data, size_t size) {
        if (size)
                data_field(o, field, data, size);
}

void pb_sub(struct pb_out *o, unsigned field, struct pb_out *sub) {
        o->failed = o->failed || sub->failed;
        data_field(o, field, sub->data, sub->size);
        pb_out_done(sub);
}

void pb_entry(struct pb_out *o, unsigned field, const char *key, const char *value) {
        struct pb_out entry = { 0 };

        pb_text(&entry, 1, key);
        pb_text(&entry, 2, value);
        pb_sub(o, field, &entry);
}

static int read_varint(struct pb_in *in, uint64_t *ret) {
        uint64_t v = 0;

        for (unsigned i = 0; i < MAX_VARINT && in->at < in->end; i++) {
                uint8_t b = *in->at++;

                if (i == MAX_VARINT - 1 && b > 1)
                        return -EBADMSG; /* beyond 64 bits */
                v |= (uint64_t)(b & 0x7f) << (7 * i);
                if (!(b & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int read_fixed(struct pb_in *in, unsigned bytes, uint64_t *ret) {
        uint64_t v = 0;

        if ((size_t)(in->end - in->at) < bytes)
                return -EBADMSG;
        for (unsigned i = 0; i < bytes; i++)
                v |= (uint64_t)in->at[i] << (8 * i);
        in->at += bytes;
        *ret = v;
        return 0;
}

static int read_data(struct pb_in *in, struct pb_value *v) {
        uint64_t size;

        if (read_varint(in, &size) < 0 || size > (size_t)(in->end - in->at))
                return -EBADMSG;
        v->is_data = true;
        v->data = in->at;
        v->size = (size_t)size;
        in->at += size;
        return 0;
}

int pb_next(struct pb_in *in, struct pb_value *ret) {
        uint64_t key;
        int r;

        if (in->at == in->end)
                return 0;
        *ret = (struct pb_value){ 0 };
        if (read_varint(in, &key) < 0 || key >> 3 == 0 || key >> 3 > MAX_FIELD)
                return -EBADMSG;
        ret->field = (unsigned)(key >> 3);
        switch (key & 7) {
        case WIRE_VARINT:
                r = read_varint(in, &ret->number);
                break;
        case WIRE_64:
                r = read_fixed(in, 8, &ret->number);
                break;
        case WIRE_32:
                r = read_fixed(in, 4, &ret->number);
                break;
        case WIRE_DATA:
                r = read_data(in, ret);
                break;
        default:
                r = -EBADMSG;
        }
        return r < 0 ? r : 1;
}

int pb_find(struct pb_in in, unsigned field, struct pb_value *ret) {
        struct pb_value v;
        bool found = false;
        int r;

        while ((r = pb_next(&in, &v)) > 0) {
                if (v.field == field && !found) {
                        *ret = v;
                        found = true;
                }
        }
        return r < 0 ? r : found;
}

int pb_copy_text(const struct pb_value *v, char **ret) {
        char *text;

        if (!v->is_data || memchr(v->data, '\0', v->size))
                return -EBADMSG;
        if (!(text = strndup((const char *)v->data, v->size)))
                return -ENOMEM;
        free(*ret);
        *ret = text;
        return 0;
}

int pb_copy_entry(const struct pb_value *v, char **ret_key, char **ret_value) {
        CLEANUP(freep) char *key = strdup("");
        CLEANUP(freep) char *value = strdup("");
        struct pb_in in = pb_within(v);
        struct pb_value part;
        int r;

        if (!key || !value)
                return -ENOMEM;
        if (!v->is_data)
                return -EBADMSG;
        while ((r = pb_next(&in, &part)) > 0) {
                if (part.field == 1)
                        r = pb_copy_text(&part, &key);
                else if (part.field == 2)
                        r = pb_copy_text(&part, &value);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret_key = TAKE_PTR(key);
        *ret_value = TAKE_PTR(value);
        return 0;
}
