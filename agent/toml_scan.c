#include "agent/toml_scan.h"
#include "pki/util.h"
#include <ctype.h>
#include <errno.h>

enum { MAX_NESTING = 32 };

static int bad(const struct toml_cursor *c, struct toml_error *e, const char *what) {
        e->line = c->line;
        snprintf(e->what, sizeof e->what, "%s", what);
        return -EINVAL;
}

static int peek(const struct toml_cursor *c) {
        return c->at < c->n ? (unsigned char)c->s[c->at] : -1;
}

static bool ahead(const struct toml_cursor *c, const char *s) {
        size_t k = strlen(s);

        return c->n - c->at >= k && !memcmp(c->s + c->at, s, k);
}

static void spaces(struct toml_cursor *c) {
        while (peek(c) == ' ' || peek(c) == '\t')
                c->at++;
}

static bool line_break(struct toml_cursor *c) {
        if (ahead(c, "\r\n"))
                c->at++;
        if (peek(c) != '\n')
                return false;
        c->at++;
        c->line++;
        return true;
}

static void comment(struct toml_cursor *c) {
        if (peek(c) == '#')
                while (c->at < c->n && c->s[c->at] != '\n')
                        c->at++;
}

/* Nothing but a comment may follow on the line. */
static int rest_of_line(struct toml_cursor *c, struct toml_error *e) {
        spaces(c);
        comment(c);
        return line_break(c) || c->at == c->n ? 0 : bad(c, e, "something follows where the line should end");
}

static void blank(struct toml_cursor *c) {
        do {
                spaces(c);
                comment(c);
        } while (line_break(c));
}

/* Over a string on one line; the quotes included. */
static int short_string(struct toml_cursor *c, struct toml_error *e) {
        int quote = peek(c);

        for (c->at++; c->at < c->n && c->s[c->at] != '\n'; c->at++) {
                if (c->s[c->at] == quote)
                        return c->at++, 0;
                if (quote == '"' && c->s[c->at] == '\\' && c->at + 1 < c->n)
                        c->at++;
        }
        return bad(c, e, "a string has no end");
}

/* Up to two quotes may stand before the three that end it. */
static int long_string(struct toml_cursor *c, const char *quotes, struct toml_error *e) {
        for (c->at += 3; c->at < c->n; c->at++) {
                if (ahead(c, quotes)) {
                        c->at += 3;
                        for (unsigned i = 0; i < 2 && peek(c) == *quotes; i++)
                                c->at++;
                        return 0;
                }
                if (*quotes == '"' && c->s[c->at] == '\\' && c->at + 1 < c->n)
                        c->at++;
                c->line += c->s[c->at] == '\n';
        }
        return bad(c, e, "a string has no end");
}

static int string(struct toml_cursor *c, struct toml_error *e) {
        if (ahead(c, "\"\"\""))
                return long_string(c, "\"\"\"", e);
        if (ahead(c, "'''"))
                return long_string(c, "'''", e);
        return short_string(c, e);
}

/* A quoted part of a key, its quotes taken off. Escapes other than of quotes and backslash are for names that
 * nobody gives a table. */
static int quoted_part(struct toml_cursor *c, char out[TOML_MAX_KEY], struct toml_error *e) {
        int quote = peek(c);
        size_t from = c->at + 1, n = 0;

        if (short_string(c, e) < 0)
                return -EINVAL;
        for (size_t i = from; i + 1 < c->at; i++) {
                if (quote == '"' && c->s[i] == '\\' && ++i + 1 < c->at && c->s[i] != '"' && c->s[i] != '\\')
                        return bad(c, e, "a key has an escape that is not read here");
                if (n + 1 >= TOML_MAX_KEY || c->s[i] == '\0')
                        return bad(c, e, "a key is too long, or has a NUL");
                out[n++] = c->s[i];
        }
        out[n] = '\0';
        return 0;
}

static int bare_part(struct toml_cursor *c, char out[TOML_MAX_KEY], struct toml_error *e) {
        size_t n = 0;

        while (c->at < c->n && (isalnum(peek(c)) || peek(c) == '_' || peek(c) == '-')) {
                if (n + 1 >= TOML_MAX_KEY)
                        return bad(c, e, "a key is too long");
                out[n++] = c->s[c->at++];
        }
        out[n] = '\0';
        return n > 0 ? 0 : bad(c, e, "here should be a key");
}

