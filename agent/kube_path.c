/* The address of an object in the API. */
#include "agent/kube_priv.h"
#include <errno.h>

/* The kinds that are ever asked for: a client of every kind would have to ask the API server for its list. */
static const struct kind {
        const char *api_version, *kind, *plural;
        bool namespaced;
} kinds[] = {
        { "v1", "ConfigMap", "configmaps", true },
        { "v1", "Endpoints", "endpoints", true },
        { "v1", "Event", "events", true },
        { "v1", "Namespace", "namespaces", false },
        { "v1", "Node", "nodes", false },
        { "v1", "Pod", "pods", true },
        { "v1", "Secret", "secrets", true },
        { "v1", "Service", "services", true },
        { "v1", "ServiceAccount", "serviceaccounts", true },
        { "apps/v1", "DaemonSet", "daemonsets", true },
        { "apps/v1", "Deployment", "deployments", true },
        { "certificates.k8s.io/v1", "CertificateSigningRequest", "certificatesigningrequests", false },
        { "coordination.k8s.io/v1", "Lease", "leases", true },
        { "policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true },
        { "rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false },
        { "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false },
        { "rbac.authorization.k8s.io/v1", "Role", "roles", true },
        { "rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true },
};

static bool given(const char *s) {
        return s && *s;
}

void kube_subject(const struct kube_ref *ref, char out[KUBE_SUBJECT_SIZE]) {
        bool in_namespace = given(ref->namespace);

        snprintf(out, KUBE_SUBJECT_SIZE, "%s%s%s%s%s", ref->kind, in_namespace || given(ref->name) ? " " : "",
                 in_namespace ? ref->namespace : "", in_namespace ? "/" : "",
                 given(ref->name) ? ref->name
                 : in_namespace   ? "*"
                                  : "");
}

static const struct kind *find(const struct kube_ref *ref) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (!strcmp(kinds[i].kind, ref->kind) && !strcmp(kinds[i].api_version, ref->api_version))
                        return &kinds[i];
        return NULL;
}

/* The API server's rule for a part of an address, and nothing that would need an escape there. */
static bool is_segment(const char *s) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:@";

        return *s && strlen(s) < 254 && !s[strspn(s, letters)] && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int check(const struct kube_ref *ref, const struct kind *k, const char *subject, struct error *e) {
        if (!k) {
                error_set(e, EXIT_INPUT, "%s: the kind %s of %s is not known here", subject, ref->kind,
                          ref->api_version);
                return -EOPNOTSUPP;
        }
        if (given(ref->namespace) && !k->namespaced)
                return error_set(e, EXIT_INPUT, "%s: a %s has no namespace", subject, ref->kind);
        if (!given(ref->namespace) && k->namespaced && given(ref->name))
                return error_set(e, EXIT_INPUT, "%s: a %s needs a namespace", subject, ref->kind);
        if ((given(ref->namespace) && !is_segment(ref->namespace)) ||
            (given(ref->name) && !is_segment(ref->name)))
                return error_set(e, EXIT_INPUT, "%s: that name cannot be asked for", subject);
        return 0;
}

int kube_path(const struct kube_ref *ref, char out[KUBE_PATH_SIZE], struct error *e) {
        const struct kind *k = find(ref);
        char subject[KUBE_SUBJECT_SIZE];
        bool in_namespace = given(ref->namespace);
        int r;

        kube_subject(ref, subject);
        if ((r = check(ref, k, subject, e)) < 0)
                return r;
        snprintf(out, KUBE_PATH_SIZE, "/%s/%s%s%s/%s%s%s", strchr(k->api_version, '/') ? "apis" : "api",
                 k->api_version, in_namespace ? "/namespaces/" : "", in_namespace ? ref->namespace : "",
                 k->plural, given(ref->name) ? "/" : "", given(ref->name) ? ref->name : "");
        return 0;
}
