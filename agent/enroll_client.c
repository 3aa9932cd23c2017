#include "agent/enroll_client.h"
#include "agent/config.h"
#include "agent/enroll_clock.h"
#include "pki/file.h"
#include "pki/pin.h"
#include "vrrp/ip.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

enum { EXCHANGE_TIMEOUT_MS = 45000 };

static void addrinfo_done(struct addrinfo **a) {
        if (*a)
                freeaddrinfo(*a);
}

static int bind_local(int fd, const char *local, int family) {
        struct sockaddr_storage sa;
        struct vrrp_ip ip;

        if (!local)
                return 0;
        if (vrrp_ip_parse(local, &ip) < 0)
                return -EINVAL;
        if (ip.family != family)
                return -EAFNOSUPPORT;
        return bind(fd, (const void *)&sa, vrrp_ip_sockaddr(&ip, 0, 0, &sa)) < 0 ? -errno : 0;
}

static int finish_connect(int fd, unsigned timeout_ms) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        socklen_t size = sizeof(int);
        int r = poll(&p, 1, (int)timeout_ms), soerr = 0;

        if (r <= 0)
                return r < 0 ? -errno : -ETIMEDOUT;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &soerr, &size) < 0 ? -errno : -soerr;
}

static int connect_one(const struct addrinfo *a, const char *local, unsigned timeout_ms, int *ret_fd) {
        CLEANUP(closep) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        if (fd < 0)
                return -errno;
        if ((r = bind_local(fd, local, a->ai_family)) < 0)
                return r;
        if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 &&
            (r = errno == EINPROGRESS ? finish_connect(fd, timeout_ms) : -errno) < 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

static int local_address(int fd, char out[ENROLL_ADDRESS_SIZE]) {
        struct sockaddr_storage sa = { 0 };
        socklen_t size = sizeof sa;
        struct vrrp_ip ip;

        if (getsockname(fd, (void *)&sa, &size) < 0)
                return -errno;
        ip = vrrp_ip_of_sockaddr(&sa);
        snprintf(out, ENROLL_ADDRESS_SIZE, "%s", vrrp_ip_text(&ip).v);
        return *out ? 0 : -EAFNOSUPPORT;
}

int enroll_connect(const char *host, uint16_t port, const char *local, unsigned timeout_ms, int *ret_fd,
                   char ret_local[ENROLL_ADDRESS_SIZE], struct error *e) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        CLEANUP(addrinfo_done) struct addrinfo *list = NULL;
        char service[8], server[CONFIG_HOST_PORT_SIZE];
        int r, fd = -1;

        snprintf(service, sizeof service, "%u", port);
        if ((r = getaddrinfo(host, service, &hints, &list)) != 0) {
                error_set(e, EXIT_FAILED, "\"%s\" is no address, nor the name of one: %s", host,
                          gai_strerror(r));
                return -EHOSTUNREACH;
        }
        r = -EHOSTUNREACH;
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
                r = connect_one(a, local, timeout_ms, &fd);
        if (fd >= 0)
                r = local_address(fd, ret_local);
        if (r < 0) {
                error_set(e, EXIT_FAILED,
                          "cannot connect to %s%s%s: %s; does `systemctl status triarch-enroll.socket` "
                          "there "
                          "say that it listens, and does no firewall stand between?",
                          config_host_port(host, port, server), local ? " from " : "", local ? local : "",
                          strerror(-r));
                if (fd >= 0)
                        close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* The server's words, so that they can be told from ours. */
static int refused(const struct enroll_refusal *f, struct enroll_result *ret, struct error *e) {
        ret->refusal = *f;
        error_set(e, EXIT_FAILED, "the master refused: %.900s (%s)", f->message, enroll_code_name(f->code));
        return -EACCES;
}

static int expect(struct enroll_conn *c, enum enroll_type type, struct enroll_message *m,
                  struct enroll_result *ret, struct error *e) {
        int r = enroll_conn_recv(c, m, e);

        if (r < 0)
                return r;
        if (m->type == ENROLL_REFUSAL)
                return refused(&m->refusal, ret, e);
        if (m->type == type)
                return 0;
        enroll_message_done(m);
        error_set(e, EXIT_FAILED, "the master sent a message out of turn");
        return -EBADMSG;
}

static int fill_request(struct enroll_conn *c, const struct enroll_joiner *j, const char *cluster_id,
                        const uint8_t kp[PKI_KP_SIZE], struct enroll_request *q, struct pki_transcript *t) {
        int r;

        snprintf(q->token_id, sizeof q->token_id, "%.*s", PKI_TOKEN_ID, j->token);
        snprintf(q->node_name, sizeof q->node_name, "%s", j->node_name);
        snprintf(q->node_address, sizeof q->node_address, "%s", j->address);
        snprintf(q->csr, sizeof q->csr, "%s", j->csr ? j->csr : "");
        q->role = j->role;
        memcpy(q->joiner_pub, j->pub, sizeof q->joiner_pub);
        *t = (struct pki_transcript){ .cluster_id = cluster_id,
                                      .token_id = q->token_id,
                                      .role = enroll_role_name(q->role),
                                      .csr = q->csr,
                                      .node_name = q->node_name,
                                      .node_address = q->node_address };
        memcpy(t->joiner_pub, j->pub, sizeof t->joiner_pub);
        if ((r = enroll_conn_exporter(c, t->exporter)) < 0)
                return r;
        q->clock_ns = t->clock_ns = j->clock_ns(j->userdata);
        return pki_proof_make(kp, t, q->proof);
}

int enroll_bundle_pin(const struct enroll_bundle *b, char out[PKI_PIN_SIZE]) {
        const char *pem = b->entries[ENROLL_CA_CRT];
        BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
        X509 *ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        int r = ca ? pki_cert_pin(ca, out) : -EBADMSG;

        X509_free(ca);
        BIO_free(bio);
        ERR_clear_error();
        return r;
}

/* The bundle is authentic, for it was sealed under Kp; that it is of our role, and its CA the
 * pinned one, is checked nevertheless, before anything is written. */
static int check_bundle(const struct enroll_bundle *b, const struct enroll_joiner *j) {
        const struct enroll_pins *pins = j->pins;
        char pin[PKI_PIN_SIZE];

        if (b->role != j->role || enroll_bundle_pin(b, pin) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < pins->n; i++)
                if (!strcmp(pin, pins->v[i]))
                        return 0;
        return -EBADMSG;
}

static int open_bundle(const struct enroll_joiner *j, const uint8_t kp[PKI_KP_SIZE],
                       const struct pki_transcript *t, const struct enroll_grant *g,
                       struct enroll_result *ret, struct error *e) {
        uint8_t *plain = NULL;
        size_t size = 0;
        int r = pki_bundle_open(kp, t, j->priv, g->sealed, g->size, &plain, &size);

        if (r == 0) {
                r = enroll_bundle_decode(plain, size, &ret->bundle);
                pki_wipe(plain, size);
                free(plain);
        }
        if (r == 0 && (r = check_bundle(&ret->bundle, j)) < 0)
                enroll_bundle_done(&ret->bundle);
        if (r < 0)
                error_set(e, EXIT_FAILED,
                          "the master's bundle was damaged on its way or is none of this cluster; nothing of "
                          "it was "
                          "used");
        return r;
}

static int exchange(struct enroll_conn *c, const struct enroll_joiner *j, const uint8_t kp[PKI_KP_SIZE],
                    struct enroll_result *ret, struct error *e) {
        struct enroll_message m;
        struct enroll_message request = { .type = ENROLL_REQUEST };
        struct pki_transcript t;
        int r;

        if ((r = expect(c, ENROLL_HELLO, &m, ret, e)) < 0)
                return r;
        if ((r = fill_request(c, j, ret->cluster_id, kp, &request.request, &t)) < 0) {
                error_set(e, EXIT_FAILED, "cannot prove the token: %s", strerror(-r));
                return r;
        }
        ret->sent = true;
        if ((r = enroll_conn_send(c, &request, e)) < 0 || (r = expect(c, ENROLL_GRANT, &m, ret, e)) < 0)
                return r;
        r = open_bundle(j, kp, &t, &m.grant, ret, e);
        enroll_message_done(&m);
        return r;
}

int enroll_request_bundle(int fd, const struct enroll_joiner *j, struct enroll_result *ret, struct error *e) {
        CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = NULL;
        struct enroll_trust trust = { .pins = *j->pins };
        uint8_t kp[PKI_KP_SIZE];
        struct enroll_conn c;
        int r;

        *ret = (struct enroll_result){ 0 };
        if ((r = enroll_tls_client(&trust, &ctx, e)) < 0)
                return r;
        r = enroll_conn_open(&c, ctx, fd, false, EXCHANGE_TIMEOUT_MS, e);
        if (r < 0 && *trust.refusal.message) {
                *e = trust.refusal;
                r = -EIO;
        }
        if (r == 0 && (r = pki_token_kp(j->token, kp)) < 0)
                error_set(e, EXIT_INPUT,
                          "--token: want six and sixteen letters and digits with a dot between");
        if (r == 0) {
                memcpy(ret->cluster_id, trust.cluster_id, sizeof ret->cluster_id);
                r = exchange(&c, j, kp, ret, e);
        }
        OPENSSL_cleanse(kp, sizeof kp);
        enroll_conn_close(&c);
        return r;
}
