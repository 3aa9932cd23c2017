/* A kubeconfig that is taken must come out of rendering and reading with the same meaning. */
#include "pki/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(const char *a, const char *b) {
        if (!a != !b || (a && strcmp(a, b) != 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(pki_kubeconfig_done) struct pki_kubeconfig k, again;
        CLEANUP(freep) char *text = NULL;
        char why[200] = "";

        memset(&again, 0, sizeof again);
        if (pki_kubeconfig_parse((const char *)data, size, &k, why) < 0) {
                if (!*why)
                        abort();
                return 0;
        }
        if (pki_kubeconfig_render(&k, &text) < 0)
                return 0; /* neither files nor data for the user */
        if (pki_kubeconfig_parse(text, strlen(text), &again, why) < 0)
                abort();
        must_equal(k.cluster, again.cluster);
        must_equal(k.user, again.user);
        must_equal(k.server, again.server);
        must_equal(k.ca_pem, again.ca_pem);
        must_equal(k.crt_file, again.crt_file);
        if (k.crt_file) {
                must_equal(k.key_file, again.key_file);
        } else { /* a client-key alone is nobody's: client-go passes over it, too */
                must_equal(k.crt_pem, again.crt_pem);
                must_equal(k.key_pem, again.key_pem);
                if (!k.key_pem) /* goes before the token, also alone */
                        must_equal(k.token, again.token);
        }
        return 0;
}
