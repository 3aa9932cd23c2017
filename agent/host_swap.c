#include "agent/host.h"
#include "agent/managed.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <ctype.h>
#include <errno.h>
#include <sys/swap.h>

#define UNITS "/etc/systemd/system/"

/* As systemd.unit(5) escapes a path. */
int host_swap_unit(const char *path, char out[256]) {
        size_t n = 0;

        path += strspn(path, "/");
        for (const char *s = path; *s; s++) {
                bool plain = isalnum((unsigned char)*s) || *s == ':' || *s == '_' || (*s == '.' && s > path);

                if (n + 10 >= 256)
                        return -ENAMETOOLONG;
                if (*s == '/')
                        out[n++] = '-';
                else if (plain)
                        out[n++] = *s;
                else
                        n += (size_t)snprintf(out + n, 5, "\\x%02x", (unsigned char)*s);
                while (*s == '/' && s[1] == '/')
                        s++;
        }
        snprintf(out + n, 256 - n, ".swap");
        return 0;
}

static void source_path(const char *what, size_t n, char path[256]) {
        static const struct {
                const char *tag, *dir;
        } tags[] = {
                { "UUID=", "/dev/disk/by-uuid/" },
                { "LABEL=", "/dev/disk/by-label/" },
                { "PARTUUID=", "/dev/disk/by-partuuid/" },
                { "PARTLABEL=", "/dev/disk/by-partlabel/" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
                size_t k = strlen(tags[i].tag);

                if (n > k && !strncmp(what, tags[i].tag, k)) {
                        if (what[k] == '"' && n > k + 2)
                                snprintf(path, 256, "%s%.*s", tags[i].dir, (int)(n - k - 2), what + k + 1);
                        else
                                snprintf(path, 256, "%s%.*s", tags[i].dir, (int)(n - k), what + k);
                        return;
                }
        }
        snprintf(path, 256, "%.*s", (int)n, what);
}

/* what, where, type, options; "noauto" is none that is switched on at boot, and is told apart by systemd. */
bool host_fstab_swap(const char *fstab, size_t i, unsigned *ret_line, char path[256]) {
        unsigned line = 0;

        for (const char *s = fstab; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                const char *field[3];
                size_t size[3];
                const char *at = s;

                line++;
                for (size_t k = 0; k < 3; k++) {
                        at += strspn(at, " \t");
                        field[k] = at;
                        size[k] = strcspn(at, " \t\n");
                        at += size[k];
                }
                if (*field[0] == '#' || size[2] != 4 || strncmp(field[2], "swap", 4) != 0 || i-- > 0)
                        continue;
                *ret_line = line;
                source_path(field[0], size[0], path);
                return true;
        }
        return false;
}

static int mask(struct phase_ctx *ctx, const char *path, const char *where, struct error *e) {
        char unit[256], link[PATH_MAX];
        int r = host_swap_unit(path, unit);

        if (r < 0)
                return error_set(e, EXIT_FAILED, "the swap area %s has too long a name", path), r;
        snprintf(link, sizeof link, UNITS "%s", unit);
        r = managed_link(ctx, "host", link, "/dev/null", e);
        if (r == MANAGED_MADE && !ctx->config->dry_run)
                printf("[host] swap on %s (%s) stays off at boots: %s is masked\n", path, where, unit);
        return r;
}

static int mask_fstab(struct phase_ctx *ctx, bool *ret_changed, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX], path[256], where[64];
        unsigned line;
        size_t size;
        int r = 0;

        if (!phase_path(ctx, "/etc/fstab", real) || pki_file_read(real, 1 << 20, &text, &size) < 0)
                return 0;
        for (size_t i = 0; r >= 0 && host_fstab_swap(text, i, &line, path); i++) {
                snprintf(where, sizeof where, "/etc/fstab line %u", line);
                r = mask(ctx, path, where, e);
                *ret_changed |= r == MANAGED_MADE;
        }
        return r;
}

static int off(struct phase_ctx *ctx, const char *path, const char *priority, struct error *e) {
        int r = managed_note(ctx, "swap", path, priority, e);

        if (r < 0)
                return r;
        if (swapoff(path) < 0 && errno != EINVAL) {
                r = -errno;
                error_set(e, EXIT_FAILED,
                          "swap on %s cannot be switched off: %s; %s, or let the kubelet run with swap "
                          "(failSwapOn: "
                          "false in a KubeletConfiguration)",
                          path, strerror(-r),
                          r == -ENOMEM ? "what is swapped out does not fit into memory: end programs"
                                       : "switch it off where this machine is run");
                return r;
        }
        printf("[host] swap on %s is off now\n", path);
        ctx->made++;
        return 0;
}

/* A line each after the heading: path (a space in it is \040), type, size, used, priority. */
static int off_all(struct phase_ctx *ctx, bool *ret_changed, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        char path[256], priority[16];
        int r = 0;

        if (pki_file_read("/proc/swaps", 65536, &text, &size) < 0)
                return 0;
        for (const char *s = strchr(text, '\n'); s && s[1] && r >= 0; s = strchr(s + 1, '\n')) {
                if (sscanf(s + 1, "%255s %*s %*s %*s %15s", path, priority) != 2)
                        continue;
                if ((r = off(ctx, path, priority, e)) == 0)
                        r = mask(ctx, path, "in use", e);
                *ret_changed |= r == MANAGED_MADE;
        }
        return r;
}

int host_swap(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        bool changed = false;
        char value[16];
        int r;

        if (host_kubelet_value(ctx->config, "failSwapOn", value, sizeof value) && !strcmp(value, "false"))
                return 0;
        if ((r = mask_fstab(ctx, &changed, e)) < 0 || *ctx->root || ctx->config->dry_run)
                return r < 0 ? r : 0;
        if ((r = off_all(ctx, &changed, e)) < 0 || !changed)
                return r < 0 ? r : 0;
        return (r = unit_bus_open(&b, e)) < 0 ? r : unit_daemon_reload(b, e);
}

/* What the kernel chose itself is negative, and is no flag. */
int host_swap_undo(void *userdata, const char *key, const char *before, struct error *why) {
        long priority = strtol(before, NULL, 10);
        int flags = priority >= 0 ? SWAP_FLAG_PREFER | ((int)priority & SWAP_FLAG_PRIO_MASK) : 0, r = 0;

        (void)userdata;
        if (swapon(key, flags) < 0 && errno != EBUSY) {
                r = -errno;
                error_set(why, EXIT_FAILED, "swap on %s cannot be switched on again: %s", key, strerror(-r));
        }
        return r;
}
