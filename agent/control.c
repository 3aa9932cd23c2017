#include "agent/control.h"
#include "agent/control_listen.h"
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
        MAX_CONNECTIONS = 32,
        CONNECTION_MEMORY = 16 * 1024,
        CONNECTION_TIMEOUT_S = 3,
        ACCURACY_US = 1000,
};

struct control {
        struct MHD_Daemon *server;
        sd_event_source *io, *timer;
        const struct control_route *routes;
        void *userdata;
        bool check_host;
        char *path; /* of the Unix socket, to remove */
        struct control_ticket *tickets;
};

/* One request, from its headers to its answer. */
struct control_ticket {
        struct control *control;
        struct MHD_Connection *conn;
        struct control_ticket *next; /* of all that are alive */
        const struct control_route *route;
        const char *allow; /* methods that the path has, NULL: no such path */
        char body[CONTROL_BODY_MAX + 1];
        size_t size;
        bool too_long, waiting;
        struct control_page answer; /* status 0: none yet */
};

bool control_host_allowed(const char *host) {
        static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

        for (size_t i = 0; host && i < ARRAY_SIZE(names); i++) {
                size_t n = strlen(names[i]);

                if (strncasecmp(host, names[i], n) != 0)
                        continue;
                if (host[n] == '\0' || (host[n] == ':' && strspn(host + n + 1, "0123456789") > 0 &&
                                        host[n + 1 + strspn(host + n + 1, "0123456789")] == '\0'))
                        return true;
        }
        return false;
}

/* allow: of a 405. */
static enum MHD_Result reply(struct MHD_Connection *conn, const struct control_page *page,
                             const char *allow) {
        struct MHD_Response *r =
                MHD_create_response_from_buffer(page->size, page->body, MHD_RESPMEM_MUST_FREE);
        enum MHD_Result queued;

        if (!r) {
                free(page->body);
                return MHD_NO;
        }
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, page->type);
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        if (allow)
                MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
        queued = MHD_queue_response(conn, page->status, r);
        MHD_destroy_response(r);
        return queued;
}

void control_refuse(struct control_page *ret, unsigned status, const char *fmt, ...) {
        char text[512];
        va_list ap;
        json_t *o;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        o = json_pack("{s:s}", "error", text);
        ret->status = status;
        ret->type = "application/json";
        free(ret->body);
        ret->body = o ? json_dumps(o, 0) : NULL;
        ret->size = ret->body ? strlen(ret->body) : 0;
        json_decref(o);
}

static enum MHD_Result refuse(struct control_ticket *t, unsigned status, const char *text) {
        struct control_page page = { 0 };

        control_refuse(&page, status, "%s", text);
        return page.body ? reply(t->conn, &page, status == MHD_HTTP_METHOD_NOT_ALLOWED ? t->allow : NULL)
                         : MHD_NO;
}

static bool is_get(const char *method) {
        return !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

static void find_route(struct control_ticket *t, const char *method, const char *path) {
        for (const struct control_route *r = t->control->routes; r->method && !t->route; r++) {
                if (strcmp(r->path, path) != 0 || (r->needs_root && t->control->check_host))
                        continue;
                t->allow = is_get(r->method) ? "GET, HEAD" : r->method;
                if (!strcmp(r->method, method) || (is_get(r->method) && is_get(method)))
                        t->route = r;
        }
}

static bool peer_is_root(struct MHD_Connection *conn) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct ucred cred;
        socklen_t size = sizeof cred;

        return info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 &&
               size == sizeof cred && cred.uid == 0;
}

/* Before a body is looked at. 0: go on. */
static unsigned refusal(struct control_ticket *t, const char *method, const char *url, const char **text) {
        const struct control *c = t->control;

        find_route(t, method, url);
        if (c->check_host && !control_host_allowed(MHD_lookup_connection_value(t->conn, MHD_HEADER_KIND,
                                                                               MHD_HTTP_HEADER_HOST)))
                return *text = "the Host header must name the loopback address", MHD_HTTP_FORBIDDEN;
        if (!t->allow)
                return *text = "no such page", MHD_HTTP_NOT_FOUND;
        if (!t->route)
                return *text = "this page has no such method", MHD_HTTP_METHOD_NOT_ALLOWED;
        if (t->route->needs_root && !peer_is_root(t->conn))
                return *text = "this changes something, which only root may", MHD_HTTP_FORBIDDEN;
        if (t->too_long)
                return *text = "the request is too long", MHD_HTTP_CONTENT_TOO_LARGE;
        return 0;
}

static enum MHD_Result answer(struct control_ticket *t, const char *method, const char *url) {
        struct control_request q = { .body = t->body, .size = t->size, .ticket = t };
        struct control_page page = { 0 };
        const char *text = NULL;
        unsigned status = refusal(t, method, url, &text);

        if (status)
                return refuse(t, status, text);
        t->route->fn(t->control->userdata, &q, &page);
        if (page.status != CONTROL_LATER)
                return page.status ? reply(t->conn, &page, NULL) : MHD_NO;
        t->waiting = true;
        MHD_suspend_connection(t->conn);
        return MHD_YES;
}

static struct control_ticket *new_ticket(struct control *c, struct MHD_Connection *conn) {
        struct control_ticket *t = calloc(1, sizeof *t);

        if (t) {
                *t = (struct control_ticket){ .control = c, .conn = conn, .next = c->tickets };
                c->tickets = t;
        }
        return t;
}

