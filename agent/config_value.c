/* How single values are read from YAML: kubeadm's strictness about types, ranges, choices. */
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include "agent/duration.h"
#include "pki/file.h"
#include <errno.h>

static int want_scalar(struct config_reader *r, const struct ynode *n, const char *wanted) {
        if (n->kind != YNODE_SCALAR)
                return config_fail(r, n, "must be %s, not %s", wanted, ynode_describe(n));
        if (n->type == YTYPE_NULL)
                return config_fail(r, n, "must be %s, but is empty; give a value or leave the line out",
                                   wanted);
        return 0;
}

/* A plain 007 or yes is a number or a truth value to YAML: which text was meant is not known. */
int config_want_string(struct config_reader *r, const struct ynode *n) {
        int k = want_scalar(r, n, "a string");

        if (k < 0 || n->type == YTYPE_STRING || n->type == YTYPE_ANY)
                return k;
        return config_fail(r, n, "must be a string, but %s is %s in YAML; write it in quotes: \"%s\"",
                           n->value, ynode_describe(n), n->value);
}

int config_bad_value(struct config_reader *r, const struct ynode *n, const char *what) {
        return config_fail(r, n, "\"%s\" %s", n->value, what);
}

void config_done_string(const struct field *f, void *target) {
        (void)f;
        free(*(char **)target);
        *(char **)target = NULL;
}

void config_done_secret(const struct field *f, void *target) {
        (void)f;
        pki_wipe_free(*(char **)target);
        *(char **)target = NULL;
}

/* Flags come from outside YAML, which has only UTF-8. */
static bool is_utf8(const char *s) {
        static const unsigned least[] = { 0, 0x80, 0x800, 0x10000 };
        const unsigned char *p = (const unsigned char *)s;

        while (*p) {
                unsigned more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
                unsigned code = *p & (0x7fU >> (more ? more + 1 : 0));

                if (*p >= 0xf8 || (*p >= 0x80 && *p < 0xc0))
                        return false;
                p++;
                for (unsigned i = 0; i < more; i++, p++) {
                        if ((*p & 0xc0) != 0x80)
                                return false;
                        code = code << 6 | (*p & 0x3f);
                }
                if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                        return false;
        }
        return true;
}

static int set_string(struct config_reader *r, char **target, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return config_no_memory(r);
        free(*target);
        *target = copy;
        return 0;
}

static int check_string(struct config_reader *r, const struct field *f, const struct ynode *n) {
        const char *wrong;
        int k = config_want_string(r, n);

        if (k < 0)
                return k;
        if (n->type == YTYPE_ANY && !is_utf8(n->value))
                return config_fail(r, n, "the value is not UTF-8");
        wrong = f->check ? f->check(n->value) : NULL;
        return wrong ? config_bad_value(r, n, wrong) : 0;
}

int config_read_string(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        int k = check_string(r, f, n);

        return k < 0 ? k : set_string(r, target, n->value);
}

int config_read_bool(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        int k = want_scalar(r, n, "true or false");

        (void)f;
        if (k < 0)
                return k;
        if ((n->type != YTYPE_BOOL && n->type != YTYPE_ANY) ||
            (strcasecmp(n->value, "true") != 0 && strcasecmp(n->value, "false") != 0))
                return config_bad_value(r, n, "must be true or false");
        *(bool *)target = !strcasecmp(n->value, "true");
        return 0;
}

static void store_int(void *target, size_t size, uint64_t value) {
        if (size == sizeof(uint8_t))
                *(uint8_t *)target = (uint8_t)value;
        else if (size == sizeof(uint16_t))
                *(uint16_t *)target = (uint16_t)value;
        else
                *(uint32_t *)target = (uint32_t)value;
}

