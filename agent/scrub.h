/* Secrets out of a text that leaves the machine. Pure. What is removed errs on the side of too much:
 *   private keys in PEM, also behind \n as in JSON, and base64 of them (kubeconfig's client-key-data)
 *   bootstrap and enrolment tokens (abcdef.0123456789abcdef: the id stays), JSON web tokens,
 *   64 hexadecimal digits that are no digest ("sha256:" before them): certificate and VIP keys
 *   user and password in a URL, what follows "Bearer" or "Basic"
 *   the value of a name that says so (password, secret, token, credential, auth, key-data, and "value", which
 * is what an environment variable's is called), on its line, in quotes (escaped ones, too) or in the block
 * below it, unless it is a path, a number, true or false; after a name that ends in password or secret these
 * count as secrets, too. */
#ifndef AGENT_SCRUB_H
#define AGENT_SCRUB_H

#include <stddef.h>

#define SCRUB_MARK "[removed]"

/* *ret: malloc'ed, NUL-terminated. Bytes that are no text stay. -ENOMEM. */
int scrub(const char *text, size_t size, char **ret, size_t *ret_size);

#endif
