#include "agent/command.h"
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include "agent/duration.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/print_json.h"
#include "agent/rootpath.h"
#include "agent/time_text.h"
#include "agent/token.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <time.h>

enum { DEFAULT_TTL_S = 30 * 60 };

static const char usage[] =
        "Usage: triarch token create [--worker] [--ttl DURATION] [--uses N] [--node NAME[=ADDRESS]]\n"
        "                            [--print-join-command]\n"
        "       triarch token list [-o json]\n"
        "       triarch token delete ID\n\n"
        "Enrolment tokens live on the master that made them; joining machines name that master.";

struct token_args {
        struct common common;
        const char *ttl, *uses, *node;
        bool worker, print_command;
};

static int parse_ttl(const char *text, unsigned *ret, struct error *e) {
        uint64_t us;

        *ret = DEFAULT_TTL_S;
        if (!text)
                return 0;
        if (duration_parse(text, &us) < 0 || us < 1000000 || us > CONFIG_TOKEN_TTL_MAX_S * UINT64_C(1000000))
                return error_set(e, EXIT_INPUT,
                                 "--ttl \"%s\": want a duration from 1s to 168h, as in 30m or 1h30m", text);
        *ret = (unsigned)(us / 1000000);
        return 0;
}

static int parse_uses(const char *text, unsigned *ret, struct error *e) {
        uint64_t n;

        *ret = 1;
        if (!text)
                return 0;
        if (!decimal_parse(text, 1, TOKEN_MAX_USES, &n))
                return error_set(e, EXIT_INPUT, "--uses \"%s\": want a number from 1 to %d", text,
                                 TOKEN_MAX_USES);
        *ret = (unsigned)n;
        return 0;
}

/* NAME or NAME=ADDRESS. */
static int parse_node(const char *text, char name[254], char address[46], struct error *e) {
        const char *equals = text ? strchr(text, '=') : NULL, *wrong;
        struct vrrp_ip a;

        *name = *address = '\0';
        if (!text)
                return 0;
        if (equals && vrrp_ip_parse(equals + 1, &a) < 0)
                return error_set(e, EXIT_INPUT, "--node \"%s\": \"%s\" is no address", text, equals + 1);
        if (equals)
                snprintf(address, 46, "%s", vrrp_ip_text(&a).v);
        if (equals == text || (equals ? (size_t)(equals - text) : strlen(text)) >= 254)
                return error_set(e, EXIT_INPUT, "--node \"%s\": want NAME or NAME=ADDRESS", text);
        snprintf(name, 254, "%.*s", equals ? (int)(equals - text) : (int)strlen(text), text);
        if ((wrong = syntax_node_name(name)))
                return error_set(e, EXIT_INPUT, "--node \"%s\": the name %s", text, wrong);
        return 0;
}

