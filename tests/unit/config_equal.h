/* Two configurations member by member, by hand: shares nothing with the tables under test. */
#ifndef TESTS_CONFIG_EQUAL_H
#define TESTS_CONFIG_EQUAL_H

#include "agent/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static inline void expect_text(const char *a, const char *b) {
        assert_int_equal(!a, !b);
        if (a)
                assert_string_equal(a, b);
}

static inline void expect_strings(const struct str_list *a, const struct str_list *b) {
        assert_int_equal(a->n, b->n);
        for (size_t i = 0; i < a->n; i++)
                expect_text(a->items[i], b->items[i]);
}

static inline void expect_pairs(const struct name_values *a, const struct name_values *b) {
        assert_int_equal(a->n, b->n);
        for (size_t i = 0; i < a->n; i++) {
                expect_text(a->items[i].name, b->items[i].name);
                expect_text(a->items[i].value, b->items[i].value);
        }
}

static inline void expect_component(const struct component *a, const struct component *b) {
        expect_pairs(&a->extra_args, &b->extra_args);
        expect_pairs(&a->extra_envs, &b->extra_envs);
        assert_int_equal(a->extra_volumes.n, b->extra_volumes.n);
        for (size_t i = 0; i < a->extra_volumes.n; i++) {
                const struct extra_volume *v = &a->extra_volumes.items[i], *w = &b->extra_volumes.items[i];

                expect_text(v->name, w->name);
                expect_text(v->host_path, w->host_path);
                expect_text(v->mount_path, w->mount_path);
                expect_text(v->path_type, w->path_type);
                assert_int_equal(v->read_only, w->read_only);
        }
}

static inline void expect_member(const struct member *a, const struct member *b) {
        expect_text(a->name, b->name);
        assert_true(vrrp_ip_equal(&a->address, &b->address));
        assert_int_equal(a->id, b->id);
        assert_int_equal(a->witness, b->witness);
}

static inline void expect_vip(const struct vip_config *a, const struct vip_config *b) {
        assert_int_equal(a->n_addresses, b->n_addresses);
        for (size_t i = 0; i < a->n_addresses; i++) {
                assert_true(vrrp_ip_equal(&a->addresses[i].ip, &b->addresses[i].ip));
                assert_int_equal(a->addresses[i].prefix, b->addresses[i].prefix);
        }
        expect_text(a->interface, b->interface);
        expect_text(a->key_file, b->key_file);
        assert_int_equal(a->vrid, b->vrid);
        assert_int_equal(a->interval_us, b->interval_us);
        assert_int_equal(a->transport, b->transport);
        assert_int_equal(a->election, b->election);
        assert_int_equal(a->preempt, b->preempt);
        assert_int_equal(a->preempt_delay_us, b->preempt_delay_us);
        assert_int_equal(a->version, b->version);
        assert_int_equal(a->checksum, b->checksum);
        assert_int_equal(a->unicast, b->unicast);
        assert_int_equal(a->virtual_mac, b->virtual_mac);
        assert_int_equal(a->accept, b->accept);
        assert_int_equal(a->standby, b->standby);
        assert_int_equal(a->removal_us, b->removal_us);
        assert_int_equal(a->priority, b->priority);
        assert_int_equal(a->port, b->port);
        assert_true(vrrp_ip_equal(&a->self, &b->self));
        assert_int_equal(a->n_members, b->n_members);
        for (size_t i = 0; i < a->n_members; i++)
                expect_member(&a->members[i], &b->members[i]);
}

static inline void expect_plain_check(const struct plain_check *a, const struct plain_check *b) {
        assert_int_equal(a->enabled, b->enabled);
        if (!a->enabled)
                return; /* how a check that is not made would be made does not matter */
        expect_text(a->endpoint, b->endpoint);
        assert_int_equal(a->interval_us, b->interval_us);
        assert_int_equal(a->timeout_us, b->timeout_us);
}

static inline void expect_health(const struct health_config *a, const struct health_config *b) {
        const struct http_check *p = &a->api_server, *q = &b->api_server;

        assert_int_equal(p->enabled, q->enabled);
        if (p->enabled) {
                expect_text(p->endpoint, q->endpoint);
                expect_text(p->ca_file, q->ca_file);
                expect_text(p->cert_file, q->cert_file);
                expect_text(p->key_file, q->key_file);
                assert_int_equal(p->interval_us, q->interval_us);
                assert_int_equal(p->timeout_us, q->timeout_us);
                assert_int_equal(p->fall, q->fall);
                assert_int_equal(p->rise, q->rise);
        }
        expect_plain_check(&a->etcd, &b->etcd);
        expect_plain_check(&a->kubelet, &b->kubelet);
        assert_int_equal(a->clock.enabled, b->clock.enabled);
        if (a->clock.enabled) {
                assert_int_equal(a->clock.port, b->clock.port);
                assert_int_equal(a->clock.interval_us, b->clock.interval_us);
        }
}

static inline void expect_node(const struct config *a, const struct config *b) {
        assert_int_equal(a->taints_given, b->taints_given);
        assert_int_equal(a->taints.n, b->taints.n);
        for (size_t i = 0; i < a->taints.n; i++) {
                expect_text(a->taints.items[i].key, b->taints.items[i].key);
                expect_text(a->taints.items[i].value, b->taints.items[i].value);
                expect_text(a->taints.items[i].effect, b->taints.items[i].effect);
        }
        assert_int_equal(a->image_pull_policy, b->image_pull_policy);
        assert_int_equal(a->image_pull_serial, b->image_pull_serial);
        assert_memory_equal(&a->timeouts, &b->timeouts, sizeof a->timeouts);
}

