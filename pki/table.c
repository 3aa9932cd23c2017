#include "pki/table.h"
#include "pki/fail.h"
#include "pki/san.h"
#include <errno.h>

int pki_row_add_san(GENERAL_NAMES *names, const char *what, const char *text, struct pki_error *e) {
        int r = pki_san_add(names, text);

        if (r == -EINVAL)
                return pki_fail(e, r, NULL, "correct it in the configuration",
                                "%s \"%s\" is neither an IP address nor a DNS name", what, text);
        return r < 0 ? pki_fail_crypto(e, NULL, "listing SANs") : 0;
}

static int add_list(GENERAL_NAMES *names, const char *what, const char *const *list, struct pki_error *e) {
        int r = 0;

        for (; list && *list && r == 0; list++)
                r = pki_row_add_san(names, what, *list, e);
        return r;
}

static int sans_own_name(const struct pki_row *row, const struct pki_params *p, GENERAL_NAMES *names,
                         struct pki_error *e) {
        (void)p;
        return pki_row_add_san(names, "the name of the CA", row->cn, e);
}

static int sans_apiserver(const struct pki_row *row, const struct pki_params *p, GENERAL_NAMES *names,
                          struct pki_error *e) {
        char in_domain[300];
        const struct {
                const char *what, *text;
        } wanted[] = {
                { "the node's name", p->node_name },
                { "SAN", "kubernetes" },
                { "SAN", "kubernetes.default" },
                { "SAN", "kubernetes.default.svc" },
                { "the cluster's DNS domain, as in", in_domain },
                { "the first service address", p->service_ip },
                { "advertiseAddress", p->advertise_address },
                { "controlPlaneEndpoint", p->endpoint_host },
        };
        int r = 0;

        (void)row;
        snprintf(in_domain, sizeof in_domain, "kubernetes.default.svc.%s", p->dns_domain);
        for (size_t i = 0; i < ARRAY_SIZE(wanted) && r == 0; i++)
                if (wanted[i].text)
                        r = pki_row_add_san(names, wanted[i].what, wanted[i].text, e);
        return r < 0 ? r : add_list(names, "certSANs", p->cert_sans, e);
}

static int sans_etcd(const struct pki_params *p, const char *what, const char *const *more,
                     GENERAL_NAMES *names, struct pki_error *e) {
        const char *const wanted[] = { p->node_name, "localhost", p->advertise_address,
                                       "127.0.0.1",  "::1",       NULL };
        int r = add_list(names, "the node's name or address", wanted, e);

        return r < 0 ? r : add_list(names, what, more, e);
}

static int sans_etcd_server(const struct pki_row *row, const struct pki_params *p, GENERAL_NAMES *names,
                            struct pki_error *e) {
        (void)row;
        return sans_etcd(p, "serverCertSANs", p->etcd_server_sans, names, e);
}

static int sans_etcd_peer(const struct pki_row *row, const struct pki_params *p, GENERAL_NAMES *names,
                          struct pki_error *e) {
        (void)row;
        return sans_etcd(p, "peerCertSANs", p->etcd_peer_sans, names, e);
}

/* clang-format off */
const struct pki_row pki_rows[PKI_ROWS] = {
#define S PKI_EKU_SERVER
#define C PKI_EKU_CLIENT
        { "ca", "ca", PKI_KIND_CA, NULL, "kubernetes", 0, sans_own_name },
        { "apiserver", "apiserver", PKI_KIND_LEAF, "ca", "kube-apiserver", S, sans_apiserver },
        { "apiserver-kubelet-client", "apiserver-kubelet-client", PKI_KIND_LEAF, "ca",
          "kube-apiserver-kubelet-client", C, NULL },
        { "front-proxy-ca", "front-proxy-ca", PKI_KIND_CA, NULL, "front-proxy-ca", 0, sans_own_name },
        { "front-proxy-client", "front-proxy-client", PKI_KIND_LEAF, "front-proxy-ca", "front-proxy-client", C, NULL },
        { "etcd-ca", "etcd/ca", PKI_KIND_CA, NULL, "etcd-ca", 0, sans_own_name },
        { "etcd-server", "etcd/server", PKI_KIND_LEAF, "etcd-ca", NULL, S | C, sans_etcd_server },
        { "etcd-peer", "etcd/peer", PKI_KIND_LEAF, "etcd-ca", NULL, S | C, sans_etcd_peer },
        { "etcd-healthcheck-client", "etcd/healthcheck-client", PKI_KIND_LEAF, "etcd-ca",
          "kube-etcd-healthcheck-client", C, NULL },
        { "apiserver-etcd-client", "apiserver-etcd-client", PKI_KIND_LEAF, "etcd-ca",
          "kube-apiserver-etcd-client", C, NULL },
        { "sa", "sa", PKI_KIND_SA, NULL, NULL, 0, NULL },
#undef S
#undef C
};

const struct pki_conf_row pki_conf_rows[PKI_CONF_ROWS] = {
        { "admin", "kubernetes-admin", "kubeadm:cluster-admins", false, false },
        { "super-admin", "kubernetes-super-admin", "system:masters", false, false },
        { "kubelet", "system:node:", "system:nodes", true, true },
        { "controller-manager", "system:kube-controller-manager", NULL, false, true },
        { "scheduler", "system:kube-scheduler", NULL, false, true },
};
/* clang-format on */

const struct pki_row *pki_row_find(const char *name) {
        for (size_t i = 0; i < PKI_ROWS; i++)
                if (strcmp(pki_rows[i].name, name) == 0)
                        return &pki_rows[i];
        return NULL;
}

const struct pki_conf_row *pki_conf_row_find(const char *name) {
        for (size_t i = 0; i < PKI_CONF_ROWS; i++)
                if (strcmp(pki_conf_rows[i].name, name) == 0)
                        return &pki_conf_rows[i];
        return NULL;
}

/* Two files for each row of certificates, then one for each kubeconfig. */
const char *pki_path(const char *cert_dir, const char *kube_dir, size_t i, char out[PATH_MAX]) {
        const size_t first_conf = (size_t)2 * PKI_ROWS;

        if (i < first_conf) {
                const struct pki_row *row = &pki_rows[i / 2];
                const char *pub = row->kind == PKI_KIND_SA ? "pub" : "crt";

                snprintf(out, PATH_MAX, "%s/%s.%s", cert_dir, row->file, i % 2 ? pub : "key");
        } else if (i < first_conf + PKI_CONF_ROWS)
                snprintf(out, PATH_MAX, "%s/%s.conf", kube_dir, pki_conf_rows[i - first_conf].name);
        else
                return NULL;
        return out;
}
