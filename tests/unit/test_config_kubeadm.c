/* kubeadm's configuration: both versions, what is carried, what a JoinConfiguration changes, and the values
 * that need more than a table's line. */
#include "agent/config_join.h"
#include "agent/config_migrate.h"
#include "config_equal.h"
#include "pki/file.h"
#include "tests/unit/config_wrong.h"

#define OLD     "apiVersion: kubeadm.k8s.io/v1beta3\nkind: "
#define PIN     "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN   "abcdef.0123456789abcdef"
#define HAS_VIP AGENT "vip: {address: 10.0.0.9/24, interface: eth0}\n"

static struct config *parse(const char *text, const struct config_flags *flags) {
        struct config *c = NULL;
        struct error e = { 0 };

        if (config_parse(text, strlen(text), "test.yaml", flags, &c, &e) < 0)
                fail_msg("%s:%u:%u: %s", e.file, e.line, e.column, e.message);
        return c;
}

static char *render(const struct config *c, bool shared) {
        char *text;
        size_t size;

        assert_int_equal(config_render(c, shared, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        return text;
}

static void expect_round_trip(const struct config *c) {
        CLEANUP(freep) char *text = render(c, false);
        CLEANUP(config_freep) struct config *again = parse(text, NULL);

        expect_equal(c, again);
}

/* ---- v1beta3 ---- */

static const char v1beta3[] =
        OLD "ClusterConfiguration\ncontrolPlaneEndpoint: api.example:6443\n"
            "apiServer:\n  timeoutForControlPlane: 6m0s\n  certSANs: [a.example]\n"
            "  extraArgs: {v: '2', audit-log-maxage: '3'}\n"
            "controllerManager: {extraArgs: {v: '4'}}\nscheduler: {extraArgs: {v: '5'}}\n"
            "etcd: {local: {dataDir: /d, extraArgs: {quota-backend-bytes: '8'}}}\n"
            "featureGates: {PublicKeysECDSA: false}\n---\n" OLD
            "InitConfiguration\nnodeRegistration:\n  name: n1\n  kubeletExtraArgs: {node-labels: a=b}\n"
            "localAPIEndpoint: {advertiseAddress: 10.0.0.1}\n";

static const char v1beta4[] =
        CLUSTER "controlPlaneEndpoint: api.example:6443\n"
                "apiServer:\n  certSANs: [a.example]\n"
                "  extraArgs: [{name: audit-log-maxage, value: '3'}, {name: v, value: '2'}]\n"
                "controllerManager: {extraArgs: [{name: v, value: '4'}]}\n"
                "scheduler: {extraArgs: [{name: v, value: '5'}]}\n"
                "etcd: {local: {dataDir: /d, extraArgs: [{name: quota-backend-bytes, value: '8'}]}}\n"
                "encryptionAlgorithm: RSA-2048\n---\n" INIT
                "nodeRegistration:\n  name: n1\n  kubeletExtraArgs: [{name: node-labels, value: a=b}]\n"
                "localAPIEndpoint: {advertiseAddress: 10.0.0.1}\n"
                "timeouts: {controlPlaneComponentHealthCheck: 6m}\n";

static void test_v1beta3_means_the_same(void **state) {
        CLEANUP(config_freep) struct config *a = parse(v1beta3, NULL), *b = parse(v1beta4, NULL);

        (void)state;
        assert_int_equal(a->timeouts.control_plane_us, 360000000); /* timeoutForControlPlane */
        assert_int_equal(a->feature_gates.n, 1);
        config_free(TAKE_PTR(a));
        a = parse(v1beta3, NULL);
        free(a->feature_gates.items[0].name); /* the one thing that is said in another way */
        free(a->feature_gates.items);
        a->feature_gates = (struct feature_gates){ 0 };
        expect_equal(a, b);
        expect_round_trip(a);
}

static char *migrate(const char *text) {
        char *out = NULL;
        size_t size;
        struct error e = { 0 };

        if (config_migrate(text, strlen(text), "old.yaml", &out, &size, &e) < 0)
                fail_msg("%u:%u: %s", e.line, e.column, e.message);
        return out;
}

static void test_migrate(void **state) {
        CLEANUP(freep) char *once = migrate(v1beta3), *twice = migrate(once);
        CLEANUP(config_freep) struct config *a = parse(once, NULL), *b = parse(v1beta4, NULL);

        (void)state;
        expect_equal(a, b);
        assert_string_equal(once, twice);
        assert_null(strstr(once, "v1beta3"));
        assert_null(strstr(once, "PublicKeysECDSA"));
}

static void test_migrate_moves_and_keeps(void **state) {
        CLEANUP(freep)
        char *out = migrate(
                "# gone\n" OLD "ClusterConfiguration\napiServer: {timeoutForControlPlane: 6m}\n"
                "featureGates: {PublicKeysECDSA: true, RootlessControlPlane: false}\n---\n" OLD
                "JoinConfiguration\ndiscovery: {timeout: 3m, bootstrapToken: {token: " TOKEN "}}\n---\n"
                "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\n");

        (void)state;
        assert_string_equal(
                out, "---\n" CLUSTER "apiServer: {}\nfeatureGates:\n  RootlessControlPlane: false\n"
                     "encryptionAlgorithm: ECDSA-P256\n---\n" JOIN
                     "discovery:\n  bootstrapToken:\n    token: " TOKEN "\ntimeouts:\n  discovery: 3m\n---\n"
                     "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
                     "maxPods: 50\n---\n" INIT "timeouts:\n  controlPlaneComponentHealthCheck: 6m\n");
}

static void test_migrate_refuses_what_is_wrong(void **state) {
        static const char text[] = OLD "ClusterConfiguration\napiServer: {extraArgs: {v: 2}}\n";
        struct error e = { 0 };
        char *out = NULL;
        size_t size;

        (void)state;
        assert_int_equal(config_migrate(text, sizeof text - 1, "f", &out, &size, &e), -EINVAL);
        assert_null(out);
        assert_int_equal(e.line, 3);
        assert_non_null(strstr(e.message, "extraArgs[\"v\"]: must be a string, but 2 is a number"));
}

/* ---- documents that are taken as they are ---- */

#define KUBELET "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
#define PROXY   "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"

static void test_passed_through(void **state) {
        CLEANUP(config_freep)
        struct config *c =
                parse(HAS_VIP "---\n" CLUSTER "---\n" KUBELET
                              "maxPods: 50   # many\nx: [a, 'yes', ~, 1.5, {b: '007'}]\n---\n" PROXY
                              "mode: nftables\n",
                      NULL);
        CLEANUP(freep) char *shared = render(c, true);
        CLEANUP(config_freep) struct config *d = parse(shared, &(struct config_flags){ .node_name = "n2" });

        (void)state;
        assert_string_equal(c->kubelet_config_text,
                            KUBELET "maxPods: 50\nx:\n- a\n- \"yes\"\n- ~\n- 1.5\n- b: \"007\"\n");
        assert_string_equal(c->kube_proxy_config_text, PROXY "mode: nftables\n");
        expect_text(d->kubelet_config_text, c->kubelet_config_text);
        expect_text(d->kube_proxy_config_text, c->kube_proxy_config_text);
        expect_round_trip(c);
}

/* ---- networks ---- */

static void test_two_families(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(HAS_VIP "---\n" CLUSTER "networking: {serviceSubnet: "
                                         "'10.96.0.0/16,fd00:96::/112', podSubnet: "
                                         "'10.244.0.0/16,fd00:244::/56'}\n",
                                 NULL);
        CLEANUP(config_freep)
        struct config *d = parse(
                AGENT "vip: {address: 'fd00::9/64', interface: eth0}\n---\n" CLUSTER
                      "networking: {serviceSubnet: 'fd00:96::/112', podSubnet: 'fd00:244::/56'}\n---\n" INIT
                      "localAPIEndpoint: {advertiseAddress: 'fd00::1'}\n",
                NULL);
        char text[CONFIG_HOST_PORT_SIZE];

        (void)state;
        assert_string_equal(c->service_subnet, "10.96.0.0/16,fd00:96::/112");
        assert_string_equal(c->service_ip, "10.96.0.1");
        assert_true(config_uses_family(c, AF_INET) && config_uses_family(c, AF_INET6));
        assert_string_equal(d->service_ip, "fd00:96::1");
        assert_string_equal(d->cluster_dns, "fd00:96::a");
        assert_string_equal(d->endpoint_host, "fd00::9");
        assert_string_equal(d->health.api_server.endpoint, "https://[fd00::1]:6443/livez?exclude=etcd");
        /* where the rendered etcd has its metrics */
        assert_string_equal(c->health.etcd.endpoint, "http://127.0.0.1:2381");
        assert_string_equal(d->health.etcd.endpoint, "http://[::1]:2381");
        assert_true(!config_uses_family(d, AF_INET) && config_uses_family(d, AF_INET6));
        assert_string_equal(config_host_port(d->endpoint_host, 6443, text), "[fd00::9]:6443");
        expect_round_trip(c);
        expect_round_trip(d);
}

static void test_wrong_networks(void **state) {
        static const struct wrong t[] = {
                { CLUSTER "networking: {serviceSubnet: '10.96.0.0/12,10.112.0.0/12'}\n", 3, 29,
                  "one IPv4 and one IPv6 network" },
                { CLUSTER "networking: {serviceSubnet: '10.96.0.0/12,fd00::/112,fd01::/112'}\n", 3, 29,
                  "must be a network such as" },
                { CLUSTER "networking: {serviceSubnet: '10.96.0.0/12,fd00::/64'}\n", 3, 29,
                  "the IPv6 network must have a prefix of 108 to 124" },
                { CLUSTER "networking: {podSubnet: 'fd00:244::/40'}\n", 3, 25,
                  "the IPv6 network must have a prefix of 48 to 64" },
                { CLUSTER "networking: {podSubnet: 10.244.0.0/16}\ncontrollerManager:\n  extraArgs:\n"
                          "  - {name: node-cidr-mask-size-ipv4, value: '15'}\n",
                  3, 25, "prefix of 1 to 15 (each node gets a /15 of it)" },
                { CLUSTER "networking: {serviceSubnet: 'ff00::/112'}\n", 3, 29, "a network of hosts" },
                { CLUSTER "networking: {serviceSubnet: 'fd00:96::/112'}\n", 3, 29,
                  "podSubnet is missing: flannel needs" },
                { VIP "---\n" CLUSTER "networking: {serviceSubnet: 'fd00:96::/112,10.96.0.0/12', podSubnet: "
                      "'10.244.0.0/16'}\n",
                  10, 29, "is of the other family than the VIP 10.0.0.9; put the IPv4 network first" },
                { VIP "---\n" CLUSTER "networking: {podSubnet: 'fd00:244::/56'}\n", 10, 25,
                  "networking.podSubnet: fd00:244::/56 has no IPv4 network" },
                { VIP "---\n" CLUSTER "networking: {serviceSubnet: '10.96.0.0/12,fd00:96::/112', podSubnet: "
                      "'10.244.0.0/16,fd00:96::/64'}\n",
                  10, 70, "overlap" },
        };

        (void)state;
        EXPECT(t);
}

/* ---- etcd elsewhere ---- */

#define EXTERNAL                                                                                             \
        CLUSTER "etcd:\n  external:\n    endpoints: ['https://10.0.0.60:2379', 'https://e.example:2379']\n"

static void test_external_etcd(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(HAS_VIP "---\n" EXTERNAL "    caFile: /ca\n    certFile: ''\n", NULL);
        CLEANUP(config_freep)
        struct config *d = parse(HAS_VIP "health: {etcd: {endpoint: 'http://10.0.0.60:2381'}}\n---\n" EXTERNAL
                                         "    httpEndpoints: ['https://10.0.0.60:2379']\n",
                                 NULL);

        (void)state;
        assert_int_equal(c->etcd_external.endpoints.n, 2);
        expect_strings(&c->etcd_external.http_endpoints, &c->etcd_external.endpoints);
        assert_null(c->etcd_external.cert_file);
        assert_false(c->health.etcd.enabled); /* it does not run here */
        assert_true(d->health.etcd.enabled);
        assert_int_equal(d->etcd_external.http_endpoints.n, 1);
        expect_round_trip(c);
        expect_round_trip(d);
}

static void test_wrong_external_etcd(void **state) {
        static const struct wrong t[] = {
                { VIP "---\n" EXTERNAL "  local: {dataDir: /d}\n", 12, 5, "local and external exclude" },
                { VIP "---\n" EXTERNAL "    httpEndpoints: ['http://10.0.0.60:2381']\n", 13, 20,
                  "none of the endpoints" },
                { VIP "---\n" CLUSTER "etcd: {external: {caFile: /ca}}\n", 10, 18,
                  "\"endpoints\" is missing" },
                { VIP "---\n" EXTERNAL "    certFile: /c\n    caFile: /ca\n", 13, 15, "go together" },
                { VIP "---\n" EXTERNAL "    certFile: /c\n    keyFile: /k\n", 13, 15, "need caFile" },
                { VIP "---\n" CLUSTER "etcd: {external: {endpoints: ['http://e:2379'], caFile: /ca}}\n", 10,
                  30, "must begin with https://" },
                { VIP "---\n" CLUSTER "etcd: {external: {endpoints: ['https://e']}}\n", 10, 31,
                  "must be https://HOST:PORT" },
        };

        (void)state;
        EXPECT(t);
}

/* ---- gates ---- */

static void test_gates(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(HAS_VIP "---\n" CLUSTER "kubernetesVersion: v1.34.1\n"
                                         "featureGates: {NodeLocalCRISocket: false, PublicKeysECDSA: true}\n",
                                 NULL);
        static const struct wrong t[] = {
                { VIP "---\n" CLUSTER "featureGates: {Bogus: true}\n", 10, 16,
                  "kubeadm 1.36 has no gate \"Bogus\"" },
                { VIP "---\n" CLUSTER "featureGates: {NodeLocalCRISocket: false}\n", 10, 36,
                  "cannot be false in 1.36" },
                { VIP "---\n" CLUSTER "featureGates: {EtcdLearnerMode: true}\n", 10, 16, "has no gate" },
                { VIP "---\n" CLUSTER "kubernetesVersion: 1.30.1\nfeatureGates: {EtcdLearnerMode: false}\n",
                  11, 33, "cannot be false: a member of etcd always joins as a learner" },
                { VIP "---\n" CLUSTER "kubernetesVersion: 1.31.0\nfeatureGates: {NodeLocalCRISocket: true}\n",
                  11, 16, "kubeadm 1.31 has no gate" },
                { VIP "---\n" CLUSTER "featureGates: {RootlessControlPlane: true}\n", 10, 38, "run as root" },
                { VIP "---\n" CLUSTER
                      "encryptionAlgorithm: RSA-2048\nfeatureGates: {PublicKeysECDSA: true}\n",
                  10, 22, "leave the gate out" },
                { VIP "---\n" CLUSTER "featureGates: {PublicKeysECDSA: 'true'}\n", 10, 33,
                  "must be true or false" },
                { VIP "---\n" CLUSTER "featureGates: [PublicKeysECDSA]\n", 10, 15,
                  "must be a map, not a list" },
        };

        (void)state;
        assert_int_equal(c->alg, ALG_ECDSA_P256);
        assert_false(config_gate(c, "NodeLocalCRISocket", true));
        assert_true(config_gate(c, "Other", true));
        expect_round_trip(c);
        EXPECT(t);
}

/* ---- a node ---- */

static void test_node(void **state) {
        CLEANUP(config_freep)
        struct config *c =
                parse(HAS_VIP "---\n" INIT "nodeRegistration:\n  taints: []\n  imagePullPolicy: Never\n"
                              "  imagePullSerial: false\npatches: {directory: /p}\ndryRun: true\n"
                              "bootstrapTokens: [{token: " TOKEN
                              ", ttl: 0s}, {token: ghijkl.0123456789abcdef, expires: "
                              "'2026-12-24T01:00:00+01:00', usages: [signing]}]\n"
                              "timeouts: {kubeletHealthCheck: 2m, kubernetesAPICall: 3m, etcdAPICall: 4m,\n"
                              "  tlsBootstrap: 6m, discovery: 7m, upgradeManifests: 5m0s}\n",
                      NULL);
        CLEANUP(freep) char *text = render(c, false);
        const struct bootstrap_tokens *t = &c->bootstrap_tokens;

        (void)state;
        assert_int_equal(config_taints(c, false)->n, 0);
        assert_int_equal(c->image_pull_policy, IMAGE_PULL_NEVER);
        assert_false(c->image_pull_serial);
        assert_string_equal(c->patches_dir, "/p");
        assert_true(c->dry_run);
        assert_int_equal(c->timeouts.kubelet_us, 120000000);
        assert_int_equal(c->timeouts.api_call_us, 180000000);
        assert_int_equal(c->timeouts.etcd_call_us, 240000000);
        assert_int_equal(c->timeouts.tls_bootstrap_us, 360000000);
        assert_int_equal(c->timeouts.discovery_us, 420000000);
        assert_int_equal(t->n, 2);
        assert_int_equal(t->items[0].ttl_s, 0);
        assert_int_equal(t->items[0].usages.n, 2);
        assert_string_equal(t->items[0].groups.items[0], "system:bootstrappers:kubeadm:default-node-token");
        assert_int_equal(t->items[1].expires, 1798070400);
        assert_int_equal(t->items[1].usages.n, 1);
        /* a secret, and for one run: not in the node's own file */
        assert_null(strstr(text, "0123456789abcdef"));
        assert_null(strstr(text, "dryRun"));
        expect_round_trip(c);
}

static void test_taints(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(HAS_VIP "---\n" INIT "nodeRegistration: {taints: ~}\n", NULL);
        CLEANUP(config_freep)
        struct config *d = parse(
                HAS_VIP "---\n" INIT "nodeRegistration: {taints: [{key: a.b/c, effect: NoExecute}]}\n", NULL);

        (void)state;
        assert_int_equal(config_taints(c, true)->n, 0);
        assert_string_equal(config_taints(c, false)->items[0].key, "node-role.kubernetes.io/control-plane");
        assert_string_equal(config_taints(d, true)->items[0].effect, "NoExecute");
        expect_round_trip(c);
        expect_round_trip(d);
}

static void test_wrong_node(void **state) {
        static const struct wrong t[] = {
                { INIT "nodeRegistration: {taints: [{key: 'a b', effect: NoExecute}]}\n", 3, 35,
                  "must be NAME or DOMAIN/NAME" },
                { INIT "nodeRegistration: {taints: [{key: a, effect: Never}]}\n", 3, 46,
                  "must be NoSchedule" },
                { INIT "nodeRegistration: {taints: [{effect: NoExecute}]}\n", 3, 29, "\"key\" is missing" },
                { INIT "nodeRegistration: {imagePullPolicy: Sometimes}\n", 3, 37,
                  "it may be: IfNotPresent, Always, Never" },
                { INIT "bootstrapTokens: [{token: abc}]\n", 3, 27, "six letters and digits" },
                { INIT "bootstrapTokens: [{ttl: 1h}]\n", 3, 19, "\"token\" is missing" },
                { VIP "---\n" INIT "bootstrapTokens: [{token: " TOKEN
                      ", ttl: 1h, expires: '2027-01-01T00:00:00Z'}]\n",
                  10, 70, "ttl and expires exclude each other" },
                { VIP "---\n" INIT "bootstrapTokens: [{token: " TOKEN "}, {token: " TOKEN "}]\n", 10, 61,
                  "the same six letters" },
                { INIT "bootstrapTokens: [{token: " TOKEN ", expires: tomorrow}]\n", 3, 61,
                  "must be a time such as" },
                { INIT "bootstrapTokens: [{token: " TOKEN ", usages: [x]}]\n", 3, 61,
                  "signing or authentication" },
                { INIT "bootstrapTokens: [{token: " TOKEN ", groups: [admins]}]\n", 3, 61,
                  "system:bootstrappers:" },
                { VIP "---\n" INIT "bootstrapTokens: [{token: " TOKEN ", usages: [signing], groups: "
                      "['system:bootstrappers:a']}]\n",
                  10, 79, "usage authentication" },
                { INIT "timeouts: {discovery: 0s}\n", 3, 23, "out of range; it must be from 1s to 1h" },
                { INIT "patches: {directory: p}\n", 3, 22, "must be an absolute path" },
                { CLUSTER "certificateValidityPeriod: 10s\n", 3, 28, "out of range; it must be from 1m" },
                { VIP "---\n" CLUSTER "certificateValidityPeriod: 90000h\n", 10, 28,
                  "longer than caCertificateValidityPeriod" },
        };

        (void)state;
        EXPECT(t);
}

/* ---- where images and time come from ---- */

static void test_sources(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(
                HAS_VIP
                "timeSync: {servers: [ntp.example, 'fd00::5']}\ncni: none\napiServerLoadBalancing: true\n"
                "registryMirrors: {registry.k8s.io: ['https://m:5000/v2/k8s', 'http://10.0.0.3'], '*': []}\n"
                "registries: {'m:5000': {caFile: /ca, username: u, passwordFile: /pw}}\n---\n" CLUSTER,
                NULL);
        CLEANUP(freep) char *shared = render(c, true);
        CLEANUP(config_freep) struct config *d = parse(shared, &(struct config_flags){ .node_name = "n2" });

        (void)state;
        assert_int_equal(c->time_servers.n, 2);
        assert_int_equal(c->cni, CNI_NONE);
        assert_null(c->pod_subnet);
        assert_true(c->api_load_balancing);
        assert_int_equal(c->registry_mirrors.n, 2);
        assert_string_equal(c->registry_mirrors.items[0].registry, "*");
        assert_string_equal(c->registry_mirrors.items[1].mirrors.items[0], "https://m:5000/v2/k8s");
        assert_string_equal(c->registries.items[0].host, "m:5000");
        assert_string_equal(c->registries.items[0].password_file, "/pw");
        expect_registries(c, d);
}

/* A registry on each node itself: 127.0.0.0/8, ::1 or localhost, as mirror and with credentials. */
static void test_sources_on_loopback(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(HAS_VIP "registryMirrors: {registry.k8s.io: ['http://127.0.0.1:5000', "
                                         "'https://localhost:5000/v2/k8s', 'http://[::1]:5000', "
                                         "'http://127.8.9.10'], 'localhost:5001': []}\n"
                                         "registries: {'127.0.0.1:5000': {username: u, passwordFile: /pw}}\n"
                                         "---\n" CLUSTER,
                                 NULL);

        (void)state;
        assert_int_equal(c->registry_mirrors.n, 2);
        assert_string_equal(c->registry_mirrors.items[0].registry, "localhost:5001");
        assert_int_equal(c->registry_mirrors.items[1].mirrors.n, 4);
        assert_string_equal(c->registry_mirrors.items[1].mirrors.items[2], "http://[::1]:5000");
}

static void test_wrong_sources(void **state) {
        static const struct wrong t[] = {
                { VIP "registryMirrors: {a: [ftp://b]}\n---\n" CLUSTER, 7, 23,
                  "must be https://HOST[:PORT][/PATH]" },
                { VIP "registryMirrors: {a: ['https://b/?x']}\n---\n" CLUSTER, 7, 23,
                  "must be https://HOST" },
                { VIP "registryMirrors: {a: ['https://0.0.0.0:5000']}\n---\n" CLUSTER, 7, 23,
                  "must be https://HOST" },
                { VIP "registryMirrors: {a: ['https://224.0.0.1:5000']}\n---\n" CLUSTER, 7, 23,
                  "must be https://HOST" },
                { VIP "registryMirrors: {a: ['https://[::]:5000']}\n---\n" CLUSTER, 7, 23,
                  "must be https://HOST" },
                { VIP "registryMirrors: {a: 'https://b'}\n---\n" CLUSTER, 7, 22,
                  "must be a list of strings" },
                { VIP "registryMirrors: {'a/b': []}\n---\n" CLUSTER, 7, 19,
                  "must be HOST or HOST:PORT of a registry" },
                { VIP "registries: {a: {username: u}}\n---\n" CLUSTER, 7, 28,
                  "username and passwordFile go together" },
                { VIP "registries: {a: {pasword: u}}\n---\n" CLUSTER, 7, 18,
                  "registries[\"a\"]: unknown key" },
                { VIP "timeSync: {servers: ['a b']}\n---\n" CLUSTER, 7, 22, "NTP server" },
                { VIP "cni: calico\n---\n" CLUSTER, 7, 6, "it may be: flannel, none" },
                { AGENT
                  "vip: {address: 10.0.0.9/24, transport: ip}\napiServerLoadBalancing: true\n---\n" CLUSTER,
                  5, 25, "apiServerLoadBalancing: needs vip.transport sealed" },
                { AGENT "apiServerLoadBalancing: true\n---\n" CLUSTER "controlPlaneEndpoint: lb.example\n", 4,
                  25, "needs a VIP" },
        };

        (void)state;
        EXPECT(t);
}

/* ---- JoinConfiguration ---- */

#define SAID                                                                                                 \
        "nodeRegistration: {name: n2, taints: [{key: a, effect: NoExecute}], imagePullPolicy: Always,\n"     \
        "  kubeletExtraArgs: [{name: node-labels, value: rack=b}], ignorePreflightErrors: [NumCPU]}\n"       \
        "patches: {directory: /p}\nskipPhases: [preflight]\ntimeouts: {discovery: 7m}\n"

static const char base[] =
        HAS_VIP "---\n" CLUSTER "---\n" INIT
                "nodeRegistration: {taints: [], kubeletExtraArgs: [{name: a, value: b}]}\n";

static void test_join_says_the_same(void **state) {
        const struct config_flags join = { .join = true };
        CLEANUP(freep) char *text = NULL, *as_init = NULL;
        CLEANUP(config_freep) struct config *joined = NULL, *wanted = NULL, *unchanged = NULL, *plain = NULL;

        (void)state;
        assert_true(asprintf(&text, "%s---\n" JOIN SAID, base) > 0);
        assert_true(asprintf(&as_init, "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\n"
                                       "vip: {address: 10.0.0.9/24, interface: eth0}\n---\n" CLUSTER
                                       "---\n" INIT SAID) > 0);
        joined = parse(text, &join);
        wanted = parse(as_init, NULL);
        expect_equal(joined, wanted);
        unchanged = parse(text, NULL); /* not joining: checked, and without effect */
        plain = parse(base, NULL);
        expect_equal(unchanged, plain);
}

static void test_worker_is_no_master(void **state) {
        const struct config_flags flags = { .join = true, .worker = true, .node_name = "n1" };
        CLEANUP(config_freep) struct config *c = parse(base, &flags);
        CLEANUP(config_freep)
        struct config *d =
                parse(HAS_VIP "---\n" CLUSTER "---\n" INIT "nodeRegistration: {taints: []}\n---\n" JOIN
                              "nodeRegistration: {taints: [{key: a, effect: NoExecute}]}\n",
                      &flags);

        (void)state;
        assert_int_equal(c->kubelet_extra_args.n, 0);
        assert_int_equal(config_taints(c, true)->n, 0);
        assert_false(c->taints_given);
        assert_int_equal(config_taints(d, true)->n, 1);
}

static const char join_file[] =
        OLD "JoinConfiguration\ncaCertPath: /etc/kubernetes/pki/ca.crt\n"
            "nodeRegistration: {name: n2, kubeletExtraArgs: {v: '2'}}\n"
            "discovery: {timeout: 7m, tlsBootstrapToken: " TOKEN ", bootstrapToken: {token: " TOKEN
            ", apiServerEndpoint: '[fd00::9]:6443', caCertHashes: ['" PIN "']}}\n"
            "controlPlane: {localAPIEndpoint: {advertiseAddress: 'fd00::2', bindPort: 7443}}\n";

static void test_join_file(void **state) {
        struct config_join j;
        struct error e = { 0 };
        const struct join_config *said;

        (void)state;
        if (config_join_parse(join_file, sizeof join_file - 1, "f", &j, &e) < 0)
                fail_msg("%u:%u: %s", e.line, e.column, e.message);
        said = &j.said->join;
        assert_string_equal(said->token, TOKEN);
        assert_string_equal(said->endpoint_host, "fd00::9");
        assert_int_equal(said->endpoint_port, 6443);
        assert_string_equal(said->pins.items[0], PIN);
        assert_true(said->control_plane);
        assert_string_equal(j.said->advertise_address, "fd00::2");
        assert_int_equal(j.said->bind_port, 7443);
        assert_int_equal(j.said->timeouts.discovery_us, 420000000);
        assert_null(strstr(j.overlay, TOKEN)); /* it goes into a journal */
        assert_string_equal(j.overlay,
                            JOIN "caCertPath: /etc/kubernetes/pki/ca.crt\nnodeRegistration:\n  name: n2\n"
                                 "  kubeletExtraArgs:\n  - name: v\n    value: \"2\"\ncontrolPlane:\n"
                                 "  localAPIEndpoint:\n    advertiseAddress: fd00::2\n    bindPort: 7443\n"
                                 "timeouts:\n  discovery: 7m\n");
        config_join_done(&j);
}

static void test_join_file_for_a_worker(void **state) {
        static const char text[] = JOIN "controlPlane: ~\n";
        struct config_join j;
        struct error e = { 0 };

        (void)state;
        assert_int_equal(config_join_parse(text, sizeof text - 1, "f", &j, &e), 0);
        assert_false(j.said->join.control_plane);
        config_join_done(&j);
}

static void test_wrong_join_files(void **state) {
        static const struct wrong t[] = {
                { JOIN "---\n" CLUSTER, 5, 7, "ClusterConfiguration is not taken by join" },
                { HAS_VIP, 2, 7, "AgentConfiguration is not taken by join" },
                { "# nothing\n", 0, 0, "there is no document in it" },
                { JOIN "discovery: {bootstrapToken: {caCertHashes: ['sha256:ab']}}\n", 3, 45,
                  "64 hexadecimal digits" },
                { JOIN "discovery: {bootstrapToken: {apiServerEndpoint: 'fd00::9]:1'}}\n", 3, 49,
                  "must be HOST" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct config_join j;
                struct error e = { 0 };

                assert_int_equal(config_join_parse(t[i].text, strlen(t[i].text), "f", &j, &e), -EINVAL);
                assert_null(j.said);
                if (e.line != t[i].line || e.column != t[i].column || !strstr(e.message, t[i].message))
                        fail_msg("%u:%u: %s, expected %u:%u: %s", e.line, e.column, e.message, t[i].line,
                                 t[i].column, t[i].message);
        }
}

/* What validate and migrate take: a JoinConfiguration alone, and a cluster whose address a flag will give. */
static void test_less_than_a_cluster(void **state) {
        const struct config_flags flags = { .join_alone = true, .any_address = true };
        CLEANUP(config_freep) struct config *c = parse(join_file, &flags), *d = parse(CLUSTER, &flags);

        (void)state;
        assert_false(c->cluster);
        assert_null(d->endpoint_host);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_v1beta3_means_the_same),
                cmocka_unit_test(test_migrate),
                cmocka_unit_test(test_migrate_moves_and_keeps),
                cmocka_unit_test(test_migrate_refuses_what_is_wrong),
                cmocka_unit_test(test_passed_through),
                cmocka_unit_test(test_two_families),
                cmocka_unit_test(test_wrong_networks),
                cmocka_unit_test(test_external_etcd),
                cmocka_unit_test(test_wrong_external_etcd),
                cmocka_unit_test(test_gates),
                cmocka_unit_test(test_node),
                cmocka_unit_test(test_taints),
                cmocka_unit_test(test_wrong_node),
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_sources_on_loopback),
                cmocka_unit_test(test_wrong_sources),
                cmocka_unit_test(test_join_says_the_same),
                cmocka_unit_test(test_worker_is_no_master),
                cmocka_unit_test(test_join_file),
                cmocka_unit_test(test_join_file_for_a_worker),
                cmocka_unit_test(test_wrong_join_files),
                cmocka_unit_test(test_less_than_a_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
