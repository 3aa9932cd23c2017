/* From text and flags to one constant struct. */
#include "agent/config_fields.h"
#include "agent/paths.h"
#include "pki/file.h"
#include <errno.h>

static void reader_done(struct config_reader *r) {
        free(r->places);
        config_free(r->c);
}

void config_free(struct config *c) {
        if (!c)
                return;
        config_fields_done(fields_agent, c);
        config_fields_done(fields_cluster, c);
        config_fields_done(fields_init, c);
        config_fields_done(fields_join, c);
        for (const struct config_kind *k = config_kinds; k->kind; k++)
                if (k->text)
                        free(*(char **)((char *)c + k->text));
        free(c->service_ip);
        free(c->cluster_dns);
        free(c);
}

static int read_defaults(struct config_reader *r) {
        struct health_config *h = &r->c->health;
        int k = config_read_defaults(r, fields_agent, r->c);

        if (k < 0 || !r->c->cluster)
                return k;
        h->api_server.enabled = h->etcd.enabled = h->kubelet.enabled = h->clock.enabled = true;
        r->c->token_ttl_s = 2 * 3600;
        if ((k = config_read_defaults(r, fields_cluster, r->c)) < 0)
                return k;
        return config_read_defaults(r, fields_init, r->c);
}

static int read_all(struct config_reader *r, const struct ydocs *docs, const struct config_flags *flags) {
        CLEANUP(freep) const struct config_kind **kinds = calloc(docs->n + 1, sizeof(*kinds));
        int k;

        if (!kinds)
                return config_no_memory(r);
        r->c->cluster = flags && flags->cluster;
        r->any_address = flags && flags->any_address;
        if ((k = config_survey(r, docs, kinds)) < 0 || (k = read_defaults(r)) < 0 ||
            (k = config_read_documents(r, docs, kinds, flags)) < 0)
                return k;
        if (flags && flags->join_alone && config_only_join(docs, kinds))
                return 0;
        if ((k = config_read_flags(r, flags)) < 0 || (k = config_derive(r)) < 0)
                return k;
        return config_check(r);
}

int config_parse(const char *text, size_t size, const char *name, const struct config_flags *flags,
                 struct config **ret, struct error *e) {
        CLEANUP(reader_done) struct config_reader r = { .file = name, .e = e };
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        int k = ydocs_parse(text, size, name, &docs, e);

        if (k < 0)
                return k;
        r.c = calloc(1, sizeof *r.c);
        if (!r.c)
                return config_no_memory(&r);
        if ((k = read_all(&r, &docs, flags)) < 0)
                return k;
        *ret = TAKE_PTR(r.c);
        return 0;
}

/* The machine's own, also of a tree that --root names. */
static bool is_standard(const char *file) {
        size_t n = strlen(file), m = strlen(TRIARCH_CONFIG_FILE);

        return n >= m && !strcmp(file + n - m, TRIARCH_CONFIG_FILE);
}

int config_read_file(const char *file, char **ret, size_t *ret_size, struct error *e) {
        int k = pki_file_read(file, YAML_MAX_SIZE, ret, ret_size);

        if (k == -EFBIG)
                return error_at(e, file, 0, 0, "more than %d bytes are too many for a configuration",
                                YAML_MAX_SIZE);
        if (k < 0)
                return error_at(e, file, 0, 0, "cannot be read: %s%s",
                                k == -EINVAL ? "it is no regular file" : strerror(-k),
                                k != -ENOENT ? ""
                                : is_standard(file)
                                        ? "; `triarch init` and `triarch join` write it"
                                        : "; `triarch config print-defaults` prints one to begin with");
        return 0;
}

int config_load(const char *file, const struct config_flags *flags, struct config **ret, struct error *e) {
        char *text = NULL;
        size_t size = 0;
        int k;

        if (!file)
                return config_parse("", 0, "", flags, ret, e);
        if ((k = config_read_file(file, &text, &size, e)) < 0)
                return k;
        k = config_parse(text, size, file, flags, ret, e);
        pki_wipe_free(text); /* it may hold tokens */
        return k;
}
