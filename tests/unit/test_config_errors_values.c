/* Values that are impossible, contradict each other or do not go together, and where that is said to be. */
#include "tests/unit/config_wrong.h"

#define SEALED AGENT "vip:\n  address: 10.0.0.9/24\n  transport: sealed\n"
#define KEYED  "  keyFile: /k\n  members: [{name: n1, address: 10.0.0.1}]\n"

static void test_impossible_values(void **state) {
        static const struct wrong t[] = {
                { "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: N_1\n", 3, 11,
                  "nodeName: \"N_1\" must be lower case" },
                { INIT "nodeRegistration: {name: -a}\n", 3, 26, "nodeRegistration.name: \"-a\" must be" },
                { AGENT "vip: {address: 10.0.0.9}\n", 4, 16, "must be ADDRESS/PREFIX" },
                { AGENT "vip: {address: fe80::c0/64}\ncni: none\n---\n" CLUSTER
                        "networking: {serviceSubnet: 'fd00:96::/112'}\n",
                  4, 16, "fe80::c0 is link-local, which no controlPlaneEndpoint can be" },
                { AGENT
                  "vip:\n  address: fd00::c0/64\n  members: [{name: n1, address: 'fe80::1'}]\ncni: none\n"
                  "---\n" CLUSTER "networking: {serviceSubnet: 'fd00:96::/112'}\n",
                  6, 33, "vip.members: fe80::1 is link-local; in a cluster" },
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
                { CLUSTER "kubernetesVersion: v1.36.02\n", 3, 20, "must be a version such as v1.36.2" },
                { CLUSTER "kubernetesVersion: latest\n", 3, 20, "must be a version such as v1.36.2" },
                { CLUSTER "encryptionAlgorithm: DSA\n", 3, 22,
                  "unknown value \"DSA\"; it may be: ECDSA-P256, ECDSA-P384, RSA-2048, RSA-3072, RSA-4096" },
                { CLUSTER "imageRepository: https://x.y/z\n", 3, 18, "must be an image repository" },
                { CLUSTER "imageRepository: x.y/\n", 3, 18, "must be an image repository" },
                { CLUSTER "imageRepository: x y\n", 3, 18, "must be an image repository" },
                { CLUSTER "certificatesDir: pki\n", 3, 18, "must be an absolute path of at most 3839 bytes" },
                { CLUSTER "controlPlaneEndpoint: 'a:0'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: 'a:65536'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: 'a:'\n", 3, 23, "has no valid port" },
                { CLUSTER "controlPlaneEndpoint: ':6443'\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "controlPlaneEndpoint: 'a b'\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "controlPlaneEndpoint: 300.0.0.1\n", 3, 23, "must be HOST or HOST:PORT" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.0}\n", 3, 29,
                  "must be a network such as 10.96.0.0/12" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.1/12}\n", 3, 29,
                  "bits set beyond its prefix" },
                { CLUSTER "networking: {serviceSubnet: 10.96.0.0/29}\n", 3, 29, "prefix of 12 to 28" },
                { CLUSTER "networking: {serviceSubnet: 10.0.0.0/8}\n", 3, 29, "prefix of 12 to 28" },
                { CLUSTER "networking: {podSubnet: 10.244.0.0/25}\n", 3, 25, "prefix of 8 to 24" },
                { CLUSTER "networking: {podSubnet: 224.0.0.0/16}\n", 3, 25, "must be a network of hosts" },
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
                { CLUSTER "etcd: {local: {dataDir: x}}\n", 3, 25,
                  "must be an absolute path of at most 3839 bytes" },
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
                  "must be the IPv4 or IPv6 address of a host" },
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
                { AGENT "vip: {address: 'fd00::9/64', transport: ip}\n---\n" CLUSTER
                        "networking: {serviceSubnet: 'fd00:96::/112', podSubnet: 10.244.0.0/16}\n",
                  8, 57, "podSubnet: 10.244.0.0/16 has no IPv6 network, but the services, fd00:96::/112" },
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_impossible_values),
                cmocka_unit_test(test_contradictions),
                cmocka_unit_test(test_groups),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