int config_read_int(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        uint64_t value;
        int k = want_scalar(r, n, "a number");

        if (k < 0)
                return k;
        if ((n->type != YTYPE_INT && n->type != YTYPE_ANY) || !decimal_parse(n->value, 0, UINT64_MAX, &value))
                return config_bad_value(r, n,
                                        n->type == YTYPE_STRING &&
                                                        decimal_parse(n->value, 0, UINT64_MAX, &value)
                                                ? "must be a number; write it without quotes"
                                                : "must be a whole decimal number");
        if (value < f->min || value > f->max)
                return config_fail(r, n, "%s is out of range; it must be from %llu to %llu", n->value,
                                   (unsigned long long)f->min, (unsigned long long)f->max);
        store_int(target, f->size, value);
        return 0;
}

int config_take_duration(struct config_reader *r, const struct field *f, const struct ynode *n,
                         uint64_t *ret_us) {
        char min[DURATION_SIZE], max[DURATION_SIZE];
        int k = want_scalar(r, n, "a duration");

        if (k < 0)
                return k;
        k = n->type == YTYPE_STRING || n->type == YTYPE_ANY ? duration_parse(n->value, ret_us) : -EINVAL;
        if (k == -EINVAL)
                return config_bad_value(r, n, "must be a duration with its unit, such as 250ms, 5s or 1h30m");
        if (k < 0 || *ret_us < f->min || *ret_us > f->max) {
                duration_format(f->min, min);
                duration_format(f->max, max);
                return config_fail(r, n, "%s is out of range; it must be from %s to %s", n->value, min, max);
        }
        return 0;
}

int config_read_duration(struct config_reader *r, const struct field *f, const struct ynode *n,
                         void *target) {
        uint64_t us = 0;
        int k = config_take_duration(r, f, n, &us);

        if (k == 0)
                *(uint32_t *)target = (uint32_t)us;
        return k;
}

int config_read_seconds(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        uint64_t us = 0;
        int k = config_take_duration(r, f, n, &us);

        if (k == 0)
                *(double *)target = (double)us / 1e6;
        return k;
}

int config_read_choice(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        char names[160] = "";
        int k = config_want_string(r, n);

        if (k < 0)
                return k;
        for (const struct choice *c = f->choices; c->name; c++) {
                size_t len = strlen(names);

                if (!strcmp(c->name, n->value)) {
                        *(unsigned *)target = (unsigned)c->value;
                        return 0;
                }
                snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", c->name);
        }
        return config_fail(r, n, "unknown value \"%s\"; it may be: %s", n->value, names);
}

void config_done_strings(const struct field *f, void *target) {
        struct str_list *list = target;

        (void)f;
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i]);
        free(list->items);
        *list = (struct str_list){ 0 };
}

int config_read_strings(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        struct str_list *list = target;
        int k;

        config_done_strings(f, list);
        if (n->kind == YNODE_SCALAR && n->type == YTYPE_NULL)
                return 0;
        if (n->kind != YNODE_LIST)
                return config_fail(r, n, "must be a list of strings, not %s", ynode_describe(n));
        if (!n->n)
                return 0;
        list->items = calloc(n->n + 1, sizeof *list->items);
        if (!list->items)
                return config_no_memory(r);
        for (size_t i = 0; i < n->n; i++) {
                if ((k = check_string(r, f, n->items[i])) < 0 ||
                    (k = set_string(r, &list->items[i], n->items[i]->value)) < 0)
                        return k;
                list->n = i + 1;
        }
        return 0;
}

int config_read_local_port(struct config_reader *r, const struct field *f, const struct ynode *n,
                           void *target) {
        uint64_t port;
        int k = config_want_string(r, n);

        (void)f;
        if (k < 0)
                return k;
        if (strncmp(n->value, "127.0.0.1:", 10) != 0 || !decimal_parse(n->value + 10, 1, UINT16_MAX, &port))
                return config_bad_value(r, n, "must be 127.0.0.1:PORT; metrics are served on loopback only");
        *(uint16_t *)target = (uint16_t)port;
        return 0;
}
