#include "agent/join.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/crypto.h>

static int step_host(struct join *j, struct error *e) {
        return phase_run(&j->ctx, "host", e);
}

static int step_runtime(struct join *j, struct error *e) {
        return phase_run(&j->ctx, "runtime", e);
}

static int step_images(struct join *j, struct error *e) {
        return phase_run(&j->ctx, "images", e);
}

static int step_certs(struct join *j, struct error *e) {
        return phase_certs(&j->ctx, "all", e);
}

static int step_forget_bundle(struct join *j, struct error *e) {
        int r = join_file_remove(j->root, JOIN_BUNDLE, e);

        return r < 0 ? r : join_file_remove(j->root, JOIN_KEY, e);
}

static int step_kubeconfig(struct join *j, struct error *e) {
        return phase_kubeconfig(&j->ctx, "all", e);
}

static int step_etcd_pod(struct join *j, struct error *e) {
        return phase_etcd(&j->ctx, "local", e);
}

static int step_control_plane(struct join *j, struct error *e) {
        return phase_control_plane(&j->ctx, "all", e);
}

static int step_kubelet(struct join *j, struct error *e) {
        return phase_kubelet_start(&j->ctx, NULL, e);
}

static int step_agent(struct join *j, struct error *e) {
        return phase_agent(&j->ctx, NULL, e);
}

static int step_wait(struct join *j, struct error *e) {
        return phase_wait(&j->ctx, NULL, e);
}

static int step_mark(struct join *j, struct error *e) {
        return phase_mark_control_plane(&j->ctx, NULL, e);
}

/* The member is added before etcd's pod exists, which needs the list of members, and promoted after the
 * kubelet has started it. The API server comes when that etcd votes, which is when it has all data: before,
 * it would give up after 20 s and be held back by the kubelet. It starts while etcd may still wait some
 * seconds before it serves (join_etcd_serves()), and so does the agent, with the list of the address's
 * members as the others have it, without a vote; then this machine adds itself, and the others have somebody
 * to ask from their first claim on. The number of a step is in journals: add at the end of a version only. */
typedef int (*step_fn)(struct join *j, struct error *e);
static const step_fn master_steps[] = {
        join_enrol,   step_host,          step_runtime,       step_images,        join_shared_pki,
        step_certs,   step_forget_bundle, step_kubeconfig,    join_etcd_add,      step_etcd_pod,
        step_kubelet, join_etcd_started,  join_etcd_promote,  step_control_plane, join_members_fetch,
        step_agent,   join_etcd_serves,   join_members_enter, step_wait,          step_mark,
};
static const step_fn worker_steps[] = {
        join_enrol,         step_host,    step_runtime,     join_shared_pki, join_worker_credentials,
        step_forget_bundle, step_kubelet, join_worker_wait,
};

static const step_fn *steps_of(const struct join *j, size_t *ret_n) {
        *ret_n = j->worker ? ARRAY_SIZE(worker_steps) : ARRAY_SIZE(master_steps);
        return j->worker ? worker_steps : master_steps;
}

static int load_state(struct join *j, struct error *e) {
        uint8_t pub[PKI_X25519_SIZE];
        int r = join_state_load(j->root, &j->state, e);

        j->resumed = r == 0;
        if (r != -ENOENT)
                return r;
        if (j->flags.dry_run) {
                j->state = (struct join_state){ 0 };
                return 0;
        }
        j->state = (struct join_state){ .role = j->worker ? ENROLL_WORKER : ENROLL_MASTER };
        if ((r = pki_x25519_generate(j->state.key, pub)) < 0)
                error_set(e, EXIT_FAILED, "cannot make a key: %s", strerror(-r));
        return r;
}

