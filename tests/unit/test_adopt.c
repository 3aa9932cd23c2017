/* Adoption: what keepalived does as a configuration of ours, what runs against what would be, the journal. */
#include "agent/adopt.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

#define CLUSTER                                                                                              \
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n"       \
        "controlPlaneEndpoint: 172.18.0.192:6443\n---\n"

static struct keepalived_conf *keepalived(const char *text) {
        struct keepalived_conf *c = NULL;
        struct error e = { 0 };

        if (keepalived_conf_parse(text, strlen(text), "k.conf", &c, &e) < 0)
                fail_msg("line %u: %s", e.line, e.message);
        return c;
}

static uint8_t twenty_two(const struct vrrp_ip *ip) {
        (void)ip;
        return 22;
}

/* What the agent reads from what adopt wrote. */
static struct config *through(const char *text, uint8_t (*prefix_of)(const struct vrrp_ip *)) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *k = keepalived(text);
        struct adopt_vip v = { .keepalived = k,
                               .node_name = "host1",
                               .self = "172.18.0.154",
                               .endpoint = "172.18.0.192",
                               .prefix_of = prefix_of };
        struct config_flags flags = { .cluster = true,
                                      .node_name = "host1",
                                      .advertise_address = "172.18.0.154" };
        CLEANUP(freep) char *vip = NULL;
        struct config *c = NULL;
        struct error e = { 0 };
        char whole[8192];
        size_t size;
        int n;

        assert_int_equal(adopt_vip_text(&v, &vip, &size), 0);
        n = snprintf(whole, sizeof whole, CLUSTER "%s", vip);
        if (config_parse(whole, (size_t)n, "c.yaml", &flags, &c, &e) < 0)
                fail_msg("line %u: %s\n%s", e.line, e.message, whole);
        return c;
}

static void the_usual_three_masters(void **state) {
        CLEANUP(config_freep)
        struct config *c = through("vrrp_script s { weight -2\n}\n"
                                   "vrrp_instance VI_1 {\n state MASTER\n interface eth0\n"
                                   " virtual_router_id 51\n priority 101\n advert_int 1\n"
                                   " virtual_ipaddress { 172.18.0.192/22 }\n track_script {\n s\n }\n}\n",
                                   NULL);
        const struct vip_config *v = config_vip(c);

        (void)state;
        assert_int_equal(c->vips.n, 1);
        assert_string_equal(vrrp_ip_text(&v->addresses[0].ip).v, "172.18.0.192");
        assert_int_equal(v->addresses[0].prefix, 22);
        assert_string_equal(v->interface, "eth0");
        assert_int_equal(v->vrid, 51);
        assert_int_equal(v->version, 2);
        assert_int_equal(v->interval_us, 1000000);
        assert_int_equal(v->priority, 101);
        assert_int_equal(v->transport, VIP_TRANSPORT_IP);
        assert_int_equal(v->election, VIP_ELECTION_PRIORITY);
        assert_int_equal(v->preempt, VIP_PREEMPT_ALWAYS);
        assert_true(v->accept);
        assert_false(v->unicast || v->virtual_mac);
        assert_int_equal(c->cni, CNI_NONE);
}

static void unicast_and_all_the_rest(void **state) {
        CLEANUP(config_freep)
        struct config *c =
                through("vrrp_instance a {\n version 3\n nopreempt\n preempt_delay 2\n"
                        " interface bond0\n virtual_router_id 7\n priority 150\n advert_int 0.25\n"
                        " no_accept\n unicast_src_ip 172.18.0.154\n unicast_peer {\n 172.18.0.155\n"
                        " 172.18.0.156\n }\n virtual_ipaddress { 172.18.0.192 }\n}\n",
                        twenty_two);
        const struct vip_config *v = config_vip(c);

        (void)state;
        assert_int_equal(v->version, 3);
        assert_int_equal(v->interval_us, 250000);
        assert_int_equal(v->preempt, VIP_PREEMPT_NEVER);
        assert_int_equal(v->preempt_delay_us, 2000000);
        assert_false(v->accept);
        assert_true(v->unicast);
        assert_int_equal(v->addresses[0].prefix, 22);
        assert_int_equal(v->n_members, 3);
        assert_string_equal(v->members[0].name, "host1");
        assert_string_equal(vrrp_ip_text(&v->members[2].address).v, "172.18.0.156");
}

static void the_endpoint_s_group_is_the_first(void **state) {
        CLEANUP(config_freep)
        struct config *c = through("vrrp_instance ingress {\n interface eth0\n virtual_router_id 9\n"
                                   " virtual_ipaddress { 172.18.0.200/22 }\n}\n"
                                   "vrrp_instance api {\n interface eth0\n virtual_router_id 51\n"
                                   " virtual_ipaddress {\n 172.18.0.192/22\n }\n}\n",
                                   NULL);

        (void)state;
        assert_int_equal(c->vips.n, 2);
        assert_int_equal(c->vips.items[0].vrid, 51);
        assert_int_equal(c->vips.items[1].vrid, 9);
}

