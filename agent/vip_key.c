#include "agent/vip_key.h"
#include "agent/keyfile.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <sys/stat.h>

static int fail(struct error *e, const char *path, int r, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

int vip_key_add(struct vrrp_keys *k, uint16_t *ret_id, struct error *e) {
        uint8_t key[VRRP_KEY_SIZE];
        int r;

        if (RAND_priv_bytes(key, sizeof key) != 1) {
                ERR_clear_error();
                error_set(e, EXIT_FAILED, "there is no randomness for a key");
                return -EIO;
        }
        r = vrrp_keys_add(k, key, ret_id);
        OPENSSL_cleanse(key, sizeof key);
        if (r < 0)
                error_set(e, EXIT_FAILED, "there are %d keys already; drop the old ones first", VRRP_KEYS);
        return r;
}

static int put(const char *path, gid_t gid, const struct vrrp_keys *k, unsigned flags) {
        char text[VRRP_KEYS_TEXT];
        int r = vrrp_keys_render(k, text, sizeof text);

        if (r == 0)
                r = pki_file_write(path, VIP_KEY_MODE, gid, text, strlen(text), flags);
        OPENSSL_cleanse(text, sizeof text);
        return r;
}

int vip_key_create(const char *path, gid_t gid, const struct vrrp_keys *k, struct error *e) {
        int r = put(path, gid, k, PKI_FILE_EXCL);

        return r < 0 ? fail(e, path, r, "the key cannot be written") : 0;
}

int vip_key_replace(const char *path, const struct vrrp_keys *k, struct error *e) {
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return fail(e, path, -errno, "the key cannot be replaced");
        r = put(path, st.st_gid, k, 0);
        return r < 0 ? fail(e, path, r, "the key cannot be written") : 0;
}

/* A key that the agent cannot read is as good as none. */
static int check_group(const char *path, gid_t gid, struct error *e) {
        struct stat st;

        if (gid == (gid_t)-1 || stat(path, &st) < 0 || (st.st_gid == gid && (st.st_mode & 0040)))
                return 0;
        error_set(
                e, EXIT_FAILED,
                "cannot be read by the agent: group %u, mode %04o; chown it to root:%u and chmod it to 0640",
                (unsigned)st.st_gid, (unsigned)st.st_mode & 07777, (unsigned)gid);
        snprintf(e->file, sizeof e->file, "%s", path);
        return -EINVAL;
}

int vip_key_check(const char *path, gid_t gid, struct error *e) {
        struct vrrp_keys k = { 0 };
        int r = keyfile_load(path, &k, e);

        vrrp_keys_wipe(&k);
        return r < 0 ? r : check_group(path, gid, e);
}

int vip_key_ensure(const char *path, gid_t gid, bool *ret_made, struct error *e) {
        struct vrrp_keys k = { 0 };
        uint16_t id;
        int r;

        *ret_made = false;
        if (access(path, F_OK) == 0)
                return vip_key_check(path, gid, e);
        if ((r = vip_key_add(&k, &id, e)) == 0)
                r = vip_key_create(path, gid, &k, e);
        vrrp_keys_wipe(&k);
        *ret_made = r == 0;
        return r;
}
