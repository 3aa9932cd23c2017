/* The statements of a TOML text one by one, with their places. For agent/toml.c. */
#ifndef AGENT_TOML_SCAN_H
#define AGENT_TOML_SCAN_H

#include "agent/toml.h"

struct toml_key {
        char part[TOML_MAX_DEPTH][TOML_MAX_KEY];
        size_t n;
};
enum toml_kind { TOML_END, TOML_TABLE, TOML_ARRAY_TABLE, TOML_PAIR };
struct toml_statement {
        enum toml_kind kind;
        struct toml_key key; /* as written: of a pair, relative to its table */
        size_t begin, end;   /* of its lines, line break included */
        size_t value, value_size;
        unsigned line;
        bool dotted; /* a pair whose key has several parts */
};
struct toml_cursor {
        const char *s;
        size_t n, at;
        unsigned line;
};

/* 0 or -EINVAL with *e. TOML_END at the end of the text. */
int toml_next(struct toml_cursor *c, struct toml_statement *ret, struct toml_error *e);

#endif
