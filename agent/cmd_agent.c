#include "agent/command.h"
#include "agent/daemon.h"
#include "agent/opt.h"
#include "agent/paths.h"

static const char usage[] =
        "Usage: triarch agent [--config FILE] [--keep-address]\n\n"
        "Keeps the virtual address alive: takes part in VRRP, checks this machine's health, answers\n"
        "`triarch status` and serves metrics. Runs until SIGTERM. triarch-agent.service starts it.";

int cmd_agent(int argc, char **argv) {
        CLEANUP(config_freep) struct config *c = NULL;
        const char *file = TRIARCH_CONFIG_FILE;
        bool keep = false;
        struct common common;
        struct error e;
        int r;
        const struct opt table[] = {
                { "config", 0, OPT_STRING, &file, "FILE", "default " TRIARCH_CONFIG_FILE },
                { "keep-address", 0, OPT_FLAG, &keep, NULL,
                  "take an address that is here over from another program (adopt does that)" },
                { 0 },
        };

        r = opt_parse_only(argc, argv, usage, table, OPT_NO_JSON | OPT_NO_ROOT, &common, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (config_load(file, NULL, &c, &e) < 0)
                return error_print(&e);
        return agent_run(c, keep);
}
