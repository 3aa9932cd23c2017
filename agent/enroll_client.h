/* The joining side of enrolment: from the address of a master to the opened bundle. Blocking. */
#ifndef AGENT_ENROLL_CLIENT_H
#define AGENT_ENROLL_CLIENT_H

#include "agent/enroll_tls.h"

enum { ENROLL_ADDRESS_SIZE = 46 };

/* Connect to host (a name or an address) from `local` (NULL: any), each address in turn. *ret_local:
 * this end's address in canonical form. EXIT_FAILED with what was tried. */
int enroll_connect(const char *host, uint16_t port, const char *local, unsigned timeout_ms, int *ret_fd,
                   char ret_local[ENROLL_ADDRESS_SIZE], struct error *e);

struct enroll_joiner {
        const char *token, *node_name, *address; /* address: enroll_connect()'s, or the advertised one */
        enum enroll_role role;
        const char *csr; /* worker: its kubelet's certificate request, PEM; else NULL */
        const struct enroll_pins *pins;
        uint8_t priv[PKI_X25519_SIZE], pub[PKI_X25519_SIZE];
        double max_offset_s;
        int64_t (*clock_ns)(void *userdata); /* this node's clock: enroll_clock_now() */
        void *userdata;
};
struct enroll_result {
        struct enroll_bundle bundle;          /* owned, when granted */
        char cluster_id[PKI_CLUSTER_ID_SIZE]; /* of the pinned CA */
        struct enroll_refusal refusal;        /* when the server refused (-EACCES) */
        bool sent; /* the request went out: the token may be used up for this joiner's key */
};
/* One exchange. 0; -EACCES: the server refused, *e has its words; -EIO: this side refused the server; others:
 * the connection. */
int enroll_request_bundle(int fd, const struct enroll_joiner *j, struct enroll_result *ret, struct error *e);
/* The pin of the bundle's cluster CA. -EBADMSG. */
int enroll_bundle_pin(const struct enroll_bundle *b, char out[PKI_PIN_SIZE]);

#endif
