/* What a configuration means: defaults, flags, derived values, and the way back to YAML. */
#include "agent/config_fields.h"
#include "config_equal.h"
#include <arpa/inet.h>

static struct config *parse(const char *text, const struct config_flags *flags) {
        struct config *c = NULL;
        struct error e = { 0 };
        int r = config_parse(text, strlen(text), *text ? "test.yaml" : "", flags, &c, &e);

        if (r < 0)
                fail_msg("%s:%u:%u: %s", e.file, e.line, e.column, e.message);
        return c;
}

static char *render(const struct config *c, bool shared) {
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(config_render(c, shared, &text, &size), 0);
        assert_int_equal(strlen(text), size);
        return text;
}

static void expect_round_trip(const struct config *c) {
        CLEANUP(freep) char *text = render(c, false);
        CLEANUP(config_freep) struct config *again = parse(text, NULL);

        expect_equal(c, again);
}

static void test_defaults_of_a_cluster(void **state) {
        const struct config_flags flags = {
                .vip = "172.18.0.192/22",
                .node_name = "host1",
                .advertise_address = "172.18.0.154",
                .cluster = true,
        };
        CLEANUP(config_freep) struct config *c = parse("", &flags);

        (void)state;
        assert_true(c->cluster);
        assert_string_equal(c->kubernetes_version, "v1.36.2");
        assert_string_equal(c->cluster_name, "kubernetes");
        assert_string_equal(c->image_repository, "registry.k8s.io");
        assert_string_equal(c->endpoint_host, "172.18.0.192");
        assert_int_equal(c->endpoint_port, 6443);
        assert_string_equal(c->service_ip, "10.96.0.1");
        assert_string_equal(c->cluster_dns, "10.96.0.10");
        assert_string_equal(c->dns_domain, "cluster.local");
        assert_string_equal(c->pod_subnet, "10.244.0.0/16");
        assert_string_equal(c->cert_dir, "/etc/kubernetes/pki");
        assert_string_equal(c->etcd_data_dir, "/var/lib/etcd");
        assert_null(c->etcd_image_tag);
        assert_int_equal(c->alg, ALG_ECDSA_P256);
        assert_string_equal(c->cri_socket, "unix:///var/run/containerd/containerd.sock");
        assert_int_equal(c->token_ttl_s, 7200);
        assert_int_equal(c->vips.items[0].vrid, 192);
        assert_int_equal(c->vips.items[0].priority, 250);
        assert_int_equal(c->vips.items[0].interval_us, 100000);
        assert_int_equal(c->vips.items[0].preempt, VIP_PREEMPT_HEALTH);
        assert_int_equal(c->vips.items[0].transport, VIP_TRANSPORT_SEALED);
        assert_int_equal(c->vips.items[0].election, VIP_ELECTION_MAJORITY);
        assert_string_equal(c->vips.items[0].key_file, "/etc/triarch/vip.key");
        assert_int_equal(c->vips.items[0].port, 7644);
        assert_true(c->health.api_server.enabled && c->health.etcd.enabled && c->health.kubelet.enabled &&
                    c->health.clock.enabled);
        assert_string_equal(c->health.api_server.endpoint, "https://172.18.0.154:6443/livez?exclude=etcd");
        assert_string_equal(c->health.api_server.ca_file, "/etc/kubernetes/pki/ca.crt");
        assert_string_equal(c->health.api_server.cert_file, "/etc/triarch/pki/healthcheck-client.crt");
        assert_string_equal(c->health.api_server.key_file, "/etc/triarch/pki/healthcheck-client.key");
        assert_int_equal(c->health.api_server.interval_us, 250000);
        assert_int_equal(c->health.api_server.timeout_us, 500000);
        assert_int_equal(c->health.api_server.fall, 2);
        assert_string_equal(c->health.etcd.endpoint, "http://127.0.0.1:2381");
        assert_string_equal(c->health.kubelet.endpoint, "http://127.0.0.1:10248/healthz");
        assert_int_equal(c->health.clock.port, 323);
        assert_true(c->time_max_offset_s > 0.0999 && c->time_max_offset_s < 0.1001);
        assert_int_equal(c->enroll_port, 7644);
        assert_int_equal(c->metrics_port, 7645);
        assert_string_equal(c->socket_path, "/run/triarch/agent.sock");
        expect_round_trip(c);
}

