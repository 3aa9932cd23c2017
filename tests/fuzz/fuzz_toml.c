/* What can be set is then read back, setting it again changes nothing, and the bytes around it stay. */
#include "agent/toml.h"
#include "pki/util.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *text, size_t size, const char *const *path, const char *value) {
        CLEANUP(freep) char *out = NULL;
        CLEANUP(freep) char *again = NULL;
        CLEANUP(freep) char *s = NULL;
        struct toml_error e = { 0 };
        const char *v;
        size_t n = 0, m = 0;

        (void)toml_has(text, size, path, &e);
        (void)toml_get_string(text, size, path, &s, &e);
        if (toml_set(text, size, path, value, &out, &n, &e) < 0)
                return;
        if (toml_get(out, n, path, &v, &m, &e) != 1 || m != strlen(value) || memcmp(v, value, m) != 0 ||
            toml_set(out, n, path, value, &again, &m, &e) != 0 || m != n || memcmp(out, again, n) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const one[] = { "version", NULL };
        static const char *const two[] = { "a", "b", NULL };
        static const char *const cri[] = { "plugins", "io.containerd.grpc.v1.cri", "registry", "config_path",
                                           NULL };

        try_path((const char *)data, size, one, "2");
        try_path((const char *)data, size, two, "[1, \"x\"]");
        try_path((const char *)data, size, cri, "\"/etc/containerd/certs.d\"");
        return 0;
}
