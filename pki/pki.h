/* The certificate authority of a cluster: kubeadm 1.36's set of certificates, keys and
 * kubeconfigs, one table, equal in meaning: names, subjects, SANs, usages, SKI/AKI,
 * validity, backdating, key encoding, file modes.
 *
 * Nothing that exists is overwritten. What exists is checked: parses, issuer and signature, key
 * matches certificate, inside its validity, subject, usages, every wanted SAN present. A file that
 * does not fit is -EINVAL with file and reason in *e. What a power cut can leave (a key without its
 * certificate) is completed with that key; a certificate without its key is -EINVAL for a CA and
 * for sa (they cannot be made again), and for a leaf a new pair is made.
 *
 * Owns no clock: the caller gives `now`. Logs nothing; drains OpenSSL's error queue. */
#ifndef PKI_PKI_H
#define PKI_PKI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct pki_error {
        char file[PATH_MAX]; /* "" when no file is to blame */
        char reason[512];    /* what is wrong, with the value */
        char remedy[256];    /* what to do about it, "" when obvious */
};

enum pki_alg { PKI_ECDSA_P256, PKI_ECDSA_P384, PKI_RSA_2048, PKI_RSA_3072, PKI_RSA_4096 };

/* Strings are borrowed for the time of the call. Lists end with NULL and may be NULL. */
struct pki_params {
        const char *root;     /* "" or the --root directory; prefix of every path opened */
        const char *cert_dir; /* /etc/kubernetes/pki */
        const char *kube_dir; /* /etc/kubernetes */
        const char *node_name;
        const char *cluster_name; /* kubernetes */
        const char *advertise_address;
        unsigned bind_port;        /* 6443 */
        const char *endpoint_host; /* controlPlaneEndpoint without its port: address or DNS name */
        unsigned endpoint_port;
        const char *service_ip;              /* first address of the service network */
        const char *dns_domain;              /* cluster.local */
        const char *const *cert_sans;        /* apiServer.certSANs */
        const char *const *etcd_server_sans; /* etcd.local.serverCertSANs */
        const char *const *etcd_peer_sans;
        enum pki_alg alg;
        unsigned leaf_s, ca_s;    /* validity; 0: a year, ten years */
        bool requests;            /* where the CA's key is elsewhere: a request in place of a certificate */
        bool external_etcd;       /* no certificates for etcd and its clients */
        bool kubelet_to_endpoint; /* kubelet.conf leads to the endpoint, as kubeadm's before 1.33 */
        bool dry_run;             /* all is read, checked and made in memory, and nothing is written */
        time_t now;               /* trusted wall clock, UTC */
        bool super_admin;         /* also super-admin.conf: on the first master only */
};

/* What happened to one file; `file` without the root prefix. PKI_TEXT: in a dry run, after PKI_MADE of a
 * certificate, `file` is what it would say, for people. */
enum pki_action { PKI_KEPT, PKI_MADE, PKI_TEXT };
typedef void (*pki_report_fn)(void *userdata, enum pki_action action, const char *file);

/* A CA whose certificate is there and whose key is not is an external one: what it has signed must be there,
 * and -EINVAL says what is missing. With p->requests, nothing is signed: of all that an external CA signs a
 * key is made and FILE.csr beside where FILE.crt is to come (NAME.conf with the key in it and NAME.conf.csr
 * of a kubeconfig, which NAME.conf.crt completes); "all" only.
 *
 * Names are kubeadm's sub-phases: "ca", "apiserver", "apiserver-kubelet-client", "front-proxy-ca",
 * "front-proxy-client", "etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client",
 * "apiserver-etcd-client", "sa"; "all" makes all in that order. -ENOENT: no such name. */
int pki_certs_ensure(const struct pki_params *p, const char *name, pki_report_fn report, void *userdata,
                     struct pki_error *e);

/* "admin", "super-admin", "kubelet", "controller-manager", "scheduler", "all" (super-admin only
 * when p->super_admin). kubelet.conf is accepted in both of kubeadm's forms: embedded, and
 * pointing at /var/lib/kubelet/pki/kubelet-client-current.pem. */
int pki_kubeconfig_ensure(const struct pki_params *p, const char *name, pki_report_fn report, void *userdata,
                          struct pki_error *e);

/* kubeadm's kubelet-finalize without waiting for the kubelet: moves the client certificate that
 * kubelet.conf embeds into /var/lib/kubelet/pki/kubelet-client-<time>.pem (0600) behind the symlink
 * kubelet-client-current.pem, then rewrites kubelet.conf to name that file. Nothing to do when
 * that is already so. */
int pki_kubelet_finalize(const struct pki_params *p, pki_report_fn report, void *userdata,
                         struct pki_error *e);

/* Every path (without root) that the two ensure calls can make under these directories, for reset
 * and for tests. Returns out, or NULL past the end. */
const char *pki_path(const char *cert_dir, const char *kube_dir, size_t i, char out[PATH_MAX]);

/* triarch's own leaves, signed by the cluster CA, kept and checked like the others:
 * - /etc/triarch/pki/enroll.{crt,key}: server auth, CN "triarch-enroll", SANs node name, advertise
 *   address, URI triarch://CLUSTER-ID/enroll; key 0600.
 * - /etc/triarch/pki/healthcheck-client.{crt,key}: client auth, CN "triarch-healthcheck", no O;
 *   key root:gid 0640 so that the agent's user can read it (checked when it exists). (gid_t)-1: the
 *   group is not known, as under a root; it is left as it comes. */
int pki_triarch_ensure(const struct pki_params *p, gid_t agent_gid, pki_report_fn report, void *userdata,
                       struct pki_error *e);

enum { PKI_PIN_SIZE = 72, PKI_CLUSTER_ID_SIZE = 33 };
/* "sha256:" + 64 hex digits over the CA's SubjectPublicKeyInfo (kubeadm's discovery hash). */
int pki_ca_pin(const char *ca_crt_path, char out[PKI_PIN_SIZE], struct pki_error *e);
/* Cluster id: the first 32 hex digits of that hash. */
int pki_cluster_id(const char *ca_crt_path, char out[PKI_CLUSTER_ID_SIZE], struct pki_error *e);

#endif
