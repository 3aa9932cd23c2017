#include "agent/adopt.h"
#include "agent/rootpath.h"
#include "agent/yaml.h"
#include "pki/file.h"
#include <errno.h>

#define MANIFESTS "/etc/kubernetes/manifests/"

enum { FILE_MAX = 1 << 20 };

/* 1: read, 0: it is not there. */
static int read_file(const char *root, const char *file, char **ret, size_t *ret_size, struct error *e) {
        char path[PATH_MAX];
        int r = root_path(path, root, file);

        if (r == 0)
                r = pki_file_read(path, FILE_MAX, ret, ret_size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_at(e, file, 0, 0, "cannot be read: %s", strerror(-r)), -EINVAL;
        return 1;
}

static int read_yaml(const char *root, const char *file, struct ydocs *ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = read_file(root, file, &text, &size, e);

        if (r > 0 && ydocs_parse(text, size, file, ret, e) < 0)
                return -EINVAL;
        return r;
}

/* The arguments of a static pod's only container. */
static const struct ynode *pod_command(const struct ydocs *d) {
        const struct ynode *spec = d->n ? ynode_get(d->items[0], "spec") : NULL;
        const struct ynode *containers = spec ? ynode_get(spec, "containers") : NULL;

        if (!containers || containers->kind != YNODE_LIST || containers->n == 0)
                return NULL;
        return ynode_get(containers->items[0], "command");
}

static const char *argument(const struct ynode *command, const char *name) {
        size_t n = strlen(name);

        for (size_t i = 0; command && command->kind == YNODE_LIST && i < command->n; i++) {
                const char *v = command->items[i]->kind == YNODE_SCALAR ? command->items[i]->value : "";

                if (!strncmp(v, name, n) && v[n] == '=')
                        return v + n + 1;
        }
        return "";
}

static int read_api_server(const char *root, struct adopt_node *node, struct error *e) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        const struct ynode *command;
        int r = read_yaml(root, MANIFESTS "kube-apiserver.yaml", &d, e);

        if (r <= 0)
                return r < 0 ? r
                             : error_set(e, EXIT_FAILED,
                                         "there is no " MANIFESTS
                                         "kube-apiserver.yaml: this is no master that kubeadm has made");
        command = pod_command(&d);
        snprintf(node->advertise_address, sizeof node->advertise_address, "%.63s",
                 argument(command, "--advertise-address"));
        snprintf(node->bind_port, sizeof node->bind_port, "%.15s", argument(command, "--secure-port"));
        return 0;
}

static int read_etcd(const char *root, struct adopt_node *node, struct error *e) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        const struct ynode *command;
        int r = read_yaml(root, MANIFESTS "etcd.yaml", &d, e);

        if (r <= 0)
                return r; /* etcd is elsewhere */
        command = pod_command(&d);
        snprintf(node->name, sizeof node->name, "%.255s", argument(command, "--name"));
        if (!strcmp(argument(command, "--initial-cluster-state"), "existing"))
                snprintf(node->initial_cluster, sizeof node->initial_cluster, "%.4095s",
                         argument(command, "--initial-cluster"));
        return 0;
}

/* Until 1.33 a flag, since then in a file of its own. */
static int read_cri_socket(const char *root, struct adopt_node *node, struct error *e) {
        static const char flag[] = "--container-runtime-endpoint=";
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        CLEANUP(freep) char *flags = NULL;
        const struct ynode *endpoint;
        const char *at = NULL;
        size_t size;
        int r = read_yaml(root, "/var/lib/kubelet/instance-config.yaml", &d, e);

        if (r > 0 && (endpoint = d.n ? ynode_get(d.items[0], "containerRuntimeEndpoint") : NULL) &&
            endpoint->kind == YNODE_SCALAR) {
                snprintf(node->cri_socket, sizeof node->cri_socket, "%.255s", endpoint->value);
                return 0;
        }
        if (r < 0 || (r = read_file(root, "/var/lib/kubelet/kubeadm-flags.env", &flags, &size, e)) < 0)
                return r;
        if (r > 0 && (at = strstr(flags, flag)))
                snprintf(node->cri_socket, sizeof node->cri_socket, "%.*s",
                         (int)strcspn(at + sizeof flag - 1, " \"\n"), at + sizeof flag - 1);
        return 0;
}

int adopt_node_read(const char *root, struct adopt_node *ret, struct error *e) {
        int r;

        *ret = (struct adopt_node){ 0 };
        if ((r = read_api_server(root, ret, e)) < 0 || (r = read_etcd(root, ret, e)) < 0)
                return r;
        return read_cri_socket(root, ret, e);
}
