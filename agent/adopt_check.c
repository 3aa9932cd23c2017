#include "agent/adopt.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "agent/yaml.h"
#include "pki/file.h"
#include <errno.h>
#include <ifaddrs.h>

enum { FILE_MAX = 1 << 20, PATH_TEXT = 256 };

/* ---- differences ---- */

struct differences {
        char *out;
        size_t size, used;
};

static const char *shown(const struct ynode *n) {
        return n->kind == YNODE_SCALAR ? n->value : ynode_describe(n);
}

static void say(struct differences *d, const char *path, const struct ynode *runs,
                const struct ynode *wanted) {
        char line[512];
        int n = 0;

        if (!runs)
                n = snprintf(line, sizeof line, "\n\t\t%s: not there, would be `%.120s`", path,
                             shown(wanted));
        else if (!wanted)
                n = snprintf(line, sizeof line, "\n\t\t%s: is `%.120s`, would not be there", path,
                             shown(runs));
        else
                n = snprintf(line, sizeof line, "\n\t\t%s: is `%.120s`, would be `%.120s`", path, shown(runs),
                             shown(wanted));
        if (n < 0 || d->used + (size_t)n >= d->size)
                return;
        memcpy(d->out + d->used, line, (size_t)n + 1);
        d->used += (size_t)n;
}

static void compare(struct differences *d, const char *path, const struct ynode *runs,
                    const struct ynode *wanted);

static void compare_maps(struct differences *d, const char *path, const struct ynode *runs,
                         const struct ynode *wanted) {
        char below[PATH_TEXT];

        for (size_t i = 0; i < runs->n; i++) {
                snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", runs->keys[i]->value);
                compare(d, below, runs->items[i], ynode_get(wanted, runs->keys[i]->value));
        }
        for (size_t i = 0; i < wanted->n; i++) {
                if (ynode_get(runs, wanted->keys[i]->value))
                        continue;
                snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", wanted->keys[i]->value);
                compare(d, below, NULL, wanted->items[i]);
        }
}

/* What makes two items of lists the same one: the flag of "--flag=value", the name of a volume. */
static bool same_item(const struct ynode *a, const struct ynode *b) {
        const struct ynode *x = a, *y = b;
        size_t n, m;

        if (a->kind != b->kind || a->kind == YNODE_LIST)
                return false;
        if (a->kind == YNODE_MAP) {
                x = ynode_get(a, ynode_get(a, "mountPath") ? "mountPath" : "name");
                y = ynode_get(b, ynode_get(b, "mountPath") ? "mountPath" : "name");
                return x && y && x->kind == YNODE_SCALAR && y->kind == YNODE_SCALAR &&
                       !strcmp(x->value, y->value);
        }
        n = strcspn(x->value, "=");
        m = strcspn(y->value, "=");
        return n == m && !strncmp(x->value, y->value, n);
}

static const struct ynode *find_item(const struct ynode *list, const struct ynode *item) {
        for (size_t i = 0; i < list->n; i++)
                if (same_item(list->items[i], item))
                        return list->items[i];
        return NULL;
}

static void compare_lists(struct differences *d, const char *path, const struct ynode *runs,
                          const struct ynode *wanted) {
        char below[PATH_TEXT];

        for (size_t i = 0; i < runs->n; i++) {
                snprintf(below, sizeof below, "%s[%zu]", path, i);
                compare(d, below, runs->items[i], find_item(wanted, runs->items[i]));
        }
        for (size_t i = 0; i < wanted->n; i++) {
                snprintf(below, sizeof below, "%s[%zu]", path, i);
                if (!find_item(runs, wanted->items[i]))
                        compare(d, below, NULL, wanted->items[i]);
        }
}

static void compare(struct differences *d, const char *path, const struct ynode *runs,
                    const struct ynode *wanted) {
        if (!runs || !wanted || runs->kind != wanted->kind)
                say(d, path, runs, wanted);
        else if (runs->kind == YNODE_MAP)
                compare_maps(d, path, runs, wanted);
        else if (runs->kind == YNODE_LIST)
                compare_lists(d, path, runs, wanted);
        else if (strcmp(runs->value, wanted->value) != 0)
                say(d, path, runs, wanted);
}

void adopt_differences(const char *runs, size_t n_runs, const char *wanted, size_t n_wanted, char *out,
                       size_t size) {
        CLEANUP(ydocs_done) struct ydocs a = { 0 }, b = { 0 };
        struct differences d = { .out = out, .size = size };
        struct error unused;

        *out = '\0';
        if (ydocs_parse(runs, n_runs, "", &a, &unused) == 0 &&
            ydocs_parse(wanted, n_wanted, "", &b, &unused) == 0 && a.n == 1 && b.n == 1)
                compare(&d, "", a.items[0], b.items[0]);
}

/* ---- files ---- */

