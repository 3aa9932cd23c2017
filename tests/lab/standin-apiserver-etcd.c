#include "tests/lab/standin-apiserver.h"
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

SSL_CTX *standin_etcd_context(const struct standin *s) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        if (ctx && SSL_CTX_load_verify_file(ctx, s->flags[F_ETCD_CA]) == 1 &&
            SSL_CTX_use_certificate_chain_file(ctx, s->flags[F_ETCD_CERT]) == 1 &&
            SSL_CTX_use_PrivateKey_file(ctx, s->flags[F_ETCD_KEY], SSL_FILETYPE_PEM) == 1) {
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
                return ctx;
        }
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(ctx);
        return NULL;
}

/* "https://HOST:PORT" to its parts; an IPv6 address is in brackets there. */
static bool split_url(const char *url, char host[64], char port[8]) {
        return sscanf(url, "https://[%63[^]/]]:%7[0-9]", host, port) == 2 ||
               sscanf(url, "https://%63[^:/]:%7[0-9]", host, port) == 2;
}

static BIO *connect_etcd(const char *host, const char *port) {
        const struct timeval limit = { .tv_sec = 1 };
        BIO *bio = BIO_new(BIO_s_connect());
        int fd = -1;

        if (!bio)
                return NULL;
        BIO_set_conn_hostname(bio, host);
        BIO_set_conn_port(bio, port);
        if (BIO_do_connect(bio) != 1 || BIO_get_fd(bio, &fd) < 0) {
                BIO_free_all(bio);
                return NULL;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return bio;
}

static bool get_health(SSL *ssl, const char *host) {
        char request[128], answer[16] = { 0 };
        int n = snprintf(request, sizeof request,
                         "GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);

        if (SSL_connect(ssl) != 1 || SSL_write(ssl, request, n) != n)
                return false;
        n = SSL_read(ssl, answer, sizeof answer - 1);
        return n >= 12 && !strncmp(answer, "HTTP/1.1 200", 12);
}

bool standin_etcd_ask(SSL_CTX *ctx, const char *url) {
        char host[64], port[8];
        BIO *bio;
        SSL *ssl;
        bool ok = false;

        if (!split_url(url, host, port) || !(bio = connect_etcd(host, port))) {
                ERR_clear_error();
                return false;
        }
        if ((ssl = SSL_new(ctx)) && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) {
                BIO_up_ref(bio);
                SSL_set_bio(ssl, bio, bio);
                ok = get_health(ssl, host);
                SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        BIO_free_all(bio);
        ERR_clear_error();
        return ok;
}
