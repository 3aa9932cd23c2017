/* The serving side of enrolment (docs/wire.md): one connection from handshake to the sealed bundle.
 *
 * Checks are made in this order, so that nothing is told to who has not proven the token: proof (an
 * unknown token costs the same work and gets the same answer at the same moment as a wrong proof),
 * address, role, expiry, uses and binding, name, clocks. The use is consumed before the bundle leaves. */
#ifndef AGENT_ENROLL_SERVER_H
#define AGENT_ENROLL_SERVER_H

#include "agent/config.h"
#include "agent/enroll_tls.h"
#include "agent/token.h"

/* Under this id the decoy is wrapped; a token that happens to have it is in no way affected. */
#define ENROLL_DECOY_ID "decoy0"

/* What the server asks of the outside. */
struct enroll_ops {
        int64_t (*clock_ns)(void *userdata); /* this node's clock: enroll_clock_now() */
        int (*members)(void *userdata, struct etcd_members *ret, struct error *e);
        /* 1: the cluster has a master, or a node that is Ready, of that name; 0: it has not; negative errno
         * with *e: the API server cannot be asked. */
        int (*node)(void *userdata, const char *name, struct error *e);
        /* One line per refusal and grant; no secrets. priority as in syslog(3). */
        void (*audit)(void *userdata, int priority, const char *line);
        void *userdata;
};

struct enroll_server { /* constant while it serves */
        const char *root, *cert_dir;
        char ca_key[PATH_MAX];
        char cluster_id[PKI_CLUSTER_ID_SIZE];
        char *shared_config;                       /* owned */
        const struct external_etcd *external_etcd; /* borrowed */
        double max_offset_s;
        unsigned wrong_delay_ms;         /* answers to wrong tries leave this long after the request came */
        uint8_t decoy[PKI_WRAPPED_SIZE]; /* stands in for the token that an unknown id names */
        SSL_CTX *ctx;
        struct enroll_ops ops;
};
/* `c` is this master's own configuration; borrowed like root and ops. */
int enroll_server_init(struct enroll_server *s, const char *root, const struct config *c,
                       const struct enroll_ops *ops, struct error *e);
void enroll_server_done(struct enroll_server *s);

/* Ops that ask chronyd and the etcd member of this machine, and write to the journal. */
struct enroll_host {
        const struct config *config;
        uint16_t chrony_port;
        struct etcd_files etcd;
        const char *etcd_endpoint; /* borrowed from config, or static */
        char admin_conf[PATH_MAX];
};
int enroll_host_init(struct enroll_host *h, const char *root, const struct config *c, struct enroll_ops *ret,
                     struct error *e);

enum enroll_outcome {
        ENROLL_OUT_GRANTED,
        ENROLL_OUT_REFUSED,
        ENROLL_OUT_WRONG, /* token or proof: its source is to be slowed */
        ENROLL_OUT_BROKEN /* no exchange came about */
};
/* Serve the connection and leave fd open. peer: its address in canonical form. hold_s > 0: the source has
 * to wait that long; it is told so, and nothing it says is looked at. At most some 30 s. */
enum enroll_outcome enroll_serve(const struct enroll_server *s, int fd, const char *peer, unsigned hold_s);

/* The loop behind `triarch enroll`: accepts on `fds`, one child per connection, at most two at a time
 * from one address; leaves after idle_s without any. */
int enroll_listen(const struct enroll_server *s, const int *fds, size_t n_fds, unsigned idle_s,
                  struct error *e);

#endif
