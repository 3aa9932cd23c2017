/* A TLS server that plays replies from a script and writes down what it was asked: for tests of the client
 * alone. It knows nothing of Kubernetes. The PKI of the directory is its own and its clients'. */
#ifndef TESTS_KUBE_SERVER_H
#define TESTS_KUBE_SERVER_H

#include "tests/unit/pki_fixture.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#define HANG_UP "" /* a reply: the connection is closed without one */

struct kube_server {
        const char *root;
        const char *const *replies; /* ended by NULL */
        int listen_fd;
        char url[64];
        uint16_t port;
        char asked[32768]; /* "CN METHOD PATH TYPE BODY\n" for each request */
        SSL_CTX *tls;
        pthread_t thread;
};

static inline void server_make_pki(void *state) {
        struct pki_params p = fixture_params(state);
        struct fixture_log log;
        struct pki_error e;

        p.now = time(NULL);
        p.advertise_address = "127.0.0.1";
        assert_int_equal(fixture_all(&p, &log, &e), 0);
}

static inline SSL_CTX *server_tls(void *state) {
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        char path[PATH_MAX];

        assert_int_equal(SSL_CTX_use_certificate_file(tls, tmp_path(state, CERT_DIR "/apiserver.crt", path),
                                                      SSL_FILETYPE_PEM),
                         1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(tls, tmp_path(state, CERT_DIR "/apiserver.key", path),
                                                     SSL_FILETYPE_PEM),
                         1);
        assert_int_equal(SSL_CTX_load_verify_locations(tls, tmp_path(state, CERT_DIR "/ca.crt", path), NULL),
                         1);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        return tls;
}

/* Header and body into `request`; false: the client has gone. */
static inline bool server_read(SSL *ssl, char *request, size_t size) {
        size_t n = 0, want = 0;
        int k;

        while (!want || n < want) {
                const char *end, *length;

                if (n + 1 >= size || (k = SSL_read(ssl, request + n, (int)(size - n - 1))) <= 0)
                        return false;
                n += (size_t)k;
                request[n] = '\0';
                if (want || !(end = strstr(request, "\r\n\r\n")))
                        continue;
                length = strcasestr(request, "\r\nContent-Length:");
                want = (size_t)(end - request) + 4 +
                       (length && length < end ? (size_t)strtoul(length + 17, NULL, 10) : 0);
        }
        return true;
}

static inline void server_header(const char *request, const char *name, char *out, size_t size) {
        const char *at = strcasestr(request, name);

        snprintf(out, size, "-");
        if (at && at < strstr(request, "\r\n\r\n"))
                snprintf(out, size, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

static inline void server_note(struct kube_server *s, SSL *ssl, const char *request) {
        X509 *peer = SSL_get1_peer_certificate(ssl);
        char cn[80] = "anonymous", type[128], bearer[128];
        size_t n = strlen(s->asked);

        if (peer)
                X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, cn, sizeof cn);
        X509_free(peer);
        server_header(request, "\r\nContent-Type: ", type, sizeof type);
        server_header(request, "\r\nAuthorization: ", bearer, sizeof bearer);
        snprintf(s->asked + n, sizeof s->asked - n, "%s %.*s %s %s\n", strcmp(bearer, "-") ? bearer : cn,
                 (int)(strstr(request, " HTTP/") - request), request, type, strstr(request, "\r\n\r\n") + 4);
}

/* A script's reply has the length of its body only where that is to be wrong. */
static inline void server_write(SSL *ssl, const char *reply) {
        const char *body = strstr(reply, "\r\n\r\n") + 4;
        char text[4096];
        int n = strstr(reply, "Content-Length")
                        ? snprintf(text, sizeof text, "%s", reply)
                        : snprintf(text, sizeof text, "%.*sContent-Length: %zu\r\n\r\n%s",
                                   (int)(body - 2 - reply), reply, strlen(body), body);

        SSL_write(ssl, text, n);
}

/* The replies of one connection; false: the script is at its end. */
static inline bool server_connection(struct kube_server *s, SSL *ssl, size_t *next) {
        static char request[65536];

        while (s->replies[*next] && server_read(ssl, request, sizeof request)) {
                const char *reply = s->replies[(*next)++];

                server_note(s, ssl, request);
                if (!*reply)
                        break;
                server_write(ssl, reply);
                if (strstr(reply, "Connection: close"))
                        break;
        }
        return s->replies[*next] != NULL;
}

static inline void *server_run(void *arg) {
        struct kube_server *s = arg;
        bool more = true;
        size_t next = 0;

        while (more) {
                int fd = accept(s->listen_fd, NULL, NULL);
                SSL *ssl = fd >= 0 ? SSL_new(s->tls) : NULL;

                if (!ssl)
                        break;
                SSL_set_fd(ssl, fd);
                if (SSL_accept(ssl) == 1)
                        more = server_connection(s, ssl, &next);
                SSL_shutdown(ssl);
                SSL_free(ssl);
                close(fd);
        }
        return NULL;
}

/* Whoever connects waits until it runs. */
static inline void server_listen(struct kube_server *s, void *state, const char *const *replies) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof to;

        *s = (struct kube_server){ .root = state, .replies = replies, .tls = server_tls(state) };
        s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&to, size), 0);
        assert_int_equal(listen(s->listen_fd, 8), 0);
        assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&to, &size), 0);
        s->port = ntohs(to.sin_port);
        snprintf(s->url, sizeof s->url, "https://127.0.0.1:%u", s->port);
}

static inline void server_start(struct kube_server *s, void *state, const char *const *replies) {
        server_listen(s, state, replies);
        assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

/* All replies were asked for, or the script is cut short. */
static inline void server_stop(struct kube_server *s) {
        shutdown(s->listen_fd, SHUT_RDWR);
        pthread_join(s->thread, NULL);
        close(s->listen_fd);
        SSL_CTX_free(s->tls);
}

#endif