static inline void expect_registries(const struct config *a, const struct config *b) {
        expect_strings(&a->time_servers, &b->time_servers);
        assert_int_equal(a->registry_mirrors.n, b->registry_mirrors.n);
        for (size_t i = 0; i < a->registry_mirrors.n; i++) {
                expect_text(a->registry_mirrors.items[i].registry, b->registry_mirrors.items[i].registry);
                expect_strings(&a->registry_mirrors.items[i].mirrors, &b->registry_mirrors.items[i].mirrors);
        }
        assert_int_equal(a->registries.n, b->registries.n);
        for (size_t i = 0; i < a->registries.n; i++) {
                expect_text(a->registries.items[i].host, b->registries.items[i].host);
                expect_text(a->registries.items[i].ca_file, b->registries.items[i].ca_file);
                expect_text(a->registries.items[i].username, b->registries.items[i].username);
                expect_text(a->registries.items[i].password_file, b->registries.items[i].password_file);
        }
        assert_int_equal(a->cni, b->cni);
        assert_int_equal(a->flannel_backend, b->flannel_backend);
        expect_text(a->flannel_image_repository, b->flannel_image_repository);
        assert_int_equal(a->api_load_balancing, b->api_load_balancing);
}

static inline void expect_cluster(const struct config *a, const struct config *b) {
        expect_text(a->cluster_name, b->cluster_name);
        expect_text(a->kubernetes_version, b->kubernetes_version);
        expect_text(a->image_repository, b->image_repository);
        expect_text(a->endpoint_host, b->endpoint_host);
        assert_int_equal(a->endpoint_port, b->endpoint_port);
        expect_text(a->service_subnet, b->service_subnet);
        expect_text(a->pod_subnet, b->pod_subnet);
        expect_text(a->dns_domain, b->dns_domain);
        expect_text(a->service_ip, b->service_ip);
        expect_text(a->cluster_dns, b->cluster_dns);
        expect_text(a->cert_dir, b->cert_dir);
        expect_strings(&a->cert_sans, &b->cert_sans);
        expect_component(&a->api_server, &b->api_server);
        expect_component(&a->controller_manager, &b->controller_manager);
        expect_component(&a->scheduler, &b->scheduler);
        expect_component(&a->etcd, &b->etcd);
        expect_text(a->etcd_data_dir, b->etcd_data_dir);
        expect_text(a->etcd_image_repository, b->etcd_image_repository);
        expect_text(a->etcd_image_tag, b->etcd_image_tag);
        expect_strings(&a->etcd_server_sans, &b->etcd_server_sans);
        expect_strings(&a->etcd_peer_sans, &b->etcd_peer_sans);
        assert_int_equal(a->alg, b->alg);
        assert_int_equal(a->certificate_validity_s, b->certificate_validity_s);
        assert_int_equal(a->ca_certificate_validity_s, b->ca_certificate_validity_s);
        expect_strings(&a->etcd_external.endpoints, &b->etcd_external.endpoints);
        expect_strings(&a->etcd_external.http_endpoints, &b->etcd_external.http_endpoints);
        expect_text(a->etcd_external.ca_file, b->etcd_external.ca_file);
        expect_text(a->etcd_external.cert_file, b->etcd_external.cert_file);
        expect_text(a->etcd_external.key_file, b->etcd_external.key_file);
        assert_int_equal(a->feature_gates.n, b->feature_gates.n);
        for (size_t i = 0; i < a->feature_gates.n; i++) {
                expect_text(a->feature_gates.items[i].name, b->feature_gates.items[i].name);
                assert_int_equal(a->feature_gates.items[i].on, b->feature_gates.items[i].on);
        }
        assert_int_equal(a->proxy_disabled, b->proxy_disabled);
        assert_int_equal(a->dns_disabled, b->dns_disabled);
        expect_text(a->dns_image_repository, b->dns_image_repository);
        expect_text(a->dns_image_tag, b->dns_image_tag);
        expect_text(a->kubelet_config_text, b->kubelet_config_text);
        expect_text(a->kube_proxy_config_text, b->kube_proxy_config_text);
        expect_node(a, b);
        expect_registries(a, b);
}

/* All but token_ttl_s, which is for one run of init and not written down. */
static inline void expect_equal(const struct config *a, const struct config *b) {
        expect_text(a->node_name, b->node_name);
        assert_int_equal(a->cluster, b->cluster);
        expect_cluster(a, b);
        expect_text(a->advertise_address, b->advertise_address);
        assert_int_equal(a->bind_port, b->bind_port);
        expect_text(a->cri_socket, b->cri_socket);
        expect_pairs(&a->kubelet_extra_args, &b->kubelet_extra_args);
        expect_strings(&a->ignore_preflight_errors, &b->ignore_preflight_errors);
        expect_strings(&a->skip_phases, &b->skip_phases);
        expect_text(a->patches_dir, b->patches_dir);
        assert_int_equal(a->vips.n, b->vips.n);
        for (size_t i = 0; i < a->vips.n; i++)
                expect_vip(&a->vips.items[i], &b->vips.items[i]);
        assert_int_equal(a->members_generation, b->members_generation);
        expect_health(&a->health, &b->health);
        assert_true(a->time_max_offset_s > b->time_max_offset_s - 1e-9 &&
                    a->time_max_offset_s < b->time_max_offset_s + 1e-9);
        assert_int_equal(a->enroll_port, b->enroll_port);
        assert_int_equal(a->metrics_port, b->metrics_port);
        expect_text(a->socket_path, b->socket_path);
        expect_text(a->state_dir, b->state_dir);
}

#endif
