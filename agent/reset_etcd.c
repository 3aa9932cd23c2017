#include "agent/etcd_own.h"
#include "agent/masters.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include "agent/yaml.h"
#include "pki/file.h"
#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#define MANIFEST "/etc/kubernetes/manifests/etcd.yaml"

enum { TRIES = 10, CALL_TIMEOUT_MS = 10000, MAX_ENDPOINTS = 2 * ETCD_MAX_MEMBERS };

static void take_flag(const char *arg, struct reset_etcd *m) {
        const struct {
                const char *flag;
                char *target;
                size_t size;
        } flags[] = {
                { "--name=", m->name, sizeof m->name },
                { "--initial-advertise-peer-urls=", m->peer_url, sizeof m->peer_url },
                { "--initial-cluster=", m->initial_cluster, sizeof m->initial_cluster },
                { "--data-dir=", m->data_dir, sizeof m->data_dir },
                { "--trusted-ca-file=", m->ca_file, sizeof m->ca_file },
        };

        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (!strncmp(arg, flags[i].flag, strlen(flags[i].flag)))
                        snprintf(flags[i].target, flags[i].size, "%s", arg + strlen(flags[i].flag));
}

int reset_etcd_parse(const char *text, size_t size, struct reset_etcd *ret, struct error *e) {
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        const struct ynode *n;
        int r;

        memset(ret, 0, sizeof *ret);
        if ((r = ydocs_parse(text, size, MANIFEST, &docs, e)) < 0)
                return r;
        n = docs.n ? ynode_get(docs.items[0], "spec") : NULL;
        n = n ? ynode_get(n, "containers") : NULL;
        n = n && n->kind == YNODE_LIST && n->n ? ynode_get(n->items[0], "command") : NULL;
        if (!n || n->kind != YNODE_LIST)
                return error_at(e, MANIFEST, 0, 0, "this is no static pod with a command");
        for (size_t i = 0; i < n->n; i++)
                if (n->items[i]->kind == YNODE_SCALAR)
                        take_flag(n->items[i]->value, ret);
        return 0;
}

/* Members listen for clients on 2379 beside their peers' 2380, as kubeadm has it. */
bool reset_etcd_other(const struct reset_etcd *m, size_t i, char out[256]) {
        for (const char *s = m->initial_cluster; *s;) {
                size_t n = strcspn(s, ",");
                const char *url = memchr(s, '=', n);
                int len = url ? (int)(n - (size_t)(++url - s)) : 0;

                if (len > 5 && len < 250 && !strncmp(url + len - 5, ":2380", 5) &&
                    (strlen(m->peer_url) != (size_t)len || strncmp(url, m->peer_url, (size_t)len) != 0) &&
                    i-- == 0) {
                        snprintf(out, 256, "%.*s:2379", len - 5, url);
                        return true;
                }
                s += n + (s[n] == ',');
        }
        return false;
}

struct endpoints {
        char v[MAX_ENDPOINTS][256];
        size_t n;
};

static void add_endpoint(struct endpoints *l, const char *url) {
        for (size_t i = 0; i < l->n; i++)
                if (!strcmp(l->v[i], url))
                        return;
        if (*url && l->n < MAX_ENDPOINTS)
                snprintf(l->v[l->n++], sizeof l->v[0], "%s", url);
}

/* The others first: they are the ones that must agree, and this node's own etcd may be gone. */
static void collect(const struct reset *r, const struct reset_etcd *m, struct endpoints *l) {
        const struct vip_config *vip = r->config ? config_vip(r->config) : NULL;
        char url[256], own[256] = "";
        size_t n = strlen(m->peer_url);

        for (size_t i = 0; reset_etcd_other(m, i, url); i++)
                add_endpoint(l, url);
        for (size_t i = 0; vip && i < vip->n_members; i++) {
                const struct member *member = &vip->members[i];

                snprintf(url, sizeof url, "https://%s:2379", vrrp_ip_text(&member->address).v);
                if (strcmp(member->name, m->name) != 0)
                        add_endpoint(l, url);
        }
        if (n > 5)
                snprintf(own, sizeof own, "%.*s:2379", (int)(n - 5), m->peer_url);
        add_endpoint(l, own);
}

static int find_files(const struct reset *r, const struct reset_etcd *m, struct etcd_files *f,
                      struct error *e) {
        char dir[PATH_MAX];
        const char *slash = strrchr(m->ca_file, '/');

        if (!slash)
                return error_set(e, EXIT_FAILED, "%s names no --trusted-ca-file", MANIFEST);
        snprintf(dir, sizeof dir, "%s%.*s", r->root, (int)(slash - m->ca_file), m->ca_file);
        if (root_path(f->ca, r->root, m->ca_file) < 0 ||
            root_path(f->crt, dir, "/healthcheck-client.crt") < 0 ||
            root_path(f->key, dir, "/healthcheck-client.key") < 0)
                return error_set(e, EXIT_FAILED, "the path of etcd's certificates is too long");
        return 0;
}

