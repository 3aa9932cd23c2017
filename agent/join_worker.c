#include "agent/join.h"
#include "agent/kube.h"
#include "agent/monotonic.h"
#include "pki/file.h"
#include "pki/node.h"
#include <errno.h>
#include <time.h>

#define KUBELET_CONF  "/etc/kubernetes/kubelet.conf"
#define MANIFESTS_DIR "/etc/kubernetes/manifests"
enum { PAUSE_MS = 300, REPORT_S = 10, CALL_TIMEOUT_MS = 3000 };

/* Like the journal's own key, it must outlive a crash: the token may have been spent on it. */
static int stored_key(struct join *j, char **ret, struct error *e) {
        size_t size;
        int r = join_file_get(j->root, JOIN_KEY, ret, &size, e);

        if (r != -ENOENT)
                return r;
        if ((r = pki_node_key(ret)) < 0)
                return error_set(e, EXIT_FAILED, "cannot make a key: %s", strerror(-r));
        return join_file_put(j->root, JOIN_KEY, *ret, strlen(*ret), e);
}

int join_worker_key(struct join *j, char **ret_key_pem, char **ret_csr_pem, struct error *e) {
        CLEANUP(pki_wipe_freep) char *key = NULL;
        int r = stored_key(j, &key, e);

        if (r < 0)
                return r;
        if (ret_csr_pem && pki_node_request(key, ret_csr_pem) < 0)
                return error_set(e, EXIT_FAILED,
                                 "the join journal's %s is no key; `triarch reset` starts over", JOIN_KEY);
        if (ret_key_pem)
                *ret_key_pem = TAKE_PTR(key);
        return 0;
}

static void on_file(void *userdata, enum pki_action action, const char *file) {
        phase_report(userdata, "kubeconfig", action == PKI_MADE, file);
}

static int install(struct join *j, const char *key, const char *certificate, struct error *e) {
        struct pki_error pe = { 0 };
        struct pki_params p;
        int r = phase_pki_params(&j->ctx, &p, e);

        if (r < 0)
                return r;
        r = pki_node_install(&p, key, certificate, on_file, &j->ctx, &pe);
        return r < 0 ? error_from_pki(e, EXIT_FAILED, &pe) : 0;
}

/* The kubelet watches the directory of static pods, and complains for as long as it is not there. */
int join_worker_credentials(struct join *j, struct error *e) {
        CLEANUP(pki_wipe_freep) char *key = NULL;
        struct enroll_bundle b = { 0 };
        char dir[PATH_MAX];
        int r;

        if ((r = join_bundle_load(j, &b, e)) == 0 && (r = join_worker_key(j, &key, NULL, e)) == 0)
                r = install(j, key, b.certificate, e);
        enroll_bundle_done(&b);
        if (r < 0)
                return r;
        r = phase_path(&j->ctx, MANIFESTS_DIR, dir) ? pki_mkdir_p(dir, 0700) : -ENAMETOOLONG;
        return r < 0 ? error_set(e, EXIT_FAILED, "cannot make %s: %s", MANIFESTS_DIR, strerror(-r)) : 0;
}

/* 1: the API server has the node; 0 with the reason in *why: not yet. */
static int registered(const struct join *j, struct error *why) {
        const struct kube_ref node = { .api_version = "v1", .kind = "Node", .name = j->state.node_name };
        CLEANUP(kube_freep) struct kube *k = NULL;
        int r = kube_open(KUBELET_CONF, NULL, &k, why);

        if (r < 0)
                return r;
        kube_limits(k, CALL_TIMEOUT_MS, 0);
        r = kube_get(k, &node, NULL, why);
        if (r == -ENOENT)
                error_set(why, EXIT_FAILED, "the API server has no node %s yet", j->state.node_name);
        return r < 0 ? 0 : 1;
}

/* With the kubelet's own credentials, so that it is known that they work; the kubelet makes the node. */
int join_worker_wait(struct join *j, struct error *e) {
        int64_t now, start_us = monotonic_us(), said_us = start_us;
        uint32_t limit_us = j->config->timeouts.tls_bootstrap_us;
        int limit_s = (int)(limit_us / 1000000), r;
        struct error why = { 0 };

        if (*j->root)
                return 0;
        while ((r = registered(j, &why)) == 0) {
                now = monotonic_us();
                if (now - start_us > limit_us) {
                        error_set(
                                e, EXIT_FAILED,
                                "the kubelet has not registered this node, %d s were waited for it: %.600s; "
                                "look at `journalctl -u kubelet`, then run this again",
                                limit_s, why.message);
                        return -ETIMEDOUT;
                }
                if (now - said_us > REPORT_S * INT64_C(1000000)) {
                        printf("[kubelet-wait] %d s of %d s: %s\n", (int)((now - start_us) / 1000000),
                               limit_s, why.message);
                        fflush(stdout);
                        said_us = now;
                }
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
        }
        if (r < 0) {
                *e = why;
                return r;
        }
        printf("[kubelet-wait] the node %s is registered after %.1f s\n", j->state.node_name,
               (double)(monotonic_us() - start_us) / 1e6);
        return 0;
}
