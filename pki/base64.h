/* Base64 with padding (RFC 4648 section 4). */
#ifndef PKI_BASE64_H
#define PKI_BASE64_H

/* malloc'ed, one line; NULL: out of memory. */
char *pki_base64_encode(const char *text);
/* White space is skipped. *ret is malloc'ed; -EINVAL for what is not base64 or holds a NUL byte. */
int pki_base64_decode(const char *text, char **ret);

#endif