/* An agent without Kubernetes. */
static const char alone[] = "apiVersion: triarch.dev/v1alpha1\n"
                            "kind: AgentConfiguration\n"
                            "nodeName: n2\n"
                            "vip:\n"
                            "  address: 172.18.0.192/22\n"
                            "  interface: eth0\n"
                            "  keyFile: /k\n"
                            "  members:\n"
                            "  - { name: n1, address: 172.18.0.154 }\n"
                            "  - { name: n2, address: 172.18.0.155 }\n"
                            "  - { name: n3, address: 172.18.0.156 }\n"
                            "health:\n"
                            "  apiServer: { endpoint: \"https://172.18.0.155:6443/livez\", caFile: /F, "
                            "certFile: /F, keyFile: /F,\n"
                            "               interval: 250ms, timeout: 1.5s, fall: 3, rise: 4 }\n"
                            "  clock:\n";

static void test_agent_alone(void **state) {
        CLEANUP(config_freep) struct config *c = parse(alone, NULL);

        (void)state;
        assert_false(c->cluster);
        assert_null(c->kubernetes_version);
        assert_null(c->service_ip);
        assert_int_equal(c->vips.items[0].priority, 230);
        assert_string_equal(c->advertise_address, "172.18.0.155");
        assert_int_equal(c->vips.items[0].n_members, 3);
        assert_string_equal(c->vips.items[0].members[2].name, "n3");
        assert_int_equal(vrrp_ip_in(&c->vips.items[0].members[2].address).s_addr, inet_addr("172.18.0.156"));
        assert_true(c->health.api_server.enabled);
        assert_int_equal(c->health.api_server.timeout_us, 1500000);
        assert_int_equal(c->health.api_server.rise, 4);
        assert_true(c->health.clock.enabled);
        assert_false(c->health.etcd.enabled);
        assert_false(c->health.kubelet.enabled);
        expect_round_trip(c);
}

static void test_priority_by_position(void **state) {
        static const uint8_t expected[] = { 250, 230, 210, 190, 170, 150, 130, 130 };

        (void)state;
        for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
                char text[1024], name[16];
                const struct config_flags flags = { .node_name = name };
                int len = snprintf(text, sizeof text,
                                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\n"
                                   "vip:\n  address: 10.0.0.200/24\n  transport: ip\n  members:\n");

                for (unsigned j = 0; j < ARRAY_SIZE(expected); j++)
                        len += snprintf(text + len, sizeof text - (size_t)len,
                                        "  - {name: n%u, address: 10.0.0.%u}\n", j, j + 1);
                snprintf(name, sizeof name, "n%u", i);
                CLEANUP(config_freep) struct config *c = parse(text, &flags);
                assert_int_equal(c->vips.items[0].priority, expected[i]);
        }
}

static void test_router_id_from_the_address(void **state) {
        const struct config_flags a = { .vip = "10.0.4.7/16", .node_name = "n", .cluster = true };
        const struct config_flags b = { .vip = "10.0.4.0/16", .node_name = "n", .cluster = true };
        CLEANUP(config_freep) struct config *c = parse("", &a), *d = parse("", &b);

        (void)state;
        assert_int_equal(c->vips.items[0].vrid, 7);
        assert_int_equal(d->vips.items[0].vrid, 255);
}

