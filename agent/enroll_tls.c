#include "agent/enroll_tls.h"
#include "agent/monotonic.h"
#include "pki/file.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

enum { LINGER_US = 2000000 };

/* The first entry of OpenSSL's queue tells the cause; the queue is left empty. */
static const char *drain(char *out, size_t size) {
        unsigned long code = ERR_get_error();
        const char *reason = code ? ERR_reason_error_string(code) : NULL;

        snprintf(out, size, "%s", reason ? reason : "unknown error");
        ERR_clear_error();
        return out;
}

static int fail(struct error *e, int r, const char *file, const char *what) {
        char why[160];

        error_set(e, EXIT_FAILED, "%s: %s", what, drain(why, sizeof why));
        if (e && file)
                snprintf(e->file, sizeof e->file, "%s", file);
        return r;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method) {
        SSL_CTX *ctx = SSL_CTX_new(method);

        if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1) {
                SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
                SSL_CTX_set_num_tickets(ctx, 0);
                return ctx;
        }
        SSL_CTX_free(ctx);
        return NULL;
}

/* Replaces OpenSSL's own verification: the pin decides. */
static int verify_cb(X509_STORE_CTX *store, void *userdata) {
        struct enroll_trust *trust = userdata;
        X509 *leaf = X509_STORE_CTX_get0_cert(store);

        if (enroll_verify_server(leaf, X509_STORE_CTX_get0_untrusted(store), &trust->pins, trust->cluster_id,
                                 &trust->refusal) == 0)
                return 1;
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
}

int enroll_tls_client(struct enroll_trust *trust, SSL_CTX **ret, struct error *e) {
        SSL_CTX *ctx = new_ctx(TLS_client_method());

        if (!ctx)
                return fail(e, -ENOMEM, NULL, "cannot set TLS up");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, verify_cb, trust);
        *ret = ctx;
        return 0;
}

static int add_ca(SSL_CTX *ctx, const char *ca_file, struct error *e) {
        CLEANUP(freep) char *pem = NULL;
        size_t size;
        int r = pki_file_read(ca_file, ENROLL_TEXT_MAX, &pem, &size);
        BIO *bio;
        X509 *ca;

        if (r < 0) {
                error_set(e, EXIT_FAILED, "cannot read the cluster's CA certificate: %s", strerror(-r));
                if (e)
                        snprintf(e->file, sizeof e->file, "%s", ca_file);
                return r;
        }
        bio = BIO_new_mem_buf(pem, (int)size);
        ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        if (!ca || SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
                X509_free(ca);
                return fail(e, -EBADMSG, ca_file, "not a CA certificate");
        }
        return 0;
}

int enroll_tls_server(const char *crt_file, const char *key_file, const char *ca_file, SSL_CTX **ret,
                      struct error *e) {
        CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = new_ctx(TLS_server_method());
        int r;

        if (!ctx)
                return fail(e, -ENOMEM, NULL, "cannot set TLS up");
        if (SSL_CTX_use_certificate_file(ctx, crt_file, SSL_FILETYPE_PEM) != 1)
                return fail(e, -EBADMSG, crt_file, "cannot use the enrolment certificate");
        if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
                return fail(e, -EBADMSG, key_file, "cannot use the enrolment key");
        if ((r = add_ca(ctx, ca_file, e)) < 0)
                return r;
        *ret = TAKE_PTR(ctx);
        return 0;
}

/* Wait for what OpenSSL wants. 0, or why the connection is over. */
static int wait_for(struct enroll_conn *c, int result, struct error *e) {
        int64_t left_us = c->deadline_us - monotonic_us();
        struct pollfd p = { .fd = c->fd };
        char why[160];

        switch (SSL_get_error(c->ssl, result)) {
        case SSL_ERROR_WANT_READ:
                p.events = POLLIN;
                break;
        case SSL_ERROR_WANT_WRITE:
                p.events = POLLOUT;
                break;
        case SSL_ERROR_ZERO_RETURN:
                error_set(e, EXIT_FAILED, "the peer closed the connection");
                return -ECONNRESET;
        default:
                error_set(e, EXIT_FAILED, "the connection broke: %s",
                          ERR_peek_error() ? drain(why, sizeof why) : "closed by the peer");
                return -ECONNRESET;
        }
        if (left_us > 0 && poll(&p, 1, (int)(left_us / 1000) + 1) != 0)
                return 0;
        error_set(e, EXIT_FAILED, "the peer did not answer in time");
        return -ETIMEDOUT;
}

