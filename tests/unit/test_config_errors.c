/* Every mistake and where it is said to be. */
#include "agent/config.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define AGENT   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
#define VIP     AGENT "vip:\n  address: 10.0.0.9/24\n  transport: ip\n"
#define CLUSTER "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
#define INIT    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"

#define SEALED AGENT "vip:\n  address: 10.0.0.9/24\n  transport: sealed\n"
#define KEYED  "  keyFile: /k\n  members: [{name: n1, address: 10.0.0.1}]\n"

struct wrong {
        const char *text;
        unsigned line, column;
        const char *message;
};

static void expect(const struct wrong *t, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const struct config_flags flags = { .node_name = "n1", .cluster = !strstr(t[i].text, AGENT) };
                struct config *c = NULL;
                struct error e = { 0 };

                if (config_parse(t[i].text, strlen(t[i].text), "f.yaml", &flags, &c, &e) != -EINVAL)
                        fail_msg("accepted:\n%s", t[i].text);
                assert_null(c);
                assert_int_equal(e.status, EXIT_INPUT);
                assert_string_equal(e.file, "f.yaml");
                if (e.line != t[i].line || e.column != t[i].column || !strstr(e.message, t[i].message))
                        fail_msg("%s%u:%u: %s, expected %u:%u: %s", t[i].text, e.line, e.column, e.message,
                                 t[i].line, t[i].column, t[i].message);
        }
}
#define EXPECT(t) expect((t), ARRAY_SIZE(t))

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
                { "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n", 2, 7,
                  "ClusterConfiguration of kubeadm.k8s.io/v1beta3 is not supported yet" },
                { "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n", 2, 7,
                  "InitConfiguration of kubeadm.k8s.io/v1beta3 is not supported yet" },
                { "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\n", 2, 7,
                  "JoinConfiguration of kubeadm.k8s.io/v1beta3 is not supported yet" },
                { "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n", 2, 7,
                  "JoinConfiguration of kubeadm.k8s.io/v1beta4 is not supported yet" },
                { "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n", 2, 7,
                  "ResetConfiguration of kubeadm.k8s.io/v1beta4 is not supported yet" },
                { "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n", 2, 7,
                  "UpgradeConfiguration of kubeadm.k8s.io/v1beta4 is not supported yet" },
                { "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", 2, 7,
                  "KubeletConfiguration of kubelet.config.k8s.io/v1beta1 is not supported yet" },
                { "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n", 2, 7,
                  "KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1 is not supported yet" },
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
                { VIP "  ~: {}\n", 7, 3, "vip: unknown key \"~\"" },
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

/* Known to us or to kubeadm, and refused by name at the key's place. */
static void test_not_supported_yet(void **state) {
        static const struct {
                const char *head, *path;
        } t[] = {
                { AGENT, "health.link" },
                { AGENT, "health.custom" },
                { AGENT, "timeSync.servers" },
                { AGENT, "registryMirrors" },
                { CLUSTER, "etcd.external.endpoints" },
                { CLUSTER, "etcd.external.httpEndpoints" },
                { CLUSTER, "etcd.external.caFile" },
                { CLUSTER, "etcd.external.certFile" },
                { CLUSTER, "etcd.external.keyFile" },
                { CLUSTER, "dns.imageRepository" },
                { CLUSTER, "dns.imageTag" },
                { CLUSTER, "dns.disabled" },
                { CLUSTER, "proxy.disabled" },
                { CLUSTER, "featureGates" },
                { CLUSTER, "certificateValidityPeriod" },
                { CLUSTER, "caCertificateValidityPeriod" },
                { INIT, "nodeRegistration.taints" },
                { INIT, "nodeRegistration.imagePullPolicy" },
                { INIT, "nodeRegistration.imagePullSerial" },
                { INIT, "bootstrapTokens" },
                { INIT, "certificateKey" },
                { INIT, "dryRun" },
                { INIT, "patches.directory" },
                { INIT, "timeouts.controlPlaneComponentHealthCheck" },
                { INIT, "timeouts.kubeletHealthCheck" },
                { INIT, "timeouts.kubernetesAPICall" },
                { INIT, "timeouts.etcdAPICall" },
                { INIT, "timeouts.tlsBootstrap" },
                { INIT, "timeouts.discovery" },
                { INIT, "timeouts.upgradeManifests" },
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
                snprintf(message, sizeof message, "%s: not supported yet", t[i].path);
                expect(&(struct wrong){ text, line + depth - 1, 2 * depth - 1, message }, 1);
        }
}