static void test_flags_win(void **state) {
        const struct config_flags flags = {
                .node_name = "flag",
                .vip = "10.1.0.9/16",
                .interface = "lan0",
                .advertise_address = "10.1.0.1",
                .control_plane_endpoint = "api.example:7443",
                .kubernetes_version = "1.36.0",
                .image_repository = "mirror.example:5000/k8s",
                .pod_subnet = "10.244.0.0/16",
                .service_subnet = "10.97.0.0/16",
                .dns_domain = "k8s.example",
                .cert_dir = "/pki",
                .cri_socket = "unix:///run/crio.sock",
                .cert_sans = "a.example,10.9.9.9",
                .ignore_preflight_errors = "NumCPU,Mem",
                .skip_phases = "",
                .token_ttl = "1h30m",
                .bind_port = "7443",
        };
        CLEANUP(config_freep)
        struct config *c =
                parse("apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: file\n"
                      "vip: {address: 10.0.0.9/24, interface: eth0}\n---\n"
                      "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                      "apiServer: {certSANs: [a, b, c]}\n---\n"
                      "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nskipPhases: [addon]\n",
                      &flags);

        (void)state;
        assert_string_equal(c->node_name, "flag");
        assert_int_equal(config_vip_address(c).s_addr, inet_addr("10.1.0.9"));
        assert_int_equal(c->vips.items[0].addresses[0].prefix, 16);
        assert_string_equal(c->vips.items[0].interface, "lan0");
        assert_string_equal(c->advertise_address, "10.1.0.1");
        assert_string_equal(c->endpoint_host, "api.example");
        assert_int_equal(c->endpoint_port, 7443);
        assert_string_equal(c->kubernetes_version, "v1.36.0");
        assert_string_equal(c->image_repository, "mirror.example:5000/k8s");
        assert_string_equal(c->pod_subnet, "10.244.0.0/16");
        assert_string_equal(c->service_ip, "10.97.0.1");
        assert_string_equal(c->dns_domain, "k8s.example");
        assert_string_equal(c->cert_dir, "/pki");
        assert_string_equal(c->health.api_server.ca_file, "/pki/ca.crt");
        assert_string_equal(c->health.api_server.endpoint, "https://10.1.0.1:7443/livez?exclude=etcd");
        assert_string_equal(c->cri_socket, "unix:///run/crio.sock");
        assert_int_equal(c->cert_sans.n, 2);
        assert_string_equal(c->cert_sans.items[1], "10.9.9.9");
        assert_null(c->cert_sans.items[2]);
        assert_int_equal(c->ignore_preflight_errors.n, 2);
        assert_int_equal(c->skip_phases.n, 0);
        assert_int_equal(c->token_ttl_s, 5400);
        expect_round_trip(c);
}

/* Texts that YAML, a shell or a manifest could take for something else. */
static const char *const hostile[] = {
        "",
        " ",
        " leading and trailing ",
        "007",
        "yes",
        "~",
        "null",
        "1.0",
        "1e3",
        "0x1F",
        "<<",
        "=",
        "#",
        "a #b",
        "a: b",
        "- a",
        "---",
        "...",
        "--- a",
        "{a: b}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "|",
        ">",
        "?",
        "? a",
        ":",
        ",",
        "'",
        "\"",
        "it's \"so\"",
        "\\",
        "\\n",
        "a\nb",
        "\na\n\n b\n",
        "a\r\nb",
        "\t",
        "\x01\x1b[31m\x7f",
        "\xe4\xb8\xad\xe6\x96\x87",
        "\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xc2\xa0",
        "\xef\xbb\xbf",
        "\xf0\x9f\x98\x80",
        "$(touch /tmp/x)",
        "%s%n",
};