static int key(struct toml_cursor *c, struct toml_key *ret, struct toml_error *e) {
        ret->n = 0;
        for (;;) {
                bool quoted;

                spaces(c);
                if (ret->n == TOML_MAX_DEPTH)
                        return bad(c, e, "a key has too many parts");
                quoted = peek(c) == '"' || peek(c) == '\'';
                if ((quoted ? quoted_part : bare_part)(c, ret->part[ret->n], e) < 0)
                        return -EINVAL;
                ret->n++;
                spaces(c);
                if (peek(c) != '.')
                        return 0;
                c->at++;
        }
}

static int scalar(struct toml_cursor *c, struct toml_error *e) {
        size_t from = c->at;

        while (c->at < c->n && c->s[c->at] && !strchr(",]}#\r\n", c->s[c->at]))
                c->at++;
        while (c->at > from && (c->s[c->at - 1] == ' ' || c->s[c->at - 1] == '\t'))
                c->at--;
        return c->at > from ? 0 : bad(c, e, "here should be a value");
}

static int value(struct toml_cursor *c, unsigned depth, struct toml_error *e);

static int array(struct toml_cursor *c, unsigned depth, struct toml_error *e) {
        for (c->at++;;) {
                blank(c);
                if (peek(c) == ']')
                        return c->at++, 0;
                if (value(c, depth + 1, e) < 0)
                        return -EINVAL;
                blank(c);
                if (peek(c) == ',')
                        c->at++;
                else if (peek(c) != ']')
                        return bad(c, e, "an array has no end");
        }
}

static int inline_table(struct toml_cursor *c, unsigned depth, struct toml_error *e) {
        struct toml_key k;

        c->at++;
        spaces(c);
        while (peek(c) != '}') {
                if (key(c, &k, e) < 0)
                        return -EINVAL;
                if (peek(c) != '=')
                        return bad(c, e, "in a table on one line, = is missing");
                c->at++;
                if (value(c, depth + 1, e) < 0)
                        return -EINVAL;
                spaces(c);
                if (peek(c) == ',') {
                        c->at++;
                        spaces(c);
                } else if (peek(c) != '}')
                        return bad(c, e, "a table on one line has no end");
        }
        c->at++;
        return 0;
}

static int value(struct toml_cursor *c, unsigned depth, struct toml_error *e) {
        if (depth > MAX_NESTING)
                return bad(c, e, "values are nested too deep");
        spaces(c);
        switch (peek(c)) {
        case '"':
        case '\'':
                return string(c, e);
        case '[':
                return array(c, depth, e);
        case '{':
                return inline_table(c, depth, e);
        default:
                return scalar(c, e);
        }
}

static int header(struct toml_cursor *c, struct toml_statement *ret, struct toml_error *e) {
        bool twice = ahead(c, "[[");

        ret->kind = twice ? TOML_ARRAY_TABLE : TOML_TABLE;
        c->at += twice ? 2 : 1;
        if (key(c, &ret->key, e) < 0)
                return -EINVAL;
        if (!ahead(c, twice ? "]]" : "]"))
                return bad(c, e, "the name of a table has no end");
        c->at += twice ? 2 : 1;
        return rest_of_line(c, e);
}

static int pair(struct toml_cursor *c, struct toml_statement *ret, struct toml_error *e) {
        ret->kind = TOML_PAIR;
        if (key(c, &ret->key, e) < 0)
                return -EINVAL;
        ret->dotted = ret->key.n > 1;
        if (peek(c) != '=')
                return bad(c, e, "here should be =");
        c->at++;
        spaces(c);
        ret->value = c->at;
        if (value(c, 0, e) < 0)
                return -EINVAL;
        ret->value_size = c->at - ret->value;
        return rest_of_line(c, e);
}

int toml_next(struct toml_cursor *c, struct toml_statement *ret, struct toml_error *e) {
        int r;

        ret->kind = TOML_END;
        ret->dotted = false;
        do {
                ret->begin = c->at;
                spaces(c);
                comment(c);
        } while (line_break(c));
        if (c->at == c->n)
                return 0;
        ret->line = c->line;
        r = peek(c) == '[' ? header(c, ret, e) : pair(c, ret, e);
        ret->end = c->at;
        return r;
}
