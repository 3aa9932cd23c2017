/* The transcript of an enrolment as bytes: each field behind its length (docs/wire.md). */
#ifndef PKI_TRANSCRIPT_H
#define PKI_TRANSCRIPT_H

#include "pki/proof.h"

enum { PKI_TRANSCRIPT_MAX = 4096 };

/* -EINVAL when a string is missing or they are too long together. */
int pki_transcript_encode(const struct pki_transcript *t, uint8_t out[PKI_TRANSCRIPT_MAX], size_t *ret_size);

#endif