static void test_hostile_values_come_back(void **state) {
        const struct config_flags flags = { .vip = "10.0.0.9/24", .node_name = "007", .cluster = true };
        CLEANUP(config_freep) struct config *c = parse("", &flags);
        struct name_values *args = &c->api_server.extra_args, *envs = &c->etcd.extra_envs;
        size_t n = ARRAY_SIZE(hostile);

        (void)state;
        args->items = calloc(n, sizeof *args->items);
        envs->items = calloc(n, sizeof *envs->items);
        assert_true(args->items && envs->items);
        for (size_t i = 0; i < n; i++) {
                args->items[i] = (struct name_value){ strdup("v"), strdup(hostile[i]) };
                envs->items[i] = (struct name_value){ strdup("yes"), strdup(hostile[n - 1 - i]) };
        }
        args->n = envs->n = n;
        expect_round_trip(c);
}

static void test_hostile_values_are_read(void **state) {
        CLEANUP(config_freep)
        struct config *c = parse(
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: x\n"
                "apiServer:\n  extraArgs:\n"
                "  - {name: a, value: '007'}\n  - {name: a, value: \"yes\"}\n  - name: a\n    value: |\n"
                "      two\n      lines\n  - {name: a, value: 'k: v #'}\n  - {name: a, value: "
                "\xe4\xb8\xad\xe6\x96\x87}\n"
                "  - {name: a, value: ''}\n  - {name: a, value: 1.36.2}\n",
                NULL);
        static const char *const expected[] = {
                "007", "yes", "two\nlines\n", "k: v #", "\xe4\xb8\xad\xe6\x96\x87", "", "1.36.2"
        };

        (void)state;
        assert_int_equal(c->api_server.extra_args.n, ARRAY_SIZE(expected));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_string_equal(c->api_server.extra_args.items[i].value, expected[i]);
        expect_round_trip(c);
}

static const char full[] =
        "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\n"
        "vip: {address: 10.0.0.9/24, interface: eth1, virtualRouterID: 3, advertisementInterval: 1s,\n"
        "      transport: ip, preempt: never, unicast: true, priority: 7, members: [{name: n1, address: "
        "10.0.0.1}]}\n"
        "health: {etcd: {enabled: false}, kubelet: {interval: 7s, timeout: 3s}, clock: {port: 324},\n"
        "         apiServer: {endpoint: 'https://10.0.0.1:6443/readyz', caFile: /c, certFile: /d, keyFile: "
        "/e,\n"
        "                     interval: 1s, timeout: 2s, fall: 5, rise: 6}}\n"
        "timeSync: {maxOffset: 1.5s}\nenrollPort: 8644\nmetrics: 127.0.0.1:8645\nsocket: /s\n---\n"
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        "nodeRegistration: {name: n1, criSocket: 'unix:///c', ignorePreflightErrors: [a],\n"
        "                   kubeletExtraArgs: [{name: v, value: '2'}]}\n"
        "localAPIEndpoint: {advertiseAddress: 10.0.0.1, bindPort: 7443}\nskipPhases: [addon]\n---\n"
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: c\n"
        "kubernetesVersion: 1.36.9\ncontrolPlaneEndpoint: api.example\nimageRepository: r\n"
        "certificatesDir: /p\nencryptionAlgorithm: RSA-2048\n"
        "networking: {serviceSubnet: 10.9.0.0/16, podSubnet: 10.8.0.0/16, dnsDomain: d}\n"
        "apiServer: {certSANs: [a, '*.b.c', 'fd00::1'], extraArgs: [{name: a, value: b}],\n"
        "            extraVolumes: [{name: v, hostPath: /h, mountPath: /m, readOnly: true, pathType: File},\n"
        "                           {name: w, hostPath: /h, mountPath: /m}], extraEnvs: [{name: E}]}\n"
        "controllerManager: {extraArgs: [{name: a, value: c}], extraVolumes: [{name: x, hostPath: /, "
        "mountPath: /}],\n"
        "                    extraEnvs: [{name: E, value: c}]}\n"
        "scheduler: {extraArgs: [{name: a, value: s}], extraEnvs: [{name: E, value: s}], extraVolumes: ~}\n"
        "etcd: {local: {dataDir: /d, imageRepository: i, imageTag: t, serverCertSANs: [s], peerCertSANs: "
        "[p],\n"
        "               extraArgs: [{name: a, value: e}], extraEnvs: [{name: E, value: e}]}}\n"
        "dns: {}\nproxy:\n";

