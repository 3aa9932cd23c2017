#include "agent/command.h"
#include "agent/config_fields.h"
#include "agent/config_join.h"
#include "agent/decimal.h"
#include "agent/join.h"
#include "agent/opt.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>

enum { DEFAULT_PORT = 7644 };

static const char usage[] =
        "Usage: triarch join [--worker] HOST[:PORT] --token TOKEN --discovery-token-ca-cert-hash sha256:HEX "
        "[OPTIONS]\n\n"
        "Makes this machine one more master, or a worker, of the cluster that HOST is a master of. `triarch\n"
        "token create [--worker] --print-join-command` there prints the whole command. A run that was\n"
        "interrupted is completed by running it again; `triarch reset` takes it back.";

struct args {
        struct common common;
        const char *token, *pins, *config_file;
        bool control_plane;
        struct config_join file;
        char host[256], secret[PKI_TOKEN_SIZE];
};

/* HOST, HOST:PORT, [IPv6]:PORT. */
static int parse_host(const char *text, char host[256], uint16_t *ret_port, struct error *e) {
        *ret_port = 0;
        if (config_parse_host_port(text, host, ret_port))
                return error_set(e, EXIT_INPUT,
                                 "\"%s\": want HOST or HOST:PORT, with the name (in lower case) or address "
                                 "(IPv6 in brackets) of a master",
                                 text);
        if (!*ret_port)
                *ret_port = DEFAULT_PORT;
        return 0;
}

static int parse_positional(struct args *a, struct join *j, char **args, int n, struct error *e) {
        if (n > 1)
                return error_set(e, EXIT_INPUT, "unexpected argument \"%s\"", args[1]);
        if (n == 0)
                return 0;
        j->host = a->host;
        return parse_host(args[0], a->host, &j->port, e);
}

/* Every user of this machine may read the command line of every process, for as long as join runs; and who
 * has the token while it is good can ask for the cluster's keys from here. */
static void hide_token(struct args *a) {
        size_t n = strlen(a->token);

        snprintf(a->secret, sizeof a->secret, "%s", a->token);
        memset((char *)a->token, 'x', n);
        a->token = a->secret;
}

static int take_pins(const struct str_list *from, struct enroll_pins *to, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        for (size_t i = 0; i < from->n; i++)
                fprintf(out, "%s%s", i ? "," : "", from->items[i]);
        fclose(out);
        return from->n ? enroll_pins_parse(text, to, e) : 0;
}

/* What the file says where no flag does. Its apiServerEndpoint is the way to the API server; the master that
 * answers there enrols on a port of its own. */
static int take_file(struct args *a, struct join *j, bool worker, struct error *e) {
        const struct join_config *said;
        int r = config_join_load(a->config_file, &a->file, e);

        if (r < 0)
                return r;
        said = &a->file.said->join;
        if (worker && said->control_plane)
                return error_set(e, EXIT_INPUT, "--worker: %s has controlPlane, which makes a master",
                                 a->config_file);
        j->worker = !a->control_plane && !said->control_plane;
        j->overlay = a->file.overlay;
        if (!a->token)
                a->token = said->token;
        if (!j->host && said->endpoint_host) {
                j->host = said->endpoint_host;
                j->port = DEFAULT_PORT;
        }
        if (j->pins.n == 0 && (r = take_pins(&said->pins, &j->pins, e)) < 0)
                return r;
        j->flags.dry_run = j->flags.dry_run || a->file.said->dry_run;
        if (!j->flags.node_name)
                j->flags.node_name = a->file.said->node_name;
        if (!j->flags.advertise_address)
                j->flags.advertise_address = a->file.said->advertise_address;
        return 0;
}

static int parse(int argc, char **argv, struct args *a, struct join *j, struct error *e) {
        const struct opt table[] = {
                { "token", 0, OPT_STRING, &a->token, "TOKEN", "made by `triarch token create` on a master" },
                { "discovery-token-ca-cert-hash", 0, OPT_STRING, &a->pins, "sha256:HEX[,...]",
                  "hash of the cluster CA's public key" },
                { "config", 0, OPT_STRING, &a->config_file, "FILE",
                  "a JoinConfiguration; without controlPlane in it this machine becomes a worker" },
                { "node-name", 0, OPT_STRING, &j->flags.node_name, "NAME", "default: the host name" },
                { "apiserver-advertise-address", 0, OPT_STRING, &j->flags.advertise_address, "ADDR",
                  "this machine's own address; default: the one it reaches HOST from" },
                { "cri-socket", 0, OPT_STRING, &j->flags.cri_socket, "URI",
                  "the container runtime's socket" },
                { "patches", 0, OPT_STRING, &j->flags.patches, "DIR",
                  "patches of the static pods and of the kubelet" },
                { "dry-run", 0, OPT_FLAG, &j->flags.dry_run, NULL,
                  "print what would be done, and do nothing; the token is not used" },
                { "ignore-preflight-errors", 0, OPT_STRING, &j->flags.ignore_preflight_errors, "NAME,...",
                  "checks that only warn, or all" },
                { "worker", 0, OPT_FLAG, &j->worker, NULL, "join as a worker; the token must be a worker's" },
                { "control-plane", 0, OPT_FLAG, &a->control_plane, NULL,
                  "accepted for kubeadm's users: without --worker join makes a master" },
                { 0 },
        };
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, &a->common, &args, &n, e);

        if (r != 0 || (r = opt_refuse(&a->common, OPT_NO_JSON | OPT_NO_ROOT, "join", e)) < 0)
                return r;
        if (j->worker && a->control_plane)
                return error_set(e, EXIT_INPUT, "--worker and --control-plane are opposites; give one");
        if (a->token && pki_token_check(a->token) < 0)
                return error_set(e, EXIT_INPUT,
                                 "--token: want six letters and digits, a dot, and sixteen more, all "
                                 "lower case");
        if (a->token)
                hide_token(a);
        if (a->pins && (r = enroll_pins_parse(a->pins, &j->pins, e)) < 0)
                return r;
        if ((r = parse_positional(a, j, args, n, e)) < 0 ||
            (a->config_file && (r = take_file(a, j, j->worker, e)) < 0))
                return r;
        j->root = a->common.root;
        j->token = a->token;
        j->verbose = a->common.verbose;
        return 0;
}

int cmd_join(int argc, char **argv) {
        struct error e = { .status = EXIT_FAILED };
        struct join j = { 0 };
        struct args a = { 0 };
        int r;

        signal(SIGPIPE, SIG_IGN);
        r = parse(argc, argv, &a, &j, &e);
        if (r > 0)
                return EXIT_DONE;
        if (r == 0)
                r = join_run(&j, &e);
        join_done(&j);
        config_join_done(&a.file);
        OPENSSL_cleanse(a.secret, sizeof a.secret);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
