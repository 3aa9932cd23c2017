#include "agent/command.h"
#include "agent/config.h"
#include "agent/opt.h"
#include "agent/phase.h"
#include "agent/print_json.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch config print-defaults\n"
        "       triarch config validate FILE [-o json]\n"
        "       triarch config migrate [--old-config FILE] [--new-config FILE]\n"
        "       triarch config images list|pull|save|load ...\n\n"
        "print-defaults prints a commented configuration with every default;\n"
        "validate says whether FILE is a configuration, and where not;\n"
        "migrate writes kubeadm's v1beta3 as v1beta4, from standard input to standard output where no files\n"
        "are given. Comments are lost; images --help tells of the images.";

struct report {
        const char *file;
        json_t *warnings; /* NULL: as text */
};

static void take_warning(void *userdata, const char *text) {
        struct report *r = userdata;

        if (r->warnings)
                json_array_append_new(r->warnings, json_string(text));
        else
                printf("%s: warning: %s\n", r->file, text);
}

/* A file name or a cut-off message need not be UTF-8, which JSON wants. */
static json_t *json_text(const char *s) {
        CLEANUP(freep) char *ascii = NULL;
        json_t *text = json_string(s);

        if (text || !(ascii = strdup(s)))
                return text;
        for (char *p = ascii; *p; p++)
                if ((unsigned char)*p >= 0x80)
                        *p = '?';
        return json_string(ascii);
}

static int invalid(const char *file, bool json, const struct error *e) {
        json_t *o;
        struct error unprinted;

        if (!json)
                return error_print(e);
        o = json_pack("{s:o, s:b, s:o, s:i, s:i, s:o}", "file", json_text(file), "valid", 0, "at",
                      json_text(*e->file ? e->file : file), "line", (int)e->line, "column", (int)e->column,
                      "message", json_text(e->message));
        if (print_json(o, &unprinted) < 0)
                error_print(&unprinted);
        return (int)e->status;
}

static int validate(const char *file, bool json) {
        CLEANUP(json_decrefp) json_t *warnings = json ? json_array() : NULL;
        CLEANUP(config_freep) struct config *c = NULL;
        const struct config_flags flags = { .join_alone = true, .any_address = true };
        struct report report = { file, warnings };
        struct error e;
        json_t *o;

        if (config_load(file, &flags, &c, &e) < 0)
                return invalid(file, json, &e);
        if (phase_check_skips(c, &e) < 0) {
                snprintf(e.file, sizeof e.file, "%s", file);
                return invalid(file, json, &e);
        }
        config_warnings(c, take_warning, &report);
        if (!json) {
                printf("%s: valid\n", file);
                return EXIT_DONE;
        }
        o = json_pack("{s:o, s:b, s:O}", "file", json_text(file), "valid", 1, "warnings", warnings);
        return print_json(o, &e) < 0 ? error_print(&e) : EXIT_DONE;
}

int cmd_config(int argc, char **argv) {
        const char *old_file = NULL, *new_file = NULL;
        const struct opt table[] = {
                { "old-config", 0, OPT_STRING, &old_file, "FILE", "migrate: what is read" },
                { "new-config", 0, OPT_STRING, &new_file, "FILE",
                  "migrate: what is written; must not exist" },
                { 0 },
        };
        struct common common;
        struct error e;
        char **args;
        int n, r;

        if (argc > 1 && !strcmp(argv[1], "images"))
                return cmd_images(argc - 1, argv + 1);
        r = opt_parse(argc, argv, usage, table, &common, &args, &n, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (n == 1 && !strcmp(args[0], "migrate") && !common.json)
                return cmd_config_migrate(old_file, new_file);
        if (n == 2 && !strcmp(args[0], "migrate")) {
                error_set(&e, EXIT_INPUT, "config migrate: give the files by --old-config and --new-config");
                return error_print(&e);
        }
        if (old_file || new_file) {
                error_set(&e, EXIT_INPUT, "--old-config and --new-config belong to `config migrate`");
                return error_print(&e);
        }
        if (n == 1 && !strcmp(args[0], "print-defaults") && !common.json) {
                fputs(config_defaults_text(), stdout);
                return EXIT_DONE;
        }
        if (n == 2 && !strcmp(args[0], "validate"))
                return validate(args[1], common.json);
        error_set(&e, EXIT_INPUT,
                  "expected `config print-defaults`, `config validate FILE [-o json]`, `config migrate` or "
                  "`config images ...`");
        return error_print(&e);
}
