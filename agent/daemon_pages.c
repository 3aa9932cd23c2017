/* What the agent answers on its socket and on the loopback port. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

static struct report snapshot(const struct agent *a) {
        struct report r = {
                .config = a->config,
                .now_us = agent_now_us(a),
                .started_us = a->started_us,
                .routing = a->router != NULL,
                .router_problem = a->problem,
                .health = &a->health,
                .clock = a->clock ? clock_probe_state(a->clock) : NULL,
                .etcd = a->etcd ? etcd_probe_facts(a->etcd) : NULL,
                .history = &a->history,
                .became_active = a->became_active,
                .lost_active = a->lost_active,
                .class_changes = a->class_changes,
        };

        clock_gettime(CLOCK_REALTIME, &r.wall);
        if (a->router)
                vrrp_router_status(a->router, &r.router);
        r.router_now_us = vrrp_now_us();
        return r;
}

static void status_page(struct agent *a, struct control_page *ret) {
        struct report r = snapshot(a);

        ret->type = "application/json";
        ret->status = report_json(&r, &ret->body, &ret->size) < 0 ? 500 : 200;
}

static void metrics_page(struct agent *a, struct control_page *ret) {
        struct report r = snapshot(a);

        ret->type = "text/plain; version=0.0.4; charset=utf-8";
        ret->status = report_metrics(&r, &ret->body, &ret->size) < 0 ? 500 : 200;
}

/* That this is answered at all says that the loop lives; 503 while there is no router. */
static void healthz_page(struct agent *a, struct control_page *ret) {
        bool good = a->router || !a->config->vips.n;

        ret->type = "text/plain; charset=utf-8";
        if (asprintf(&ret->body, "%s\n", good ? "ok" : a->problem) < 0)
                ret->body = NULL;
        ret->size = ret->body ? strlen(ret->body) : 0;
        ret->status = good ? 200 : 503;
}

typedef void (*page_fn)(struct agent *a, struct control_page *ret);
struct page {
        const char *path;
        page_fn fn;
};

static void answer(const struct page *table, struct agent *a, const char *path, struct control_page *ret) {
        for (; table->path; table++)
                if (!strcmp(path, table->path))
                        table->fn(a, ret);
}

static void on_socket(void *userdata, const char *path, struct control_page *ret) {
        static const struct page pages[] = { { "/v1/status", status_page }, { 0 } };

        answer(pages, userdata, path, ret);
}

static void on_loopback(void *userdata, const char *path, struct control_page *ret) {
        static const struct page pages[] = { { "/metrics", metrics_page },
                                             { "/healthz", healthz_page },
                                             { 0 } };

        answer(pages, userdata, path, ret);
}

/* /run/triarch is systemd's to make; without systemd it is made here. */
static void make_parent(const char *path) {
        CLEANUP(freep) char *dir = strdup(path);
        char *slash = dir ? strrchr(dir, '/') : NULL;

        if (!slash || slash == dir)
                return;
        *slash = '\0';
        (void)mkdir(dir, 0755); /* what is wrong with it, bind tells */
}

/* The address matters more than the pages: a port in use is told, not died of. An agent that is alive on
 * the same socket is another matter: two of them on one machine would fight. */
int agent_pages_open(struct agent *a, struct error *e) {
        const struct config *c = a->config;
        char text[256];
        int r;

        make_parent(c->socket_path);
        r = control_new_unix(a->loop, c->socket_path, on_socket, a, &a->socket);
        if (r == -EADDRINUSE)
                return error_set(e, EXIT_FAILED, "another agent answers on %s; stop it first",
                                 c->socket_path);
        if (r < 0) {
                snprintf(text, sizeof text, "no control socket at %.150s: %s", c->socket_path, strerror(-r));
                agent_record(a, LOG_ERR, NULL, "notice", "", "", text);
        }
        if (c->metrics_port == 0)
                return 0;
        r = control_new_loopback(a->loop, c->metrics_port, on_loopback, a, &a->loopback);
        if (r < 0) {
                snprintf(text, sizeof text, "no metrics on 127.0.0.1:%u: %s", c->metrics_port, strerror(-r));
                agent_record(a, LOG_ERR, NULL, "notice", "", "", text);
        }
        return 0;
}

void agent_pages_close(struct agent *a) {
        control_free(a->socket);
        control_free(a->loopback);
}