static void test_values_not_supported_yet(void **state) {
        static const struct wrong t[] = {
                { AGENT "vip: {address: 'fd00::9/64'}\n---\n" CLUSTER "controlPlaneEndpoint: x\n", 4, 16,
                  "fd00::9 is not supported yet in a cluster" },
                { CLUSTER "encryptionAlgorithm: RSA-3072\n", 3, 22, "\"RSA-3072\" is not supported yet" },
                { CLUSTER "encryptionAlgorithm: RSA-4096\n", 3, 22, "\"RSA-4096\" is not supported yet" },
                { CLUSTER "encryptionAlgorithm: ECDSA-P384\n", 3, 22, "\"ECDSA-P384\" is not supported yet" },
                { CLUSTER "kubernetesVersion: v1.35.1\n", 3, 20, "\"v1.35.1\" is not supported yet" },
                { CLUSTER "kubernetesVersion: v1.37.0\n", 3, 20, "\"v1.37.0\" is not supported yet" },
                { CLUSTER "kubernetesVersion: stable-1\n", 3, 20,
                  "labels such as stable-1 are not supported yet" },
                { CLUSTER "networking: {serviceSubnet: '10.96.0.0/12,fd00::/112'}\n", 3, 29,
                  "is not supported yet: one IPv4" },
                { CLUSTER "networking: {podSubnet: 'fd00::/64'}\n", 3, 25,
                  "is not supported yet: an IPv4 network" },
                { CLUSTER "controlPlaneEndpoint: '[fd00::1]:6443'\n", 3, 23, "is not supported yet" },
                { CLUSTER "controlPlaneEndpoint: 'fd00::1'\n", 3, 23, "is not supported yet" },
                { CLUSTER "apiServer:\n  extraEnvs:\n  - {name: A, valueFrom: {}}\n", 5, 15,
                  "apiServer.extraEnvs[0].valueFrom: not supported yet" },
                { INIT "localAPIEndpoint: {advertiseAddress: 'fd00::1'}\n", 3, 38, "is not supported yet" },
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
                  "apiServer.extraArgs: must be a list in v1beta4, not a map; write \"- name: NAME\"" },
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

static void test_impossible_values(void **state) {
        static const struct wrong t[] = {
                { "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: N_1\n", 3, 11,
                  "nodeName: \"N_1\" must be lower case" },
                { INIT "nodeRegistration: {name: -a}\n", 3, 26, "nodeRegistration.name: \"-a\" must be" },
                { AGENT "vip: {address: 10.0.0.9}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 10.0.0/24}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 10.0.0.9/33}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 10.0.0.9/024}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 10.0.0.9/24x}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 010.0.0.9/24}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 10.0.0.9/32}\n", 4, 16, "prefix of its network, 8 to 30" },
                { AGENT "vip: {address: 10.0.0.9/4}\n", 4, 16, "prefix of its network, 8 to 30" },
                { AGENT "vip: {address: 10.0.4.0/22}\n", 4, 16, "the address of the network itself" },
                { AGENT "vip: {address: 10.0.7.255/22}\n", 4, 16, "broadcast address" },
                { AGENT "vip: {address: 127.0.0.9/8}\n", 4, 16, "loopback, multicast or reserved" },
                { AGENT "vip: {address: 224.0.0.9/24}\n", 4, 16, "loopback, multicast or reserved" },
                { AGENT "vip: {address: 240.0.0.9/24}\n", 4, 16, "loopback, multicast or reserved" },
                { AGENT "vip: {address: 0.0.0.9/24}\n", 4, 16, "loopback, multicast or reserved" },
                { VIP "  interface: a-name-too-long-\n", 7, 14, "must be the name of a network interface" },
                { VIP "  interface: a/b\n", 7, 14, "must be the name of a network interface" },
                { VIP "  interface: ..\n", 7, 14, "must be the name of a network interface" },
                { VIP "  interface: ''\n", 7, 14, "must be the name of a network interface" },
                { VIP "  virtualRouterID: 0\n", 7, 20, "0 is out of range; it must be from 1 to 255" },
                { VIP "  virtualRouterID: 256\n", 7, 20, "256 is out of range; it must be from 1 to 255" },
                { VIP "  priority: 0\n", 7, 13, "out of range; it must be from 1 to 254" },
                { VIP "  priority: 255\n", 7, 13, "out of range; it must be from 1 to 254" },
                { VIP "  advertisementInterval: 9ms\n", 7, 26,
                  "9ms is out of range; it must be from 10ms to 40950ms" },
                { VIP "  advertisementInterval: 41s\n", 7, 26, "41s is out of range" },
                { VIP "  advertisementInterval: -1s\n", 7, 26, "-1s is out of range" },
                { VIP "  advertisementInterval: 99999999999999999999h\n", 7, 26, "is out of range" },
                { VIP "  advertisementInterval: 15ms\n", 7, 26, "no multiple of 10ms" },
                { VIP "  members: [{name: n1}]\n", 7, 13, "vip.members[0]: \"address\" is missing" },
                { VIP "  members: [{address: 10.0.0.1}]\n", 7, 13, "\"name\" is missing" },
                { VIP "  members: [{name: n1, address: host}]\n", 7, 33,
                  "must be the IPv4 or IPv6 address of a host" },
                { VIP "  members: [{name: n1, address: 127.0.0.1}]\n", 7, 33,
                  "must be the IPv4 or IPv6 address of a host" },
                { VIP "  members: [{name: N 1, address: 10.0.0.1}]\n", 7, 20, "must be lower case letters" },
                { VIP "health:\n  apiServer: {endpoint: 'http://10.0.0.1:6443/'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: 'https://name:6443/'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: 'https://10.0.0.1/'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: 'https://10.0.0.1:70000/'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: 'https://u@10.0.0.1:1/'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: 'https://10.0.0.1:1/ x'}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {endpoint: \"https://10.0.0.1:1/\\r\\nHost: x\"}\n", 8, 25,
                  "must be https://ADDRESS:PORT/PATH" },
                { VIP "health:\n  apiServer: {caFile: ca.crt}\n", 8, 23, "must be an absolute path" },
                { VIP "health:\n  apiServer: {fall: 0}\n", 8, 21,
                  "0 is out of range; it must be from 1 to 100" },
                { VIP "health:\n  apiServer: {rise: 101}\n", 8, 21, "101 is out of range" },
                { VIP "health:\n  apiServer: {interval: 10ms}\n", 8, 25,
                  "out of range; it must be from 50ms to 1m" },
                { VIP "health:\n  apiServer: {timeout: 31s}\n", 8, 24,
                  "out of range; it must be from 10ms to 30s" },
                { VIP "health:\n  etcd: {endpoint: 'http://127.0.0.1:2381/metrics'}\n", 8, 20, "no path" },
                { VIP "health:\n  etcd: {endpoint: 'https://127.0.0.1:2381'}\n", 8, 20,
                  "must be http://ADDRESS:PORT" },
                { VIP "health:\n  kubelet: {endpoint: 'http://localhost:10248/'}\n", 8, 23,
                  "must be http://ADDRESS:PORT/PATH" },
                { VIP "health:\n  clock: {port: 65536}\n", 8, 17, "65536 is out of range" },
                { VIP "health:\n  clock: {interval: 99ms}\n", 8, 21, "99ms is out of range" },
                { VIP "timeSync: {maxOffset: 0s}\n", 7, 23, "out of range; it must be from 1ms to 10s" },
                { VIP "timeSync: {maxOffset: 11s}\n", 7, 23, "11s is out of range" },
                { VIP "enrollPort: 0\n", 7, 13, "out of range; it must be from 1 to 65535" },
                { VIP "metrics: 0.0.0.0:7645\n", 7, 10, "must be 127.0.0.1:PORT" },
                { VIP "metrics: 127.0.0.1:0\n", 7, 10, "must be 127.0.0.1:PORT" },
                { VIP "metrics: '127.0.0.1:'\n", 7, 10, "must be 127.0.0.1:PORT" },
                { VIP "socket: agent.sock\n", 7, 9, "must be an absolute path of at most 107 bytes" },
                { CLUSTER "kubernetesVersion: v1.36.02\n", 3, 20, "not supported yet" },
                { CLUSTER "kubernetesVersion: latest\n", 3, 20, "must be a version such as v1.36.2" },
                { CLUSTER "encryptionAlgorithm: DSA\n", 3, 22,
                  "unknown value \"DSA\"; it may be: ECDSA-P256, RSA-2048" },
                { CLUSTER "imageRepository: https://x.y/z\n", 3, 18, "must be an image repository" },
                { CLUSTER "imageRepository: x.y/\n", 3, 18, "must be an image repository" },
                { CLUSTER "imageRepository: x y\n", 3, 18, "must be an image repository" },
                { CLUSTER "certificatesDir: pki\n", 3, 18, "must be an absolute path" },
                { CLUSTER "controlPlaneEndpoint: 'a:0'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: 'a:65536'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: 'a:'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: ':6443'\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "controlPlaneEndpoint: 'a b'\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "controlPlaneEndpoint: 300.0.0.1\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.0}\n", 3, 29, "must be an IPv4 network" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.1/12}\n", 3, 29,
                  "bits set beyond its prefix" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.0/29}\n", 3, 29, "prefix of 12 to 28" },
                { CLUSTER "networking: {serviceSubnet: 10.0.0.0/8}\n", 3, 29, "prefix of 12 to 28" },
                { CLUSTER "networking: {podSubnet: 10.244.0.0/25}\n", 3, 25, "prefix of 8 to 24" },
                { CLUSTER "networking: {podSubnet: 224.0.0.0/16}\n", 3, 25, "must be an IPv4 network" },
                { CLUSTER "networking: {dnsDomain: a..b}\n", 3, 25, "must be a DNS name" },
                { CLUSTER "networking: {dnsDomain: '10.0'}\n", 3, 25, "must be a DNS name" },
                { CLUSTER "apiServer: {certSANs: [a_b]}\n", 3, 24, "must be an IP address or a DNS name" },
                { CLUSTER "apiServer: {certSANs: [1.2.3.456]}\n", 3, 24,
                  "must be an IP address or a DNS name" },
                { CLUSTER "apiServer: {certSANs: [a, '*.*.x']}\n", 3, 27,
                  "must be an IP address or a DNS name" },
                { CLUSTER "etcd: {local: {serverCertSANs: ['']}}\n", 3, 33,
                  "must be an IP address or a DNS name" },
                { CLUSTER "etcd: {local: {peerCertSANs: [A]}}\n", 3, 31,
                  "must be an IP address or a DNS name" },
                { CLUSTER "etcd: {local: {dataDir: x}}\n", 3, 25, "must be an absolute path" },
                { CLUSTER "etcd: {local: {imageTag: a/b}}\n", 3, 26, "must be an image tag" },
                { CLUSTER "apiServer:\n  extraArgs:\n  - {name: --v, value: '2'}\n", 5, 12,
                  "without \"--\"" },
                { CLUSTER "apiServer:\n  extraArgs:\n  - {name: a=b, value: '2'}\n", 5, 12, "no \"=\"" },
                { CLUSTER "apiServer:\n  extraArgs:\n  - {name: '', value: '2'}\n", 5, 12, "without \"--\"" },
                { CLUSTER "apiServer:\n  extraArgs:\n  - {name: v}\n", 5, 5,
                  "apiServer.extraArgs[0]: \"value\" is missing" },
                { CLUSTER "scheduler:\n  extraArgs:\n  - {value: v}\n", 5, 5,
                  "scheduler.extraArgs[0]: \"name\" is missing" },
                { CLUSTER "scheduler:\n  extraEnvs:\n  - {name: 'A=B'}\n", 5, 12,
                  "must be the name of an environment variable" },
                { CLUSTER "scheduler:\n  extraEnvs:\n  - {value: v}\n", 5, 5, "\"name\" is missing" },
                { CLUSTER "scheduler:\n  extraVolumes:\n  - {name: A, hostPath: /a, mountPath: /a}\n", 5, 12,
                  "must be at most 63 lower case" },
                { CLUSTER "scheduler:\n  extraVolumes:\n  - {name: a, hostPath: a, mountPath: /a}\n", 5, 25,
                  "must be an absolute path" },
                { CLUSTER "scheduler:\n  extraVolumes:\n  - {name: a, hostPath: /a}\n", 5, 5,
                  "\"mountPath\" is missing" },
                { CLUSTER
                  "scheduler:\n  extraVolumes:\n  - {name: a, hostPath: /a, mountPath: /a, pathType: Dir}\n",
                  5, 54, "must be DirectoryOrCreate" },
                { CLUSTER "scheduler:\n  extraVolumes:\n  - {name: a, hostPath: /a, mountPath: /a}\n  - "
                          "{name: a, hostPath: /b, mountPath: /b}\n",
                  6, 12, "a second volume named \"a\"" },
                { INIT "nodeRegistration: {criSocket: /run/x.sock}\n", 3, 31,
                  "must be unix:// and an absolute path" },
                { INIT "localAPIEndpoint: {advertiseAddress: 0.0.0.0}\n", 3, 38,
                  "must be the IPv4 address of a host" },
                { INIT "localAPIEndpoint: {bindPort: 70000}\n", 3, 30, "70000 is out of range" },
                { INIT "skipPhases: ['']\n", 3, 14, "must not be empty" },
        };

        (void)state;
        EXPECT(t);
}

