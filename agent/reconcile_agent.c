#include "agent/agent_client.h"
#include "agent/reconcile_priv.h"
#include <errno.h>
#include <time.h>

enum { TRIES = 40, PAUSE_MS = 50 };

static int post(const struct reconcile *x, const char *path, const char *body, struct error *e) {
        int r = x->agent ? agent_post(x->config->socket_path, path, body, NULL, e) : -ENOENT;

        return r == -ENOENT ? 0 : r;
}

int reconcile_agent_reload(const struct reconcile *x, struct error *e) {
        return post(x, "/v1/keys/reload", "{}", e);
}

int reconcile_agent_standby(const struct reconcile *x, struct error *e) {
        return post(x, "/v1/vip/standby", "{\"on\": true, \"force\": true}", e);
}

/* The lowest of its groups; `none` where no group is elected by majority yet. */
static uint64_t lowest_gen(const json_t *report, uint64_t none) {
        const json_t *vips = json_object_get(report, "vips");
        uint64_t lowest = UINT64_MAX;

        for (size_t i = 0; i < json_array_size(vips); i++) {
                json_int_t gen = json_integer_value(json_object_get(json_array_get(vips, i), "generation"));

                if (gen > 0 && (uint64_t)gen < lowest)
                        lowest = (uint64_t)gen;
        }
        return lowest == UINT64_MAX ? none : lowest;
}

int reconcile_agent_gen(const struct reconcile *x, uint64_t gen, uint64_t *ret, struct error *e) {
        *ret = gen;
        for (unsigned i = 0; x->agent && i < TRIES; i++) {
                json_t *report = NULL;
                int r = agent_status(x->config->socket_path, &report, e);

                if (r < 0)
                        return r == -ENOENT ? 0 : r;
                *ret = lowest_gen(report, gen);
                json_decref(report);
                if (*ret >= gen)
                        break;
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        }
        return 0;
}
