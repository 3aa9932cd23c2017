#include "templates/scalar.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *s, const char *const *words) {
        for (; *words; words++)
                if (!strcmp(s, *words))
                        return true;
        return false;
}

static bool resolve_word(const char *s, struct tmpl_scalar *ret) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
        static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
                                           "on",   "On",   "ON",   "y",   "Y",   NULL };
        static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
                                          "off",   "Off",   "OFF",   "n",  "N",  NULL };

        if (is_one_of(s, nulls))
                ret->type = TMPL_NULL;
        else if (is_one_of(s, yes) || is_one_of(s, no))
                ret->type = TMPL_BOOL;
        else
                return false;
        ret->boolean = is_one_of(s, yes);
        return true;
}

/* Decimal, 0x, 0o and 0 (octal); what does not fit 64 bits is left to the floating form. */
static bool resolve_integer(const char *s, struct tmpl_scalar *ret) {
        const char *digits = s + (*s == '-' || *s == '+');
        int base = 10;
        char *end;

        if (!strncmp(digits, "0x", 2))
                base = 16;
        else if (digits[0] == '0' && digits[1])
                base = 8;
        if (!strncmp(digits, "0o", 2))
                digits += 2;
        if (*digits < '0' || *digits > '9')
                return false;
        errno = 0;
        ret->integer = strtoll(digits, &end, base);
        if (errno || *end)
                return false;
        if (*s == '-')
                ret->integer = -ret->integer;
        ret->number = (double)ret->integer;
        ret->type = TMPL_INT;
        return true;
}

static bool resolve_float(const char *s, struct tmpl_scalar *ret) {
        char *end;

        if (!s[strcspn(s, "0123456789")] || s[strspn(s, "0123456789+-.eE")])
                return false;
        ret->number = strtod(s, &end);
        if (*end)
                return false;
        ret->type = TMPL_FLOAT;
        return true;
}

bool tmpl_scalar_is_word(const char *s) {
        struct tmpl_scalar unused;

        return resolve_word(s, &unused);
}

void tmpl_scalar_resolve(const yaml_node_t *node, struct tmpl_scalar *ret) {
        *ret = (struct tmpl_scalar){
                .type = TMPL_STRING,
                .text = (const char *)node->data.scalar.value,
                .tag = (const char *)node->tag,
                .size = node->data.scalar.length,
        };
        if (strcmp(ret->tag, YAML_DEFAULT_SCALAR_TAG) != 0) {
                ret->type = TMPL_TAGGED;
                return;
        }
        if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || strlen(ret->text) != ret->size)
                return;
        if (!resolve_word(ret->text, ret) && !resolve_integer(ret->text, ret))
                resolve_float(ret->text, ret);
}

static bool is_number(const struct tmpl_scalar *s) {
        return s->type == TMPL_INT || s->type == TMPL_FLOAT;
}

bool tmpl_scalar_equal(const struct tmpl_scalar *a, const struct tmpl_scalar *b) {
        if (is_number(a) && is_number(b))
                return a->type == TMPL_INT && b->type == TMPL_INT ? a->integer == b->integer
                                                                  : a->number == b->number;
        if (a->type != b->type)
                return false;
        if (a->type == TMPL_NULL)
                return true;
        if (a->type == TMPL_BOOL)
                return a->boolean == b->boolean;
        return !strcmp(a->tag, b->tag) && a->size == b->size && !memcmp(a->text, b->text, a->size);
}
