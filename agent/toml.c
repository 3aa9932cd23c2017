#include "agent/toml.h"
#include "agent/toml_scan.h"
#include "pki/util.h"
#include <ctype.h>
#include <errno.h>

static int refuse(struct toml_error *e, unsigned line, const char *what) {
        e->line = line;
        snprintf(e->what, sizeof e->what, "%s", what);
        return -EINVAL;
}

static size_t path_length(const char *const *path) {
        size_t n = 0;

        while (path[n])
                n++;
        return n;
}

/* How many parts the beginnings of both have in common. */
static size_t common(const struct toml_key *k, const char *const *path) {
        size_t n = 0;

        while (n < k->n && path[n] && !strcmp(k->part[n], path[n]))
                n++;
        return n;
}

/* The full path of a pair; array: in a table of an array, whose settings have no path. */
struct place {
        struct toml_key table, full;
        bool array;
};

static int enter(struct place *p, const struct toml_statement *s, struct toml_error *e) {
        if (s->kind != TOML_PAIR) {
                p->table = s->key;
                p->array = s->kind == TOML_ARRAY_TABLE;
                return 0;
        }
        p->full = p->table;
        if (p->full.n + s->key.n > TOML_MAX_DEPTH)
                return refuse(e, s->line, "a key has too many parts");
        for (size_t i = 0; i < s->key.n; i++)
                memcpy(p->full.part[p->full.n++], s->key.part[i], TOML_MAX_KEY);
        return 0;
}

/* What the whole text has of a setting. */
struct found {
        size_t value, value_size;      /* size 0: the setting is not there */
        size_t table_end, table_begin; /* of the line of its table's name; 0 and 0: there is none */
        bool under;                    /* the path is a table, by name or by what is in it */
        unsigned obstacle;             /* the line that keeps a new setting from being added; 0: none */
        const char *why;
};

static int see_pair(struct found *f, const struct place *p, const struct toml_statement *s,
                    const char *const *path, size_t n, const char *text, struct toml_error *e) {
        size_t k = common(&p->full, path);

        if (p->array) {
                if (common(&p->table, path) == p->table.n && p->table.n < n) {
                        f->obstacle = s->line;
                        f->why = "the setting is in an array of tables";
                }
                return 0;
        }
        if (k == n && p->full.n > n)
                f->under = true;
        if (k == p->full.n && k < n) {
                f->obstacle = s->line;
                f->why = text[s->value] == '{' ? "the setting is in a table on one line: write it as [table]"
                                               : "this is a value, not a table";
        } else if (s->dotted && n - 1 > p->table.n && p->full.n >= n && k >= n - 1) {
                f->obstacle = s->line;
                f->why = "its table is written with dotted keys: write it as [table]";
        }
        if (k != n || p->full.n != n)
                return 0;
        if (f->value_size)
                return refuse(e, s->line, "the setting is there twice");
        f->value = s->value;
        f->value_size = s->value_size;
        return 0;
}

static void see_table(struct found *f, const struct toml_statement *s, const char *const *path, size_t n) {
        size_t k = common(&s->key, path);

        if (k == n)
                f->under = true;
        if (k + 1 == n && s->key.n == k && s->kind == TOML_TABLE && !f->table_end) {
                f->table_begin = s->begin;
                f->table_end = s->end;
        }
        if (s->kind == TOML_ARRAY_TABLE && k == s->key.n && k < n) {
                f->obstacle = s->line;
                f->why = "the setting is in an array of tables";
        }
}

static int find(const char *text, size_t size, const char *const *path, struct found *f,
                struct toml_error *e) {
        struct toml_cursor c = { .s = text, .n = size, .line = 1 };
        struct place p = { 0 };
        struct toml_statement s;
        size_t n = path_length(path);
        int r;

        *f = (struct found){ 0 };
        for (;;) {
                if ((r = toml_next(&c, &s, e)) < 0 || (r = enter(&p, &s, e)) < 0)
                        return r;
                if (s.kind == TOML_END)
                        return 0;
                if (s.kind != TOML_PAIR)
                        see_table(f, &s, path, n);
                else if ((r = see_pair(f, &p, &s, path, n, text, e)) < 0)
                        return r;
        }
}

int toml_get(const char *text, size_t size, const char *const *path, const char **ret, size_t *ret_size,
             struct toml_error *e) {
        struct found f;
        int r = find(text, size, path, &f, e);

        if (r < 0)
                return r;
        if (!f.value_size)
                return f.obstacle && strstr(f.why, "on one line") ? refuse(e, f.obstacle, f.why) : 0;
        *ret = text + f.value;
        *ret_size = f.value_size;
        return 1;
}

int toml_has(const char *text, size_t size, const char *const *path, struct toml_error *e) {
        struct found f;
        int r = find(text, size, path, &f, e);

        return r < 0 ? r : f.under || f.value_size > 0;
}

