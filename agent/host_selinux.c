#include "agent/host.h"
#include "agent/managed.h"
#include "pki/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* The kernel's own interface: no policy is loaded or compiled here, only labels are set, which any tool for
 * SELinux shows (ls -Z). What lasts through a relabelling is the policy's: those rules are printed. */
#define LABEL_ATTR "security.selinux"
#define LABEL      "system_u:object_r:container_file_t:s0"

/* What containers of static pods write or read on the host. */
static const struct {
        const char *path;
        mode_t mode; /* as the phases to come would make it */
} dirs[] = { { "/etc/kubernetes", 0755 }, { "/var/lib/etcd", 0700 } };

static bool enforcing(void) {
        CLEANUP(freep) char *text = NULL;
        size_t size;

        return pki_file_read("/sys/fs/selinux/enforce", 16, &text, &size) == 0 && *text == '1';
}

/* Does the loaded policy know the type? The kernel answers a write with an error if not. */
static bool policy_knows(const char *label) {
        CLEANUP(closep) int fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);

        return fd >= 0 && write(fd, label, strlen(label) + 1) > 0;
}

static const char *etcd_or(const struct config *c, const char *dir) {
        return !strcmp(dir, "/var/lib/etcd") && c->etcd_data_dir ? c->etcd_data_dir : dir;
}

static int label_dir(struct phase_ctx *ctx, const char *dir, mode_t mode, struct error *e) {
        char before[256] = "";
        ssize_t n;
        int r;

        if ((r = pki_mkdir_p(dir, mode)) < 0 ||
            (n = getxattr(dir, LABEL_ATTR, before, sizeof before - 1)) < 0) {
                host_warn("the label of %s cannot be read: %s", dir, strerror(r < 0 ? -r : errno));
                return 0;
        }
        before[n] = '\0';
        if (!strcmp(before, LABEL))
                return 0;
        if ((r = managed_note(ctx, "selinux", dir, before, e)) < 0)
                return r;
        if (setxattr(dir, LABEL_ATTR, LABEL, sizeof LABEL, 0) < 0) {
                host_warn("%s cannot be labelled for containers: %s", dir, strerror(errno));
                return 0;
        }
        printf("[host] %s is labelled " LABEL " now, was %s\n", dir, before);
        ctx->made++;
        return 0;
}

int host_selinux(struct phase_ctx *ctx, struct error *e) {
        int r = 0;

        if (*ctx->root || ctx->config->dry_run || access("/sys/fs/selinux/enforce", F_OK) < 0)
                return 0;
        if (!enforcing()) {
                printf("[host] SELinux is permissive: nothing is kept from containers\n");
                return 0;
        }
        if (!policy_knows(LABEL)) {
                host_warn("SELinux is enforcing, and its policy knows no containers: install "
                          "container-selinux, or "
                          "the static pods cannot read their certificates");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
                r = label_dir(ctx, etcd_or(ctx->config, dirs[i].path), dirs[i].mode, e);
        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
                printf("[host] SELinux is enforcing; so that a relabelling keeps it: semanage fcontext -a -t "
                       "container_file_t '%s(/.*)?'\n",
                       etcd_or(ctx->config, dirs[i].path));
        return r;
}

int host_selinux_undo(void *userdata, const char *key, const char *before, struct error *why) {
        (void)userdata;
        if (setxattr(key, LABEL_ATTR, before, strlen(before) + 1, 0) == 0 || errno == ENOENT)
                return 0;
        error_set(why, EXIT_FAILED, "%s cannot be labelled %s again: %s", key, before, strerror(errno));
        return -EIO;
}
