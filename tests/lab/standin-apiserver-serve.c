#include "tests/lab/standin-apiserver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { IDLE_S = 90, REQUEST_MAX = 16384 };

struct connection {
        struct standin *s;
        SSL_CTX *ctx;
        int fd;
};

/* Certificates of strangers do not end the handshake: they are answered 401, as by the real one. */
static int accept_any(int ok, X509_STORE_CTX *store) {
        (void)ok;
        (void)store;
        return 1;
}

static SSL_CTX *server_context(const struct standin *s) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

        if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, s->flags[F_TLS_CERT]) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, s->flags[F_TLS_KEY], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_load_verify_file(ctx, s->flags[F_CLIENT_CA]) != 1) {
                ERR_print_errors_fp(stderr);
                SSL_CTX_free(ctx);
                return NULL;
        }
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(s->flags[F_CLIENT_CA]));
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"standin", 7);
        return ctx;
}

static void respond(SSL *ssl, int status, const char *type, const char *body) {
        char text[512];
        int n = snprintf(text, sizeof text,
                         "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         status, status == 200 ? "OK" : "Error", type, strlen(body), body);

        SSL_write(ssl, text, n);
}

static bool stranger(SSL *ssl) {
        return SSL_get0_peer_certificate(ssl) && SSL_get_verify_result(ssl) != X509_V_OK;
}

/* GET /livez, /readyz, /healthz: answered here, and whether etcd answers is all there is to them. */
static bool answer_health(struct standin *s, SSL *ssl, const char *request) {
        static const char *const pages[] = { "/livez", "/readyz", "/healthz" };
        char target[256], *query;

        if (sscanf(request, "GET %255[^ \r\n]", target) != 1)
                return false;
        if ((query = strchr(target, '?')))
                *query++ = 0;
        for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
                if (!strcmp(target, pages[i])) {
                        bool alive = atomic_load(&s->etcd_ok) || (query && strstr(query, "exclude=etcd"));

                        respond(ssl, alive ? 200 : 500, "text/plain; charset=utf-8",
                                alive ? "ok" : "[-]etcd failed: reason withheld\nlivez check failed\n");
                        return true;
                }
        return false;
}

/* One request of `head` bytes and what follows; sets *ret_used to what of the `have` bytes it took. */
static bool answer(struct standin *s, SSL *ssl, const char *request, size_t head, size_t have,
                   size_t *ret_used) {
        *ret_used = head;
        if (stranger(ssl)) {
                respond(ssl, 401, "application/json",
                        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                        "\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n");
                return !strncmp(request, "GET ", 4); /* others have a body, which nobody reads */
        }
        return answer_health(s, ssl, request) || standin_objects_relay(s, ssl, request, head, have, ret_used);
}

/* Requests of one connection, one after the other, until it is idle for too long. */
static void talk(struct standin *s, SSL *ssl) {
        char request[REQUEST_MAX];
        size_t have = 0;

        while (have < sizeof request - 1) {
                const char *end;
                size_t used;
                int n;

                request[have] = 0;
                if ((end = strstr(request, "\r\n\r\n"))) {
                        if (!answer(s, ssl, request, (size_t)(end + 4 - request), have, &used))
                                return;
                        memmove(request, request + used, have -= used);
                        continue;
                }
                if ((n = SSL_read(ssl, request + have, (int)(sizeof request - 1 - have))) <= 0)
                        return;
                have += (size_t)n;
        }
}

static void *serve_one(void *userdata) {
        struct connection *c = userdata;
        const struct timeval idle = { .tv_sec = IDLE_S };
        int yes = 1;
        SSL *ssl = SSL_new(c->ctx);

        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (ssl && SSL_set_fd(ssl, c->fd) == 1 && SSL_accept(ssl) == 1) {
                talk(c->s, ssl);
                SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        ERR_clear_error();
        close(c->fd);
        free(c);
        return NULL;
}

static int listen_on(const char *port) {
        const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port)) };
        int yes = 1, no = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no); /* both families */
        if (bind(fd, (const struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 1024) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

static void start(struct standin *s, SSL_CTX *ctx, pthread_attr_t *attr, int fd) {
        struct connection *c = malloc(sizeof *c);
        pthread_t thread;

        if (c) {
                *c = (struct connection){ s, ctx, fd };
                if (!pthread_create(&thread, attr, serve_one, c))
                        return;
        }
        free(c);
        close(fd);
}

int standin_serve(struct standin *s) {
        SSL_CTX *ctx = server_context(s);
        pthread_attr_t attr;
        int fd;

        if (!ctx)
                return -EINVAL;
        if ((fd = listen_on(s->flags[F_SECURE_PORT])) < 0) {
                fprintf(stderr, "kube-apiserver: port %s: %s\n", s->flags[F_SECURE_PORT], strerror(-fd));
                return fd;
        }
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, 256 << 10);
        for (;;) {
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (peer >= 0)
                        start(s, ctx, &attr, peer);
        }
}
