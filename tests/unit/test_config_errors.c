/* Documents, keys, types, what is refused by name, flags and unreadable files: every mistake and where it
 * is said to be. Values are in test_config_errors_values.c. */
#include "tests/unit/config_wrong.h"

static void test_documents(void **state) {
        static const struct wrong t[] = {
                { "", 0, 0, "there is no document in it" },
                { "# nothing\n---\n---\n", 0, 0, "there is no document in it" },
                { "- a\n", 1, 1, "a document must be a map, not a list" },
                { "just text\n", 1, 1, "a document must be a map, not a string" },
                { "kind: AgentConfiguration\n", 1, 1, "the document has no \"apiVersion\"" },
                { "---\napiVersion: triarch.dev/v1alpha1\n", 2, 1, "the document has no \"kind\"" },
                { "apiVersion: 1\nkind: x\n", 1, 13, "apiVersion: must be a string, not a number" },
                { "apiVersion: a\nkind: [x]\n", 2, 7, "kind: must be a string, not a list" },
                { "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfigurations\n", 2, 7,
                  "unknown kind \"AgentConfigurations\" of triarch.dev/v1alpha1" },
                { "apiVersion: triarch.dev/v2\nkind: AgentConfiguration\n", 1, 13,
                  "unknown apiVersion \"triarch.dev/v2\" of AgentConfiguration" },
                { "apiVersion: v1\nkind: Pod\n", 2, 7, "unknown kind \"Pod\" of v1" },
                { "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n", 1, 13,
                  "unknown apiVersion \"kubeadm.k8s.io/v1beta2\"" },
                { "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n", 2, 7,
                  "ResetConfiguration of kubeadm.k8s.io/v1beta4 is not taken: `triarch reset` takes flags" },
                { "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n", 2, 7,
                  "UpgradeConfiguration of kubeadm.k8s.io/v1beta4 is not taken" },
                { CLUSTER "---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n", 4, 1,
                  "a second ClusterConfiguration; the first is in line 1" },
                { JOIN "discovery: {bootstrapToken: {token: abcdef.0123456789abcdef},\n"
                       "  tlsBootstrapToken: abcdef.0123456789abcdeg}\n",
                  4, 22, "discovery.tlsBootstrapToken: is another than bootstrapToken.token" },
                { VIP "---\n" CLUSTER "---\n" JOIN "skipPhases: [certs]\n", 13, 14,
                  "skipPhases: \"certs\" must be preflight" },
                { VIP "---\n" CLUSTER "---\n" AGENT, 11, 1,
                  "a second AgentConfiguration; the first is in line 1" },
                { CLUSTER "---\n" CLUSTER, 4, 1, "a second ClusterConfiguration" },
                { VIP "vip: {}\n", 7, 1, "\"vip\" is given twice; the first is in line 4" },
        };

        (void)state;
        EXPECT(t);
}

static void test_unknown_keys(void **state) {
        static const struct wrong t[] = {
                { VIP "healht: {}\n", 7, 1, "unknown key \"healht\"; did you mean \"health\"?" },
                { VIP "bogus: 1\n", 7, 1, "unknown key \"bogus\"" },
                { VIP "  Interface: eth0\n", 7, 3,
                  "vip: unknown key \"Interface\"; did you mean \"interface\"?" },
                { VIP "  bogus: 1\n", 7, 3, "vip: unknown key \"bogus\"" },
                { VIP "  <<: {}\n", 7, 3, "vip: unknown key \"<<\"" },
                { VIP "  ~: {}\n", 7, 3, "a key must be a word, not empty (null)" },
                { VIP "  members: [{name: a, adress: 10.0.0.1}]\n", 7, 23, "did you mean \"address\"?" },
                { VIP "  members:\n  - {name: a, address: 10.0.0.1}\n  - {name: b, x: 1}\n", 9, 15,
                  "vip.members[1]: unknown key \"x\"" },
                { VIP "health:\n  etcd: {fall: 2}\n", 8, 10, "health.etcd: unknown key \"fall\"" },
                { VIP "health: {clock: {endpoint: x}}\n", 7, 18, "health.clock: unknown key \"endpoint\"" },
                { CLUSTER "networking: {podCIDR: x}\n", 3, 14, "networking: unknown key \"podCIDR\"" },
                { CLUSTER "etcd: {local: {extraVolumes: []}}\n", 3, 16,
                  "etcd.local: unknown key \"extraVolumes\"" },
                { CLUSTER "controllerManager: {certSANs: []}\n", 3, 21, "unknown key \"certSANs\"" },
                { CLUSTER "apiServer: {timeoutForControlPlane: 4m0s}\n", 3, 13,
                  "apiServer: unknown key \"timeoutForControlPlane\"" },
                { CLUSTER "dns: {type: CoreDNS}\n", 3, 7, "dns: unknown key \"type\"" },
                { INIT "nodeRegistration: {nodeName: x}\n", 3, 20,
                  "nodeRegistration: unknown key \"nodeName\"" },
                { INIT "localAPIEndpoint: {bindport: 1}\n", 3, 20, "did you mean \"bindPort\"?" },
                { INIT "discovery: {}\n", 3, 1, "unknown key \"discovery\"" },
        };

        (void)state;
        EXPECT(t);
}