static void take_body(struct control_ticket *t, const char *data, size_t size) {
        if (size > CONTROL_BODY_MAX - t->size) {
                t->too_long = true;
                return;
        }
        memcpy(t->body + t->size, data, size);
        t->size += size;
}

/* Called with the headers, with each part of the body, at its end, and when an answer came later. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request) {
        struct control_ticket *t = *request;

        (void)version;
        if (!t) {
                *request = new_ticket(userdata, conn);
                return *request ? MHD_YES : MHD_NO;
        }
        if (*upload_size > 0) { /* read to its end, whatever it is: an early answer would be lost */
                take_body(t, upload, *upload_size);
                *upload_size = 0;
                return MHD_YES;
        }
        if (t->answer.status) {
                struct control_page page = t->answer;

                t->answer = (struct control_page){ 0 };
                return reply(conn, &page, NULL);
        }
        return answer(t, method, url);
}

static void on_completed(void *userdata, struct MHD_Connection *conn, void **request,
                         enum MHD_RequestTerminationCode code) {
        struct control *c = userdata;
        struct control_ticket *t = *request;

        (void)conn;
        (void)code;
        for (struct control_ticket **p = &c->tickets; *p; p = &(*p)->next)
                if (*p == t) {
                        *p = t->next;
                        free(t->answer.body);
                        free(t);
                        break;
                }
        *request = NULL;
}

static unsigned connections(struct control *c) {
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(c->server, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

        return info ? info->num_connections : 0;
}

/* One round of the server, then its next time-out as our timer. At its limit of connections the server
 * takes the listening socket out of its epoll set, and puts it back only at the beginning of a round: the
 * round that closed connections must be followed by another, or it would never listen again. */
static void run(struct control *c) {
        MHD_UNSIGNED_LONG_LONG ms = 0;
        unsigned before = connections(c);

        MHD_run(c->server);
        if (connections(c) < before)
                MHD_run(c->server);
        if (MHD_get_timeout(c->server, &ms) != MHD_YES) {
                sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time_relative(c->timer, ms * 1000);
        sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        (void)s;
        (void)fd;
        (void)events;
        run(userdata);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        (void)s;
        (void)usec;
        run(userdata);
        return 0;
}

static int add_sources(struct control *c, sd_event *loop) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(c->server, MHD_DAEMON_INFO_EPOLL_FD);
        int r;

        if (!info)
                return -EOPNOTSUPP;
        if ((r = sd_event_add_io(loop, &c->io, info->epoll_fd, EPOLLIN, on_io, c)) < 0 ||
            (r = sd_event_source_set_priority(c->io, SD_EVENT_PRIORITY_IDLE)) < 0 ||
            (r = sd_event_add_time_relative(loop, &c->timer, CLOCK_MONOTONIC, 0, ACCURACY_US, on_timer, c)) <
                    0 ||
            (r = sd_event_source_set_priority(c->timer, SD_EVENT_PRIORITY_IDLE)) < 0)
                return r;
        return 0;
}

/* Takes the listening socket over, also on failure. */
static int start(sd_event *loop, int fd, struct control *c, struct control **ret) {
        CLEANUP(control_freep) struct control *owned = c;
        int r;

        c->server = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, c,
                MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, c, MHD_OPTION_END);
        if (!c->server) {
                close(fd);
                return -ENOMEM;
        }
        if ((r = add_sources(c, loop)) < 0)
                return r;
        *ret = TAKE_PTR(owned);
        return 0;
}

static struct control *control_alloc(const struct control_route *routes, void *userdata) {
        struct control *c = calloc(1, sizeof *c);

        if (c)
                *c = (struct control){ .routes = routes, .userdata = userdata };
        return c;
}

int control_new_unix(sd_event *loop, const char *path, const struct control_route *routes, void *userdata,
                     struct control **ret) {
        CLEANUP(control_freep) struct control *c = control_alloc(routes, userdata);
        int fd;

        if (!c)
                return -ENOMEM;
        if ((fd = control_listen_unix(path)) < 0)
                return fd;
        if (!(c->path = strdup(path))) {
                close(fd);
                return -ENOMEM;
        }
        return start(loop, fd, TAKE_PTR(c), ret);
}

int control_new_loopback(sd_event *loop, uint16_t port, const struct control_route *routes, void *userdata,
                         struct control **ret) {
        CLEANUP(control_freep) struct control *c = control_alloc(routes, userdata);
        int fd;

        if (!c)
                return -ENOMEM;
        if ((fd = control_listen_loopback(port)) < 0)
                return fd;
        c->check_host = true;
        return start(loop, fd, TAKE_PTR(c), ret);
}

static void resume(struct control_ticket *t, const struct control_page *page) {
        t->answer = *page;
        t->waiting = false;
        MHD_resume_connection(t->conn);
}

void control_answer(struct control_ticket *t, struct control_page *page) {
        struct control *c = t->control;

        resume(t, page);
        *page = (struct control_page){ 0 };
        run(c);
}

/* A server must not be stopped with requests suspended. */
static void end_waiting(struct control *c) {
        for (struct control_ticket *t = c->tickets; t; t = t->next) {
                struct control_page page = { 0 };

                if (!t->waiting)
                        continue;
                control_refuse(&page, MHD_HTTP_SERVICE_UNAVAILABLE, "the agent stops");
                resume(t, &page);
        }
        if (c->server)
                MHD_run(c->server);
}

void control_free(struct control *c) {
        if (!c)
                return;
        end_waiting(c);
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        if (c->server)
                MHD_stop_daemon(c->server);
        if (c->path)
                unlink(c->path);
        free(c->path);
        free(c);
}
