/* Any buffer as inet_diag messages: nothing is read beyond it, and what is handed on is whole. */
#include "tests/fuzz/exact.h"
#include "vrrp/diagmsg.h"

static void check(const struct vrrp_diag *m, void *userdata) {
        _Alignas(uint32_t) uint8_t request[VRRP_DIAG_REQUEST_MAX];

        (void)userdata;
        if (m->kind == VRRP_DIAG_END)
                return;
        if ((m->family != AF_INET && m->family != AF_INET6) || vrrp_ip_size(&m->local) == 0 ||
            vrrp_diag_destroy(request, 1, m) > sizeof request)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *exact = exact_copy(data, size);

        if (!exact)
                return 0;
        vrrp_diag_parse(exact, size, check, NULL);
        free(exact);
        return 0;
}