int toml_get_string(const char *text, size_t size, const char *const *path, char **ret,
                    struct toml_error *e) {
        const char *v;
        size_t n;
        int r = toml_get(text, size, path, &v, &n, e);

        if (r <= 0)
                return r;
        if (n < 2 || (*v != '"' && *v != '\'') || v[n - 1] != *v || (n >= 6 && v[1] == *v) ||
            (*v == '"' && memchr(v, '\\', n)))
                return refuse(e, 0, "the value is not a plain string on one line");
        *ret = strndup(v + 1, n - 2);
        return *ret ? 1 : -ENOMEM;
}

/* text[0..at) + middle + text[from..size) */
static int splice(const char *text, size_t size, size_t at, const char *middle, size_t from, char **ret,
                  size_t *ret_size) {
        size_t n = strlen(middle);
        char *out = malloc(at + n + (size - from) + 1);

        if (!out)
                return -ENOMEM;
        memcpy(out, text, at);
        memcpy(out + at, middle, n);
        memcpy(out + at + n, text + from, size - from);
        *ret_size = at + n + (size - from);
        out[*ret_size] = '\0';
        *ret = out;
        return 1;
}

static bool bare(const char *s) {
        bool ok = *s;

        for (; *s; s++)
                ok &= isalnum((unsigned char)*s) || *s == '_' || *s == '-';
        return ok;
}

char *toml_quote(const char *s) {
        char *out = malloc(6 * strlen(s) + 3), *o = out;

        if (!out)
                return NULL;
        *o++ = '"';
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        *o++ = '\\';
                if ((unsigned char)*s < ' ' || *s == 0x7f)
                        o += snprintf(o, 7, "\\u%04x", (unsigned char)*s);
                else
                        *o++ = *s;
        }
        *o++ = '"';
        *o = '\0';
        return out;
}

static int put_key(FILE *f, const char *part) {
        CLEANUP(freep) char *quoted = bare(part) ? NULL : toml_quote(part);

        if (!bare(part) && !quoted)
                return -ENOMEM;
        fputs(quoted ? quoted : part, f);
        return 0;
}

/* The new lines; table: its name, too. */
static int new_lines(const char *indent, int indent_size, const char *const *path, size_t n, bool table,
                     bool gap, const char *value, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);
        int r = 0;

        if (!f)
                return -ENOMEM;
        if (table) {
                fputs(gap ? "\n[" : "[", f);
                for (size_t i = 0; i + 1 < n && r == 0; i++) {
                        fputs(i ? "." : "", f);
                        r = put_key(f, path[i]);
                }
                fputs("]\n", f);
        }
        fprintf(f, "%.*s", indent_size, indent);
        if (r == 0)
                r = put_key(f, path[n - 1]);
        fprintf(f, " = %s\n", value);
        if (fclose(f) != 0)
                r = -ENOMEM;
        return r;
}

/* In its table, the line after the table's name, two columns further in than that. */
static int add_to_table(const char *text, size_t size, const struct found *f, const char *const *path,
                        const char *value, char **ret, size_t *ret_size) {
        CLEANUP(freep) char *line = NULL;
        char indent[64] = "";
        size_t k = 0, n = path_length(path);
        bool broken = f->table_end && text[f->table_end - 1] != '\n';
        char *joined;
        int r;

        while (n > 1 && k + 4 < sizeof indent && strchr(" \t", text[f->table_begin + k]))
                k++;
        if (n > 1)
                snprintf(indent, sizeof indent, "%s%.*s  ", broken ? "\n" : "", (int)k,
                         text + f->table_begin);
        if ((r = new_lines(indent, (int)strlen(indent), path, n, false, false, value, &line)) < 0)
                return r;
        joined = line;
        return splice(text, size, f->table_end, joined, f->table_end, ret, ret_size);
}

static int add_table(const char *text, size_t size, const char *const *path, const char *value, char **ret,
                     size_t *ret_size) {
        CLEANUP(freep) char *lines = NULL;
        CLEANUP(freep) char *whole = NULL;
        bool broken = size > 0 && text[size - 1] != '\n';
        int r = new_lines("  ", 2, path, path_length(path), true, size > 0, value, &lines);

        if (r < 0)
                return r;
        if (asprintf(&whole, "%s%s", broken ? "\n" : "", lines) < 0)
                return -ENOMEM;
        return splice(text, size, size, whole, size, ret, ret_size);
}

int toml_set(const char *text, size_t size, const char *const *path, const char *value, char **ret,
             size_t *ret_size, struct toml_error *e) {
        struct found f;
        int r = find(text, size, path, &f, e);

        if (r < 0)
                return r;
        if (f.value_size) {
                size_t n = strlen(value);
                bool same = f.value_size == n && !memcmp(text + f.value, value, n);

                r = splice(text, size, f.value, value, f.value + f.value_size, ret, ret_size);
                return r < 0 ? r : !same;
        }
        if (f.under)
                return refuse(e, 0, "the setting is there as a table");
        if (f.obstacle)
                return refuse(e, f.obstacle, f.why);
        if (f.table_end || path_length(path) == 1)
                return add_to_table(text, size, &f, path, value, ret, ret_size);
        return add_table(text, size, path, value, ret, ret_size);
}
