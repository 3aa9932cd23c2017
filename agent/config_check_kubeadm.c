/* What must hold between the values of kubeadm's kinds: feature gates, external etcd, validity periods,
 * bootstrap tokens, registries. */
#include "agent/config_fields.h"

/* ---- feature gates ---- */

enum only { ANY = -1, ONLY_OFF, ONLY_ON };

/* kubeadm's gates from 1.29 on (its features and changelogs), with what triarch always does. */
static const struct gate {
        const char *name;
        unsigned first, last; /* minor versions that know it */
        enum only only;
        const char *reason;
} gates[] = {
        { "ControlPlaneKubeletLocalMode", 31, 35, ONLY_ON, "a master's kubelet talks to its own API server" },
        { "EtcdLearnerMode", 29, 32, ONLY_ON, "a member of etcd always joins as a learner" },
        { "NodeLocalCRISocket", 32, 36, ANY, NULL },
        { "PublicKeysECDSA", 29, 36, ANY, NULL },
        { "RootlessControlPlane", 29, 36, ONLY_OFF, "the control plane's pods run as root" },
        { "UpgradeAddonsBeforeControlPlane", 29, 31, ONLY_OFF, "triarch makes no such upgrades" },
        { "WaitForAllControlPlaneComponents", 30, 35, ONLY_ON, "init always waits for all of them" },
};

static unsigned minor_of(const struct config *c) {
        return (unsigned)strtoul(c->kubernetes_version + strlen("v1."), NULL, 10);
}

static int check_gate(struct config_reader *r, const struct feature_gate *given) {
        const struct gate *g = NULL;
        unsigned minor = minor_of(r->c);

        for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
                if (!strcmp(gates[i].name, given->name))
                        g = &gates[i];
        if (!g || minor < g->first || minor > g->last)
                return config_blame(r, BLAME(&given->name), "featureGates: kubeadm 1.%u has no gate \"%s\"",
                                    minor, given->name);
        if (g->only != ANY && given->on != (g->only == ONLY_ON))
                return config_blame(r, BLAME(&given->on), "featureGates: %s cannot be %s: %s", g->name,
                                    given->on ? "true" : "false", g->reason);
        if (!strcmp(g->name, "NodeLocalCRISocket") && minor == 36 && !given->on)
                return config_blame(r, BLAME(&given->on),
                                    "featureGates: NodeLocalCRISocket cannot be false in 1.36");
        return 0;
}

static int check_gates(struct config_reader *r) {
        const struct config *c = r->c;
        int k;

        for (size_t i = 0; i < c->feature_gates.n; i++)
                if ((k = check_gate(r, &c->feature_gates.items[i])) < 0)
                        return k;
        if (config_place(r, &c->alg) && config_gate(c, "PublicKeysECDSA", false) &&
            c->alg != ALG_ECDSA_P256 && c->alg != ALG_ECDSA_P384)
                return config_blame(
                        r, BLAME(&c->alg),
                        "encryptionAlgorithm: the gate PublicKeysECDSA asks for the other kind of "
                        "keys; leave the gate out");
        return 0;
}

/* ---- external etcd ---- */

static bool has(const struct str_list *list, const char *word) {
        for (size_t i = 0; i < list->n; i++)
                if (!strcmp(list->items[i], word))
                        return true;
        return false;
}

/* Preflight asks the endpoints themselves for version and health. */
static int check_http_endpoints(struct config_reader *r, const struct external_etcd *x) {
        for (size_t i = 0; i < x->http_endpoints.n; i++)
                if (!has(&x->endpoints, x->http_endpoints.items[i]))
                        return config_blame(
                                r, BLAME(&x->http_endpoints),
                                "etcd.external.httpEndpoints: \"%s\" is none of the endpoints, and "
                                "these alone are asked; leave it out",
                                x->http_endpoints.items[i]);
        return 0;
}

static int check_external_etcd(struct config_reader *r) {
        const struct external_etcd *x = &r->c->etcd_external;

        if (!x->endpoints.n)
                return 0;
        if (!x->cert_file != !x->key_file)
                return config_blame(r, BLAME(&x->cert_file, &x->key_file),
                                    "etcd.external: certFile and keyFile go together");
        if (x->cert_file && !x->ca_file)
                return config_blame(r, BLAME(&x->cert_file),
                                    "etcd.external: certFile and keyFile need caFile, to know the server");
        for (size_t i = 0; x->ca_file && i < x->endpoints.n; i++)
                if (strncmp(x->endpoints.items[i], "https://", 8) != 0)
                        return config_blame(r, BLAME(&x->endpoints),
                                            "etcd.external.endpoints: \"%s\" must begin with https://, for "
                                            "caFile is given",
                                            x->endpoints.items[i]);
        return check_http_endpoints(r, x);
}

/* ---- the rest ---- */

static int check_validity(struct config_reader *r) {
        const struct config *c = r->c;

        if (c->certificate_validity_s <= c->ca_certificate_validity_s)
                return 0;
        return config_blame(r, BLAME(&c->certificate_validity_s, &c->ca_certificate_validity_s),
                            "certificateValidityPeriod: is longer than caCertificateValidityPeriod; no "
                            "certificate is good for longer than its CA's");
}

static int check_tokens(struct config_reader *r) {
        const struct bootstrap_tokens *t = &r->c->bootstrap_tokens;

        for (size_t i = 0; i < t->n; i++) {
                const struct bootstrap_token *a = &t->items[i];

                if (a->expires && config_place(r, &a->ttl_s))
                        return config_blame(r, BLAME(&a->expires),
                                            "bootstrapTokens[%zu]: ttl and expires exclude each other", i);
                if (config_place(r, &a->groups) && !has(&a->usages, "authentication"))
                        return config_blame(r, BLAME(&a->groups),
                                            "bootstrapTokens[%zu]: groups are for tokens with the usage "
                                            "authentication",
                                            i);
                for (size_t j = 0; j < i; j++)
                        if (!strncmp(t->items[j].token, a->token, strcspn(a->token, ".")))
                                return config_blame(r, BLAME(&a->token),
                                                    "bootstrapTokens[%zu]: has the same six letters as "
                                                    "another; they name the token",
                                                    i);
        }
        return 0;
}

static int check_registries(struct config_reader *r) {
        const struct registries *t = &r->c->registries;

        for (size_t i = 0; i < t->n; i++)
                if (!t->items[i].username != !t->items[i].password_file)
                        return config_blame(r, BLAME(&t->items[i].username, &t->items[i].password_file),
                                            "registries: \"%s\": username and passwordFile go together",
                                            t->items[i].host);
        return 0;
}

int config_check_kubeadm(struct config_reader *r) {
        const struct config *c = r->c;
        int k;

        if ((k = check_gates(r)) < 0 || (k = check_external_etcd(r)) < 0 || (k = check_validity(r)) < 0 ||
            (k = check_tokens(r)) < 0 || (k = check_registries(r)) < 0)
                return k;
        if (c->api_load_balancing && !c->vips.n)
                return config_blame(
                        r, BLAME(&c->api_load_balancing),
                        "apiServerLoadBalancing: needs a VIP, whose owner spreads the connections");
        if (c->api_load_balancing && config_vip(c) && config_vip(c)->transport == VIP_TRANSPORT_IP)
                return config_blame(
                        r, BLAME(&c->api_load_balancing),
                        "apiServerLoadBalancing: needs vip.transport sealed, by which the masters tell "
                        "one another how they are");
        return 0;
}