/* Known to us or to kubeadm, and refused by name at the key's place, with the reason. */
static void test_refused_keys(void **state) {
        static const struct {
                const char *head, *path, *reason;
        } t[] = {
                { AGENT, "health.link", "is always watched" },
                { AGENT, "health.custom", "no programs" },
                { INIT, "certificateKey", "join carries the keys itself" },
                { JOIN, "controlPlane.certificateKey", "join carries the keys itself" },
                { JOIN, "discovery.file", "give discovery.bootstrapToken" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                bool agent = !strncmp(t[i].head, AGENT, sizeof AGENT - 1);
                char text[512], message[128], *rest, *word, path[64];
                unsigned line = agent ? 4 : 3, depth = 0;
                size_t len;

                snprintf(path, sizeof path, "%s", t[i].path);
                snprintf(text, sizeof text, "%s", agent ? AGENT : t[i].head);
                for (rest = path; (word = strsep(&rest, ".")); depth++) {
                        len = strlen(text);
                        snprintf(text + len, sizeof text - len, "%*s%s:%s\n", (int)depth * 2, "", word,
                                 rest ? "" : " x");
                }
                snprintf(message, sizeof message, "%s: is not taken: ", t[i].path);
                expect(&(struct wrong){ text, line + depth - 1, 2 * depth - 1, message }, 1);
                expect(&(struct wrong){ text, line + depth - 1, 2 * depth - 1, t[i].reason }, 1);
        }
}

static void test_refused_values(void **state) {
        static const struct wrong t[] = {
                { CLUSTER "kubernetesVersion: v1.28.15\n", 3, 20, "makes Kubernetes 1.29 to 1.36" },
                { CLUSTER "kubernetesVersion: v1.37.0\n", 3, 20, "makes Kubernetes 1.29 to 1.36" },
                { CLUSTER "kubernetesVersion: stable-1\n", 3, 20, "a label such as stable-1" },
                { CLUSTER "apiServer:\n  extraEnvs:\n  - {name: A, valueFrom: {}}\n", 5, 15,
                  "apiServer.extraEnvs[0].valueFrom: is not taken: write the value itself" },
                { INIT "nodeRegistration: {taints: [{key: a, effect: NoSchedule, timeAdded: x}]}\n", 3, 58,
                  "nodeRegistration.taints[0].timeAdded: is not taken" },
                { INIT "timeouts: {upgradeManifests: 6m}\n", 3, 30,
                  "timeouts.upgradeManifests: 6m is not taken, only 5m" },
                { JOIN "caCertPath: /pki/ca.crt\n", 3, 13, "only /etc/kubernetes/pki/ca.crt" },
                { JOIN "dryRun: []\n", 3, 9, "dryRun: must be true or false, not a list" },
                { JOIN "discovery: {bootstrapToken: {unsafeSkipCAVerification: true}}\n", 3, 56,
                  "only false: without the CA's hash" },
                { VIP "cni: none\n", 7, 1, "cni: belongs to a cluster" },
                { VIP "registryMirrors: {}\n", 7, 1, "registryMirrors: belongs to a cluster" },
        };

        (void)state;
        EXPECT(t);
}

/* A string that is not in quotes and means something else in YAML is refused, as kubeadm does. */
static void test_types(void **state) {
        static const char *const not_strings[] = { "007", "1",  "-1", "1.0",  "1e3",   "0x1F", "yes",
                                                   "No",  "on", "y",  "true", "FALSE", ".inf", "1_000" };
        static const struct wrong t[] = {
                { CLUSTER "clusterName:\n", 3, 13, "clusterName: must be a string, but is empty" },
                { CLUSTER "clusterName: ~\n", 3, 14, "must be a string, but is empty" },
                { CLUSTER "clusterName: null\n", 3, 14, "must be a string, but is empty" },
                { CLUSTER "clusterName: [a]\n", 3, 14, "must be a string, not a list" },
                { CLUSTER "clusterName: {a: b}\n", 3, 14, "must be a string, not a map" },
                { CLUSTER "clusterName: ''\n", 3, 14, "must not be empty" },
                { CLUSTER "kubernetesVersion: 1.36\n", 3, 20, "write it in quotes: \"1.36\"" },
                { CLUSTER "networking: x\n", 3, 13, "networking: must be a map, not a string" },
                { CLUSTER "networking: []\n", 3, 13, "networking: must be a map, not a list" },
                { CLUSTER "apiServer: {certSANs: a}\n", 3, 23, "must be a list of strings, not a string" },
                { CLUSTER "apiServer: {certSANs: {a: b}}\n", 3, 23, "must be a list of strings, not a map" },
                { CLUSTER "apiServer: {certSANs: [a.b, 7]}\n", 3, 29, "must be a string, but 7 is a number" },
                { CLUSTER "apiServer: {certSANs: [[a]]}\n", 3, 24, "must be a string, not a list" },
                { CLUSTER "apiServer: {extraArgs: {v: '2'}}\n", 3, 24,
                  "apiServer.extraArgs: must be a list in v1beta4, not a map (`triarch config migrate`" },
                { CLUSTER "apiServer: {extraEnvs: {v: '2'}}\n", 3, 24,
                  "must be a list in v1beta4, not a map" },
                { CLUSTER "apiServer: {extraArgs: v}\n", 3, 24, "must be a list, not a string" },
                { CLUSTER "apiServer: {extraArgs: [v]}\n", 3, 25,
                  "extraArgs[0]: must be a map, not a string" },
                { CLUSTER "apiServer: {extraArgs: [~]}\n", 3, 25, "extraArgs[0]: must be a map, not empty" },
                { CLUSTER "apiServer: {extraVolumes: {}}\n", 3, 27, "must be a list, not a map" },
                { CLUSTER "apiServer:\n  extraVolumes:\n  - name: a\n    hostPath: /a\n    mountPath: /a\n"
                          "    readOnly: yes\n",
                  8, 15, "apiServer.extraVolumes[0].readOnly: \"yes\" must be true or false" },
                { VIP "  unicast: 'true'\n", 7, 12, "vip.unicast: \"true\" must be true or false" },
                { VIP "  unicast: 1\n", 7, 12, "must be true or false" },
                { VIP "  unicast: []\n", 7, 12, "must be true or false, not a list" },
                { VIP "  priority: '100'\n", 7, 13, "\"100\" must be a number; write it without quotes" },
                { VIP "  priority: 100.0\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority: 0x10\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority: 010\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority: -1\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority: +1\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority: high\n", 7, 13, "must be a whole decimal number" },
                { VIP "  priority:\n", 7, 12, "must be a number, but is empty" },
                { VIP "  priority: {}\n", 7, 13, "must be a number, not a map" },
                { VIP "  priority: 99999999999999999999\n", 7, 13, "must be a whole decimal number" },
                { VIP "  advertisementInterval: 100\n", 7, 26, "must be a duration with its unit" },
                { VIP "  advertisementInterval: soon\n", 7, 26, "must be a duration with its unit" },
                { VIP "  advertisementInterval: ~\n", 7, 26, "must be a duration, but is empty" },
                { VIP "  advertisementInterval: [1s]\n", 7, 26, "must be a duration, not a list" },
                { VIP "  preempt: sometimes\n", 7, 12,
                  "unknown value \"sometimes\"; it may be: health, always, never" },
                { AGENT "vip: {transport: udp}\n", 4, 18, "unknown value \"udp\"; it may be: sealed, ip" },
                { VIP "  preempt: yes\n", 7, 12, "must be a string, but yes is a truth value" },
                { VIP "  members: {n1: 10.0.0.1}\n", 7, 12, "vip.members: must be a list, not a map" },
                { AGENT "vip: 10.0.0.9/24\n", 4, 6, "vip: must be a map, not a string" },
                { VIP "health: on\n", 7, 9, "health: must be a map, not a truth value" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(not_strings); i++) {
                char text[256], message[64];

                snprintf(text, sizeof text, CLUSTER "apiServer:\n  extraArgs:\n  - name: v\n    value: %s\n",
                         not_strings[i]);
                snprintf(message, sizeof message, "apiServer.extraArgs[0].value: must be a string, but %s is",
                         not_strings[i]);
                expect(&(struct wrong){ text, 6, 12, message }, 1);
        }
        EXPECT(t);
}

/* A flag is blamed by its name, without a line. */
static void test_flags(void **state) {
        static const struct {
                struct config_flags flags;
                const char *file, *message;
        } t[] = {
                { { .vip = "10.0.0.9" }, "--vip", "\"10.0.0.9\" must be ADDRESS/PREFIX" },
                { { .vip = "" }, "--vip", "must be ADDRESS/PREFIX" },
                { { .vip = "10.0.0.9/24", .node_name = "A B" }, "--node-name", "\"A B\" must be lower case" },
                { { .vip = "10.0.0.9/24", .interface = "a/b" }, "--interface", "network interface" },
                { { .control_plane_endpoint = "x", .interface = "eth0" }, "--interface", "but no VIP" },
                { { .vip = "10.0.0.9/24", .advertise_address = "x" },
                  "--apiserver-advertise-address",
                  "IPv4 or IPv6 address" },
                { { .vip = "10.0.0.9/24", .advertise_address = "10.0.0.9" },
                  "--apiserver-advertise-address",
                  "is the VIP" },
                { { .vip = "10.0.0.9/24", .bind_port = "0" }, "--apiserver-bind-port", "0 is out of range" },
                { { .vip = "10.0.0.9/24", .bind_port = "x" },
                  "--apiserver-bind-port",
                  "whole decimal number" },
                { { .vip = "10.0.0.9/24", .cert_sans = "a,,b" },
                  "--apiserver-cert-extra-sans",
                  "\"\" must be an IP" },
                { { .vip = "10.0.0.9/24", .control_plane_endpoint = "10.0.0.8" },
                  "--control-plane-endpoint",
                  "is not the VIP" },
                { { .vip = "10.0.0.9/24", .kubernetes_version = "v1.28.0" },
                  "--kubernetes-version",
                  "1.29 to 1.36" },
                { { .vip = "10.0.0.9/24", .image_repository = "" },
                  "--image-repository",
                  "image repository" },
                { { .vip = "10.0.0.9/24", .pod_subnet = "10.0.0.0/16" },
                  "--pod-network-cidr",
                  "holds the VIP" },
                { { .vip = "10.0.0.9/24", .service_subnet = "10.0.0.0/16" },
                  "--service-cidr",
                  "holds the VIP" },
                { { .vip = "10.97.0.9/24" }, "--vip", "serviceSubnet: 10.96.0.0/12 holds the VIP" },
                { { .vip = "10.0.0.9/24", .dns_domain = "" }, "--service-dns-domain", "must be a DNS name" },
                { { .vip = "10.0.0.9/24", .cert_dir = "x" }, "--cert-dir", "absolute path" },
                { { .vip = "10.0.0.9/24", .cri_socket = "x" }, "--cri-socket", "unix://" },
                { { .vip = "10.0.0.9/24", .skip_phases = "a," }, "--skip-phases", "must not be empty" },
                { { .vip = "10.0.0.9/24", .ignore_preflight_errors = ",a" },
                  "--ignore-preflight-errors",
                  "must not be empty" },
                { { .vip = "10.0.0.9/24", .token_ttl = "2" }, "--token-ttl", "must be a duration" },
                { { .vip = "10.0.0.9/24", .token_ttl = "0" }, "--token-ttl", "out of range" },
                { { .vip = "10.0.0.9/24", .token_ttl = "168h1s" }, "--token-ttl", "out of range" },
                { { .vip = "10.0.0.9/24", .node_name = "\xff" }, "--node-name", "not UTF-8" },
                { { .vip = "10.0.0.9/24", .skip_phases = "\xed\xa0\x80" }, "--skip-phases", "not UTF-8" },
                { { .vip = "10.0.0.9/24", .skip_phases = "\xc0\xaf" }, "--skip-phases", "not UTF-8" },
                { { .vip = "10.0.0.9/24", .skip_phases = "\xf4\x90\x80\x80" }, "--skip-phases", "not UTF-8" },
                { { .vip = "10.0.0.9/24", .skip_phases = "\xe4\xb8" }, "--skip-phases", "not UTF-8" },
                { { .node_name = "a" }, "", "a cluster needs an address" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct config_flags flags = t[i].flags;
                struct config *c = NULL;
                struct error e = { 0 };

                flags.cluster = true;
                if (!flags.node_name)
                        flags.node_name = "n1";
                if (config_parse("", 0, "", &flags, &c, &e) != -EINVAL)
                        fail_msg("accepted: %zu", i);
                if (strcmp(e.file, t[i].file) != 0 || e.line || !strstr(e.message, t[i].message))
                        fail_msg("%s: %s, expected %s: %s", e.file, e.message, t[i].file, t[i].message);
        }
}

static void test_files_that_cannot_be_read(void **state) {
        struct config *c = NULL;
        struct error e = { 0 };

        (void)state;
        assert_int_equal(config_load("/does/not/exist", NULL, &c, &e), -EINVAL);
        assert_string_equal(e.file, "/does/not/exist");
        assert_non_null(strstr(e.message, "cannot be read: No such file"));
        assert_int_equal(config_load("/dev/zero", NULL, &c, &e), -EINVAL);
        assert_non_null(strstr(e.message, "no regular file"));
        assert_int_equal(config_load("/", NULL, &c, &e), -EINVAL);
        assert_null(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_documents),
                cmocka_unit_test(test_unknown_keys),
                cmocka_unit_test(test_refused_keys),
                cmocka_unit_test(test_refused_values),
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_files_that_cannot_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
