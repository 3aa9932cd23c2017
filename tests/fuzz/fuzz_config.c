/* Whatever is read must be written and read back to the same, what is migrated must be read and stay as it is
 * when migrated again, what join takes must be read over a cluster's; and nothing may crash. */
#include "agent/config_join.h"
#include "agent/config_migrate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *parse(const char *text, size_t size, bool less) {
        const struct config_flags flags = { .node_name = less ? NULL : "n1",
                                            .any_address = less,
                                            .join_alone = less };
        struct config *c = NULL;
        struct error e;

        return config_parse(text, size, "fuzz", &flags, &c, &e) < 0 ? NULL : c;
}

static void ignore(void *userdata, const char *text) {
        (void)userdata;
        (void)text;
}

static void round_trip(const char *data, size_t size) {
        CLEANUP(config_freep) struct config *c = parse(data, size, false);
        CLEANUP(config_freep) struct config *again = NULL;
        CLEANUP(freep) char *text = NULL, *text_again = NULL;
        size_t n, n_again;

        if (!c)
                return;
        config_warnings(c, ignore, NULL);
        if (config_render(c, false, &text, &n) < 0 || !(again = parse(text, n, false)) ||
            config_render(again, false, &text_again, &n_again) < 0 || n != n_again ||
            memcmp(text, text_again, n) != 0)
                abort();
}

static void migrate(const char *data, size_t size) {
        CLEANUP(freep) char *once = NULL, *twice = NULL;
        CLEANUP(config_freep) struct config *c = NULL;
        size_t n, n_twice;
        struct error e;

        if (config_migrate(data, size, "fuzz", &once, &n, &e) < 0)
                return;
        if (!(c = parse(once, n, true)) || config_migrate(once, n, "fuzz", &twice, &n_twice, &e) < 0 ||
            n != n_twice || memcmp(once, twice, n) != 0)
                abort();
}

static void join(const char *data, size_t size) {
        static const struct config_flags flags = {
                .join = true, .cluster = true, .node_name = "n1", .control_plane_endpoint = "x"
        };
        CLEANUP(config_freep) struct config *c = NULL;
        struct config_join j;
        struct error e;

        if (config_join_parse(data, size, "fuzz", &j, &e) < 0)
                return;
        /* What is impossible in a cluster is found only there; but it must be read. */
        (void)config_parse(j.overlay, strlen(j.overlay), "fuzz", &flags, &c, &e);
        config_join_done(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        round_trip((const char *)data, size);
        migrate((const char *)data, size);
        join((const char *)data, size);
        return 0;
}
