/* Each of kubeadm's `timeouts` reaches the wait it names: it alone is a second, the others are an hour, and
 * what is waited for never comes. Of `discovery` see test_join.c, for its wait needs a master that is busy.
 */
#include "agent/join.h"
#include "agent/phase_kube.h"
#include "tests/unit/enroll_service.h"
#include "tests/unit/kube_server.h"
#include <sys/mman.h>

#define SECOND_US UINT32_C(1000000)
/* Of the waits that do not say how long they were: less than the default, and enough for a busy machine. */
enum { LIMIT_S = 45 };

static const char config_text[] =
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\nnodeRegistration: {name: host1}\n---\n"
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        "controlPlaneEndpoint: 172.18.0.192:6443\n";

static struct join joining(struct config *c) {
        struct join j = { .root = "", .config = c, .state = { .n_endpoints = 1 } };

        snprintf(j.state.node_name, sizeof j.state.node_name, "host1");
        snprintf(j.state.address, sizeof j.state.address, "127.0.0.1");
        snprintf(j.state.endpoints[0], sizeof j.state.endpoints[0], "https://127.0.0.1:2379");
        return j;
}

static int wait_for_api_server(struct config *c, struct error *e) {
        struct phase_ctx ctx = { .config = c, .root = "" };

        return phase_wait(&ctx, NULL, e);
}

static int call_api_server(struct config *c, struct error *e) {
        struct phase_ctx ctx = { .config = c, .root = "" };
        struct kube *k;

        return phase_kube_open(&ctx, &k, e);
}

static int start_etcd(struct config *c, struct error *e) {
        struct join j = joining(c);

        return join_etcd_started(&j, e);
}

static int ask_own_etcd(struct config *c, struct error *e) {
        struct join j = joining(c);

        return join_etcd_serves(&j, e);
}

static int promote(struct config *c, struct error *e) {
        struct join j = joining(c);

        return join_etcd_promote(&j, e);
}

static int register_worker(struct config *c, struct error *e) {
        struct join j = joining(c);

        return join_worker_wait(&j, e);
}

static const struct wait {
        const char *field;
        size_t offset; /* in struct timeouts */
        int (*run)(struct config *c, struct error *e);
        int result;
        const char *says;
} waits[] = {
#define WAIT(field, member) field, offsetof(struct timeouts, member)
        { WAIT("controlPlaneComponentHealthCheck", control_plane_us), wait_for_api_server, -ETIMEDOUT,
          "does not answer, 1 s were waited for it" },
        { WAIT("controlPlaneComponentHealthCheck", control_plane_us), start_etcd, -ETIMEDOUT,
          "gave up after 1 s waiting for this machine's etcd to start" },
        { WAIT("controlPlaneComponentHealthCheck", control_plane_us), ask_own_etcd, -ETIMEDOUT,
          "gave up after 1 s waiting for this machine's etcd to serve" },
        { WAIT("kubeletHealthCheck", kubelet_us), wait_for_api_server, -ETIMEDOUT,
          "the kubelet (http://127.0.0.1:10248/healthz): " },
        { WAIT("kubernetesAPICall", api_call_us), call_api_server, -EAGAIN,
          "does kube-apiserver run there?" },
        { WAIT("etcdAPICall", etcd_call_us), promote, -ETIMEDOUT,
          "gave up after 1 s waiting for etcd to make this machine a voting member" },
        { WAIT("tlsBootstrap", tls_bootstrap_us), register_worker, -ETIMEDOUT,
          "the kubelet has not registered this node, 1 s were waited for it" },
};

struct outcome {
        int r;
        struct error e;
};

/* In a child, whose root is the test's directory. */
static void run(void *state, const struct wait *w, struct config *c, struct outcome *ret) {
        struct outcome *shared =
                mmap(NULL, sizeof *ret, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int status;
        pid_t pid;

        assert_ptr_not_equal(shared, MAP_FAILED);
        fflush(NULL);
        if ((pid = fork()) == 0) {
                alarm(LIMIT_S);
                shared->r = chroot(state) < 0 ? -errno : w->run(c, &shared->e);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status))
                fail_msg("%s: is still waiting after %d s", w->field, LIMIT_S);
        *ret = *shared;
        munmap(shared, sizeof *shared);
}

static void make_tree(void *state) {
        char from[PATH_MAX], to[PATH_MAX], *text;
        size_t size;

        server_make_pki(state);
        tmp_path(state, KUBE_DIR "/admin.conf", from);
        tmp_path(state, KUBE_DIR "/kubelet.conf", to);
        (void)unlink(to);
        assert_int_equal(pki_file_read(from, 65536, &text, &size), 0);
        assert_int_equal(pki_file_write(to, 0600, (gid_t)-1, text, size, 0), 0);
        pki_wipe_free(text);
}

static void test_each_reaches_its_wait(void **state) {
        struct error e = { 0 };

        make_tree(*state);
        for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
                CLEANUP(config_freep) struct config *c = NULL;
                struct outcome o;

                assert_int_equal(config_parse(config_text, sizeof config_text - 1, "t", NULL, &c, &e), 0);
                free(c->advertise_address);
                c->advertise_address = strdup("127.0.0.1"); /* where nobody listens */
                for (size_t k = 0; k < sizeof c->timeouts / sizeof(uint32_t); k++)
                        ((uint32_t *)&c->timeouts)[k] = 3600 * SECOND_US;
                *(uint32_t *)(void *)((char *)&c->timeouts + waits[i].offset) = SECOND_US;
                run(*state, &waits[i], c, &o);
                if (o.r != waits[i].result || !strstr(o.e.message, waits[i].says))
                        fail_msg("%s: %d: %s", waits[i].field, o.r, o.e.message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_each_reaches_its_wait),
        };

        if (own_network() < 0) {
                fprintf(stderr, "needs root, for a network namespace of its own\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
