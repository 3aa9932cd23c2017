#include "agent/command.h"
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include "agent/join.h"
#include "agent/jread.h"
#include "agent/opt.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>

enum { DEFAULT_PORT = 7644 };

static const char usage[] =
        "Usage: triarch join HOST[:PORT] --token TOKEN --discovery-token-ca-cert-hash sha256:HEX "
        "[OPTIONS]\n\n"
        "Makes this machine one more master of the cluster that HOST is a master of. `triarch token create\n"
        "--print-join-command` there prints the whole command. A run that was interrupted is completed by\n"
        "running it again; `triarch reset` takes it back.";

struct args {
        struct common common;
        const char *token, *pins;
        bool control_plane;
        char host[256], secret[PKI_TOKEN_SIZE];
};

/* HOST or HOST:PORT. */
static int parse_host(const char *text, char host[256], uint16_t *ret_port, struct error *e) {
        const char *colon = strrchr(text, ':');
        size_t n = colon ? (size_t)(colon - text) : strlen(text);
        uint64_t port = DEFAULT_PORT;

        snprintf(host, 256, "%.*s", (int)n, text);
        if (n >= 256 || (syntax_host_address(host) && syntax_dns_name(host)) ||
            (colon && !decimal_parse(colon + 1, 1, UINT16_MAX, &port)))
                return error_set(e, EXIT_INPUT,
                                 "\"%s\": want HOST or HOST:PORT, with the name (in lower case) or IPv4 "
                                 "address of a master",
                                 text);
        *ret_port = (uint16_t)port;
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

static int parse(int argc, char **argv, struct args *a, struct join *j, struct error *e) {
        const struct opt table[] = {
                { "token", 0, OPT_STRING, &a->token, "TOKEN", "made by `triarch token create` on a master" },
                { "discovery-token-ca-cert-hash", 0, OPT_STRING, &a->pins, "sha256:HEX[,...]",
                  "hash of the cluster CA's public key" },
                { "node-name", 0, OPT_STRING, &j->flags.node_name, "NAME", "default: the host name" },
                { "apiserver-advertise-address", 0, OPT_STRING, &j->flags.advertise_address, "ADDR",
                  "this machine's own address; default: the one it reaches HOST from" },
                { "cri-socket", 0, OPT_STRING, &j->flags.cri_socket, "URI",
                  "the container runtime's socket" },
                { "ignore-preflight-errors", 0, OPT_STRING, &j->flags.ignore_preflight_errors, "NAME,...",
                  "checks that only warn, or all" },
                { "control-plane", 0, OPT_FLAG, &a->control_plane, NULL,
                  "accepted for kubeadm's users: join always makes a master" },
                { 0 },
        };
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, &a->common, &args, &n, e);

        if (r != 0 || (r = opt_refuse(&a->common, OPT_NO_JSON | OPT_NO_ROOT, "join", e)) < 0)
                return r;
        if (a->token && pki_token_check(a->token) < 0)
                return error_set(e, EXIT_INPUT,
                                 "--token: want six letters and digits, a dot, and sixteen more, all "
                                 "lower case");
        if (a->token)
                hide_token(a);
        if (a->pins && (r = enroll_pins_parse(a->pins, &j->pins, e)) < 0)
                return r;
        j->root = a->common.root;
        j->token = a->token;
        j->verbose = a->common.verbose;
        return parse_positional(a, j, args, n, e);
}

int cmd_join(int argc, char **argv) {
        struct error e = { .status = EXIT_FAILED };
        struct join j = { 0 };
        struct args a = { 0 };
        int r;

        jread_wipe_on_free();
        signal(SIGPIPE, SIG_IGN);
        r = parse(argc, argv, &a, &j, &e);
        if (r > 0)
                return EXIT_DONE;
        if (r == 0)
                r = join_run(&j, &e);
        join_done(&j);
        OPENSSL_cleanse(a.secret, sizeof a.secret);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
