/* The configuration as YAML, by the same tables that read it. */
#include "agent/config_fields.h"
#include "agent/duration.h"
#include "agent/yaml_out.h"
#include <errno.h>
#include <inttypes.h>

enum { GROUPS_MAX = 8 };

struct config_writer {
        struct yaml_out out;
        const struct config *c;
        bool shared;
        /* Groups that are open; those from n_begun on have had nothing to say yet. */
        const char *groups[GROUPS_MAX];
        size_t n_groups, n_begun;
};

/* A key, and before it the groups that it is the first of. */
static void key(struct config_writer *w, const char *name) {
        for (; w->n_begun < w->n_groups; w->n_begun++) {
                yaml_out_plain(&w->out, w->groups[w->n_begun]);
                yaml_out_map(&w->out);
        }
        yaml_out_plain(&w->out, name);
}

static void group(struct config_writer *w, const struct field *f, const void *base) {
        if (w->n_groups == GROUPS_MAX) {
                w->out.failed = true;
                return;
        }
        w->groups[w->n_groups++] = f->key;
        config_write_fields(w, f->sub, base);
        if (w->n_begun == w->n_groups--) {
                w->n_begun--;
                yaml_out_map_end(&w->out);
        }
}

void config_write_fields(struct config_writer *w, const struct field *table, const void *base) {
        for (; table->key; table++)
                if (table->ops && !table->once && !(table->own && w->shared) &&
                    !(table->cluster && !w->c->cluster))
                        table->ops->write(w, table, (const char *)base + table->offset);
}

/* ---- values ---- */

static void text(struct config_writer *w, const struct field *f, const char *value) {
        key(w, f->key);
        yaml_out_text(&w->out, value);
}

static void number(struct config_writer *w, const struct field *f, unsigned long value) {
        char digits[24];

        snprintf(digits, sizeof digits, "%lu", value);
        key(w, f->key);
        yaml_out_plain(&w->out, digits);
}

void config_write_ignore(struct config_writer *w, const struct field *f, const void *target) {
        (void)w;
        (void)f;
        (void)target;
}

void config_write_string(struct config_writer *w, const struct field *f, const void *target) {
        const char *value = *(char *const *)target;

        if (value)
                text(w, f, value);
}

void config_write_version(struct config_writer *w, const struct field *f, const void *target) {
        config_write_string(w, f, target);
}

void config_write_bool(struct config_writer *w, const struct field *f, const void *target) {
        key(w, f->key);
        yaml_out_plain(&w->out, *(const bool *)target ? "true" : "false");
}

void config_write_int(struct config_writer *w, const struct field *f, const void *target) {
        unsigned long value = f->size == 1   ? *(const uint8_t *)target
                              : f->size == 2 ? *(const uint16_t *)target
                                             : *(const uint32_t *)target;

        if (value)
                number(w, f, value);
}

void config_write_duration(struct config_writer *w, const struct field *f, const void *target) {
        char value[DURATION_SIZE];

        if (!*(const uint32_t *)target)
                return;
        duration_format(*(const uint32_t *)target, value);
        text(w, f, value);
}

void config_write_period(struct config_writer *w, const struct field *f, const void *target) {
        char value[DURATION_SIZE];

        duration_format(*(const uint32_t *)target * UINT64_C(1000000), value);
        text(w, f, value);
}

void config_write_seconds(struct config_writer *w, const struct field *f, const void *target) {
        char value[DURATION_SIZE];

        duration_format((uint64_t)(*(const double *)target * 1e6 + 0.5), value);
        text(w, f, value);
}

void config_write_choice(struct config_writer *w, const struct field *f, const void *target) {
        for (const struct choice *c = f->choices; c->name; c++)
                if (c->value == (int)*(const unsigned *)target) {
                        text(w, f, c->name);
                        return;
                }
        w->out.failed = true;
}

static void strings(struct config_writer *w, const struct str_list *list) {
        yaml_out_list(&w->out);
        for (size_t i = 0; i < list->n; i++)
                yaml_out_text(&w->out, list->items[i]);
        yaml_out_list_end(&w->out);
}

void config_write_strings(struct config_writer *w, const struct field *f, const void *target) {
        const struct str_list *list = target;

        if (!list->n)
                return;
        key(w, f->key);
        strings(w, list);
}

void config_write_list(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (!list->n)
                return;
        key(w, f->key);
        yaml_out_list(&w->out);
        for (size_t i = 0; i < list->n; i++) {
                yaml_out_map(&w->out);
                config_write_fields(w, f->sub, list->items + i * f->size);
                yaml_out_map_end(&w->out);
        }
        yaml_out_list_end(&w->out);
}

void config_write_taints(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (list->n)
                config_write_list(w, f, target);
        else if (w->c->taints_given) {
                key(w, f->key);
                yaml_out_list(&w->out);
                yaml_out_list_end(&w->out);
        }
}

/* What a key of the user's leads to: a truth value, a list, or text. */
static void value_alone(struct config_writer *w, const struct field *f, const char *item) {
        const void *target = item + f->offset;

        if (f->ops == &op_bool)
                yaml_out_plain(&w->out, *(const bool *)target ? "true" : "false");
        else if (f->ops == &op_strings)
                strings(w, target);
        else
                yaml_out_text(&w->out, *(char *const *)target);
}