static void test_contradictions(void **state) {
        static const struct wrong t[] = {
                { AGENT, 0, 0, "\"vip\" is missing" },
                { AGENT "vip: {interface: eth0}\n", 4, 6, "vip.address is missing" },
                { AGENT "vip:\n", 4, 5, "vip.address is missing" },
                { CLUSTER, 0, 0, "a cluster needs an address that moves" },
                { VIP "  members: [{name: n1, address: 10.0.0.9}]\n", 7, 33, "10.0.0.9 is the VIP" },
                { VIP "  members: [{name: n1, address: 10.0.0.1}, {name: n1, address: 10.0.0.2}]\n", 7, 51,
                  "a second member named \"n1\"" },
                { VIP "  members: [{name: n1, address: 10.0.0.1}, {name: n2, address: 10.0.0.1}]\n", 7, 64,
                  "10.0.0.1 is also \"n1\"'s address" },
                { VIP "  unicast: true\n", 7, 12, "vip.unicast: needs vip.members" },
                { VIP "health:\n  apiServer: {caFile: /a}\n", 8, 14,
                  "health.apiServer: \"endpoint\" is missing" },
                { VIP "health:\n  apiServer: {endpoint: 'https://10.0.0.1:6443/livez'}\n", 8, 14,
                  "\"caFile\" is missing" },
                { VIP
                  "health:\n  apiServer: {endpoint: 'https://10.0.0.1:6443/', caFile: /a, certFile: /b}\n",
                  8, 73, "certFile and keyFile go together" },
                { VIP "metrics: 127.0.0.1:7645\n---\n" INIT "localAPIEndpoint: {bindPort: 7645}\n", 11, 30,
                  "localAPIEndpoint.bindPort: port 7645 is also that of metrics" },
                { VIP "enrollPort: 7645\n---\n" INIT, 7, 13,
                  "enrollPort: port 7645 is also that of metrics" },
                { VIP "---\n" INIT "localAPIEndpoint: {bindPort: 2379}\n", 10, 30,
                  "port 2379 is also that of etcd" },
                { VIP "---\n" INIT "localAPIEndpoint: {bindPort: 10250}\n", 10, 30,
                  "also that of the kubelet" },
                { VIP "---\n" INIT "localAPIEndpoint: {advertiseAddress: 10.0.0.9}\n", 10, 38,
                  "10.0.0.9 is the VIP" },
                { VIP "  members: [{name: n1, address: 10.0.0.1}]\n---\n" INIT
                      "localAPIEndpoint: {advertiseAddress: 10.0.0.2}\n",
                  11, 38, "is not the one that vip.members gives for \"n1\"" },
                { VIP "---\n" CLUSTER "controlPlaneEndpoint: 10.0.0.8:6443\n", 10, 23,
                  "10.0.0.8 is not the VIP 10.0.0.9" },
                { VIP "---\n" CLUSTER "controlPlaneEndpoint: 10.0.0.9:443\n", 10, 23,
                  "whose port is 6443, not 443" },
                { VIP "---\n" CLUSTER "networking: {serviceSubnet: 10.0.0.0/16}\n", 10, 29,
                  "holds the VIP 10.0.0.9" },
                { VIP "---\n" CLUSTER "networking: {podSubnet: 10.0.0.0/16}\n", 10, 25,
                  "holds the VIP 10.0.0.9" },
                { AGENT "vip: {address: 10.96.0.9/24}\n---\n" CLUSTER, 4, 16,
                  "networking.serviceSubnet: 10.96.0.0/12 holds the VIP" },
                { VIP "---\n" CLUSTER "networking: {serviceSubnet: 10.9.0.0/16}\n---\n" INIT
                      "localAPIEndpoint: {advertiseAddress: 10.9.1.1}\n",
                  10, 29, "holds the advertise address 10.9.1.1" },
                { VIP "---\n" CLUSTER "networking: {podSubnet: 10.9.0.0/16}\n---\n" INIT
                      "localAPIEndpoint: {advertiseAddress: 10.9.1.1}\n",
                  10, 25, "holds the advertise address 10.9.1.1" },
                { VIP "---\n" CLUSTER "networking: {podSubnet: 10.100.0.0/16}\n", 10, 25,
                  "podSubnet 10.100.0.0/16 and serviceSubnet 10.96.0.0/12 overlap" },
                { VIP "---\n" CLUSTER "networking: {podSubnet: 10.0.0.0/8}\n", 10, 25, "overlap" },
                { VIP "---\n" INIT "nodeRegistration: {name: n2}\n", 10, 26,
                  "the node is named \"n2\" here and \"n1\" in line 3" },
        };
        static const char stranger[] =
                "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
                "vip:\n  address: 10.0.0.9/24\n  members: [{name: n2, address: 10.0.0.1}]\n";
        struct config *c = NULL;
        struct error e = { 0 };

        (void)state;
        EXPECT(t);
        assert_int_equal(config_parse(stranger, sizeof stranger - 1, "f", NULL, &c, &e), -EINVAL);
        assert_int_equal(e.line, 3);
        assert_int_equal(e.column, 11);
        assert_non_null(strstr(e.message, "this node, \"n1\", is not among vip.members"));
}

