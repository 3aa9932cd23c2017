/* keepalived.conf, as administrators write it. What is accepted keeps its own rules. */
#include "agent/keepalived_conf.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct keepalived_instance *i) {
        if (!i->vrid || !i->priority || (i->version != 2 && i->version != 3) || !i->interval_us ||
            !i->n_addresses || i->n_addresses > KEEPALIVED_ADDRESSES || i->n_peers > KEEPALIVED_PEERS)
                abort();
        for (size_t k = 0; k < i->n_addresses; k++)
                if (i->addresses[k].ip.family != i->addresses[0].ip.family || !i->addresses[k].prefix ||
                    i->addresses[k].prefix > vrrp_ip_bits(&i->addresses[k].ip))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *c = NULL;
        struct error e = { 0 };

        if (keepalived_conf_parse((const char *)data, size, "keepalived.conf", &c, &e) < 0) {
                if (c || !*e.message)
                        abort();
                return 0;
        }
        if (c->n_instances == 0 || c->n_notes > KEEPALIVED_NOTES)
                abort();
        for (size_t i = 0; i < c->n_instances; i++)
                check(&c->instances[i]);
        for (size_t i = 0; i < c->n_notes; i++)
                if (!*c->notes[i].text || !c->notes[i].line || !c->notes[i].file)
                        abort();
        return 0;
}
