/* Messages between agents. They are authentic by the time they are read; a peer may still be broken. What is
 * accepted must come out of the encoder byte by byte. */
#include "agent/exchange.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(void *userdata, uint64_t dst, const uint8_t *body, size_t size) {
        (void)userdata;
        (void)dst;
        if (size == 0 || body[0] != EXCHANGE_VERSION)
                abort();
}

static void measure(void *userdata, unsigned checks) {
        (void)userdata;
        if (checks >= 1U << HEALTH_CHECKS)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct exchange_ops ops = { .send = nothing, .measure = measure };
        struct exchange_now now = { .us = 5000000, .clock_ns = 1795408722000000000 };
        struct exchange_report own = { .check[HEALTH_API_SERVER].enabled = true };
        uint8_t again[EXCHANGE_MAX];
        struct exchange_message m;
        struct exchange x;

        if (exchange_decode(data, size, &m) &&
            (exchange_encode(&m, again, sizeof again) != size || memcmp(again, data, size) != 0))
                abort();
        exchange_init(&x, 1, 7, &ops, NULL);
        exchange_send_report(&x, &own, now);
        now.us += 1000;
        now.clock_ns += 1000000;
        exchange_receive(&x, 2, data, size, now);
        exchange_receive(&x, 2, data, size, now);
        exchange_measured(&x, HEALTH_API_SERVER, now.us, &own, now);
        return 0;
}
