/* containerd's own interface (services of containerd.services.*.v1), in the namespace of Kubernetes: what
 * CRI has no word for, putting images in and taking them out as archives. Blocking.
 *
 * Calls return 0 or negative errno with *e filled: containerd's words and what to do. -ENOSPC: its disk is
 * full. */
#ifndef AGENT_CONTAINERD_H
#define AGENT_CONTAINERD_H

#include "agent/grpc.h"
#include "agent/oci.h"

struct containerd;
/* -EOPNOTSUPP: something else listens there (CRI-O, for instance, which has no such interface). */
int containerd_open(const char *socket_path, struct containerd **ret, struct error *e);
void containerd_free(struct containerd *c);
DEFINE_CLEANUP(struct containerd *, containerd_free)

/* What the name stands for. -ENOENT: there is no such image. */
int containerd_get_image(struct containerd *c, const char *name, struct oci_blob *ret, struct error *e);
/* Give the name to it, whatever it stood for before. */
int containerd_put_image(struct containerd *c, const char *name, const struct oci_blob *target,
                         struct error *e);

/* Is the blob in the store? 1 or 0. */
int containerd_has(struct containerd *c, const char *digest, struct error *e);
/* Its bytes, in order; a sink that fails ends it and fills *e itself. -ENOENT. */
typedef int (*containerd_sink_fn)(void *userdata, const void *data, size_t size);
int containerd_read(struct containerd *c, const struct oci_blob *blob, containerd_sink_fn sink,
                    void *userdata, struct error *e);
/* A whole document, NUL-terminated beyond *ret_size; its digest is checked. */
int containerd_read_document(struct containerd *c, const struct oci_blob *blob, char **ret, size_t *ret_size,
                             struct error *e);

/* Bytes for a blob: how many were put into `to`; negative errno gives up, and fills the caller's *e. */
typedef ssize_t (*containerd_source_fn)(void *userdata, void *to, size_t room);
struct containerd_label {
        char key[64], value[OCI_DIGEST];
};
/* Put a blob in; containerd checks size and digest before anybody sees it. One that is there is left, but
 * gets the labels. After a failure nothing of it stays. */
int containerd_write(struct containerd *c, const struct oci_blob *blob, containerd_source_fn source,
                     void *userdata, const struct containerd_label *labels, size_t n_labels, struct error *e);

/* What is put in from now on is kept although no image names it yet, for an hour at most. */
int containerd_lease(struct containerd *c, struct error *e);
/* This blob, too, although somebody else has put it in. */
int containerd_lease_add(struct containerd *c, const char *digest, struct error *e);
/* The end of it: what no image names is collected. */
void containerd_lease_end(struct containerd *c);

#endif
