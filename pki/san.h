/* Subject alternative names as OpenSSL's GENERAL_NAMES, in kubeadm's order: DNS names sorted, then
 * IP addresses as given, each once. */
#ifndef PKI_SAN_H
#define PKI_SAN_H

#include "pki/ossl.h"
#include <stdbool.h>

/* An IPv4 or IPv6 address, or a DNS name (RFC 1123, lower case, a leading "*." allowed, as kubeadm
 * has it). -EINVAL when it is neither. */
int pki_san_add(GENERAL_NAMES *names, const char *text);
int pki_san_add_uri(GENERAL_NAMES *names, const char *uri);

bool pki_san_has(const GENERAL_NAMES *names, const GENERAL_NAME *name);
/* "DNS:host1", "IP:10.96.0.1", "URI:..." into out, cut when too long; returns out. */
const char *pki_san_text(const GENERAL_NAME *name, char *out, size_t size);

#endif