/* Groups, transports and elections: what goes together, and what to do where it does not. */
static void test_groups(void **state) {
        static const struct wrong t[] = {
                { VIP "  election: majority\n", 7, 13, "vip.election: majority needs transport: sealed" },
                { VIP "  keyFile: /k\n", 7, 12, "vip.keyFile: transport ip has no authentication" },
                { AGENT "vip: {address: 10.0.0.9/24}\n", 4, 16,
                  "vip.keyFile is missing: transport sealed needs" },
                { SEALED "  members: [{name: n1, address: 10.0.0.1}]\n", 6, 14, "vip.keyFile is missing" },
                { SEALED "  keyFile: /k\n", 6, 14, "vip.members is missing" },
                { SEALED KEYED "  unicast: true\n", 9, 12, "vip.unicast: belongs to transport: ip" },
                { SEALED KEYED "  version: 2\n", 9, 12, "vip.version: belongs to transport: ip" },
                { SEALED KEYED "  checksum: rfc9568\n", 9, 13, "vip.checksum: belongs to transport: ip" },
                { SEALED KEYED "  removalBudget: 10ms\n  advertisementInterval: 10ms\n", 9, 18,
                  "vip.removalBudget: 10000 us is too much for an advertisementInterval of 10000 us" },
                { SEALED KEYED "  removalBudget: 4ms\n", 9, 18, "out of range; it must be from 5ms to 5s" },
                { VIP "  advertisementInterval: 15ms\n", 7, 26, "no multiple of 10ms" },
                { VIP "  version: 2\n", 7, 12, "VRRPv2 counts whole seconds, 100000 us is none" },
                { VIP "  version: 2\n  advertisementInterval: 1500ms\n", 8, 26,
                  "VRRPv2 counts whole seconds" },
                { AGENT "vip: {address: [10.0.0.9/24, 'fd00::9/64'], transport: ip, version: 2, "
                        "advertisementInterval: 1s}\n",
                  4, 69, "VRRPv2 has no IPv6, but fd00::9 is in the group" },
                { VIP "  version: 2\n  advertisementInterval: 1s\n  checksum: rfc9568\n", 9, 13,
                  "a choice of version 3 only" },
                { VIP "  version: 4\n", 7, 12, "4 is out of range; it must be from 2 to 3" },
                { SEALED "  keyFile: /k\n  members: [{name: n1, address: 10.0.0.1, witness: true}]\n", 8, 12,
                  "all are witnesses" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: 00000000000000aa},\n"
                      "    {name: n2, address: 10.0.0.2, id: '00000000000000aa'}]\n",
                  8, 39, "\"n1\" and \"n2\" have the same id" },
                { VIP "  members: [{name: n1, address: 10.0.0.1}, {name: n2, address: 'fd00::1'}]\n", 7, 64,
                  "of different families" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: aa}]\n", 7, 47,
                  "\"aa\" must be 16 hexadecimal digits" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: 00000000000000AA}]\n", 7, 47,
                  "must be 16 hexadecimal digits in lower case" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: 0000000000000000}]\n", 7, 47,
                  "not all 0" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: ffffffffffffffff}]\n", 7, 47,
                  "nor all f" },
                { VIP "  members: [{name: n1, address: 10.0.0.1, id: []}]\n", 7, 47, "not a list" },
                { VIP "  members: [{name: n1, address: 'ff02::1'}]\n", 7, 33,
                  "IPv4 or IPv6 address of a host" },
                { VIP "  members: [{name: n1, address: '::ffff:10.0.0.1'}]\n", 7, 33, "address of a host" },
                { AGENT "vip: {address: []}\n", 4, 16, "must be one address or a list of up to 32" },
                { AGENT "vip: {address: [10.0.0.9/24, 10.0.0.9/25], transport: ip}\n", 4, 16,
                  "10.0.0.9 is there twice" },
                { AGENT "vip: {address: [10.0.0.9/24, x]}\n", 4, 30, "\"x\" must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 'fd00::9'}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 'fd00::9/129'}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: 'fd00::9/127'}\n", 4, 16, "8 to 126" },
                { AGENT "vip: {address: 'fd00::/64'}\n", 4, 16, "is the address of the network itself" },
                { AGENT "vip: {address: '::1/64'}\n", 4, 16, "loopback, multicast or reserved" },
                { AGENT "vip: {address: 'ff02::9/64'}\n", 4, 16, "loopback, multicast or reserved" },
                { AGENT "vip: []\n", 4, 6, "must be one map or a list of up to 255" },
                { AGENT "vip: [{address: 10.0.0.9/24, transport: ip}, {interface: eth0}]\n", 4, 46,
                  "vip.address is missing" },
                { AGENT "vip: [{address: 10.0.0.9/24, transport: ip}, x]\n", 4, 46,
                  "vip[1]: must be a map, not a string" },
                { AGENT "vip: [{address: 10.0.0.9/24, adress: x, transport: ip}]\n", 4, 30,
                  "vip[0]: unknown key \"adress\"" },
                { AGENT "vip: [{address: 10.0.0.9/24, transport: ip}, {address: 10.0.0.9/24, "
                        "virtualRouterID: 8, transport: ip}]\n",
                  4, 56, "10.0.0.9 is in two groups" },
                { AGENT "vip: [{address: 10.0.0.9/24, transport: ip}, {address: 10.0.0.8/24, "
                        "virtualRouterID: 9, transport: ip}]\n",
                  4, 86, "10.0.0.9 and 10.0.0.8 are on one interface: they have the same virtualRouterID" },
                { AGENT
                  "vip: [{address: 10.0.0.9/24, transport: ip}, {address: 10.0.1.9/24, transport: ip}]\n",
                  4, 56, "they have the same virtualRouterID; give each its own" },
                { AGENT
                  "vip:\n- address: 10.0.0.9/24\n  transport: sealed\n" KEYED
                  "- {address: 10.0.0.8/24, transport: sealed, members: [{name: n1, address: 10.0.0.2}]}\n",
                  9, 54, "different members" },
                { AGENT "vip:\n- address: 10.0.0.9/24\n  transport: sealed\n" KEYED
                        "- {address: 10.0.0.8/24, transport: sealed, port: 7}\n",
                  9, 51, "different keyFile or port" },
                { AGENT "vip:\n- address: 10.0.0.9/24\n  transport: sealed\n" KEYED
                        "- {address: 'fd00::9/64', transport: sealed}\n",
                  9, 13, "they have the same virtualRouterID" },
                { VIP "membersGeneration: 0\n", 7, 20, "out of range" },
                { VIP "stateDir: here\n", 7, 11, "must be" },
                { VIP "clusterName: a\n---\n" CLUSTER "clusterName: b\n", 11, 14,
                  "the cluster is named \"b\" here and \"a\" in line 7" },
        };

        (void)state;
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
                  "IPv4 address" },
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
                { { .vip = "10.0.0.9/24", .kubernetes_version = "v1.30.0" },
                  "--kubernetes-version",
                  "not supported yet" },
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
                cmocka_unit_test(test_not_supported_yet),
                cmocka_unit_test(test_values_not_supported_yet),
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_impossible_values),
                cmocka_unit_test(test_contradictions),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_files_that_cannot_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
