#include "agent/adopt.h"
#include "agent/command.h"
#include "agent/curl.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch adopt [--kubeadm-config FILE] [--keepalived-conf FILE] [--dry-run] [OPTIONS]\n"
        "       triarch adopt --undo\n\n"
        "Makes a running master of kubeadm's and keepalived's one of triarch's: what runs is compared with "
        "what\n"
        "the cluster's configuration would give, the agent takes the virtual address over with keepalived's\n"
        "VRID, and keepalived is stopped and masked. Run it on each master, the one that has the address "
        "last.\n"
        "Nothing of Kubernetes is changed. --undo goes back to keepalived.";

static int parse(int argc, char **argv, struct adopt_input *in, struct error *e) {
        const struct opt table[] = {
                { "kubeadm-config", 0, OPT_STRING, &in->kubeadm_config, "FILE",
                  "instead of the cluster's ConfigMaps" },
                { "keepalived-conf", 0, OPT_STRING, &in->keepalived_conf, "FILE",
                  "default /etc/keepalived/keepalived.conf" },
                { "keepalived-unit", 0, OPT_STRING, &in->unit, "UNIT", "default keepalived.service" },
                { "node-name", 0, OPT_STRING, &in->flags.node_name, "NAME",
                  "default: etcd's, or the host name" },
                { "apiserver-advertise-address", 0, OPT_STRING, &in->flags.advertise_address, "ADDR",
                  "default: the API server's" },
                { "patches", 0, OPT_STRING, &in->flags.patches, "DIR", "those that kubeadm was given" },
                { "ignore-preflight-errors", 0, OPT_STRING, &in->flags.ignore_preflight_errors, "NAME,...",
                  "differences and checks that only warn, or all" },
                { "dry-run", 0, OPT_FLAG, &in->dry_run, NULL,
                  "check, print the configuration, change nothing" },
                { "undo", 0, OPT_FLAG, &in->undo, NULL, "the agent off, keepalived on" },
                { 0 },
        };
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, &in->common, &args, &n, e);

        if (r != 0)
                return r;
        if (n > 0)
                return error_set(e, EXIT_INPUT, "adopt: unexpected argument \"%s\"", args[0]);
        if (in->common.json)
                return error_set(e, EXIT_INPUT, "adopt has no JSON output");
        if (in->undo && in->dry_run)
                return error_set(e, EXIT_INPUT, "adopt: --undo and --dry-run do not go together");
        if (in->undo && *in->common.root)
                return error_set(e, EXIT_INPUT,
                                 "adopt --undo is for the running machine: --root is not for it");
        return 0;
}

static void adopt_done(struct adopt *a) {
        config_free(a->config);
        keepalived_conf_free(a->keepalived);
}

static int print_config(const struct adopt *a, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;

        if (config_render(a->config, false, &text, &size) < 0)
                return error_set(e, EXIT_FAILED, "out of memory");
        printf("%s", text);
        return 0;
}

static int adopt(const struct adopt_input *in, struct error *e) {
        CLEANUP(adopt_done) struct adopt a = { .in = in, .root = in->common.root };
        CLEANUP(closep) int lock = -1;
        int r;

        if ((r = adopt_load(&a, e)) < 0 || (r = adopt_check(&a, e)) < 0)
                return r;
        if (in->dry_run)
                return print_config(&a, e);
        if ((r = phase_lock(a.root, &lock, e)) < 0)
                return r;
        return adopt_run(&a, e);
}

static int undo(const struct adopt_input *in, struct error *e) {
        CLEANUP(closep) int lock = -1;
        int r = phase_lock("", &lock, e);

        return r < 0 ? r : adopt_undo(in, e);
}

int cmd_adopt(int argc, char **argv) {
        struct adopt_input in = { .keepalived_conf = "/etc/keepalived/keepalived.conf",
                                  .unit = "keepalived.service" };
        struct error e = { .status = EXIT_FAILED };
        int r = parse(argc, argv, &in, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0 && geteuid() != 0 && !*in.common.root)
                r = error_set(&e, EXIT_FAILED, "adopt changes this machine's services: run it as root");
        if (r == 0) {
                curl_global_init(CURL_GLOBAL_DEFAULT);
                r = (in.undo ? undo : adopt)(&in, &e);
                curl_global_cleanup();
        }
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