static void test_every_field(void **state) {
        CLEANUP(config_freep) struct config *c = parse(full, NULL);

        (void)state;
        assert_int_equal(c->vips.items[0].vrid, 3);
        assert_int_equal(c->vips.items[0].interval_us, 1000000);
        assert_int_equal(c->vips.items[0].preempt, VIP_PREEMPT_NEVER);
        assert_true(c->vips.items[0].unicast);
        assert_int_equal(c->vips.items[0].priority, 7);
        assert_false(c->health.etcd.enabled);
        assert_int_equal(c->health.kubelet.interval_us, 7000000);
        assert_int_equal(c->health.clock.port, 324);
        assert_string_equal(c->health.api_server.endpoint, "https://10.0.0.1:6443/readyz");
        assert_int_equal(c->alg, ALG_RSA_2048);
        assert_string_equal(c->kubernetes_version, "v1.36.9");
        assert_int_equal(c->endpoint_port, 7443); /* bindPort's */
        assert_string_equal(c->api_server.extra_volumes.items[0].path_type, "File");
        assert_true(c->api_server.extra_volumes.items[0].read_only);
        assert_string_equal(c->api_server.extra_volumes.items[1].path_type, "");
        assert_string_equal(c->api_server.extra_envs.items[0].value, "");
        assert_string_equal(c->controller_manager.extra_args.items[0].value, "c");
        assert_string_equal(c->scheduler.extra_envs.items[0].value, "s");
        assert_string_equal(c->etcd.extra_args.items[0].value, "e");
        assert_string_equal(c->etcd_server_sans.items[0], "s");
        assert_string_equal(c->etcd_peer_sans.items[0], "p");
        assert_string_equal(c->kubelet_extra_args.items[0].value, "2");
        expect_round_trip(c);
}

static const char groups[] =
        "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n2\nclusterName: lab\n"
        "membersGeneration: 3\nsocket: /run/a/agent.sock\nvip:\n"
        "- address: [10.0.0.9/24, 'fd00::9/64']\n  interface: eth0\n  transport: sealed\n  keyFile: /k\n"
        "  port: 8000\n  advertisementInterval: 15ms\n  preemptDelay: 2s\n  removalBudget: 7ms\n"
        "  virtualMAC: true\n  accept: false\n  standby: true\n"
        "  members:\n  - {name: n1, address: 10.0.0.1, id: 1234567890123456}\n"
        "  - {name: n2, address: 10.0.0.2}\n  - {name: n3, address: 10.0.0.3, witness: true}\n"
        "- {address: 10.0.0.10/24, interface: eth0, transport: sealed, election: priority}\n"
        "- {address: 'fd00::10/64', interface: eth0, transport: ip, virtualRouterID: 9, checksum: rfc9568}\n"
        "- {address: 10.0.0.11/24, interface: eth0, transport: ip, virtualRouterID: 9, version: 2,\n"
        "   advertisementInterval: 3s}\n";