/* Keys are the user's text; a value that is there is written even where it is empty. */
void config_write_keyed(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (!list->n)
                return;
        key(w, f->key);
        yaml_out_map(&w->out);
        for (size_t i = 0; i < list->n; i++) {
                const char *item = list->items + i * f->size;

                yaml_out_text(&w->out, *(char *const *)item);
                if (*f->sub[1].key) {
                        yaml_out_map(&w->out);
                        config_write_fields(w, f->sub + 1, item);
                        yaml_out_map_end(&w->out);
                } else
                        value_alone(w, &f->sub[1], item);
        }
        yaml_out_map_end(&w->out);
}

void config_write_map(struct config_writer *w, const struct field *f, const void *target) {
        group(w, f, target);
}

void config_write_local_etcd(struct config_writer *w, const struct field *f, const void *target) {
        if (!w->c->etcd_external.endpoints.n)
                group(w, f, target);
}

/* A check that is off is left out where checks are off by default, and said to be off in a cluster. */
void config_write_check(struct config_writer *w, const struct field *f, const void *target) {
        const struct field enabled[] = { f->sub[0], { 0 } };
        struct field off = *f;

        off.sub = enabled;
        if (*(const bool *)target)
                group(w, f, target);
        else if (w->c->cluster)
                group(w, &off, target);
}

void config_write_one_or_list(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (list->n == 1)
                group(w, f, list->items);
        else
                config_write_list(w, f, target);
}

static void address_text(const struct vip_address *a, char out[INET6_ADDRSTRLEN + 4]) {
        snprintf(out, INET6_ADDRSTRLEN + 4, "%s/%u", vrrp_ip_text(&a->ip).v, a->prefix);
}

void config_write_addresses(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;
        const struct vip_address *v = (const void *)list->items;
        char value[INET6_ADDRSTRLEN + 4];

        if (!list->n)
                return;
        key(w, f->key);
        if (list->n > 1)
                yaml_out_list(&w->out);
        for (size_t i = 0; i < list->n; i++) {
                address_text(&v[i], value);
                yaml_out_text(&w->out, value);
        }
        if (list->n > 1)
                yaml_out_list_end(&w->out);
}

void config_write_ip(struct config_writer *w, const struct field *f, const void *target) {
        text(w, f, vrrp_ip_text(target).v);
}

void config_write_id(struct config_writer *w, const struct field *f, const void *target) {
        const uint64_t *id = target;
        char digits[17];

        if (!*id)
                return;
        snprintf(digits, sizeof digits, "%016" PRIx64, *id);
        key(w, f->key);
        yaml_out_text(&w->out, digits);
}

void config_write_endpoint(struct config_writer *w, const struct field *f, const void *target) {
        char value[CONFIG_HOST_PORT_SIZE];

        if (!*(char *const *)target)
                return;
        text(w, f, config_host_port(*(char *const *)target, w->c->endpoint_port, value));
}

void config_write_local_port(struct config_writer *w, const struct field *f, const void *target) {
        char value[32];

        snprintf(value, sizeof value, "127.0.0.1:%u", *(const uint16_t *)target);
        text(w, f, value);
}

/* ---- documents ---- */

static void document(struct config_writer *w, const struct config_kind *kind) {
        yaml_out_document(&w->out);
        yaml_out_map(&w->out);
        key(w, "apiVersion");
        yaml_out_plain(&w->out, kind->api_version);
        key(w, "kind");
        yaml_out_plain(&w->out, kind->kind);
        config_write_fields(w, kind->fields, w->c);
        yaml_out_map_end(&w->out);
        yaml_out_document_end(&w->out);
}

static bool is_written(const struct config *c, const struct config_kind *k) {
        return k->fields && !k->old && !k->join && (c->cluster || !k->cluster);
}

/* The documents that are taken as they are, after the others. */
static int append_texts(const struct config *c, char **text, size_t *size) {
        for (const struct config_kind *k = config_kinds; k->kind; k++) {
                const char *more = k->text ? *(char *const *)((const char *)c + k->text) : NULL;
                char *grown;
                int n;

                if (!more)
                        continue;
                if ((n = asprintf(&grown, "%s---\n%s", *text, more)) < 0)
                        return -ENOMEM;
                free(*text);
                *text = grown;
                *size = (size_t)n;
        }
        return 0;
}

int config_render(const struct config *c, bool shared, char **ret, size_t *ret_size) {
        struct config_writer w = { .c = c, .shared = shared };
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int k;

        yaml_out_begin(&w.out);
        for (const struct config_kind *kind = config_kinds; kind->kind; kind++)
                if (is_written(c, kind))
                        document(&w, kind);
        if ((k = yaml_out_end(&w.out, &text, &size)) < 0 || (k = append_texts(c, &text, &size)) < 0)
                return k;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

int config_render_cluster(const struct config *c, char **ret, size_t *ret_size) {
        struct config_writer w = { .c = c, .shared = true };

        yaml_out_begin(&w.out);
        for (const struct config_kind *kind = config_kinds; kind->kind; kind++)
                if (is_written(c, kind) && !strcmp(kind->kind, "ClusterConfiguration"))
                        document(&w, kind);
        return yaml_out_end(&w.out, ret, ret_size);
}
