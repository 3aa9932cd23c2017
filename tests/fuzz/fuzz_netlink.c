/* Any buffer as netlink messages: nothing is read beyond it, and what is handed on is whole. */
#include "tests/fuzz/exact.h"
#include "vrrp/nlmsg.h"

static void check(const struct vrrp_nl *m, void *userdata) {
        static const uint8_t zero[16];

        (void)userdata;
        if (m->kind == VRRP_NL_ADDRESS &&
            (vrrp_ip_none(&m->address) || m->prefix > vrrp_ip_bits(&m->address) ||
             memcmp(m->address.b, zero, sizeof zero) == 0))
                abort();
        if (m->kind == VRRP_NL_LINK && !memchr(m->name, 0, sizeof m->name))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *exact = exact_copy(data, size);

        if (!exact)
                return 0;
        vrrp_nl_parse(exact, size, check, NULL);
        free(exact);
        return 0;
}