static void test_several_groups(void **state) {
        CLEANUP(config_freep) struct config *c = parse(groups, NULL);
        const struct vip_config *v = c->vips.items;

        (void)state;
        assert_int_equal(c->vips.n, 4);
        assert_string_equal(c->cluster_name, "lab");
        assert_string_equal(c->state_dir, "/run/a");
        assert_int_equal(c->members_generation, 3);
        assert_int_equal(v[0].n_addresses, 2);
        assert_string_equal(vrrp_ip_text(&v[0].addresses[1].ip).v, "fd00::9");
        assert_int_equal(v[0].addresses[1].prefix, 64);
        assert_int_equal(v[0].election, VIP_ELECTION_MAJORITY);
        assert_int_equal(v[0].interval_us, 15000);
        assert_int_equal(v[0].preempt_delay_us, 2000000);
        assert_int_equal(v[0].removal_us, 7000);
        assert_true(v[0].virtual_mac && !v[0].accept && v[0].standby);
        assert_true(config_member_id(&v[0].members[0]) == 0x1234567890123456);
        assert_true(v[0].members[2].witness);
        assert_string_equal(vrrp_ip_text(&v[0].self).v, "10.0.0.2");
        /* the second sealed group has the first one's members, key and port, and its own election */
        assert_int_equal(v[1].election, VIP_ELECTION_PRIORITY);
        assert_int_equal(v[1].n_members, 3);
        assert_string_equal(v[1].members[1].name, "n2");
        assert_string_equal(v[1].key_file, "/k");
        assert_int_equal(v[1].port, 8000);
        assert_int_equal(v[1].vrid, 10);
        assert_int_equal(v[1].priority, 230);
        assert_true(v[1].accept && !v[1].standby);
        /* one router ID, but one family each */
        assert_int_equal(v[2].checksum, VIP_CHECKSUM_RFC9568);
        assert_null(v[2].key_file);
        assert_int_equal(v[3].version, 2);
        assert_int_equal(v[3].interval_us, 3000000);
        expect_round_trip(c);
}

static void test_many_groups(void **state) {
        static const char end[] = "  keyFile: /k\n  members: [{name: n1, address: 10.9.0.1}]\n";
        char text[32768];
        int len =
                snprintf(text, sizeof text,
                         "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\nvip:\n");

        (void)state;
        for (unsigned i = 1; i <= CONFIG_MAX_VIPS; i++)
                len += snprintf(text + len, sizeof text - (size_t)len,
                                "- address: 10.9.1.%u/16\n  virtualRouterID: %u\n%s", i < 255 ? i : 0, i,
                                i == 1 ? end : "");
        CLEANUP(config_freep) struct config *c = parse(text, NULL);
        assert_int_equal(c->vips.n, 255);
        assert_int_equal(c->vips.items[254].vrid, 255);
        assert_int_equal(c->vips.items[254].n_members, 1);
        expect_round_trip(c);
}

/* The ids of lists that several machines derive for themselves must not change from version to version. */
static void test_member_ids(void **state) {
        static char host1[] = "host1";
        const struct member derived = { .name = host1 }, given = { .name = host1, .id = 7 };

        (void)state;
        assert_true(config_member_id(&derived) == 0xc0365b5a3867cc38);
        assert_int_equal(config_member_id(&given), 7);
}

static void test_state_dir(void **state) {
        CLEANUP(config_freep) struct config *c = parse(alone, NULL), *d = parse(full, NULL);

        (void)state;
        assert_string_equal(c->state_dir, "/var/lib/triarch-agent");
        assert_string_equal(d->state_dir, "/var/lib/triarch-agent"); /* a cluster's, wherever the socket is */
        assert_string_equal(c->cluster_name, "triarch");
}

/* What join carries: nothing of this node's own, and the rest unchanged. */
static void test_shared(void **state) {
        const struct config_flags other = { .node_name = "n2", .advertise_address = "10.0.0.2" };
        CLEANUP(config_freep) struct config *c = parse(full, NULL), *d = NULL;
        CLEANUP(freep) char *text = render(c, true);
        static const char *const own[] = { "n1\n",   "eth1",       "advertiseAddress",      "priority: 7",
                                           "readyz", "skipPhases", "ignorePreflightErrors", "nodeName" };

        (void)state;
        for (size_t i = 1; i < ARRAY_SIZE(own); i++)
                if (strstr(text, own[i]))
                        fail_msg("%s in:\n%s", own[i], text);
        d = parse(text, &other);
        assert_string_equal(d->node_name, "n2");
        assert_null(d->vips.items[0].interface);
        assert_int_equal(d->vips.items[0].priority, 230); /* after the one member that is listed */
        assert_string_equal(d->health.api_server.endpoint, "https://10.0.0.2:7443/livez?exclude=etcd");
        expect_cluster(c, d);
        assert_int_equal(d->vips.items[0].vrid, 3);
}

