#include "agent/control.h"
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum {
        MAX_CONNECTIONS = 32,
        CONNECTION_MEMORY = 16 * 1024,
        CONNECTION_TIMEOUT_S = 3,
        BACKLOG = 64,
        SOCKET_MODE = 0660,
        ACCURACY_US = 1000,
};

struct control {
        struct MHD_Daemon *server;
        sd_event_source *io, *timer;
        control_handler handler;
        void *userdata;
        bool check_host;
        char *path; /* of the Unix socket, to remove */
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

static enum MHD_Result reply(struct MHD_Connection *conn, const struct control_page *page) {
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
        if (page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        queued = MHD_queue_response(conn, page->status, r);
        MHD_destroy_response(r);
        return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *conn, unsigned status, const char *text) {
        struct control_page page = { .status = status, .type = "text/plain", .body = strdup(text) };

        if (!page.body)
                return MHD_NO;
        page.size = strlen(page.body);
        return reply(conn, &page);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request) {
        struct control *c = userdata;
        struct control_page page = { 0 };

        (void)version;
        (void)upload;
        if (*upload_size > 0) { /* a body is read away and ignored */
                *upload_size = 0;
                return MHD_YES;
        }
        if (!*request) { /* headers are in; answering now would close before a body is read */
                *request = c;
                return MHD_YES;
        }
        if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
                return refuse(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is answered here\n");
        if (c->check_host &&
            !control_host_allowed(MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
                return refuse(conn, MHD_HTTP_FORBIDDEN, "the Host header must name the loopback address\n");
        c->handler(c->userdata, url, &page);
        return page.status ? reply(conn, &page) : refuse(conn, MHD_HTTP_NOT_FOUND, "no such page\n");
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

        c->server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, c, MHD_OPTION_LISTEN_SOCKET,
                                     fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
                                     MHD_OPTION_END);
        if (!c->server) {
                close(fd);
                return -ENOMEM;
        }
        if ((r = add_sources(c, loop)) < 0)
                return r;
        *ret = TAKE_PTR(owned);
        return 0;
}

static struct control *control_alloc(control_handler handler, void *userdata) {
        struct control *c = calloc(1, sizeof *c);

        if (c)
                *c = (struct control){ .handler = handler, .userdata = userdata };
        return c;
}

/* A socket file that nobody listens on is what a killed agent left. */
static int remove_stale(const struct sockaddr_un *a) {
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (lstat(a->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -ENOTSOCK;
        if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN)
                return -EADDRINUSE;
        return unlink(a->sun_path) < 0 ? -errno : 0;
}

static int listen_unix(const char *path) {
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        mode_t mask;
        int r;

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        memcpy(a.sun_path, path, strlen(path));
        if ((r = remove_stale(&a)) < 0)
                return r;
        mask = umask(0777 & ~SOCKET_MODE); /* the mode is right from the start */
        r = bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        r = fd;
        fd = -1;
        return r;
}

int control_new_unix(sd_event *loop, const char *path, control_handler handler, void *userdata,
                     struct control **ret) {
        CLEANUP(control_freep) struct control *c = control_alloc(handler, userdata);
        int fd;

        if (!c)
                return -ENOMEM;
        if ((fd = listen_unix(path)) < 0)
                return fd;
        if (!(c->path = strdup(path))) {
                close(fd);
                return -ENOMEM;
        }
        return start(loop, fd, TAKE_PTR(c), ret);
}

int control_new_loopback(sd_event *loop, uint16_t port, control_handler handler, void *userdata,
                         struct control **ret) {
        CLEANUP(control_freep) struct control *c = control_alloc(handler, userdata);
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

        if (!c || fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
            bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0) {
                r = c ? -errno : -ENOMEM;
                closep(&fd);
                return r;
        }
        c->check_host = true;
        return start(loop, fd, TAKE_PTR(c), ret);
}

void control_free(struct control *c) {
        if (!c)
                return;
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        if (c->server)
                MHD_stop_daemon(c->server);
        if (c->path)
                unlink(c->path);
        free(c->path);
        free(c);
}
