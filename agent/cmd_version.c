#include "agent/command.h"
#include <stdio.h>

int cmd_version(int argc, char **argv) {
        (void)argc;
        (void)argv;
        puts("triarch " TRIARCH_VERSION);
        return 0;
}
