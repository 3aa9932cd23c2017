/* Inside the Kubernetes client: one call, the addresses of objects, what errors say. Private to
 * agent/kube*.c and its tests. */
#ifndef AGENT_KUBE_PRIV_H
#define AGENT_KUBE_PRIV_H

#include "agent/curl.h"
#include "agent/kube.h"

struct kube {
        CURL *easy;                                /* one for all calls: it keeps the connection */
        char *server, *ca_pem, *crt_pem, *key_pem; /* keys and tokens are wiped */
        char *crt_file, *key_file;
        char *authorization; /* a whole header line, or NULL */
        unsigned timeout_ms, patience_ms;
};
struct kube_request {
        const char *method, *path; /* "PATCH", "/api/v1/nodes/n1?..." */
        const char *content_type;  /* of the body */
        const char *body;          /* NULL: none */
        const char *subject;       /* "Node n1", for messages */
};
struct kube_reply {
        long status;
        char *body; /* NUL-terminated; malloc'ed */
        size_t size;
};
void kube_reply_done(struct kube_reply *r);

/* One request, again and again while its outcome may be another the next time. 0: the API server's verdict
 * is in *ret; negative errno as kube.h has them: there is none. */
int kube_call(struct kube *k, const struct kube_request *q, struct kube_reply *ret, struct error *e);

enum { KUBE_SUBJECT_SIZE = 640, KUBE_PATH_SIZE = 2048 };
/* "ConfigMap kube-system/kubeadm-config". */
void kube_subject(const struct kube_ref *ref, char out[KUBE_SUBJECT_SIZE]);
/* "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"; without ref->name that of the collection.
 * -EOPNOTSUPP: no such kind in the table; -EINVAL: a name that cannot be part of an address, or a
 * namespace too many or missing. */
int kube_path(const struct kube_ref *ref, char out[KUBE_PATH_SIZE], struct error *e);

/* A reply that is not 2xx as a message: what was asked of which object, what the API server says, and what
 * to do. Its return value as kube.h has them. Pure. */
int kube_status_error(const char *server, const char *subject, const struct kube_reply *reply,
                      struct error *e);
/* May the same request have another outcome, soon? */
bool kube_status_passes(const struct kube_request *q, const struct kube_reply *reply);

#endif
