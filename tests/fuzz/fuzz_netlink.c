/* Any buffer as netlink messages: nothing is read beyond it, and what is handed on is whole. */
#include "vrrp/nlmsg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        void *exact = malloc(size ? size : 1); /* aligned as recv()'s buffer, and ending where it ends */

        if (!exact)
                return 0;
        memcpy(exact, data, size);
        vrrp_nl_parse(exact, size, check, NULL);
        free(exact);
        return 0;
}