static void add_differs(struct adopt *a, const char *path, const char *runs, size_t n, const char *text,
                        size_t size, const char *otherwise) {
        char name[96], lines[600] = "";

        preflight_path_name(name, "FileContent", path);
        adopt_differences(runs, n, text, size, lines, sizeof lines);
        preflight_add(&a->found, PREFLIGHT_ERROR, name, "%s is not what this configuration gives:%s%s", path,
                      *lines ? "" : " ", *lines ? lines : otherwise);
}

static int check_file(struct adopt *a, const char *path, const char *text, size_t size, struct error *e) {
        CLEANUP(freep) char *runs = NULL;
        const char *dot = strrchr(path, '.');
        bool yaml = dot && !strcmp(dot, ".yaml");
        char real[PATH_MAX], name[96];
        struct error why = { 0 };
        size_t n = 0;
        int r = phase_compare_file(&a->ctx, path, text, size, yaml, &why);

        if (r == 1)
                return 0;
        preflight_path_name(name, "FileExisting", path);
        if (r == 0) {
                preflight_add(&a->found, PREFLIGHT_ERROR, name, "%s is not there", path);
                return 0;
        }
        if (r != -EEXIST || root_path(real, a->root, path) < 0 ||
            pki_file_read(real, FILE_MAX, &runs, &n) < 0) {
                *e = why;
                return r;
        }
        add_differs(a, path, runs, n, yaml ? text : "", yaml ? size : 0, why.message);
        return 0;
}

static int check_files(struct adopt *a, struct error *e) {
        /* The unit's drop-in is of kubelet's package, and stays as it is. */
        static const char *const names[] = { "etcd",           "kube-apiserver", "kube-controller-manager",
                                             "kube-scheduler", "kubelet-config", "kubelet-instance-config",
                                             "kubelet-flags" };
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        int r = phase_values_new(&a->ctx, &v, e);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
                CLEANUP(freep) char *text = NULL;
                unsigned mode;
                size_t size;

                if (phase_wanted(v, names[i]) && (r = phase_render(v, names[i], &text, &size, e)) == 0)
                        r = check_file(a, tmpl_path(names[i], &mode), text, size, e);
        }
        return r;
}

/* ---- certificates: as they are ---- */

static bool needs(const struct config *c, const char *path) {
        if (strstr(path, "super-admin.conf"))
                return false;
        return c->etcd_external.endpoints.n == 0 || (!strstr(path, "/etcd/") && !strstr(path, "etcd-client"));
}

static bool all_there(struct adopt *a) {
        char path[PATH_MAX], real[PATH_MAX], name[96];
        bool all = true;

        for (size_t i = 0; pki_path(a->config->cert_dir, "/etc/kubernetes", i, path); i++) {
                if (!needs(a->config, path) ||
                    (root_path(real, a->root, path) == 0 && access(real, F_OK) == 0))
                        continue;
                all = false;
                preflight_path_name(name, "FileExisting", path);
                preflight_add(&a->found, PREFLIGHT_ERROR, name, "%s is not there; adopt makes nothing anew",
                              path);
        }
        return all;
}

static void on_kept(void *userdata, enum pki_action action, const char *file) {
        (void)userdata;
        (void)action;
        (void)file;
}

/* With every file there, ensuring them is to check them. */
static int check_pki(struct adopt *a, struct error *e) {
        struct pki_error pe = { 0 };
        struct pki_params p;
        int r;

        if (!all_there(a))
                return 0;
        if ((r = phase_pki_params(&a->ctx, &p, e)) < 0)
                return r;
        p.super_admin = false;
        if (pki_certs_ensure(&p, "all", on_kept, NULL, &pe) < 0 ||
            pki_kubeconfig_ensure(&p, "all", on_kept, NULL, &pe) < 0)
                preflight_add(&a->found, PREFLIGHT_ERROR, "PKI", "%.200s: %.400s", pe.file, pe.reason);
        return 0;
}

/* ---- keepalived ---- */

static void check_notes(struct adopt *a) {
        const struct keepalived_conf *k = a->keepalived;
        char name[96];

        for (size_t i = 0; i < k->n_notes; i++) {
                const struct keepalived_note *n = &k->notes[i];

                if (!n->refusal) {
                        printf("[keepalived] %s:%u: not taken over: %s\n", n->file, n->line, n->text);
                        continue;
                }
                snprintf(name, sizeof name, "Keepalived-%s", n->refusal);
                preflight_add(&a->found, PREFLIGHT_ERROR, name, "%s:%u: %s", n->file, n->line, n->text);
        }
        if (k->n_notes_more > 0)
                printf("[keepalived] and %zu statements more that are not taken over\n", k->n_notes_more);
}

static bool in_own_network(const struct ifaddrs *all, const struct keepalived_address *a) {
        for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
                struct vrrp_ip own;

                if (!i->ifa_addr || i->ifa_addr->sa_family != a->ip.family)
                        continue;
                own = vrrp_ip_of_sockaddr((const struct sockaddr_storage *)(const void *)i->ifa_addr);
                if (!vrrp_ip_equal(&own, &a->ip) && vrrp_ip_same_network(&own, &a->ip, a->prefix))
                        return true;
        }
        return false;
}

