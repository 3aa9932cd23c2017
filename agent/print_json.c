#include "agent/print_json.h"
#include <stdio.h>

int print_json(json_t *o, struct error *e) {
        int r = o ? json_dumpf(o, stdout, JSON_INDENT(2)) : -1;

        json_decref(o);
        if (r < 0)
                return error_set(e, EXIT_FAILED, "out of memory, or standard output cannot be written");
        putchar('\n');
        return 0;
}
