#include "agent/command.h"
#include "agent/opt.h"

int cmd_version(int argc, char **argv) {
        struct common c;
        struct error e;
        int r = opt_parse_only(argc, argv, "Usage: triarch version [-o json]", NULL, 0, &c, &e);

        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        puts(c.json ? "{\"version\": \"" TRIARCH_VERSION "\"}" : "triarch " TRIARCH_VERSION);
        return EXIT_DONE;
}
