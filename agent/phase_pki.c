#include "agent/phase.h"
#include <time.h>

enum { MAX_GATES = 16 };

static const enum pki_alg algorithms[] = {
        [ALG_ECDSA_P256] = PKI_ECDSA_P256, [ALG_ECDSA_P384] = PKI_ECDSA_P384, [ALG_RSA_2048] = PKI_RSA_2048,
        [ALG_RSA_3072] = PKI_RSA_3072,     [ALG_RSA_4096] = PKI_RSA_4096,
};

/* Does the version of Kubernetes do this, with the gates that are given? */
static bool has_trait(const struct config *c, enum tmpl_trait trait) {
        const struct feature_gates *gates = &c->feature_gates;
        struct tmpl_gate copy[MAX_GATES];
        size_t n = gates->n < MAX_GATES ? gates->n : MAX_GATES;

        for (size_t i = 0; i < n; i++)
                copy[i] = (struct tmpl_gate){ gates->items[i].name, gates->items[i].on };
        return tmpl_version_has(c->kubernetes_version, copy, n, trait);
}

int phase_pki_params(const struct phase_ctx *ctx, struct pki_params *ret, struct error *e) {
        const struct config *c = ctx->config;

        if (!c->advertise_address)
                return error_set(e, EXIT_INPUT,
                                 "no address of this machine is known; give --apiserver-advertise-address");
        *ret = (struct pki_params){
                .root = ctx->root,
                .cert_dir = c->cert_dir,
                .kube_dir = "/etc/kubernetes",
                .node_name = c->node_name,
                .cluster_name = c->cluster_name,
                .advertise_address = c->advertise_address,
                .bind_port = c->bind_port,
                .endpoint_host = c->endpoint_host,
                .endpoint_port = c->endpoint_port,
                .service_ip = c->service_ip,
                .dns_domain = c->dns_domain,
                .cert_sans = (const char *const *)c->cert_sans.items,
                .etcd_server_sans = (const char *const *)c->etcd_server_sans.items,
                .etcd_peer_sans = (const char *const *)c->etcd_peer_sans.items,
                .alg = algorithms[c->alg],
                .leaf_s = c->certificate_validity_s,
                .ca_s = c->ca_certificate_validity_s,
                .external_etcd = c->etcd_external.endpoints.n > 0,
                .kubelet_to_endpoint = !has_trait(c, TMPL_LOCAL_KUBELET),
                .dry_run = c->dry_run,
                .now = time(NULL),
                .super_admin = !ctx->join,
        };
        return 0;
}