/* ---- print-defaults ---- */

static bool is_example(const char *line) {
        return line[0] == '#' && line[1] != '\n' && (line[1] != ' ' || line[2] == ' ');
}

/* Take the comment signs off the examples: "#key", "#- item" and "#  more", but not "# text". An empty
 * list that is followed by an example of its items gives way. */
static char *uncomment(const char *text) {
        char *out = strdup(text), *w = out;

        assert_non_null(out);
        for (const char *p = text; *p;) {
                size_t indent = strspn(p, " "), len = strcspn(p, "\n");
                const char *next = p + len + 1 + strspn(p + len + 1, " ");

                if (is_example(p + indent)) {
                        w = mempcpy(w, p, indent);
                        w = mempcpy(w, p + indent + 1, len - indent);
                } else if (len > 3 && !strncmp(p + len - 3, " []", 3) && !strncmp(next, "#-", 2)) {
                        w = mempcpy(w, p, len - 3);
                        *w++ = '\n';
                } else
                        w = mempcpy(w, p, len + 1);
                p += len + 1;
        }
        *w = 0;
        return out;
}

static void expect_fields(const struct field *table, const struct ynode *map) {
        for (; table->key; table++) {
                const struct ynode *n = ynode_get(map, table->key);

                if (!table->ops)
                        continue;
                if (table->ops == &op_only || !strcmp(table->key, "external") ||
                    !strcmp(table->key, "expires"))
                        continue; /* nothing to choose, or not beside what is shown: in words only */
                if (!n)
                        fail_msg("print-defaults has no \"%s\" in line %u's map", table->key, map->line);
                if (table->ops == &op_keyed)
                        n = n->items[0];
                if (table->ops == &op_keyed && *table->sub[1].key)
                        expect_fields(table->sub + 1, n);
                else if (table->ops != &op_keyed && table->sub && n->kind == YNODE_MAP)
                        expect_fields(table->sub, n);
                else if (table->ops != &op_keyed && table->sub && n->n)
                        expect_fields(table->sub, n->items[0]);
        }
}

static void test_printed_defaults_are_the_defaults(void **state) {
        const struct config_flags flags = { .vip = "172.18.0.192/22", .node_name = "n1", .cluster = true };
        const struct config_flags name = { .node_name = "n1" };
        CLEANUP(config_freep) struct config *printed = parse(config_defaults_text(), &name);
        CLEANUP(config_freep) struct config *built_in = parse("", &flags);

        (void)state;
        expect_equal(printed, built_in);
}

static void test_printed_defaults_hold_every_field(void **state) {
        CLEANUP(freep) char *text = uncomment(config_defaults_text());
        CLEANUP(config_freep) struct config *c = parse(text, NULL);
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        struct error e;

        (void)state;
        assert_int_equal(c->api_server.extra_volumes.n, 1);
        assert_int_equal(ydocs_parse(text, strlen(text), "t", &d, &e), 0);
        assert_int_equal(d.n, 3);
        expect_fields(fields_agent, d.items[0]);
        expect_fields(fields_cluster, d.items[1]);
        expect_fields(fields_init, d.items[2]);
}

/* ---- warnings ---- */

static void count(void *userdata, const char *text) {
        assert_non_null(text);
        ++*(unsigned *)userdata;
}

#define BOTH                                                                                                 \
        "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"                          \
        "vip: {address: [10.0.0.9/24, 'fd00::9/64']}\n"                                                      \
        "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"

