#include "agent/host.h"
#include "agent/preflight.h"
#include "pki/file.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/un.h>

enum { MIN_CPUS = 2, MIN_MEMORY_MB = 1700 }; /* kubeadm's */

void preflight_privileged(struct preflight *p, const struct preflight_check *c) {
        if (geteuid() != 0)
                preflight_add(p, c->level, c->name, "this command changes the machine: run it as root");
}

void preflight_cpus(struct preflight *p, const struct preflight_check *c) {
        cpu_set_t set;
        int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                            : (int)sysconf(_SC_NPROCESSORS_ONLN);

        if (n < MIN_CPUS)
                preflight_add(p, c->level, c->name,
                              "the number of available CPUs, %d, is less than the required %d", n, MIN_CPUS);
}

void preflight_memory(struct preflight *p, const struct preflight_check *c) {
        struct sysinfo info;
        unsigned long long mb;

        if (sysinfo(&info) < 0)
                return;
        mb = (unsigned long long)info.totalram * info.mem_unit / (1024ULL * 1024);
        if (mb < MIN_MEMORY_MB)
                preflight_add(p, c->level, c->name,
                              "this machine's memory, %llu MB, is less than the required %d MB", mb,
                              MIN_MEMORY_MB);
}

void preflight_firewalld(struct preflight *p, const struct preflight_check *c) {
        char state[32];

        if (p->bus && !host_will_do(p->ctx, "firewall") &&
            unit_state(p->bus, "firewalld.service", state, NULL) == 0 && !strcmp(state, "active"))
                preflight_add(p, c->level, c->name,
                              "firewalld is active; open TCP %u, 10250, 2379, 2380 and %u, and protocol 112 "
                              "(VRRP), "
                              "between the masters",
                              p->ctx->config->bind_port, p->ctx->config->enroll_port);
}

/* A static pod that an earlier run of this very configuration has made is no obstacle; on join the
 * configuration is not known yet, so there only the journal of an earlier join tells (rerun). */
void preflight_manifest(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        CLEANUP(freep) char *text = NULL;
        struct error e = { 0 };
        unsigned mode;
        const char *path = tmpl_path(c->arg, &mode);
        char name[96], real[PATH_MAX];
        size_t size;

        preflight_path_name(name, c->name, path);
        if (p->rerun || !phase_path(p->ctx, path, real) || access(real, F_OK) < 0)
                return;
        if (p->ctx->join)
                preflight_add(p, c->level, name, "%s already exists", path);
        else if (phase_values_new(p->ctx, &v, &e) < 0 ||
                 (phase_wanted(v, c->arg) && (phase_render(v, c->arg, &text, &size, &e) < 0 ||
                                              phase_compare_file(p->ctx, path, text, size, true, &e) < 0)))
                preflight_add(p, c->level, name, "%s %s", path, e.message);
}

void preflight_no_file(struct preflight *p, const struct preflight_check *c) {
        char name[96], real[PATH_MAX];

        preflight_path_name(name, c->name, c->arg);
        if (!p->rerun && phase_path(p->ctx, c->arg, real) && access(real, F_OK) == 0)
                preflight_add(p, c->level, name,
                              "%s already exists; `triarch reset` takes a machine back to before", c->arg);
}

static bool dir_is_empty(const char *path) {
        DIR *d = opendir(path);
        const struct dirent *entry;
        bool empty = true;

        while (d && empty && (entry = readdir(d)))
                empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
        if (d)
                closedir(d);
        return empty;
}

void preflight_etcd_dir(struct preflight *p, const struct preflight_check *c) {
        const char *dir = p->ctx->config->etcd_data_dir;
        char name[96], real[PATH_MAX];

        preflight_path_name(name, c->name, dir);
        if (!p->ctx->config->etcd_external.endpoints.n && !p->rerun && phase_path(p->ctx, dir, real) &&
            !dir_is_empty(real))
                preflight_add(
                        p, c->level, name,
                        "%s is not empty; it holds the data of an etcd: move it away, or `triarch reset`",
                        dir);
}

/* /proc/swaps has a heading and then a line per area. */
void preflight_swap(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(freep) char *text = NULL;
        const char *nl;
        size_t size;

        if (!host_will_do(p->ctx, "swap") && pki_file_read("/proc/swaps", 65536, &text, &size) == 0 &&
            (nl = strchr(text, '\n')) && nl[1])
                preflight_add(p, c->level, c->name,
                              "swap is on; the kubelet does not start with it unless failSwapOn is false");
}

void preflight_program(struct preflight *p, const struct preflight_check *c) {
        static const char *const dirs[] = { "/usr/sbin", "/usr/bin",        "/sbin",
                                            "/bin",      "/usr/local/sbin", "/usr/local/bin" };
        char path[64], name[96];

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                snprintf(path, sizeof path, "%s/%s", dirs[i], c->arg);
                if (access(path, X_OK) == 0)
                        return;
        }
        preflight_path_name(name, c->name, c->arg);
        preflight_add(p, c->level, name, "the program %s, which the kubelet runs, is not installed", c->arg);
}

void preflight_hostname(struct preflight *p, const struct preflight_check *c) {
        char host[256] = "";

        if (gethostname(host, sizeof host - 1) == 0 && strcasecmp(host, p->ctx->config->node_name) != 0)
                preflight_add(p, c->level, c->name,
                              "the node will be called %s, but this machine's host name is %s; see that both "
                              "lead here",
                              p->ctx->config->node_name, host);
}

void preflight_kubelet(struct preflight *p, const struct preflight_check *c) {
        char state[32];
        bool enabled;

        if (!p->bus || unit_state(p->bus, "kubelet.service", state, NULL) < 0)
                return;
        if (!strcmp(state, "not-found"))
                preflight_add(
                        p, c->level, c->name,
                        "there is no kubelet.service: install the kubelet, or it cannot be started later");
        else if (unit_enabled(p->bus, "kubelet.service", &enabled, NULL) == 0 && !enabled)
                preflight_add(p, c->level, c->name, "kubelet.service is not enabled; this will be done");
}

void preflight_is_one(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(freep) char *text = NULL;
        char name[96];
        size_t size;

        if (host_will_do(p->ctx, "sysctls"))
                return;
        preflight_path_name(name, c->name, c->arg);
        if (pki_file_read(c->arg, 64, &text, &size) < 0)
                preflight_add(p, c->level, name, "%s cannot be read", c->arg);
        else if (strcmp(text, "1\n") != 0)
                preflight_add(p, c->level, name, "%s is %.*s, but pods need 1", c->arg,
                              (int)strcspn(text, "\n"), text);
}

void preflight_agent_user(struct preflight *p, const struct preflight_check *c) {
        struct group g, *found = NULL;
        char buffer[4096];

        if (getgrnam_r("triarch", &g, buffer, sizeof buffer, &found) || !found)
                preflight_add(
                        p, c->level, c->name,
                        "there is no group \"triarch\", as which the agent runs; install the package, or run "
                        "systemd-sysusers");
}