/* A journal stands for one node of one cluster. */
static int check_same(const struct join *j, struct error *e) {
        const struct join_state *s = &j->state;
        bool same = j->pins.n == 0 || !*s->cluster_id;

        for (size_t i = 0; i < j->pins.n; i++)
                same |= !strncmp(j->pins.v[i] + strlen("sha256:"), s->cluster_id, PKI_CLUSTER_ID_SIZE - 1);
        if (!same)
                return error_set(
                        e, EXIT_INPUT,
                        "this machine %s another cluster (its CA's hash begins with sha256:%s); `triarch "
                        "reset` takes it back to before",
                        s->finished ? "belongs to" : "is on its way into", s->cluster_id);
        if (*s->cluster_id && (s->role == ENROLL_WORKER) != j->worker)
                return error_set(
                        e, EXIT_INPUT,
                        "this machine %s the cluster as a %s, not as a %s; `triarch reset` takes it back to "
                        "before",
                        s->finished ? "is in" : "is on its way into", enroll_role_name(s->role),
                        enroll_role_name(j->worker ? ENROLL_WORKER : ENROLL_MASTER));
        if (*s->cluster_id && j->flags.node_name && strcmp(j->flags.node_name, s->node_name) != 0)
                return error_set(
                        e, EXIT_INPUT,
                        "this machine %s the cluster as %s, not as %s; `triarch reset` takes it back to "
                        "before",
                        s->finished ? "is in" : "is on its way into", s->node_name, j->flags.node_name);
        return 0;
}

static int check_needed(const struct join *j, struct error *e) {
        if (*j->state.cluster_id)
                return 0;
        if (!j->host)
                return error_set(e, EXIT_INPUT,
                                 "which master? triarch join %sHOST[:PORT] --token T "
                                 "--discovery-token-ca-cert-hash sha256:HEX",
                                 j->worker ? "--worker " : "");
        if (!j->token)
                return error_set(e, EXIT_INPUT,
                                 "--token is missing; `triarch token create %s--print-join-command` on a "
                                 "master prints the whole command",
                                 j->worker ? "--worker " : "");
        if (j->pins.n == 0)
                return error_set(e, EXIT_INPUT,
                                 "--discovery-token-ca-cert-hash is missing: without it anyone could "
                                 "answer as the master");
        return 0;
}

static int run_steps(struct join *j, struct error *e) {
        size_t n;
        const step_fn *steps = steps_of(j, &n);
        int r;

        if (j->state.step > 0) {
                printf("[join] going on where an earlier run stopped, as %s at %s\n", j->state.node_name,
                       j->state.address);
                if ((r = join_load_config(j, e)) < 0)
                        return r;
        }
        while (j->state.step < n) {
                j->ctx.initial_cluster = *j->state.initial_cluster ? j->state.initial_cluster : NULL;
                if ((r = steps[j->state.step](j, e)) < 0)
                        return r;
                j->state.step++;
                j->state.finished = j->state.step == n;
                if ((r = join_state_save(j->root, &j->state, e)) < 0)
                        return r;
                if (!j->config && ((r = join_load_config(j, e)) < 0 || (r = phase_validate(&j->ctx, e)) < 0))
                        return r;
        }
        return 0;
}

static int dry_run(struct join *j, struct error *e) {
        int r;

        if ((r = load_state(j, e)) < 0 || (r = check_same(j, e)) < 0 || (r = check_needed(j, e)) < 0)
                return r;
        return join_dry_run(j, e);
}

int join_run(struct join *j, struct error *e) {
        CLEANUP(closep) int lock = -1;
        int r;

        j->ctx = (struct phase_ctx){
                .root = j->root, .join = true, .worker = j->worker, .skip_token = true, .verbose = j->verbose
        };
        if (j->flags.dry_run)
                return dry_run(j, e);
        if ((r = phase_lock(j->root, &lock, e)) < 0)
                return r;
        phase_sweep(j->root, j->config ? j->config->cert_dir : NULL);
        if ((r = load_state(j, e)) < 0 || (r = check_same(j, e)) < 0)
                return r;
        j->state.role = j->worker ? ENROLL_WORKER : ENROLL_MASTER; /* nothing was done yet as another */
        if (j->state.finished) {
                printf("This machine has joined already, as %s at %s: nothing was changed.\n",
                       j->state.node_name, j->state.address);
                return 0;
        }
        if ((r = check_needed(j, e)) < 0 || (r = run_steps(j, e)) < 0)
                return r;
        if (j->worker)
                printf("\nThis machine is a worker now: %s at %s.\n", j->state.node_name, j->state.address);
        else
                printf("\nThis machine is a master now: %s at %s, the cluster's number %u.\n",
                       j->state.node_name, j->state.address, j->state.position + 1);
        return 0;
}

void join_done(struct join *j) {
        config_free(j->config);
        j->config = NULL;
        OPENSSL_cleanse(j->state.key, sizeof j->state.key);
}