static void expect_differences(const char *runs, const char *wanted, const char *lines) {
        char out[1024];

        adopt_differences(runs, strlen(runs), wanted, strlen(wanted), out, sizeof out);
        assert_string_equal(out, lines);
}

static void differences_name_path_and_values(void **state) {
        (void)state;
        expect_differences("a: 1\nb: [x, y]\n", "b: [x, y]\na: 1\n", "");
        expect_differences("a: {b: 1}\n", "a: {b: 2}\n", "\n\t\ta.b: is `1`, would be `2`");
        expect_differences("c: [k, --a=1, --b=2]\n", "c: [k, --b=3, --d=4]\n",
                           "\n\t\tc[1]: is `--a=1`, would not be there"
                           "\n\t\tc[2]: is `--b=2`, would be `--b=3`"
                           "\n\t\tc[2]: not there, would be `--d=4`");
        expect_differences("v: [{name: x, p: 1}, {name: y}]\n", "v: [{name: y}, {name: x, p: 2}]\n",
                           "\n\t\tv[0].p: is `1`, would be `2`");
        expect_differences("a: [", "a: 1", "");
}

static void the_journal_comes_back(void **state) {
        struct adopt_state s = { .step = ADOPT_MASKED, .was_enabled = true, .made_config = true }, back;
        char path[PATH_MAX];
        struct error e;
        FILE *f;

        snprintf(s.unit, sizeof s.unit, "keepalived.service");
        assert_int_equal(adopt_state_load(*state, &back, &e), -ENOENT);
        assert_int_equal(adopt_state_save(*state, &s, &e), 0);
        assert_int_equal(adopt_state_load(*state, &back, &e), 0);
        assert_int_equal(back.step, ADOPT_MASKED);
        assert_string_equal(back.unit, "keepalived.service");
        assert_true(back.was_enabled && back.made_config && !back.was_active);
        assert_non_null(f = fopen(tmp_path(*state, ADOPT_FILE, path), "we"));
        fputs("{ \"version\": 1 }", f);
        fclose(f);
        assert_int_equal(adopt_state_load(*state, &back, &e), -EBADMSG);
        assert_string_equal(e.file, ADOPT_FILE);
        adopt_state_remove(*state);
        assert_int_equal(adopt_state_load(*state, &back, &e), -ENOENT);
}

/* Flow style is no concern of who wrote a file by hand. */
static void the_node_is_known_from_its_pods(void **state) {
        static const char api[] = "spec: {containers: [{command: [kube-apiserver, "
                                  "--advertise-address=172.18.0.154, --secure-port=7443]}]}\n";
        static const char etcd[] =
                "spec: {containers: [{command: [etcd, --name=host1, --initial-cluster-state=existing, "
                "\"--initial-cluster=host1=https://172.18.0.154:2380\"]}]}\n";
        struct adopt_node n;
        char path[PATH_MAX];
        struct error e;
        FILE *f;

        assert_true(adopt_node_read(*state, &n, &e) < 0);
        assert_non_null(strstr(e.message, "no master"));
        assert_int_equal(mkdir(tmp_path(*state, "etc", path), 0700), 0);
        assert_int_equal(mkdir(tmp_path(*state, "etc/kubernetes", path), 0700), 0);
        assert_int_equal(mkdir(tmp_path(*state, "etc/kubernetes/manifests", path), 0700), 0);
        assert_non_null(
                f = fopen(tmp_path(*state, "etc/kubernetes/manifests/kube-apiserver.yaml", path), "we"));
        fputs(api, f);
        fclose(f);
        assert_non_null(f = fopen(tmp_path(*state, "etc/kubernetes/manifests/etcd.yaml", path), "we"));
        fputs(etcd, f);
        fclose(f);
        assert_int_equal(adopt_node_read(*state, &n, &e), 0);
        assert_string_equal(n.name, "host1");
        assert_string_equal(n.advertise_address, "172.18.0.154");
        assert_string_equal(n.bind_port, "7443");
        assert_string_equal(n.initial_cluster, "host1=https://172.18.0.154:2380");
        assert_string_equal(n.cri_socket, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_usual_three_masters),
                cmocka_unit_test(unicast_and_all_the_rest),
                cmocka_unit_test(the_endpoint_s_group_is_the_first),
                cmocka_unit_test(differences_name_path_and_values),
                tmp_test(the_journal_comes_back),
                tmp_test(the_node_is_known_from_its_pods),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
