/* The signature that a cluster's bootstrapsigner puts beside the kubeconfig in cluster-info: a JWS (RFC 7515)
 * in compact form with the content detached, HS256 under a bootstrap token's secret. Its header is always
 * {"alg":"HS256","kid":"TOKEN-ID"}, in those bytes: a signature is checked by making it again. */
#ifndef PKI_JWS_H
#define PKI_JWS_H

#include <stddef.h>

/* "HEADER..SIGNATURE", malloc'ed. -EINVAL: an id that the header cannot carry as it is; -ENOMEM. */
int pki_jws_sign(const char *content, size_t size, const char *id, const char *secret, char **ret);

/* Is `jws` this token's over this content? Compared in constant time. 0, -EBADMSG: no; -EINVAL, -ENOMEM. */
int pki_jws_check(const char *content, size_t size, const char *id, const char *secret, const char *jws);

#endif
