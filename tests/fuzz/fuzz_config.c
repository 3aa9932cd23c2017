/* Whatever is read must be written and read back to the same, and nothing may crash. */
#include "agent/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *parse(const char *text, size_t size) {
        const struct config_flags flags = { .node_name = "n1" };
        struct config *c = NULL;
        struct error e;

        return config_parse(text, size, "fuzz", &flags, &c, &e) < 0 ? NULL : c;
}

static void ignore(void *userdata, const char *text) {
        (void)userdata;
        (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(config_freep) struct config *c = parse((const char *)data, size);
        CLEANUP(config_freep) struct config *again = NULL;
        CLEANUP(freep) char *text = NULL, *text_again = NULL;
        size_t n, n_again;

        if (!c)
                return 0;
        config_warnings(c, ignore, NULL);
        if (config_render(c, false, &text, &n) < 0 || !(again = parse(text, n)) ||
            config_render(again, false, &text_again, &n_again) < 0 || n != n_again ||
            memcmp(text, text_again, n) != 0)
                abort();
        return 0;
}
