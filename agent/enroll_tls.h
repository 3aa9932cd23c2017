/* TLS 1.3 of enrolment (docs/wire.md), both sides, blocking with one deadline for a whole connection.
 *
 * The joiner trusts nothing but the pin: the server sends its chain with the CA; the CA whose public key
 * has the pinned hash becomes the only anchor, validity times are ignored (the joiner's clock may be
 * wrong; clocks are compared next), and the leaf must be a serving certificate that carries the URI
 * triarch://CLUSTER-ID/enroll, or any kubelet's serving certificate could collect tokens. */
#ifndef AGENT_ENROLL_TLS_H
#define AGENT_ENROLL_TLS_H

#include "agent/enroll_proto.h"
#include "agent/error.h"
#include <openssl/ssl.h>

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

enum { ENROLL_MAX_PINS = 4 };
struct enroll_pins {
        char v[ENROLL_MAX_PINS][PKI_PIN_SIZE]; /* lower case */
        size_t n;
};
/* "sha256:HEX[,sha256:HEX...]" as on the command line. -EINVAL with *e (EXIT_INPUT). */
int enroll_pins_parse(const char *text, struct enroll_pins *ret, struct error *e);

/* 0 and the cluster's id, or -EIO with the reason in *e. */
int enroll_verify_server(X509 *leaf, STACK_OF(X509) * chain, const struct enroll_pins *pins,
                         char ret_cluster_id[PKI_CLUSTER_ID_SIZE], struct error *e);

struct enroll_trust {
        struct enroll_pins pins;
        char cluster_id[PKI_CLUSTER_ID_SIZE]; /* filled by a handshake that succeeds */
        struct error refusal;                 /* filled by one that the joiner refuses */
};
/* `trust` must outlive the context. */
int enroll_tls_client(struct enroll_trust *trust, SSL_CTX **ret, struct error *e);
int enroll_tls_server(const char *crt_file, const char *key_file, const char *ca_file, SSL_CTX **ret,
                      struct error *e);

struct enroll_conn {
        SSL *ssl;
        int fd;              /* borrowed, made non-blocking */
        size_t max;          /* of a message from the peer: a server hears those who have proven nothing */
        int64_t deadline_us; /* CLOCK_MONOTONIC */
};
/* Handshake. -ETIMEDOUT at the deadline; -ECONNRESET and others: the peer went away or is no TLS peer. */
int enroll_conn_open(struct enroll_conn *c, SSL_CTX *ctx, int fd, bool server, unsigned timeout_ms,
                     struct error *e);
int enroll_conn_send(struct enroll_conn *c, const struct enroll_message *m, struct error *e);
/* The caller enroll_message_done()s *ret. -EBADMSG, -EMSGSIZE: malformed. */
int enroll_conn_recv(struct enroll_conn *c, struct enroll_message *ret, struct error *e);
int enroll_conn_exporter(struct enroll_conn *c, uint8_t out[PKI_EXPORTER_SIZE]);
/* Says goodbye; waits (within the deadline) until the peer has read what was sent. */
void enroll_conn_close(struct enroll_conn *c);

#endif
