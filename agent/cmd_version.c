#include "agent/command.h"
#include "agent/opt.h"

int cmd_version(int argc, char **argv) {
        struct common c;
        struct error e;
        char **args;
        int n, r;

        r = opt_parse(argc, argv, "Usage: triarch version [-o json]", NULL, &c, &args, &n, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (n > 0) {
                error_set(&e, EXIT_INPUT, "version takes no arguments, found \"%s\"", args[0]);
                return error_print(&e);
        }
        puts(c.json ? "{\"version\": \"" TRIARCH_VERSION "\"}" : "triarch " TRIARCH_VERSION);
        return EXIT_DONE;
}