int enroll_conn_open(struct enroll_conn *c, SSL_CTX *ctx, int fd, bool server, unsigned timeout_ms,
                     struct error *e) {
        int flags = fcntl(fd, F_GETFL), n, r;

        *c = (struct enroll_conn){ .ssl = SSL_new(ctx),
                                   .fd = fd,
                                   .max = server ? ENROLL_REQUEST_MAX : ENROLL_FRAME_MAX,
                                   .deadline_us = monotonic_us() + (int64_t)timeout_ms * 1000 };
        if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
                return fail(e, -ENOMEM, NULL, "cannot set TLS up");
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        while ((n = server ? SSL_accept(c->ssl) : SSL_connect(c->ssl)) != 1)
                if ((r = wait_for(c, n, e)) < 0)
                        return r;
        return 0;
}

static int write_all(struct enroll_conn *c, const void *data, size_t size, struct error *e) {
        const uint8_t *p = data;
        size_t done;
        int n, r;

        for (; size > 0; p += done, size -= done) {
                done = 0;
                n = SSL_write_ex(c->ssl, p, size, &done);
                if (n != 1 && (r = wait_for(c, n, e)) < 0)
                        return r;
        }
        return 0;
}

static int read_all(struct enroll_conn *c, void *data, size_t size, struct error *e) {
        uint8_t *p = data;
        size_t done;
        int n, r;

        for (; size > 0; p += done, size -= done) {
                done = 0;
                n = SSL_read_ex(c->ssl, p, size, &done);
                if (n != 1 && (r = wait_for(c, n, e)) < 0)
                        return r;
        }
        return 0;
}

int enroll_conn_send(struct enroll_conn *c, const struct enroll_message *m, struct error *e) {
        uint8_t header[ENROLL_HEADER];
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = enroll_encode(m, &text, &size);

        if (r < 0) {
                error_set(e, EXIT_FAILED, "cannot write the message: %s", strerror(-r));
                return r;
        }
        enroll_header_put(header, size);
        if ((r = write_all(c, header, sizeof header, e)) < 0)
                return r;
        return write_all(c, text, size, e);
}

int enroll_conn_recv(struct enroll_conn *c, struct enroll_message *ret, struct error *e) {
        uint8_t header[ENROLL_HEADER];
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r;

        if ((r = read_all(c, header, sizeof header, e)) < 0)
                return r;
        if ((r = enroll_header_get(header, &size)) == 0) {
                if (size > c->max)
                        r = -EMSGSIZE;
                else if (!(text = malloc(size)))
                        r = -ENOMEM;
                else if ((r = read_all(c, text, size, e)) < 0)
                        return r;
                else
                        r = enroll_decode(text, size, ret);
        }
        if (r < 0)
                error_set(e, EXIT_FAILED, "%s",
                          r == -EPROTO ? "the peer speaks another version of the enrolment protocol"
                                       : "the peer sent what is no enrolment message");
        return r;
}

int enroll_conn_exporter(struct enroll_conn *c, uint8_t out[PKI_EXPORTER_SIZE]) {
        static const char label[] = ENROLL_EXPORTER_LABEL;

        if (SSL_export_keying_material(c->ssl, out, PKI_EXPORTER_SIZE, label, sizeof label - 1, NULL, 0, 0) ==
            1)
                return 0;
        ERR_clear_error();
        return -EIO;
}

/* Unread input would turn our close into a reset, which can discard what the peer has not read yet. It may
 * read at its leisure, but not talk on. */
static void linger(struct enroll_conn *c) {
        int64_t end_us = monotonic_us() + LINGER_US;
        uint8_t rest[1024];
        size_t done;
        int n;

        if (c->deadline_us > end_us)
                c->deadline_us = end_us;
        do
                n = SSL_read_ex(c->ssl, rest, sizeof rest, &done);
        while ((n == 1 && monotonic_us() < end_us) || (n != 1 && wait_for(c, n, NULL) == 0));
}

void enroll_conn_close(struct enroll_conn *c) {
        if (!c->ssl)
                return;
        if (SSL_is_init_finished(c->ssl) && SSL_shutdown(c->ssl) == 0)
                linger(c);
        ERR_clear_error();
        SSL_free(c->ssl);
        c->ssl = NULL;
}
