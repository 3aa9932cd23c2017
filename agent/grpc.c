#include "agent/grpc.h"
#include "agent/monotonic.h"
#include <arpa/inet.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

enum { PREFIX = 5, CONNECT_S = 10, MAX_HEADERS = 8, OWN_HEADERS = 7, WINDOW = 4 << 20 };
enum { NO_STATUS = ~0U };

DEFINE_CLEANUP(nghttp2_session_callbacks *, nghttp2_session_callbacks_del)

struct run;
struct grpc {
        struct sockaddr_un address;
        int fd; /* -1: not connected */
        nghttp2_session *session;
        struct run *run; /* the call under way */
        const uint8_t *unsent;
        size_t n_unsent; /* of what the session wants sent */
        bool heard;      /* the server has said something ... */
        bool greeted;    /* ... that HTTP/2 begins with */
        struct {
                char *name, *value;
        } headers[MAX_HEADERS];
        size_t n_headers;
};

/* One call under way. */
struct run {
        const struct grpc_call *call;
        struct grpc_status *status;
        int32_t stream;
        struct pb_out out; /* the message being sent */
        uint8_t prefix[PREFIX];
        size_t sent; /* of prefix and message */
        bool ended;  /* nothing more to send */
        struct grpc_frames frames;
        unsigned code;       /* grpc-status, NO_STATUS until it is there */
        char http_status[8]; /* of the answer's head */
        bool done;           /* the server has said all, or closed the stream */
        int r;               /* why we gave up */
};

static void disconnect(struct grpc *g) {
        if (g->session)
                nghttp2_session_del(g->session);
        g->session = NULL;
        if (g->fd >= 0)
                close(g->fd);
        g->fd = -1;
        g->n_unsent = 0;
        g->heard = g->greeted = false;
}

int grpc_new(const char *socket_path, struct grpc **ret) {
        struct grpc *g;

        if (strlen(socket_path) >= sizeof g->address.sun_path)
                return -ENAMETOOLONG;
        if (!(g = calloc(1, sizeof *g)))
                return -ENOMEM;
        g->fd = -1;
        g->address.sun_family = AF_UNIX;
        memcpy(g->address.sun_path, socket_path, strlen(socket_path));
        *ret = g;
        return 0;
}

void grpc_free(struct grpc *g) {
        if (!g)
                return;
        disconnect(g);
        for (size_t i = 0; i < g->n_headers; i++) {
                free(g->headers[i].name);
                free(g->headers[i].value);
        }
        free(g);
}

const char *grpc_socket(const struct grpc *g) {
        return g->address.sun_path;
}

int grpc_add_header(struct grpc *g, const char *name, const char *value) {
        CLEANUP(freep) char *n = strdup(name);
        CLEANUP(freep) char *v = strdup(value);

        if (!n || !v)
                return -ENOMEM;
        if (g->n_headers == MAX_HEADERS)
                return -E2BIG;
        g->headers[g->n_headers].name = TAKE_PTR(n);
        g->headers[g->n_headers++].value = TAKE_PTR(v);
        return 0;
}

static void start_message(struct run *run) {
        uint32_t size = htonl((uint32_t)run->out.size);

        run->prefix[0] = 0; /* not compressed */
        memcpy(run->prefix + 1, &size, sizeof size);
        run->sent = 0;
}

/* The stream's next message; run->ended when there is none. */
static int next_message(struct run *run) {
        int r;

        if (!run->call->next) {
                run->ended = true;
                return 0;
        }
        run->out.size = 0;
        r = run->call->next(run->call->userdata, &run->out);
        if (r < 0)
                return r;
        if (run->out.failed)
                return -ENOMEM;
        if (r == 0)
                run->ended = true;
        else
                start_message(run);
        return 0;
}

static size_t send_part(struct run *run, uint8_t *to, size_t room) {
        bool prefix = run->sent < PREFIX;
        const uint8_t *from = prefix ? run->prefix + run->sent : run->out.data + (run->sent - PREFIX);
        size_t left = prefix ? PREFIX - run->sent : run->out.size + PREFIX - run->sent;

        left = left < room ? left : room;
        memcpy(to, from, left);
        run->sent += left;
        return left;
}

static ssize_t on_send_data(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *userdata) {
        struct run *run = source->ptr;
        size_t put = 0;

        (void)s;
        (void)stream;
        (void)userdata;
        while (put < room && !run->ended) {
                if (run->sent < run->out.size + PREFIX)
                        put += send_part(run, to + put, room - put);
                else if ((run->r = next_message(run)) < 0)
                        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        if (run->ended)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)put;
}

