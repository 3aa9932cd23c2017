#include "agent/support.h"
#include "agent/agent_client.h"
#include "agent/etcd_own.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "agent/scrub.h"
#include "agent/time_text.h"
#include "pki/file.h"
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { FILE_MAX = 1 << 20, TREE_DEPTH = 8, DIRS_OPEN = 16, ETCD_MS = 3000 };

int support_add(struct support *s, const char *name, const char *text, size_t size, struct error *e) {
        CLEANUP(freep) char *clean = NULL;
        size_t n;

        if (scrub(text, size, &clean, &n) < 0)
                return error_set(e, EXIT_FAILED, "out of memory");
        s->n_pieces++;
        return archive_file_add(s->archive, name, clean, n, time(NULL), e);
}

void support_missing(struct support *s, const char *name, const char *fmt, ...) {
        va_list ap;

        s->n_missing++;
        fprintf(s->missing_stream, "%s: ", name);
        va_start(ap, fmt);
        vfprintf(s->missing_stream, fmt, ap);
        va_end(ap);
        fputc('\n', s->missing_stream);
}

/* ---- files ---- */

/* Whole, as "files/PATH". */
static const char *const files[] = {
        "/etc/os-release",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/fstab",
        TRIARCH_CONFIG_FILE,
        TRIARCH_MEMBERS_FILE,
        (TRIARCH_AGENT_DIR "/members.json"),
        "/etc/kubernetes/manifests/etcd.yaml",
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "/etc/kubernetes/manifests/kube-controller-manager.yaml",
        "/etc/kubernetes/manifests/kube-scheduler.yaml",
        "/var/lib/kubelet/config.yaml",
        "/var/lib/kubelet/kubeadm-flags.env",
        "/etc/chrony/chrony.conf",
        "/etc/containerd/config.toml",
        "/proc/meminfo",
        "/proc/loadavg",
        "/proc/uptime",
        "/proc/mounts",
        "/proc/swaps",
        "/proc/modules",
        "/proc/pressure/cpu",
        "/proc/pressure/io",
        "/proc/pressure/memory",
        "/proc/net/snmp",
        "/proc/net/softnet_stat",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/bridge/bridge-nf-call-iptables",
};

static int read_any(const char *path, char **ret, size_t *ret_size) {
        CLEANUP(fclosep) FILE *f = fopen(path, "re");
        CLEANUP(freep) char *text = malloc(FILE_MAX);

        if (!f)
                return -errno;
        if (!text)
                return -ENOMEM;
        *ret_size = fread(text, 1, FILE_MAX, f);
        if (ferror(f))
                return -EIO;
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_file(struct support *s, const char *path, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX], name[PATH_MAX + 8];
        size_t size = 0;
        int r;

        if (root_path(real, s->root, path) < 0 || (*s->root && !strncmp(path, "/proc/", 6)))
                return 0;
        if ((r = read_any(real, &text, &size)) < 0) {
                support_missing(s, path, "%s", strerror(-r));
                return 0;
        }
        snprintf(name, sizeof name, "files%s", path);
        return support_add(s, name, text, size, e);
}

/* ---- what is there ---- */

static const char *const trees[] = { "/etc/triarch",         "/etc/kubernetes",     "/var/lib/triarch",
                                     "/var/lib/kubelet/pki", TRIARCH_AGENT_DIR,     "/etc/containerd",
                                     "/etc/chrony",          "/etc/sysctl.d",       "/etc/modules-load.d",
                                     "/etc/cni/net.d",       "/var/lib/etcd/member" };

static void print_entry(FILE *f, const struct stat *st, const char *path) {
        char when[TIME_TEXT_SIZE];

        fprintf(f, "%06o %5u %5u %10jd %s %s\n", (unsigned)st->st_mode, (unsigned)st->st_uid,
                (unsigned)st->st_gid, (intmax_t)st->st_size, time_text(st->st_mtim, when), path);
}

