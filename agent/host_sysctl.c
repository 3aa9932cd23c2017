#include "agent/host.h"
#include "agent/managed.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

enum { MAX_SETTINGS = 16 };

struct setting {
        char key[128]; /* with dots, as in the files */
        const char *value;
};

/* A host that forwards IPv6 no longer listens to routers, and loses its own default route: accept_ra 2 keeps
 * both (kernel: ip-sysctl). */
static size_t settings(const struct config *c, struct setting out[MAX_SETTINGS]) {
        static const struct setting four[] = {
                { "net.ipv4.ip_forward", "1" },
                { "net.bridge.bridge-nf-call-iptables", "1" },
                { "net.bridge.bridge-nf-call-ip6tables", "1" },
        };
        size_t n = ARRAY_SIZE(four);

        memcpy(out, four, sizeof four);
        if (!host_has_ipv6(c))
                return n;
        out[n++] = (struct setting){ "net.ipv6.conf.all.forwarding", "1" };
        for (size_t i = 0; i < c->vips.n && n < MAX_SETTINGS; i++) {
                const char *interface = c->vips.items[i].interface;

                /* A dot in an interface's name is written as a slash. */
                if (!interface || strlen(interface) > 64)
                        continue;
                snprintf(out[n].key, sizeof out[n].key, "net.ipv6.conf.%s", interface);
                for (char *s = out[n].key + strlen("net.ipv6.conf."); (s = strchr(s, '.'));)
                        *s = '/';
                snprintf(out[n].key + strlen(out[n].key), 16, ".accept_ra");
                out[n].value = "2";
                n++;
        }
        return n;
}

bool host_sysctl_line(const char *line, char key[128], char value[128]) {
        size_t n = 0, k;
        char first;

        line += strspn(line, " \t-");
        if (*line == '#' || *line == ';')
                return false;
        /* Where the first separator is a slash, dots and slashes have changed places (sysctl.d(5)). */
        first = line[strcspn(line, "./= \t\n")];
        for (; *line && !strchr(" \t=\n", *line) && n < 127; line++, n++)
                key[n] = first != '/' ? *line : *line == '/' ? '.' : *line == '.' ? '/' : *line;
        key[n] = '\0';
        line += strspn(line, " \t");
        if (n == 0 || *line != '=')
                return false;
        line += 1 + strspn(line + 1, " \t");
        k = strcspn(line, "\n");
        while (k > 0 && isspace((unsigned char)line[k - 1]))
                k--;
        snprintf(value, 128, "%.*s", (int)(k < 127 ? k : 127), line);
        return true;
}

static void check_file(const char *root, const char *path, const struct setting *v, size_t n, bool later) {
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX], key[128], value[128];
        unsigned number = 0;
        size_t size;

        if (root_path(real, root, path) < 0 || pki_file_read(real, 1 << 20, &text, &size) < 0)
                return;
        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                number++;
                for (size_t i = 0; i < n && host_sysctl_line(s, key, value); i++)
                        if (!strcmp(key, v[i].key) && strcmp(value, v[i].value) != 0)
                                host_warn("%s:%u sets %s to %s, but a node needs %s; %s", path, number, key,
                                          value, v[i].value,
                                          later ? "it comes after " HOST_SYSCTL_FILE
                                                  " and wins at the next boot: take that line out"
                                                : HOST_SYSCTL_FILE " comes after it and wins");
        }
}

static int is_conf(const struct dirent *d) {
        size_t n = strlen(d->d_name);

        return n > 5 && !strcmp(d->d_name + n - 5, ".conf");
}

/* systemd-sysctl takes the files of all directories in the order of their names; the last value counts. */
static void check_others(const struct phase_ctx *ctx, const struct setting *v, size_t n) {
        static const char *const dirs[] = { "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
                                            "/usr/lib/sysctl.d" };
        const char *own = strrchr(HOST_SYSCTL_FILE, '/') + 1;

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                struct dirent **list = NULL;
                char real[PATH_MAX], path[PATH_MAX];
                int count = root_path(real, ctx->root, dirs[i]) < 0
                                    ? -1
                                    : scandir(real, &list, is_conf, alphasort);

                for (int k = 0; k < count; k++) {
                        snprintf(path, sizeof path, "%s/%s", dirs[i], list[k]->d_name);
                        if (strcmp(list[k]->d_name, own) != 0)
                                check_file(ctx->root, path, v, n, strcmp(list[k]->d_name, own) > 0);
                        free(list[k]);
                }
                free(list);
        }
}

/* "net.ipv6.conf.eth0/1.accept_ra" is /proc/sys/net/ipv6/conf/eth0.1/accept_ra. */
static void proc_path(const char *key, char out[PATH_MAX]) {
        size_t n = (size_t)snprintf(out, PATH_MAX, "/proc/sys/");

        for (; *key && n + 1 < PATH_MAX; key++)
                out[n++] = *key == '.' ? '/' : *key == '/' ? '.' : *key;
        out[n] = '\0';
}

static int read_value(const char *key, char out[64]) {
        CLEANUP(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t size;
        int r;

        proc_path(key, path);
        if ((r = pki_file_read(path, 4096, &text, &size)) < 0)
                return r;
        snprintf(out, 64, "%.*s", (int)strcspn(text, "\n"), text);
        return 0;
}

static int write_value(const char *key, const char *value) {
        char path[PATH_MAX];
        CLEANUP(closep) int fd = -1;

        proc_path(key, path);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static int apply(struct phase_ctx *ctx, const struct setting *s, struct error *e) {
        char before[64];
        int r = read_value(s->key, before);

        if (r < 0) {
                host_warn("%s cannot be set now (%s): the kernel's module that has it is missing", s->key,
                          strerror(-r));
                return 0;
        }
        if (!strcmp(before, s->value))
                return 0;
        if ((r = managed_note(ctx, "sysctl", s->key, before, e)) < 0)
                return r;
        if ((r = write_value(s->key, s->value)) < 0)
                return error_set(e, EXIT_FAILED,
                                 "%s is %s and cannot be set to %s: %s; set it where this machine is run, or "
                                 "leave "
                                 "this out with --skip-phases host/sysctls",
                                 s->key, before, s->value, strerror(-r)),
                       r;
        printf("[host] %s is %s now, was %s\n", s->key, s->value, before);
        ctx->made++;
        return 0;
}

int host_sysctls(struct phase_ctx *ctx, struct error *e) {
        char text[8192] = "# Written by triarch; `triarch reset` removes it.\n";
        struct setting v[MAX_SETTINGS] = { 0 };
        size_t n = settings(ctx->config, v);
        int r;

        for (size_t i = 0; i < n; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s = %s\n", v[i].key, v[i].value);
        check_others(ctx, v, n);
        r = managed_own(ctx, "host", HOST_SYSCTL_FILE, 0644, text, strlen(text), e);
        for (size_t i = 0; i < n && r >= 0 && !*ctx->root && !ctx->config->dry_run; i++)
                r = apply(ctx, &v[i], e);
        return r < 0 ? r : 0;
}

int host_sysctl_undo(void *userdata, const char *key, const char *before, struct error *why) {
        int r = write_value(key, before);

        (void)userdata;
        if (r < 0)
                error_set(why, EXIT_FAILED, "%s cannot be set back to %s: %s", key, before, strerror(-r));
        return r;
}