static int load_config(const char *root, struct config **ret, struct error *e) {
        char file[PATH_MAX];
        int r;

        if (root_path(file, root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long"), -ENAMETOOLONG;
        if (access(file, F_OK) < 0) {
                error_set(e, EXIT_FAILED,
                          "%s is not there: this machine is no master; tokens are made on one (`triarch "
                          "init` makes "
                          "the first)",
                          file);
                return -ENOENT;
        }
        r = config_load(file, NULL, ret, e);
        return r < 0 || *root ? r : config_resolve(*ret, e);
}

static int print_line(const char *text, struct error *e) {
        if (puts(text) == EOF || fflush(stdout) == EOF)
                return error_set(e, EXIT_FAILED, "the token could not be written to the output");
        return 0;
}

static enum enroll_role role_of(const struct token_args *a) {
        return a->worker ? ENROLL_WORKER : ENROLL_MASTER;
}

static int print_created(const struct token_args *a, const struct config *c, const char *token,
                         const char *ca_crt, struct error *e) {
        char *command;
        int r;

        if (!a->print_command)
                return print_line(token, e);
        if (!c->advertise_address)
                return error_set(e, EXIT_FAILED, "%s names no advertiseAddress to join at",
                                 TRIARCH_CONFIG_FILE);
        if ((r = token_join_command(role_of(a), c->advertise_address, c->enroll_port, token, ca_crt, &command,
                                    e)) < 0)
                return r;
        r = print_line(command, e);
        OPENSSL_cleanse(command, strlen(command));
        free(command);
        return r;
}

static int create(const struct token_args *a, struct error *e) {
        char token[PKI_TOKEN_SIZE], name[254], address[46], key[PATH_MAX], crt[PATH_MAX];
        CLEANUP(config_freep) struct config *c = NULL;
        unsigned ttl_s, uses;
        int r;

        if ((r = parse_ttl(a->ttl, &ttl_s, e)) < 0 || (r = parse_uses(a->uses, &uses, e)) < 0 ||
            (r = parse_node(a->node, name, address, e)) < 0 || (r = load_config(a->common.root, &c, e)) < 0)
                return r;
        if (root_path_below(key, a->common.root, c->cert_dir, "ca.key") < 0 ||
            root_path_below(crt, a->common.root, c->cert_dir, "ca.crt") < 0)
                return error_set(e, EXIT_INPUT, "the certificates' directory has too long a name");
        if ((r = token_create(a->common.root, key, role_of(a), ttl_s, uses, name, address, token, e)) < 0)
                return r;
        if ((r = print_created(a, c, token, crt, e)) < 0) {
                token[PKI_TOKEN_ID] = '\0';
                token_delete(a->common.root, token, NULL); /* nobody has seen it */
        }
        OPENSSL_cleanse(token, sizeof token);
        return r;
}

static const char *expiry(const struct token *t, char out[TIME_TEXT_SIZE]) {
        char *dot;

        time_text((struct timespec){ .tv_sec = t->expires_s }, out);
        if ((dot = strchr(out, '.')))
                memcpy(dot, "Z", 2);
        return out;
}

static int print_one(void *userdata, const struct token *t) {
        char when[TIME_TEXT_SIZE];

        (void)userdata;
        printf("%-8s %-7s %-22s %-5u %s%s%s%s\n", t->id, enroll_role_name(t->role), expiry(t, when),
               t->uses_left, *t->node ? t->node : "any", *t->address ? "=" : "", t->address,
               t->expires_s <= time(NULL) ? " (expired)" : "");
        return 0;
}

static int collect_one(void *userdata, const struct token *t) {
        char when[TIME_TEXT_SIZE];
        json_t *used_by = json_array(), *o;

        for (unsigned i = 0; i < t->n_bound; i++)
                json_array_append_new(used_by, json_string(t->bound[i].node));
        o = json_pack("{s:s, s:s, s:s, s:b, s:i, s:s, s:s, s:o}", "id", t->id, "role",
                      enroll_role_name(t->role), "expires", expiry(t, when), "expired",
                      t->expires_s <= time(NULL), "usesLeft", (int)t->uses_left, "node", t->node, "address",
                      t->address, "usedBy", used_by);
        return json_array_append_new(userdata, o) < 0 ? -ENOMEM : 0;
}

static int list(const struct token_args *a, struct error *e) {
        json_t *all;
        int r;

        if (!a->common.json) {
                printf("%-8s %-7s %-22s %-5s %s\n", "ID", "ROLE", "EXPIRES", "USES", "NODE");
                return token_list(a->common.root, print_one, NULL, e);
        }
        all = json_array();
        if ((r = token_list(a->common.root, collect_one, all, e)) == 0)
                return print_json(all, e);
        json_decref(all);
        return r;
}

static int delete_one(const struct token_args *a, const char *id, struct error *e) {
        char given[PKI_TOKEN_ID + 1];
        int r;

        /* The whole token is as good a name as its first six characters. */
        snprintf(given, sizeof given, "%s", id);
        r = token_delete(a->common.root, pki_token_check(id) == 0 ? given : id, e);
        if (r == 0)
                printf("token %s deleted\n", given);
        return r;
}

static int run(const struct token_args *a, char **args, int n, struct error *e) {
        const char *verb = n > 0 ? args[0] : "";
        bool has_flags = a->ttl || a->uses || a->node || a->worker || a->print_command;

        if (!strcmp(verb, "create") && n == 1 && !a->common.json)
                return create(a, e);
        if (!strcmp(verb, "list") && n == 1 && !has_flags)
                return list(a, e);
        if (!strcmp(verb, "delete") && n == 2 && !has_flags && !a->common.json)
                return delete_one(a, args[1], e);
        return error_set(e, EXIT_INPUT,
                         "token: want create, list or delete ID, each with its own options; `triarch "
                         "token --help` tells them");
}

int cmd_token(int argc, char **argv) {
        struct token_args a = { 0 };
        const struct opt table[] = {
                { "worker", 0, OPT_FLAG, &a.worker, NULL, "for workers; without it, for masters" },
                { "ttl", 0, OPT_STRING, &a.ttl, "DURATION", "how long it is good for; default 30m" },
                { "uses", 0, OPT_STRING, &a.uses, "N",
                  "how many machines may join with it, 1 to 8; default 1" },
                { "node", 0, OPT_STRING, &a.node, "NAME[=ADDRESS]",
                  "the only machine that may join with it" },
                { "print-join-command", 0, OPT_FLAG, &a.print_command, NULL, "print the whole join command" },
                { 0 },
        };
        struct error e = { .status = EXIT_FAILED };
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, &a.common, &args, &n, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0)
                r = run(&a, args, n, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
