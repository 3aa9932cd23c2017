/* A blocking client of the Kubernetes API (libcurl, TLS with the cluster's CA as the only anchor,
 * HTTP/1.1, one connection kept for all calls): for commands and phases, never for the agent's loop.
 * No proxy, no redirect; every reply has a bound. Not for several threads.
 *
 * What may pass by itself (connection refused or broken, time-out, HTTP 429, 5xx, a namespace that the
 * API server is about to make) is tried again, with pauses that grow, until the patience is used up. */
#ifndef AGENT_KUBE_H
#define AGENT_KUBE_H

#include "agent/error.h"
#include <jansson.h>
#include <stdbool.h>

#define KUBE_FIELD_MANAGER "triarch"
enum { KUBE_TIMEOUT_MS = 10000, KUBE_PATIENCE_MS = 60000 }; /* kubeadm's: of one call, of all its tries */

struct kube;

/* Who asks whom; borrowed for the time of kube_new(). A certificate with its key (PEM, or files), or a
 * bearer token, or nothing: anonymous, as cluster-info is read. */
struct kube_identity {
        const char *server;            /* "https://172.18.0.154:6443" */
        const char *ca_pem;            /* NULL: the server's certificate is not verified; without a
                                        * client certificate and token only (discovery by token) */
        const char *crt_pem, *key_pem; /* NULL: none */
        const char *crt_file, *key_file;
        const char *token;
};

/* Opens nothing yet. -EINVAL with *e. */
int kube_new(const struct kube_identity *who, struct kube **ret, struct error *e);
/* From a kubeconfig file (real path): what its current-context leads to. `server`: another address of the
 * same API, NULL for the file's. -ENOENT when there is no such file, -EINVAL when it is none. */
int kube_open(const char *kubeconfig, const char *server, struct kube **ret, struct error *e);
void kube_free(struct kube *k);
DEFINE_CLEANUP(struct kube *, kube_free)

const char *kube_server(const struct kube *k);
/* timeout_ms of one call, patience_ms of one call with all its tries (0: one try); 0 and more. */
void kube_limits(struct kube *k, unsigned timeout_ms, unsigned patience_ms);

/* One object, or all of a kind. Borrowed. */
struct kube_ref {
        const char *api_version, *kind; /* "v1", "ConfigMap"; "rbac.authorization.k8s.io/v1", "Role" */
        const char *namespace;          /* NULL or "": none */
        const char *name;               /* of one object */
};

/* All calls: 0, or with *e filled
 *   -ENOENT not there; -EEXIST it is there already; -EBUSY another manager has set a field that was to be
 *   set (named in *e), or the object has changed meanwhile; -EPERM, -EACCES: this user may not, the
 *   API server does not know this user or this is not the cluster's API server; -EINVAL the API server
 *   refuses the object, or the request cannot be made; -EAGAIN patience is used up; -EBADMSG no reply of an
 *   API server; -ENOMEM.
 * ret may be NULL; *ret is the object as the API server has it, owned by the caller (json_decref). */
int kube_get(struct kube *k, const struct kube_ref *ref, json_t **ret, struct error *e);
/* *ret: a JSON array of the objects, page by page; label_selector may be NULL. */
int kube_list(struct kube *k, const struct kube_ref *ref, const char *label_selector, json_t **ret,
              struct error *e);
int kube_create(struct kube *k, const json_t *object, json_t **ret, struct error *e);
int kube_delete(struct kube *k, const struct kube_ref *ref, struct error *e);

enum kube_patch { KUBE_PATCH_STRATEGIC, KUBE_PATCH_MERGE, KUBE_PATCH_JSON };
int kube_patch(struct kube *k, const struct kube_ref *ref, enum kube_patch how, const json_t *patch,
               json_t **ret, struct error *e);

/* The object's status alone (strategic merge). */
int kube_patch_status(struct kube *k, const struct kube_ref *ref, const json_t *patch, struct error *e);

/* Server-side apply as KUBE_FIELD_MANAGER, unknown fields refused. Without `force`, -EBUSY where another
 * manager has set a field to another value. */
int kube_server_apply(struct kube *k, const json_t *object, bool force, json_t **ret, struct error *e);

/* GET of a path that is no object ("/version", "/readyz"): malloc'ed text, NUL-terminated. */
int kube_get_text(struct kube *k, const char *path, char **ret, struct error *e);

/* The object's own names; strings borrowed from it. -EINVAL when it has no apiVersion, kind or name. */
int kube_ref_of(const json_t *object, struct kube_ref *ret, struct error *e);
/* The value at a path of keys ("data", "kubeconfig", NULL) when it is a string; else NULL. Borrowed. */
const char *kube_string(const json_t *object, ...) __attribute__((sentinel));

#endif
