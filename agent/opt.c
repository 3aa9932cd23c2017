#include "agent/opt.h"
#include "agent/suggest.h"
#include <errno.h>
#include <getopt.h>

enum { LONG_BASE = 256 }; /* getopt's value of option i is LONG_BASE + i: clear of every letter */

struct raw_common {
        const char *root, *output, *verbose;
        bool help;
};

struct parser {
        struct opt *all; /* the command's options, then the common ones; ended by a NULL name */
        struct option *longs;
        char *shorts;
};

static void parser_done(struct parser *p) {
        free(p->all);
        free(p->longs);
        free(p->shorts);
}

static bool has_name(const struct opt *table, const char *name) {
        for (; table && table->name; table++)
                if (!strcmp(table->name, name))
                        return true;
        return false;
}

static int parser_init(struct parser *p, const struct opt *table, struct raw_common *raw) {
        const struct opt common[] = {
                { "root", 0, OPT_STRING, &raw->root, "DIR",
                  "work on the tree under DIR and start no service" },
                { "rootfs", 0, OPT_STRING, &raw->root, "DIR", "the same" },
                { "output", 'o', OPT_STRING, &raw->output, "FORMAT", "text (default) or json" },
                { "v", 'v', OPT_STRING, &raw->verbose, "N", "say more, 0 to 9" },
                { "help", 'h', OPT_FLAG, &raw->help, NULL, "print this" },
        };
        size_t n = 0, m, shorts = 0;

        while (table && table[n].name)
                n++;
        m = n;
        p->all = calloc(n + ARRAY_SIZE(common) + 1, sizeof *p->all);
        p->longs = calloc(n + ARRAY_SIZE(common) + 1, sizeof *p->longs);
        p->shorts = calloc(n + ARRAY_SIZE(common) + 2, 2);
        if (!p->all || !p->longs || !p->shorts)
                return -ENOMEM;
        if (n)
                memcpy(p->all, table, n * sizeof *table);
        for (size_t i = 0; i < ARRAY_SIZE(common); i++)
                if (!has_name(table, common[i].name)) /* its own of that name goes first */
                        p->all[m++] = common[i];
        p->shorts[shorts++] = ':'; /* a missing value is told apart from an unknown option */
        for (int i = 0; p->all[i].name; i++) {
                const struct opt *o = &p->all[i];

                /* Flags may say =true or =false, as kubeadm's. */
                p->longs[i] = (struct option){ o->name, o->type == OPT_FLAG ? 2 : 1, NULL, LONG_BASE + i };
                if (!o->short_name)
                        continue;
                p->shorts[shorts++] = o->short_name;
                if (o->type == OPT_STRING)
                        p->shorts[shorts++] = ':';
        }
        return 0;
}

static void print_help(const char *usage, const struct parser *p) {
        printf("%s\n\nOptions:\n", usage);
        for (const struct opt *o = p->all; o->name; o++) {
                char left[64], short_name[] = { '-', o->short_name, ',', ' ', 0 };

                snprintf(left, sizeof left, "%s--%s%s%s", o->short_name ? short_name : "    ", o->name,
                         o->arg ? " " : "", o->arg ? o->arg : "");
                printf("  %-44s %s\n", left, o->help);
        }
}

static int unknown_option(const struct parser *p, const char *command, const char *word, struct error *e) {
        size_t len = strcspn(word, "=");
        const char *best = NULL;
        unsigned distance = SUGGEST_FAR;
        char name[PATH_MAX];

        snprintf(name, sizeof name, "%.*s", (int)(len < PATH_MAX ? len : PATH_MAX - 1), word);
        for (const struct opt *o = p->all; !strncmp(name, "--", 2) && o->name; o++) {
                unsigned d = suggest_distance(name + 2, o->name);

                if (d < distance) {
                        distance = d;
                        best = o->name;
                }
        }
        if (best)
                return error_at(e, name, 0, 0, "unknown option; did you mean --%s?", best);
        return error_at(e, name, 0, 0, "unknown option; `triarch %s --help` lists them", command);
}

static int store(const struct opt *o, const char *value, struct error *e) {
        char name[64];

        if (o->type == OPT_STRING) {
                *(const char **)o->target = value;
                return 0;
        }
        if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
                snprintf(name, sizeof name, "--%s", o->name);
                return error_at(e, name, 0, 0, "\"%s\" is neither true nor false", value);
        }
        *(bool *)o->target = !value || !strcmp(value, "true");
        return 0;
}