static const struct etcd_member *find_self(const struct etcd_members *list, const struct reset_etcd *m) {
        for (size_t i = 0; i < list->n; i++)
                if (!strcmp(list->v[i].peer_url, m->peer_url) ||
                    (*list->v[i].name && !strcmp(list->v[i].name, m->name)))
                        return &list->v[i];
        return NULL;
}

/* The first that answers. A node that has been removed answers no more, so it must not be asked alone. */
static int list_members(const struct etcd_files *f, const struct endpoints *l, struct etcd_members *ret,
                        struct error *e) {
        int r = -ENOENT;

        for (size_t i = 0; i < l->n; i++) {
                struct etcd_client c = etcd_client_with(f, l->v[i], CALL_TIMEOUT_MS);

                if ((r = etcd_member_list(&c, ret, e)) == 0)
                        return 0;
        }
        return r;
}

/* One round over the other members. */
static int remove_once(const struct etcd_files *f, const struct etcd_members *list,
                       const struct etcd_member *self, struct error *e) {
        int r = -ENOENT;

        for (size_t i = 0; i < list->n; i++) {
                const struct etcd_member *m = &list->v[i];
                struct etcd_client c = etcd_client_with(f, m->client_url, CALL_TIMEOUT_MS);

                if (m == self || m->learner || !*m->client_url)
                        continue;
                r = etcd_member_remove(&c, self->id, e);
                if (r == 0 || r == -ENOENT)
                        return 0;
        }
        return r;
}

static int remove_self(const struct etcd_files *f, const struct etcd_members *list,
                       const struct etcd_member *self, struct error *e) {
        int r = -EAGAIN;

        for (unsigned i = 0; i < TRIES && r == -EAGAIN; i++) {
                if (i)
                        nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
                r = remove_once(f, list, self, e);
        }
        return r;
}

static void explain(struct reset *r, const struct reset_etcd *m, const struct error *e) {
        reset_warn(r,
                   "THIS NODE'S ETCD MEMBER WAS NOT REMOVED: %s. The other masters still count %s (%s) as a "
                   "member, and "
                   "lose their quorum one failure earlier: remove it there",
                   e->message, m->name, m->peer_url);
}

/* An administrator's etcd keeps its members and the cluster's objects; of this machine it has an entry in the
 * list of masters. */
static void leave_external(struct reset *r) {
        const struct external_etcd *x = &r->config->etcd_external;
        struct etcd_client client;
        struct etcd_files files;
        struct error e = { 0 };
        size_t left = 0;

        if (config_resolve(r->config, &e) < 0 ||
            etcd_own_client(r->config, r->root, CALL_TIMEOUT_MS, &files, &client, &e) < 0 ||
            masters_delist(r->config, &client, &left, &e) < 0) {
                reset_warn(r, "the external etcd still lists this machine in " MASTERS_KEY ": %s", e.message);
                return;
        }
        r->left = left > 0;
        printf("[reset] the external etcd does not list this machine as a master any more, %zu are left\n",
               left);
        if (!left)
                printf("[reset] kept in the external etcd: the cluster's objects; if nobody needs them: "
                       "etcdctl "
                       "--endpoints %s del /registry/ --prefix\n",
                       client.endpoint);
        if (x->key_file)
                printf("[reset] kept: %s, %s, %s, the external etcd's\n", x->ca_file, x->cert_file,
                       x->key_file);
}

void reset_etcd_member(struct reset *r) {
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) struct endpoints *l = calloc(1, sizeof *l);
        CLEANUP(freep) struct etcd_members *list = calloc(1, sizeof *list);
        struct error e = { 0 };
        struct reset_etcd m;
        struct etcd_files f;
        const struct etcd_member *self;
        char path[PATH_MAX];
        size_t size;

        if (r->config && !r->worker && r->config->etcd_external.endpoints.n) {
                leave_external(r);
                return;
        }
        if (!l || !list || root_path(path, r->root, MANIFEST) < 0 ||
            pki_file_read(path, YAML_MAX_SIZE, &text, &size) < 0)
                return;
        if (reset_etcd_parse(text, size, &m, &e) < 0 || find_files(r, &m, &f, &e) < 0) {
                explain(r, &m, &e);
                return;
        }
        collect(r, &m, l);
        if (list_members(&f, l, list, &e) < 0) {
                explain(r, &m, &e);
                return;
        }
        self = find_self(list, &m);
        if (self && list->n == 1) {
                puts("[reset] this node is the only etcd member: there is nobody to leave");
                return;
        }
        if (self && remove_self(&f, list, self, &e) < 0) {
                explain(r, &m, &e);
                return;
        }
        r->left = true;
        if (self)
                printf("[reset] etcd member %s removed, %zu are left\n", m.name, list->n - 1);
        else
                puts("[reset] etcd no longer counts this node as a member");
}