/* nftw() has no argument to hand on: this is the one walk of the program. */
static _Thread_local FILE *walk_out;

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)type;
        if (at->level <= TREE_DEPTH)
                print_entry(walk_out, st, path);
        return 0;
}

static int add_listing(struct support *s, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX];
        size_t size;
        int r;

        if (!(walk_out = open_memstream(&text, &size)))
                return error_set(e, EXIT_FAILED, "out of memory");
        fputs("  mode   uid   gid       size modified\n", walk_out);
        for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
                if (root_path(real, s->root, trees[i]) == 0 &&
                    nftw(real, on_entry, DIRS_OPEN, FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
                        support_missing(s, trees[i], "%s", strerror(errno));
        r = fclose(TAKE_PTR(walk_out)) == 0 ? 0 : error_set(e, EXIT_FAILED, "out of memory");
        return r < 0 ? r : support_add(s, "listing.txt", text, size, e);
}

/* ---- what triarch itself says ---- */

static int add_json(struct support *s, const char *name, json_t *o, struct error *e) {
        CLEANUP(freep) char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;

        json_decref(o);
        return text ? support_add(s, name, text, strlen(text), e)
                    : error_set(e, EXIT_FAILED, "out of memory");
}

static int add_status(struct support *s, struct error *e) {
        json_t *report = NULL;
        struct error why;

        if (*s->root)
                return 0;
        if (agent_status(s->socket_path, &report, &why) == 0)
                return add_json(s, "status.json", report, e);
        support_missing(s, "status.json", "%s", why.message);
        return 0;
}

static void print_members(FILE *f, const struct etcd_members *m) {
        for (size_t i = 0; i < m->n; i++)
                fprintf(f, "%016llx %s %s %s %s\n", (unsigned long long)m->v[i].id,
                        *m->v[i].name ? m->v[i].name : "(not started)", m->v[i].learner ? "learner" : "voter",
                        m->v[i].peer_url, m->v[i].client_url);
}

/* Asked as the configuration says: an etcd may be the administrator's. */
static int add_etcd(struct support *s, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(freep) char *text = NULL;
        struct etcd_members members;
        struct error why = { 0 };
        size_t size;
        FILE *f;

        if (*s->root)
                return 0;
        if (config_load(s->config_file, NULL, &c, &why) < 0 ||
            etcd_own_members(c, ETCD_MS, &members, &why) < 0) {
                support_missing(s, "etcd-members.txt", "%s%s%s", why.file, *why.file ? ": " : "",
                                why.message);
                return 0;
        }
        if (!(f = open_memstream(&text, &size)))
                return error_set(e, EXIT_FAILED, "out of memory");
        print_members(f, &members);
        return fclose(f) == 0 ? support_add(s, "etcd-members.txt", text, size, e)
                              : error_set(e, EXIT_FAILED, "out of memory");
}

static int add_about(struct support *s, struct error *e) {
        struct utsname u = { 0 };
        struct timespec now;
        char when[TIME_TEXT_SIZE];

        uname(&u);
        clock_gettime(CLOCK_REALTIME, &now);
        return add_json(s, "about.json",
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "version", TRIARCH_VERSION, "time",
                                  time_text(now, when), "host", u.nodename, "kernel", u.release, "machine",
                                  u.machine, "root", s->root, "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN)),
                        e);
}

int support_collect(struct support *s, struct error *e) {
        static int (*const pieces[])(struct support *, struct error *) = { add_about,       add_status,
                                                                           add_etcd,        add_listing,
                                                                           support_network, support_journal };
        int r = 0;

        if (!(s->missing_stream = open_memstream(&s->missing, &s->missing_size)))
                return error_set(e, EXIT_FAILED, "out of memory");
        for (size_t i = 0; i < ARRAY_SIZE(pieces) && r == 0; i++)
                r = pieces[i](s, e);
        for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
                r = add_file(s, files[i], e);
        fflush(s->missing_stream);
        if (r == 0 && s->n_missing)
                r = support_add(s, "errors.txt", s->missing, s->missing_size, e);
        fclose(TAKE_PTR(s->missing_stream));
        return r;
}
