/* Enrolment tokens of this master: one file each in /var/lib/triarch/tokens (0700, files 0600), holding
 * the wrapped Kp, never the secret. Changes are compare-and-set under a lock file. */
#ifndef AGENT_TOKEN_H
#define AGENT_TOKEN_H

#include "agent/enroll_role.h"
#include "agent/error.h"
#include "pki/proof.h"
#include <stdbool.h>
#include <stdint.h>

/* Each use is bound to the machine that made it, so that it alone may come again; the few masters of a
 * cluster are below this, and a token that leaks lets no more in. */
enum { TOKEN_MAX_USES = 8 };

struct token {
        char id[PKI_TOKEN_ID + 1];
        uint8_t wrapped[PKI_WRAPPED_SIZE];
        enum enroll_role role;        /* what its joiners become */
        int64_t created_s, expires_s; /* wall clock, UTC */
        unsigned uses_left;
        char node[254], address[46]; /* "" not bound */
        struct token_binding {       /* consumed by: a resumed join with the same key costs nothing */
                uint8_t pub[PKI_X25519_SIZE];
                char node[254];
        } bound[TOKEN_MAX_USES];
        unsigned n_bound;
};

/* Make and store a token of 1..TOKEN_MAX_USES uses; the printable secret goes to out. Expired ones are
 * purged. node and address: NULL or "" leaves it open to any. */
int token_create(const char *root, const char *ca_key_path, enum enroll_role role, unsigned ttl_s,
                 unsigned uses, const char *node, const char *address, char out[PKI_TOKEN_SIZE],
                 struct error *e);
/* Calls fn for each token (expired ones too, unless purged). */
int token_list(const char *root, int (*fn)(void *userdata, const struct token *t), void *userdata,
               struct error *e);
int token_delete(const char *root, const char *id, struct error *e);                 /* -ENOENT */
int token_get(const char *root, const char *id, struct token *ret, struct error *e); /* -ENOENT */
/* Would token_consume() let (node, pub) in? Pure; 0 or its errors. */
int token_usable(const struct token *t, int64_t now_s, const char *node, const char *address,
                 const uint8_t pub[PKI_X25519_SIZE], struct error *e);
/* That pair has used the token before (a join that is being resumed). */
bool token_was_used_by(const struct token *t, const char *node, const uint8_t pub[PKI_X25519_SIZE]);
/* Use it for (node, pub): 0 also when that pair has used it before; -EKEYEXPIRED, -ENOENT, -EDQUOT (used up),
 * -EPERM (bound to another node or address). */
int token_consume(const char *root, const char *id, int64_t now_s, const char *node, const char *address,
                  const uint8_t pub[PKI_X25519_SIZE], struct error *e);
/* "triarch join [--worker] 172.18.0.154:7644 --token ... --discovery-token-ca-cert-hash sha256:..."
 * malloc'ed. */
int token_join_command(enum enroll_role role, const char *address, unsigned port, const char *token,
                       const char *ca_crt_path, char **ret, struct error *e);

#endif