/* The call under way when this is its stream. */
static struct run *run_of(struct grpc *g, int32_t stream) {
        return g->run && g->run->stream == stream ? g->run : NULL;
}

static bool is_header(const uint8_t *name, size_t size, const char *wanted) {
        return size == strlen(wanted) && !memcmp(name, wanted, size);
}

static void take_code(struct run *run, const uint8_t *value, size_t size) {
        char digits[8];

        if (!size || size >= sizeof digits)
                return;
        memcpy(digits, value, size);
        digits[size] = '\0';
        if (strspn(digits, "0123456789") == size)
                run->code = (unsigned)strtoul(digits, NULL, 10);
}

/* Headers and trailers alike: a server that refuses at once has but one block. */
static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t size, uint8_t flags, void *userdata) {
        struct run *run = run_of(userdata, frame->hd.stream_id);

        (void)s;
        (void)flags;
        if (!run)
                return 0;
        if (is_header(name, name_size, "grpc-status"))
                take_code(run, value, size);
        else if (is_header(name, name_size, "grpc-message"))
                grpc_unescape((const char *)value, size, run->status->message, sizeof run->status->message);
        else if (is_header(name, name_size, ":status"))
                snprintf(run->http_status, sizeof run->http_status, "%.*s", (int)(size < 7 ? size : 7),
                         (const char *)value);
        return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
                   void *userdata) {
        struct run *run = run_of(userdata, stream);

        (void)s;
        (void)flags;
        if (run && run->r == 0)
                run->r = grpc_frames_feed(&run->frames, data, size, run->call->reply, run->call->userdata);
        return 0;
}

/* The server may be through before it has read the whole request: what is left of it is not sent. */
static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *userdata) {
        struct run *run = run_of(userdata, frame->hd.stream_id);
        bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                    frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

        if (frame->hd.type == NGHTTP2_SETTINGS)
                ((struct grpc *)userdata)->greeted = true;
        if (!run || !ends)
                return 0;
        run->done = true;
        if (!run->ended)
                return nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, run->stream, NGHTTP2_CANCEL);
        return 0;
}

static int on_close(nghttp2_session *s, int32_t stream, uint32_t code, void *userdata) {
        struct run *run = run_of(userdata, stream);

        (void)s;
        (void)code;
        if (run)
                run->done = true;
        return 0;
}

static int new_session(struct grpc *g) {
        static const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
                                                           { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW } };
        CLEANUP(nghttp2_session_callbacks_delp) nghttp2_session_callbacks *callbacks = NULL;

        if (nghttp2_session_callbacks_new(&callbacks))
                return -ENOMEM;
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        if (nghttp2_session_client_new(&g->session, callbacks, g) ||
            nghttp2_submit_settings(g->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings)) ||
            nghttp2_session_set_local_window_size(g->session, NGHTTP2_FLAG_NONE, 0, WINDOW))
                return -ENOMEM;
        return 0;
}

