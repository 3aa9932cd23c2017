#include "agent/config.h"
#include "agent/token.h"
#include <errno.h>

int token_join_command(enum enroll_role role, const char *address, unsigned port, const char *token,
                       const char *ca_crt_path, char **ret, struct error *e) {
        struct pki_error pe = { 0 };
        char pin[PKI_PIN_SIZE], host[CONFIG_HOST_PORT_SIZE];
        int r = pki_ca_pin(ca_crt_path, pin, &pe);

        if (r < 0) {
                error_from_pki(e, EXIT_FAILED, &pe);
                return r;
        }
        if (asprintf(ret, "triarch join %s%s --token %s --discovery-token-ca-cert-hash %s",
                     role == ENROLL_WORKER ? "--worker " : "", config_host_port(address, port, host), token,
                     pin) < 0) {
                *ret = NULL;
                error_set(e, EXIT_FAILED, "out of memory");
                return -ENOMEM;
        }
        return 0;
}
