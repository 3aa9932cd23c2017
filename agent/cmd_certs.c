/* triarch certs generate-csr */
#include "agent/command.h"
#include "agent/opt.h"
#include "agent/phase.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

static const char usage[] =
        "Usage: triarch certs generate-csr [--config FILE] [OPTIONS]\n\n"
        "For a CA whose key stays elsewhere: with ca.crt in place and no ca.key, makes every key and, "
        "beside\n"
        "it, the request FILE.csr for the certificate FILE.crt (of a kubeconfig: NAME.conf.csr for\n"
        "NAME.conf.crt). Let the CA sign them, put the certificates there, and run init, which checks each.\n"
        "front-proxy-ca and etcd/ca are treated in the same way where their keys are elsewhere; where they "
        "are\n"
        "absent altogether init makes them.";

struct certs {
        struct common common;
        const char *config_file;
        struct config_flags flags;
        unsigned made, kept;
};

static void on_pki(void *userdata, enum pki_action action, const char *file) {
        struct certs *c = userdata;

        if (action == PKI_TEXT)
                return;
        printf("[certs] %s %s\n", action == PKI_MADE ? "made" : "kept", file);
        *(action == PKI_MADE ? &c->made : &c->kept) += 1;
}

static int generate(struct certs *c, const struct config *config, struct error *e) {
        struct phase_ctx ctx = { .root = c->common.root, .config = config };
        struct pki_error pe = { 0 };
        struct pki_params p;
        gid_t gid = (gid_t)-1;
        int r;

        if ((r = phase_pki_params(&ctx, &p, e)) < 0 || (r = phase_agent_gid(&ctx, &gid, e)) < 0)
                return r;
        p.requests = true;
        if ((r = pki_certs_ensure(&p, "all", on_pki, c, &pe)) < 0 ||
            (r = pki_kubeconfig_ensure(&p, "all", on_pki, c, &pe)) < 0 ||
            (r = pki_triarch_ensure(&p, gid, on_pki, c, &pe)) < 0)
                return error_from_pki(e, EXIT_FAILED, &pe);
        if (!c->made && !c->kept)
                printf("Nothing to be signed elsewhere: no CA of %s is without its key.\n", p.cert_dir);
        return 0;
}

static int run(struct certs *c, struct error *e) {
        CLEANUP(config_freep) struct config *config = NULL;
        CLEANUP(closep) int lock = -1;
        int r;

        if ((r = config_load(c->config_file, &c->flags, &config, e)) < 0 ||
            (!*c->common.root && (r = config_resolve(config, e)) < 0) ||
            (r = phase_lock(c->common.root, &lock, e)) < 0)
                return r;
        return generate(c, config, e);
}

int cmd_certs(int argc, char **argv) {
        struct certs c = { .flags = { .cluster = true } };
        const struct opt table[] = {
                { "config", 0, OPT_STRING, &c.config_file, "FILE", "what init will be given" },
                { "cert-dir", 0, OPT_STRING, &c.flags.cert_dir, "DIR", "default /etc/kubernetes/pki" },
                { "vip", 0, OPT_STRING, &c.flags.vip, "ADDR/PREFIX", "as of init" },
                { "node-name", 0, OPT_STRING, &c.flags.node_name, "NAME", "as of init" },
                { "apiserver-advertise-address", 0, OPT_STRING, &c.flags.advertise_address, "ADDR",
                  "as of init" },
                { "control-plane-endpoint", 0, OPT_STRING, &c.flags.control_plane_endpoint, "HOST[:PORT]",
                  "as of init" },
                { 0 },
        };
        struct error e = { .status = EXIT_FAILED };
        char **args;
        int n, r = opt_parse(argc, argv, usage, table, &c.common, &args, &n, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0 && c.common.json)
                r = error_set(&e, EXIT_INPUT, "certs has no JSON output");
        if (r == 0 && (n != 1 || strcmp(args[0], "generate-csr") != 0))
                r = error_set(&e, EXIT_INPUT, "expected `certs generate-csr`");
        if (r == 0)
                r = run(&c, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
