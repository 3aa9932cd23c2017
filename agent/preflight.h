/* The checks before anything is written, under kubeadm's names where kubeadm has them, all made before
 * the verdict, so that one run tells everything. They change nothing. */
#ifndef AGENT_PREFLIGHT_H
#define AGENT_PREFLIGHT_H

#include "agent/phase.h"
#include "agent/unit.h"

enum preflight_level { PREFLIGHT_WARNING, PREFLIGHT_ERROR };

struct preflight_finding {
        enum preflight_level level;
        char name[96];
        char text[1024];
};

enum { PREFLIGHT_MAX_FINDINGS = 48 };
struct preflight {
        const struct phase_ctx *ctx; /* join and worker select the column of the table */
        /* This machine was made by an earlier run of the same command: what that run put here (ports in
         * use, files, the address answered) is no obstacle. */
        bool rerun;
        struct unit_bus *bus; /* NULL: there is none (a finding of its own), or under a root */
        int vrid_fd; /* listens for other virtual routers since vrid_since_us; negative errno: it cannot */
        int64_t vrid_since_us;
        struct preflight_finding v[PREFLIGHT_MAX_FINDINGS];
        size_t n;
};

/* Make all checks and print what they found, as kubeadm prints it: "[ERROR Port-6443]: ...". 0, or
 * -EPERM with *e (EXIT_PREFLIGHT) when an error is left that --ignore-preflight-errors does not name.
 * Under a root only what concerns the tree is checked. */
int preflight_run(const struct phase_ctx *ctx, bool rerun, struct error *e);

/* The checks of an external etcd alone, for a join, which has the cluster's configuration late. As above. */
int preflight_run_external_etcd(const struct phase_ctx *ctx, struct error *e);
/* Pure: is this etcd ("3.5.26") new enough for that Kubernetes ("v1.36.2")? *ret_least: static. */
bool preflight_etcd_version(const char *version, const char *kubernetes, const char **ret_least);

/* Can a TCP server listen there? INADDR_ANY: on every address of both families. 0, -EADDRINUSE, other
 * negative errno. */
int preflight_try_listen(uint16_t port, struct in_addr address);
int preflight_try_datagrams(uint16_t port); /* the same for UDP, on any address */

/* For the checks. */
struct preflight_check {
        const char *name; /* of the findings; the checks of ports, files and programs add to it */
        unsigned when;    /* PREFLIGHT_INIT, PREFLIGHT_JOIN, ... */
        enum preflight_level level;
        void (*run)(struct preflight *p, const struct preflight_check *c);
        unsigned port;
        const char *arg; /* path, program or template */
};
enum {
        PREFLIGHT_INIT = 1,
        PREFLIGHT_JOIN = 2, /* as a master */
        PREFLIGHT_BOTH = PREFLIGHT_INIT | PREFLIGHT_JOIN,
        PREFLIGHT_WORKER = 8,
        PREFLIGHT_ALL = PREFLIGHT_BOTH | PREFLIGHT_WORKER,
        PREFLIGHT_ROOT = 4,  /* also on a tree */
        PREFLIGHT_LATE = 16, /* who joins as a master, once it has the cluster's configuration */
};
void preflight_add(struct preflight *p, enum preflight_level level, const char *name, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
/* "FileAvailable" and "/etc/x/y.yaml" give "FileAvailable--etc-x-y.yaml", as kubeadm names it. */
void preflight_path_name(char out[96], const char *prefix, const char *path);
/* The decision without the checks: prints; the number of errors that are not ignored. */
unsigned preflight_verdict(const struct config *c, const struct preflight_finding *v, size_t n, FILE *out);

void preflight_privileged(struct preflight *p, const struct preflight_check *c);
void preflight_cpus(struct preflight *p, const struct preflight_check *c);
void preflight_memory(struct preflight *p, const struct preflight_check *c);
void preflight_firewalld(struct preflight *p, const struct preflight_check *c);
void preflight_manifest(struct preflight *p, const struct preflight_check *c);
void preflight_no_file(struct preflight *p, const struct preflight_check *c);
void preflight_etcd_dir(struct preflight *p, const struct preflight_check *c);
void preflight_external_etcd_files(struct preflight *p, const struct preflight_check *c);
void preflight_external_etcd(struct preflight *p, const struct preflight_check *c);
void preflight_swap(struct preflight *p, const struct preflight_check *c);
void preflight_program(struct preflight *p, const struct preflight_check *c);
void preflight_hostname(struct preflight *p, const struct preflight_check *c);
void preflight_kubelet(struct preflight *p, const struct preflight_check *c);
void preflight_cri(struct preflight *p, const struct preflight_check *c);
void preflight_images(struct preflight *p, const struct preflight_check *c);
void preflight_runtime_version(struct preflight *p, const struct preflight_check *c);
void preflight_is_one(struct preflight *p, const struct preflight_check *c);
void preflight_agent_user(struct preflight *p, const struct preflight_check *c);
void preflight_cni(struct preflight *p, const struct preflight_check *c);
void preflight_port(struct preflight *p, const struct preflight_check *c);
void preflight_api_port(struct preflight *p, const struct preflight_check *c);
void preflight_enroll_port(struct preflight *p, const struct preflight_check *c);
void preflight_metrics_port(struct preflight *p, const struct preflight_check *c);
void preflight_sealed_port(struct preflight *p, const struct preflight_check *c);
void preflight_time(struct preflight *p, const struct preflight_check *c);
void preflight_vip_interface(struct preflight *p, const struct preflight_check *c);
void preflight_vip(struct preflight *p, const struct preflight_check *c);
/* Listening takes its time: it begins before the other checks, and preflight_vrid() waits for what is left.
 */
void preflight_listen(struct preflight *p);
void preflight_vrid(struct preflight *p, const struct preflight_check *c);

#endif
