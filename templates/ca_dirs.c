#include "templates/render.h"

const char *tmpl_ca_dir(size_t i) {
        static const char *const dirs[] = {
                "/etc/ca-certificates",       "/etc/pki/ca-trust",
                "/etc/pki/tls/certs",         "/usr/local/share/ca-certificates",
                "/usr/share/ca-certificates",
        };

        return i < sizeof dirs / sizeof *dirs ? dirs[i] : 0;
}
