#include "agent/jread.h"
#include "pki/file.h"
#include <errno.h>
#include <malloc.h>
#include <string.h>

void hex_encode(const void *data, size_t size, char *out) {
        static const char digits[] = "0123456789abcdef";
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i++) {
                out[2 * i] = digits[p[i] >> 4];
                out[2 * i + 1] = digits[p[i] & 15];
        }
        out[2 * size] = '\0';
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

int hex_decode(const char *text, void *out, size_t size) {
        uint8_t *p = out;

        if (strlen(text) != 2 * size)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++) {
                int hi = hex_value(text[2 * i]), lo = hex_value(text[2 * i + 1]);

                if (hi < 0 || lo < 0)
                        return -EBADMSG;
                p[i] = (uint8_t)(hi << 4 | lo);
        }
        return 0;
}

static int read_string(const json_t *v, char *out, size_t size) {
        size_t n = json_string_length(v);

        if (!json_is_string(v) || n >= size)
                return -EBADMSG;
        memcpy(out, json_string_value(v), n + 1);
        for (size_t i = 0; i < n; i++)
                if ((uint8_t)out[i] < 0x20 || out[i] == 0x7f)
                        return -EBADMSG;
        return 0;
}

static int read_text(const json_t *v, const char **out, size_t size) {
        if (!json_is_string(v) || json_string_length(v) > size)
                return -EBADMSG;
        *out = json_string_value(v);
        return 0;
}

static int read_int(const json_t *v, int64_t min, int64_t max, int64_t *out) {
        if (!json_is_integer(v))
                return -EBADMSG;
        *out = json_integer_value(v);
        return *out >= min && *out <= max ? 0 : -EBADMSG;
}

static int read_borrowed(json_t *v, int ok, json_t **out) {
        *out = v;
        return ok ? 0 : -EBADMSG;
}

static int read_field(json_t *v, const struct jread_field *f) {
        switch (f->type) {
        case JREAD_STRING:
                return read_string(v, f->target, f->size);
        case JREAD_TEXT:
                return read_text(v, f->target, f->size);
        case JREAD_INT:
                return read_int(v, f->min, f->max, f->target);
        case JREAD_BOOL:
                *(bool *)f->target = json_is_true(v);
                return json_is_boolean(v) ? 0 : -EBADMSG;
        case JREAD_HEX:
                return json_is_string(v) ? hex_decode(json_string_value(v), f->target, f->size) : -EBADMSG;
        case JREAD_ARRAY:
                return read_borrowed(v, json_is_array(v) && json_array_size(v) <= f->size, f->target);
        case JREAD_OBJECT:
                return read_borrowed(v, json_is_object(v), f->target);
        }
        return -EBADMSG;
}

static int known(const struct jread_field *fields, const char *name) {
        for (; fields->name; fields++)
                if (!strcmp(fields->name, name))
                        return 1;
        return 0;
}

int jread_object(const json_t *o, const struct jread_field *fields, const char **ret_bad) {
        const char *unused, **bad = ret_bad ? ret_bad : &unused;
        const char *key;
        json_t *v;

        *bad = "";
        if (!json_is_object(o))
                return -EBADMSG;
        for (const struct jread_field *f = fields; f->name; f++) {
                *bad = f->name;
                v = json_object_get(o, f->name);
                if (!v || read_field(v, f) < 0)
                        return -EBADMSG;
        }
        json_object_foreach((json_t *)o, key, v) {
                *bad = key;
                if (!known(fields, key))
                        return -EBADMSG;
        }
        *bad = NULL;
        return 0;
}

json_t *jread_parse(const void *data, size_t size) {
        return json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
}

static void wiping_free(void *p) {
        pki_wipe(p, malloc_usable_size(p));
        free(p);
}

void jread_wipe_on_free(void) {
        json_set_alloc_funcs(malloc, wiping_free);
}