static void test_warnings(void **state) {
        CLEANUP(config_freep) struct config *three = parse(alone, NULL);
        CLEANUP(config_freep)
        struct config *two = parse("apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                                   "vip: {address: 10.0.0.9/24, keyFile: /k, members: [{name: a, address: "
                                   "10.0.0.1}, {name: b, address: "
                                   "10.0.1.1}]}\n",
                                   NULL);
        CLEANUP(config_freep)
        struct config *uncertified = parse(BOTH, NULL);
        CLEANUP(config_freep)
        struct config *certified = parse(BOTH "apiServer: {certSANs: [a.b, 'fd00:0::9']}\n", NULL);
        unsigned n = 0;

        (void)state;
        config_warnings(three, count, &n);
        assert_int_equal(n, 0);
        config_warnings(two, count, &n);
        assert_int_equal(n, 2); /* two members, one of them elsewhere */
        n = 0;
        config_warnings(uncertified, count, &n);
        assert_int_equal(n, 1);
        config_warnings(certified, count, &n);
        assert_int_equal(n, 1);
}

static void expect_size(enum vip_election e, size_t n, size_t witnesses, const char *want) {
        char text[256];
        bool said = config_size_warning(e, n, witnesses, text, sizeof text);

        assert_true(strlen(said ? text : "") < sizeof text - 1);
        if (said != (want != NULL) || (said && !strstr(text, want)))
                fail_msg("%zu members: %s, wanted %s", n, said ? text : "nothing", want ? want : "nothing");
}

/* Each says what deaths do. */
static void test_numbers_of_members(void **state) {
        (void)state;
        expect_size(VIP_ELECTION_MAJORITY, 0, 0, NULL); /* not known yet */
        expect_size(VIP_ELECTION_MAJORITY, 1, 0, "one member: when it dies, nobody has the address");
        expect_size(VIP_ELECTION_MAJORITY, 2, 0, "two members: the death of either takes the address away");
        expect_size(VIP_ELECTION_MAJORITY, 2, 1, "two members: the death of either takes the address away");
        expect_size(VIP_ELECTION_MAJORITY, 3, 0, NULL);
        expect_size(VIP_ELECTION_MAJORITY, 3, 1, NULL);
        expect_size(VIP_ELECTION_MAJORITY, 3, 2, "all members but one are witnesses");
        expect_size(
                VIP_ELECTION_MAJORITY, 4, 0,
                "4 members: the address survives 1 death, as it does with 3; 2 deaths take it away, for 2 "
                "of 4 are no majority");
        expect_size(VIP_ELECTION_MAJORITY, 6, 0,
                    "survives 2 deaths, as it does with 5; 3 deaths take it away");
        expect_size(VIP_ELECTION_MAJORITY, 14, 0, "survives 6 deaths, as it does with 13; 7 deaths");
        expect_size(VIP_ELECTION_PRIORITY, 1, 0, NULL);
        expect_size(VIP_ELECTION_PRIORITY, 2, 0, "both take the address");
        expect_size(VIP_ELECTION_PRIORITY, 4, 0, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults_of_a_cluster),
                cmocka_unit_test(test_agent_alone),
                cmocka_unit_test(test_priority_by_position),
                cmocka_unit_test(test_router_id_from_the_address),
                cmocka_unit_test(test_flags_win),
                cmocka_unit_test(test_hostile_values_come_back),
                cmocka_unit_test(test_hostile_values_are_read),
                cmocka_unit_test(test_every_field),
                cmocka_unit_test(test_several_groups),
                cmocka_unit_test(test_many_groups),
                cmocka_unit_test(test_member_ids),
                cmocka_unit_test(test_state_dir),
                cmocka_unit_test(test_shared),
                cmocka_unit_test(test_printed_defaults_are_the_defaults),
                cmocka_unit_test(test_printed_defaults_hold_every_field),
                cmocka_unit_test(test_warnings),
                cmocka_unit_test(test_numbers_of_members),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
