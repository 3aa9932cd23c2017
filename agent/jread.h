/* JSON objects read strictly, by a table: every field of the table present and of its type and
 * within its bounds, no other field. Pure; for files of our own and for what peers send. */
#ifndef AGENT_JREAD_H
#define AGENT_JREAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jread_type {
        JREAD_STRING, /* char[size]: size - 1 bytes at most, no control characters */
        JREAD_TEXT,   /* const char *: borrowed from the object; size bytes at most */
        JREAD_INT,    /* int64_t, min..max */
        JREAD_BOOL,   /* bool */
        JREAD_HEX,    /* uint8_t[size]: exactly that many bytes, lower case */
        JREAD_ARRAY,  /* json_t *, borrowed; size elements at most */
        JREAD_OBJECT, /* json_t *, borrowed */
};
struct jread_field { /* a table ends with a NULL name */
        const char *name;
        enum jread_type type;
        void *target;
        size_t size;
        int64_t min, max;
};

/* 0; -EBADMSG with *ret_bad (may be NULL) naming the field at fault: borrowed from table or object,
 * "" when `o` is no object. Targets are then undefined. */
int jread_object(const json_t *o, const struct jread_field *fields, const char **ret_bad);
/* One JSON document and nothing after it, no duplicate keys, no NUL in strings. NULL: malformed. */
json_t *jread_parse(const void *data, size_t size);

/* From here on everything that the JSON library frees is wiped first: for programs that carry keys in it.
 * Process-wide; call before anything else of JSON. */
void jread_wipe_on_free(void);

/* Lower case; out has 2 * size + 1 bytes. */
void hex_encode(const void *data, size_t size, char *out);
/* `text` must be 2 * size digits exactly, lower case. 0 or -EBADMSG. */
int hex_decode(const char *text, void *out, size_t size);

static inline void jread_decref(json_t **o) { /* CLEANUP(jread_decref) json_t *o = ... */
        json_decref(*o);
}

#endif
