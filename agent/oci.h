/* Images as documents: descriptors, indexes and manifests of OCI (image-spec 1.1) and of Docker (schema 2),
 * read from JSON of registries and archives, which is hostile until its digest is checked. Pure: no file, no
 * network.
 *
 * Only SHA-256 is taken for a digest. Calls: 0, or -EBADMSG with *e: what about it is wrong. */
#ifndef AGENT_OCI_H
#define AGENT_OCI_H

#include "agent/error.h"
#include <stdbool.h>
#include <stdint.h>

#define OCI_INDEX     "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST  "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_INDEX  "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_SCHEMA "application/vnd.docker.distribution.manifest.v2+json"

enum { OCI_DIGEST = 71 + 1, OCI_NAME = 512, OCI_MAX_ENTRIES = 256, OCI_MAX_LAYERS = 256 };
enum { OCI_MAX_DOCUMENT = 4 << 20 }; /* of an index or manifest */

struct oci_blob {
        char media_type[128];
        char digest[OCI_DIGEST]; /* "sha256:" and 64 digits, lower case */
        uint64_t size;
};
struct oci_entry { /* of an index */
        struct oci_blob blob;
        char name[OCI_NAME];                /* full name of the image by its annotations; "": none */
        char os[32], arch[32], variant[32]; /* ""; not given */
};
struct oci_index {
        struct oci_entry v[OCI_MAX_ENTRIES];
        size_t n;
};
struct oci_manifest {
        struct oci_blob config, layers[OCI_MAX_LAYERS];
        size_t n_layers;
};

bool oci_is_index(const char *media_type);
bool oci_is_manifest(const char *media_type);
bool oci_digest_valid(const char *digest);
/* Digests as a stream: feed, then compare. */
struct oci_hash;
int oci_hash_new(struct oci_hash **ret); /* -ENOMEM */
void oci_hash_free(struct oci_hash *h);
DEFINE_CLEANUP(struct oci_hash *, oci_hash_free)
void oci_hash_feed(struct oci_hash *h, const void *data, size_t size);
void oci_hash_end(struct oci_hash *h, char ret[OCI_DIGEST]);
bool oci_digest_matches(const char *digest, const void *data, size_t size);
/* what: the document's name in messages. */
int oci_index_parse(const char *text, size_t size, const char *what, struct oci_index *ret, struct error *e);
int oci_manifest_parse(const char *text, size_t size, const char *what, struct oci_manifest *ret,
                       struct error *e);
/* The machine's architecture as images name it ("amd64", "arm64", ...). */
const char *oci_arch(void);
/* The entry for this machine: linux and oci_arch(), or, when there is but one entry and it names no
 * platform, that. NULL: none. */
const struct oci_entry *oci_index_pick(const struct oci_index *index);
/* "busybox" to "docker.io/library/busybox:latest": the name under which runtimes keep an image. false: no
 * name of an image, or too long. */
bool oci_name_full(const char *name, char ret[OCI_NAME]);
/* The registry's HOST[:PORT] of a full name. */
void oci_name_host(const char *name, char ret[256]);

#endif