/* A runtime that was restarted since the last call has closed the connection. */
static bool still_connected(struct grpc *g) {
        char c;

        return g->session && nghttp2_session_check_request_allowed(g->session) &&
               (recv(g->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0 || errno == EAGAIN);
}

static int connect_to(struct grpc *g) {
        struct timeval wait = { CONNECT_S, 0 };
        int r;

        if (still_connected(g))
                return 0;
        disconnect(g);
        g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (g->fd < 0)
                return -errno;
        /* How long connecting may wait, too; later every read and write is non-blocking. */
        if (setsockopt(g->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 ||
            connect(g->fd, (struct sockaddr *)&g->address, sizeof g->address) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if ((r = new_session(g)) < 0)
                return r;
        return 0;
}

static int send_some(struct grpc *g) {
        for (;;) {
                ssize_t n;

                if (!g->n_unsent) {
                        n = nghttp2_session_mem_send(g->session, &g->unsent);
                        if (n < 0)
                                return n == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO;
                        if (n == 0)
                                return 0;
                        g->n_unsent = (size_t)n;
                }
                n = send(g->fd, g->unsent, g->n_unsent, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0)
                        /* Closed for writing: what the server still said is worth reading. */
                        return errno == EAGAIN || errno == EPIPE || errno == EINTR ? 0 : -errno;
                g->unsent += n;
                g->n_unsent -= (size_t)n;
        }
}

static int receive_some(struct grpc *g) {
        uint8_t buffer[64 << 10];
        ssize_t n = recv(g->fd, buffer, sizeof buffer, MSG_DONTWAIT), used;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return g->heard && !g->greeted ? -EPROTO : -ECONNRESET;
        g->heard = true;
        used = nghttp2_session_mem_recv(g->session, buffer, (size_t)n);
        return used < 0 ? -EPROTO : 0;
}

/* Milliseconds for poll(2); 0: it is over. */
static int time_left(uint64_t deadline_us) {
        uint64_t now = monotonic_us(), ms;

        if (deadline_us == UINT64_MAX)
                return -1;
        if (now >= deadline_us)
                return 0;
        ms = (deadline_us - now) / 1000 + 1;
        return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

/* Talk until the server has said all. */
static int converse(struct grpc *g, struct run *run) {
        uint64_t deadline_us = UINT64_MAX;
        int r, wait;

        if (run->call->timeout_s)
                deadline_us = monotonic_us() + (uint64_t)run->call->timeout_s * 1000000;
        while (!run->done) {
                struct pollfd p = { .fd = g->fd, .events = POLLIN };

                if ((r = send_some(g)) < 0)
                        return r;
                if (run->r < 0)
                        return run->r;
                if (g->n_unsent)
                        p.events |= POLLOUT;
                if (!(wait = time_left(deadline_us)))
                        return -ETIMEDOUT;
                if (poll(&p, 1, wait) < 0 && errno != EINTR)
                        return -errno;
                if (p.revents & ~POLLOUT && (r = receive_some(g)) < 0)
                        return r;
                if (run->r < 0)
                        return run->r;
        }
        return send_some(g);
}

static nghttp2_nv header(const char *name, const char *value) {
        return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                             NGHTTP2_NV_FLAG_NONE };
}

static int submit(struct grpc *g, struct run *run) {
        nghttp2_data_provider data = { { .ptr = run }, on_send_data };
        nghttp2_nv all[OWN_HEADERS + MAX_HEADERS];
        char timeout[24];
        size_t n = 0;

        snprintf(timeout, sizeof timeout, "%uS", run->call->timeout_s);
        all[n++] = header(":method", "POST");
        all[n++] = header(":scheme", "http");
        all[n++] = header(":path", run->call->method);
        all[n++] = header(":authority", "localhost");
        all[n++] = header("content-type", "application/grpc");
        all[n++] = header("te", "trailers");
        if (run->call->timeout_s)
                all[n++] = header("grpc-timeout", timeout);
        for (size_t i = 0; i < g->n_headers; i++)
                all[n++] = header(g->headers[i].name, g->headers[i].value);
        run->stream = nghttp2_submit_request(g->session, NULL, all, n, &data, NULL);
        return run->stream < 0 ? -EPROTO : 0;
}

static const char *reason(const struct run *run, int r) {
        switch (r) {
        case -EPROTO:
                return *run->http_status && strcmp(run->http_status, "200") != 0
                               ? "that is no gRPC server: it answers with an HTTP status"
                               : "that is no gRPC server, or it talks nonsense";
        case -EBADMSG:
                return "the answer cannot be read";
        case -EMSGSIZE:
                return "the answer is too long";
        case -ETIMEDOUT:
                return "no answer in time";
        case -ECONNRESET:
                return "the connection was closed before the answer";
        default:
                return strerror(-r);
        }
}

/* What the call came to. A status of the server's counts, however the stream then ended. */
static int outcome(struct run *run, int r) {
        if (run->r < 0)
                return run->r;
        if (run->code == NO_STATUS)
                return r < 0 ? r : -EPROTO;
        run->status->code = run->code;
        if (run->code != GRPC_OK)
                return -EREMOTEIO;
        return run->frames.size ? -EPROTO : 0;
}

int grpc_run(struct grpc *g, const struct grpc_call *c, struct grpc_status *ret) {
        struct run run = { .call = c, .status = ret, .code = NO_STATUS };
        int r;

        *ret = (struct grpc_status){ 0 };
        if (!c->next && c->request->failed)
                return -ENOMEM;
        if (c->next) {
                run.sent = PREFIX; /* nothing is under way: the first is asked for */
        } else {
                run.out = *c->request;
                start_message(&run);
        }
        g->run = &run;
        if ((r = connect_to(g)) == 0 && (r = submit(g, &run)) == 0)
                r = converse(g, &run);
        g->run = NULL;
        if (r < 0)
                disconnect(g);
        if ((r = outcome(&run, r)) < 0 && r != -EREMOTEIO)
                snprintf(ret->message, sizeof ret->message, "%s: %s: %s", grpc_socket(g), c->method,
                         reason(&run, r));
        grpc_frames_done(&run.frames);
        if (c->next)
                pb_out_done(&run.out);
        return r;
}
