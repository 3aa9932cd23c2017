/* The messages of enrolment (docs/wire.md, "Enrolment protocol"): JSON objects, each behind its length
 * as 32 bits, big-endian. Pure codec, strict: unknown fields, wrong types, names and addresses that
 * are none, and whatever exceeds its bound are refused.
 *
 *   server -> joiner   hello     its clock; the exchange starts here, so that the server can bound the
 *                                time at which the joiner read its own
 *   joiner -> server   request   with the proof of the token
 *   server -> joiner   grant     the sealed bundle; or
 *                      refusal   instead of hello or grant: code, text, when to try again */
#ifndef AGENT_ENROLL_PROTO_H
#define AGENT_ENROLL_PROTO_H

#include "agent/enroll_role.h"
#include "agent/etcd.h"
#include "pki/pki.h"
#include "pki/proof.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENROLL_EXPORTER_LABEL "EXPORTER-triarch-enroll"
enum {
        ENROLL_VERSION = 2,
        ENROLL_HEADER = 4,
        ENROLL_FRAME_MAX = 256 * 1024,
        ENROLL_REQUEST_MAX = 4 * 1024,
        ENROLL_SEALED_MAX = 120 * 1024,
        ENROLL_CSR_MAX = 1536,
        ENROLL_TEXT_MAX = 64 * 1024, /* of one entry of the bundle */
};

void enroll_header_put(uint8_t out[ENROLL_HEADER], size_t size);
/* Size of what follows: 0, or -EMSGSIZE when it is 0 or above ENROLL_FRAME_MAX. */
int enroll_header_get(const uint8_t in[ENROLL_HEADER], size_t *ret_size);

enum enroll_type { ENROLL_HELLO, ENROLL_REQUEST, ENROLL_GRANT, ENROLL_REFUSAL };
enum enroll_code {
        ENROLL_DENIED,   /* token unknown or proof wrong: which of the two is not told */
        ENROLL_NO_TOKEN, /* this master holds none */
        ENROLL_EXPIRED,
        ENROLL_USED_UP,
        ENROLL_BOUND,   /* the token is for another node or address */
        ENROLL_ROLE,    /* the token is for machines of another role */
        ENROLL_ADDRESS, /* the address named is not the one that the connection comes from */
        ENROLL_NAME_EXISTS,
        ENROLL_CLOCK,
        ENROLL_SLOW_DOWN, /* after wrong tries from this address: try again later */
        ENROLL_BUSY,      /* cannot tell now: try again later */
        ENROLL_MALFORMED,
        ENROLL_FAILED, /* the master's own trouble; its journal says more */
        ENROLL_CODES
};
const char *enroll_code_name(enum enroll_code code);

struct enroll_hello {
        char cluster_id[PKI_CLUSTER_ID_SIZE];
        int64_t clock_ns;
};
struct enroll_request {
        char token_id[PKI_TOKEN_ID + 1], node_name[254], node_address[46];
        enum enroll_role role;
        char csr[ENROLL_CSR_MAX]; /* PEM, of a worker's kubelet; "" of a master */
        int64_t clock_ns;
        uint8_t joiner_pub[PKI_X25519_SIZE], proof[PKI_MAC_SIZE];
};
struct enroll_grant {
        uint8_t *sealed; /* owned */
        size_t size;
};
struct enroll_refusal {
        enum enroll_code code;
        char message[1024];
        unsigned retry_s; /* 0: do not */
};
struct enroll_message {
        enum enroll_type type;
        union {
                struct enroll_hello hello;
                struct enroll_request request;
                struct enroll_grant grant;
                struct enroll_refusal refusal;
        };
};
/* *ret: malloc'ed text without header. -EMSGSIZE, -ENOMEM. */
int enroll_encode(const struct enroll_message *m, char **ret, size_t *ret_size);
/* -EBADMSG: malformed, *ret untouched. -EPROTO: of another version. */
int enroll_decode(const void *data, size_t size, struct enroll_message *ret);
void enroll_message_done(struct enroll_message *m);

/* What the bundle carries: a fixed list, never paths. A worker gets the first of it, and no key. A master
 * gets etcd's CA or, where etcd is the administrator's, as much as is configured of what a client of that
 * needs. */
enum enroll_entry {
        ENROLL_CA_CRT,
        ENROLL_CA_KEY,
        ENROLL_FRONT_PROXY_CA_CRT,
        ENROLL_FRONT_PROXY_CA_KEY,
        ENROLL_ETCD_CA_CRT,
        ENROLL_ETCD_CA_KEY,
        ENROLL_SA_KEY,
        ENROLL_SA_PUB,
        ENROLL_VIP_KEY,
        ENROLL_EXTERNAL_ETCD_CA,
        ENROLL_EXTERNAL_ETCD_CRT,
        ENROLL_EXTERNAL_ETCD_KEY,
        ENROLL_ENTRIES
};
struct enroll_entry_place {
        /* In the bundle; below the certificates' directory, or absolute; NULL: as configured. */
        const char *name, *file;
        unsigned mode;
        bool agent;  /* of the agent's group */
        bool worker; /* also a worker's */
        enum { ENROLL_ANY_ETCD, ENROLL_OWN_ETCD, ENROLL_EXTERNAL_ETCD } etcd;
};
const struct enroll_entry_place *enroll_entry_place(enum enroll_entry i);
struct external_etcd;
/* Its real path. -ENAMETOOLONG; -ENOENT: of an external etcd, and not configured. */
int enroll_entry_path(enum enroll_entry i, const char *root, const char *cert_dir,
                      const struct external_etcd *etcd, char out[PATH_MAX]);

struct enroll_bundle {
        enum enroll_role role;
        char *entries[ENROLL_ENTRIES]; /* PEM, and the text of the key file; NULL: not of this role; owned */
        char *config;                  /* config_render(shared); owned */
        char *certificate;             /* worker: of its kubelet, PEM; owned */
        unsigned position;             /* master: of the new member; 250 - 20 * position is its priority */
        struct etcd_members members;   /* master: as they are before the joiner */
};
/* Does a bundle of that role have the entry? (Those of an external etcd: if they are configured.) */
bool enroll_entry_of(enum enroll_role role, bool external_etcd, enum enroll_entry i);
int enroll_bundle_encode(const struct enroll_bundle *b, char **ret, size_t *ret_size);
int enroll_bundle_decode(const void *data, size_t size, struct enroll_bundle *ret);
/* Wipes: keys are among the entries. */
void enroll_bundle_done(struct enroll_bundle *b);

#endif