static const struct opt *find_short(const struct parser *p, int letter) {
        for (const struct opt *o = p->all; o->name; o++)
                if (o->short_name && o->short_name == letter)
                        return o;
        return NULL;
}

/* getopt_long takes unique beginnings of a name for the name; a script that relies on that would break
 * with the next option. `word` is what was written. */
static bool is_abbreviated(const struct opt *o, const char *word) {
        size_t len = strcspn(word + 2, "=");

        return strncmp(word, "--", 2) != 0 || strlen(o->name) != len || strncmp(word + 2, o->name, len) != 0;
}

static int take_one(const struct parser *p, int c, char **argv, struct error *e) {
        const char *word = argv[optind - 1];
        char letter[] = { '-', (char)optopt, 0 };

        if (c == ':') {
                const char *name = optopt < LONG_BASE ? letter : word;

                return error_at(e, name, 0, 0, "a value is missing");
        }
        if (c == '?')
                return unknown_option(p, argv[0], optopt > 0 && optopt < LONG_BASE ? letter : word, e);
        if (c < LONG_BASE)
                return store(find_short(p, c), optarg, e);
        if (optarg && optarg == word)
                word = argv[optind - 2];
        if (is_abbreviated(&p->all[c - LONG_BASE], word))
                return unknown_option(p, argv[0], word, e);
        return store(&p->all[c - LONG_BASE], optarg, e);
}

static int take_root(const char *root, struct common *c, struct error *e) {
        size_t len;

        if (!root)
                return 0;
        if (!realpath(root, c->root))
                return error_at(e, "--root", 0, 0, "%s: %s; it must be a directory", root, strerror(errno));
        len = strlen(c->root);
        if (len == 1)
                c->root[0] = 0;
        return 0;
}

static int take_common(const struct raw_common *raw, struct common *c, struct error *e) {
        if (raw->output && strcmp(raw->output, "text") != 0 && strcmp(raw->output, "json") != 0)
                return error_at(e, "--output", 0, 0, "\"%s\" is neither text nor json", raw->output);
        c->json = raw->output && !strcmp(raw->output, "json");
        if (raw->verbose && (raw->verbose[0] < '0' || raw->verbose[0] > '9' || raw->verbose[1]))
                return error_at(e, "-v", 0, 0, "\"%s\" is not a number from 0 to 9", raw->verbose);
        c->verbose = raw->verbose ? (unsigned)(raw->verbose[0] - '0') : 0;
        return take_root(raw->root, c, e);
}

int opt_parse(int argc, char **argv, const char *usage, const struct opt *table, struct common *c,
              char ***ret_args, int *ret_n, struct error *e) {
        CLEANUP(parser_done) struct parser p = { 0 };
        struct raw_common raw = { 0 };
        int r, o;

        memset(c, 0, sizeof *c);
        if (parser_init(&p, table, &raw) < 0) {
                error_set(e, EXIT_FAILED, "out of memory");
                return -ENOMEM;
        }
        optind = 0; /* glibc: start anew, also after an earlier call */
        opterr = 0;
        while ((o = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1)
                if ((r = take_one(&p, o, argv, e)) < 0)
                        return r;
        if (raw.help) {
                print_help(usage, &p);
                return 1;
        }
        if ((r = take_common(&raw, c, e)) < 0)
                return r;
        *ret_args = argv + optind;
        *ret_n = argc - optind;
        return 0;
}

int opt_refuse(const struct common *c, unsigned without, const char *name, struct error *e) {
        if (without & OPT_NO_JSON && c->json)
                return error_set(e, EXIT_INPUT, "%s has no JSON output", name);
        if (without & OPT_NO_ROOT && *c->root)
                return error_set(e, EXIT_INPUT, "%s works on the running machine: --root is not for it",
                                 name);
        return 0;
}

int opt_parse_only(int argc, char **argv, const char *usage, const struct opt *table, unsigned without,
                   struct common *c, struct error *e) {
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, c, &args, &n, e);

        if (r != 0)
                return r;
        if (n > 0)
                return error_set(e, EXIT_INPUT, "%s: unexpected argument \"%s\"", argv[0], args[0]);
        return opt_refuse(c, without, argv[0], e);
}