/* An address of keepalived's brings its network with it; one of triarch's does not. */
static void check_networks(struct adopt *a) {
        struct ifaddrs *all = NULL;

        if (*a->root || getifaddrs(&all) < 0)
                return;
        for (size_t i = 0; i < a->keepalived->n_instances; i++)
                for (size_t k = 0; k < a->keepalived->instances[i].n_addresses; k++) {
                        const struct keepalived_address *v = &a->keepalived->instances[i].addresses[k];

                        if (v->prefix < vrrp_ip_bits(&v->ip) && !in_own_network(all, v))
                                preflight_add(&a->found, PREFLIGHT_ERROR, "Keepalived-Network",
                                              "%s/%u is this machine's only address in that network; "
                                              "triarch's addresses bring no network: give the interface an "
                                              "address of its own there",
                                              vrrp_ip_text(&v->ip).v, v->prefix);
                }
        freeifaddrs(all);
}

static bool is_here(const struct keepalived_instance *i) {
        struct ifaddrs *all = NULL;
        bool here = false;

        if (getifaddrs(&all) < 0)
                return false;
        for (const struct ifaddrs *x = all; x && !here; x = x->ifa_next) {
                struct vrrp_ip own;

                if (!x->ifa_addr || x->ifa_addr->sa_family != i->addresses[0].ip.family)
                        continue;
                own = vrrp_ip_of_sockaddr((const struct sockaddr_storage *)(const void *)x->ifa_addr);
                here = vrrp_ip_equal(&own, &i->addresses[0].ip);
        }
        freeifaddrs(all);
        return here;
}

static void check_unit(struct adopt *a) {
        char state[32] = "";
        bool active;

        if (!a->found.bus || unit_state(a->found.bus, a->in->unit, state, NULL) < 0)
                return;
        active = !strcmp(state, "active");
        for (size_t i = 0; i < a->keepalived->n_instances; i++) {
                const struct keepalived_instance *k = &a->keepalived->instances[i];

                if (!active && !a->found.rerun && is_here(k))
                        preflight_add(
                                &a->found, PREFLIGHT_ERROR, "Service-keepalived",
                                "%s is here, and %s is %s: who has put it here? --keepalived-unit names "
                                "another unit",
                                vrrp_ip_text(&k->addresses[0].ip).v, a->in->unit, state);
                if (active && k->use_vmac)
                        preflight_add(&a->found, PREFLIGHT_ERROR, "Keepalived-use_vmac",
                                      "%s: two programs cannot have the virtual MAC at a time: stop %s "
                                      "first (another machine takes the address over), then run this again",
                                      k->name, a->in->unit);
        }
        if (!active && !a->found.rerun)
                preflight_add(&a->found, PREFLIGHT_WARNING, "Service-keepalived",
                              "%s is %s: the agent is started as one more backup", a->in->unit, state);
}

/* ---- all of it ---- */

static void check_host(struct adopt *a) {
        static const struct preflight_check checks[] = {
                { "AgentUser", PREFLIGHT_BOTH, PREFLIGHT_ERROR, preflight_agent_user, 0, NULL },
                { "Port", PREFLIGHT_BOTH, PREFLIGHT_ERROR, preflight_enroll_port, 0, NULL },
                { "Port", PREFLIGHT_BOTH, PREFLIGHT_ERROR, preflight_metrics_port, 0, NULL },
                { "TimeSync", PREFLIGHT_BOTH, PREFLIGHT_ERROR, preflight_time, 0, NULL },
        };
        char path[PATH_MAX];
        struct error e;

        if (root_path(path, a->root, TRIARCH_CONFIG_FILE) == 0 && access(path, F_OK) == 0 && !a->found.rerun)
                preflight_add(&a->found, PREFLIGHT_ERROR, "FileAvailable--etc-triarch-config.yaml",
                              "%s is there: this machine is one of triarch's already", TRIARCH_CONFIG_FILE);
        if (*a->root)
                return;
        if (unit_bus_open(&a->found.bus, &e) < 0)
                preflight_add(&a->found, PREFLIGHT_ERROR, "SystemBus", "%s", e.message);
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                checks[i].run(&a->found, &checks[i]);
        check_unit(a);
        unit_bus_free(TAKE_PTR(a->found.bus));
}

int adopt_check(struct adopt *a, struct error *e) {
        struct adopt_state unused;
        unsigned errors;
        int r;

        a->found.ctx = &a->ctx;
        a->found.rerun = adopt_state_load(a->root, &unused, e) == 0;
        check_notes(a);
        check_networks(a);
        check_host(a);
        if ((r = check_files(a, e)) < 0 || (r = check_pki(a, e)) < 0)
                return r;
        fflush(stdout);
        if (!(errors = preflight_verdict(a->config, a->found.v, a->found.n, stderr)))
                return 0;
        error_set(e, EXIT_PREFLIGHT,
                  "%u %s; nothing was changed. --ignore-preflight-errors=NAME,... makes one a warning",
                  errors, errors == 1 ? "thing is not as it must be" : "things are not as they must be");
        return -EPERM;
}
