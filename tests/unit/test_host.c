#include "agent/host.h"
#include "agent/managed.h"
#include "pki/file.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>

static void test_swap_units(void **state) {
        static const char *const pairs[][2] = {
                { "/dev/sda2", "dev-sda2.swap" },
                { "/dev/disk/by-uuid/1a-2b", "dev-disk-by\\x2duuid-1a\\x2d2b.swap" },
                { "/swap.img", "swap.img.swap" },
                { "/.swap", "\\x2eswap.swap" },
                { "//var//s", "var-s.swap" },
        };
        char out[256], path[300];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                assert_int_equal(host_swap_unit(pairs[i][0], out), 0);
                assert_string_equal(out, pairs[i][1]);
        }
        memset(path, 'x', sizeof path - 1);
        path[sizeof path - 1] = '\0';
        assert_int_equal(host_swap_unit(path, out), -ENAMETOOLONG);
}

static void test_swap_in_fstab(void **state) {
        static const char fstab[] = "# swap swap swap\n/dev/sda1 / ext4 swap 0 1\n\n"
                                    "UUID=1-2 none\tswap sw 0 0\n /swap.img  none swap defaults\n"
                                    "LABEL=\"s\" none swap\n#/dev/x none swap\n";
        char path[256];
        unsigned line;

        (void)state;
        assert_true(host_fstab_swap(fstab, 0, &line, path));
        assert_int_equal(line, 4);
        assert_string_equal(path, "/dev/disk/by-uuid/1-2");
        assert_true(host_fstab_swap(fstab, 1, &line, path));
        assert_int_equal(line, 5);
        assert_string_equal(path, "/swap.img");
        assert_true(host_fstab_swap(fstab, 2, &line, path));
        assert_string_equal(path, "/dev/disk/by-label/s");
        assert_false(host_fstab_swap(fstab, 3, &line, path));
}

static void test_block_of_hosts(void **state) {
        static const struct host_name names[] = { { "m1", "10.0.0.1" }, { "api.lan", "10.0.0.9" } };
        static const char old[] = "127.0.0.1 localhost";
        CLEANUP(freep) char *with = host_names_text(old, names, 2);
        CLEANUP(freep) char *one = host_names_text(with, names, 1);
        CLEANUP(freep) char *none = host_names_text(one, NULL, 0);
        CLEANUP(freep) char *again = host_names_text(with, names, 2);

        (void)state;
        assert_non_null(strstr(with, "127.0.0.1 localhost\n#"));
        assert_non_null(strstr(with, "\n10.0.0.1 m1\n10.0.0.9 api.lan\n#"));
        assert_string_equal(again, with);
        assert_true(host_names_ours(with, "m1"));
        assert_false(host_names_ours(with, "m"));
        assert_false(host_names_ours(with, "localhost"));
        assert_false(host_names_ours(one, "api.lan"));
        assert_string_equal(none, "127.0.0.1 localhost\n");
}

static void test_file_of_chrony(void **state) {
        char *items[] = { (char[]){ "ntp1.lan" }, (char[]){ "10.0.0.5" } };
        const struct str_list servers = { items, 2 };
        const char *const peers[] = { "10.0.0.2" };
        CLEANUP(freep) char *master = host_time_text(&servers, peers, 1, "10.0.0.0/24", false);
        CLEANUP(freep) char *worker = host_time_text(&servers, peers, 1, "10.0.0.0/24", true);

        (void)state;
        assert_string_equal(master, "# Written by triarch from timeSync; `triarch reset` removes it.\n"
                                    "server ntp1.lan iburst\nserver 10.0.0.5 iburst\n# The other masters.\n"
                                    "server 10.0.0.2 iburst\nallow 10.0.0.0/24\nlocal stratum 10 orphan\n"
                                    "maxslewrate 500\n");
        assert_null(strstr(worker, "allow"));
        assert_null(strstr(worker, "local"));
        assert_non_null(strstr(worker, "server 10.0.0.2 iburst\n"));
}

static void test_lines_of_sysctl(void **state) {
        char key[128], value[128];

        (void)state;
        assert_true(host_sysctl_line("net.ipv4.ip_forward = 0 \nx", key, value));
        assert_string_equal(key, "net.ipv4.ip_forward");
        assert_string_equal(value, "0");
        assert_true(host_sysctl_line("-net/ipv6/conf/eth0.1/accept_ra=2", key, value));
        assert_string_equal(key, "net.ipv6.conf.eth0/1.accept_ra");
        assert_string_equal(value, "2");
        assert_false(host_sysctl_line("# net.ipv4.ip_forward = 0", key, value));
        assert_false(host_sysctl_line("net.ipv4.ip_forward\n= 1", key, value));
        assert_false(host_sysctl_line("", key, value));
}

static void test_ports(void **state) {
        struct vip_config vips[] = { { .transport = VIP_TRANSPORT_SEALED, .port = 7644 },
                                     { .transport = VIP_TRANSPORT_SEALED, .port = 7644 },
                                     { .transport = VIP_TRANSPORT_IP } };
        const struct config c = { .bind_port = 6443, .enroll_port = 7644, .vips = { vips, 3 } };
        struct host_port out[HOST_MAX_PORTS];
        char all[1024] = "";
        size_t n = host_ports(&c, false, out);

        (void)state;
        for (size_t i = 0; i < n; i++)
                snprintf(all + strlen(all), sizeof all - strlen(all), "%s/%s ", out[i].port, out[i].protocol);
        assert_string_equal(all, "10250/tcp 8472/udp 6443/tcp 2379/tcp 2380/tcp 7644/tcp 7644/udp /vrrp ");
        assert_int_equal(host_ports(&c, true, out), 2);
}

static void test_kubelet_values(void **state) {
        const struct config c = { .kubelet_config_text =
                                          (char[]){ "kind: KubeletConfiguration\nfailSwapOn: false\n"
                                                    "cgroupDriver: cgroupfs\nx: { y: 1 }\n" } };
        char v[32];

        (void)state;
        assert_true(host_kubelet_value(&c, "failSwapOn", v, sizeof v));
        assert_string_equal(v, "false");
        assert_true(host_kubelet_value(&c, "cgroupDriver", v, sizeof v));
        assert_string_equal(v, "cgroupfs");
        assert_false(host_kubelet_value(&c, "x", v, sizeof v));
        assert_false(host_kubelet_value(&c, "y", v, sizeof v));
        assert_false(host_proxy_value(&c, "mode", v, sizeof v));
}

static void put(const char *root, const char *path, const char *text) {
        char real[PATH_MAX], dir[PATH_MAX];

        snprintf(real, sizeof real, "%s%s", root, path);
        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(real, '/') - real), real);
        assert_int_equal(pki_mkdir_p(dir, 0755), 0);
        assert_int_equal(pki_file_write(real, 0644, (gid_t)-1, text, strlen(text), 0), 0);
}

static bool there(const char *root, const char *path) {
        char real[PATH_MAX];

        snprintf(real, sizeof real, "%s%s", root, path);
        return faccessat(AT_FDCWD, real, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_tree(void **state) {
        const char *root = *state;
        char *items[] = { (char[]){ "ntp1.lan" } };
        struct config c = { .bind_port = 6443, .time_servers = { items, 1 } };
        struct phase_ctx ctx = { .config = &c, .root = root };
        struct error e = { 0 };
        unsigned made;

        put(root, "/etc/fstab", "UUID=1-2 none swap sw 0 0\n");
        assert_int_equal(phase_host(&ctx, "time", &e), -ENOENT); /* no chrony there */
        assert_non_null(strstr(e.message, "chrony is not installed"));
        put(root, "/etc/chrony/chrony.conf", "confdir /etc/chrony/conf.d\n");
        assert_int_equal(phase_host(&ctx, NULL, &e), 0);
        assert_true(there(root, HOST_MODULES_FILE));
        assert_true(there(root, HOST_SYSCTL_FILE));
        assert_true(there(root, HOST_CHRONY_FILE));
        assert_true(there(root, "/etc/systemd/system/dev-disk-by\\x2duuid-1\\x2d2.swap"));
        made = ctx.made;
        assert_int_equal(phase_host(&ctx, NULL, &e), 0);
        assert_int_equal(ctx.made, made);
        c.dry_run = true;
        items[0][3] = '2';
        assert_int_equal(phase_host(&ctx, "time", &e), 0);
        assert_int_equal(ctx.made, made + 1); /* said, not done */
        c.dry_run = false;
        items[0][3] = '1';
        assert_int_equal(phase_host(&ctx, "time", &e), 0);
        assert_int_equal(ctx.made, made + 1);
}

static void no_warning(void *userdata, const char *text) {
        (void)userdata, (void)text;
}

/* chronyd must start afterwards, too: it does not when a file that it is to include is gone. */
static void test_reset_leaves_chrony_able_to_start(void **state) {
        const char *root = *state;
        char *items[] = { (char[]){ "ntp1.lan" } };
        struct config c = { .time_servers = { items, 1 } };
        struct phase_ctx ctx = { .config = &c, .root = root };
        CLEANUP(freep) char *text = NULL, *edited = NULL, *left = NULL;
        char real[PATH_MAX];
        struct error e = { 0 };
        unsigned n;
        size_t size;

        put(root, "/etc/chrony.conf", "driftfile /var/lib/chrony/drift\n");
        assert_int_equal(phase_host(&ctx, "time", &e), 0);
        snprintf(real, sizeof real, "%s/etc/chrony.conf", root);
        assert_int_equal(pki_file_read(real, 4096, &text, &size), 0);
        assert_non_null(strstr(text, "\nconfdir /etc/chrony/conf.d\n"));
        assert_true(asprintf(&edited, "%sport 0\n", text) > 0);
        put(root, "/etc/chrony.conf", edited);
        assert_int_equal(managed_undo(root, NULL, 0, NULL, no_warning, &n, &e), 0);
        assert_false(there(root, HOST_CHRONY_FILE));
        assert_int_equal(pki_file_read(real, 4096, &left, &size), 0);
        assert_string_equal(left, edited);
        assert_null(strstr(left, "include"));
}

static void test_swap_may_stay(void **state) {
        const char *root = *state;
        struct config c = { .kubelet_config_text = (char[]){ "failSwapOn: false\n" } };
        struct phase_ctx ctx = { .config = &c, .root = root };
        struct error e = { 0 };

        put(root, "/etc/fstab", "/dev/sda2 none swap sw 0 0\n");
        assert_int_equal(phase_host(&ctx, "swap", &e), 0);
        assert_false(there(root, "/etc/systemd/system/dev-sda2.swap"));
        c.kubelet_config_text = NULL;
        assert_int_equal(phase_host(&ctx, "swap", &e), 0);
        assert_true(there(root, "/etc/systemd/system/dev-sda2.swap"));
}

static size_t count_links(void) {
        struct if_nameindex *list = if_nameindex();
        size_t n = 0;

        while (list && list[n].if_index)
                n++;
        if_freenameindex(list);
        return n;
}

/* In a network of its own: a link that is made by mistake is nobody's. */
static int ask_for_links(void) {
        size_t before;

        if (unshare(CLONE_NEWNET) < 0)
                return 77;
        before = count_links();
        if (host_link_kind("nosuchkind") != 0)
                return 1;
        if (host_link_kind("vxlan") < 0)
                return 2;
        return before > 0 && count_links() == before ? 0 : 3;
}

/* The question is asked as if a link were to be made, and makes none. */
static void test_kinds_of_links(void **state) {
        int status;
        pid_t pid = fork();

        (void)state;
        if (pid == 0)
                _exit(ask_for_links());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_swap_units),
                cmocka_unit_test(test_swap_in_fstab),
                cmocka_unit_test(test_block_of_hosts),
                cmocka_unit_test(test_file_of_chrony),
                cmocka_unit_test(test_lines_of_sysctl),
                cmocka_unit_test(test_ports),
                cmocka_unit_test(test_kubelet_values),
                tmp_test(test_tree),
                tmp_test(test_reset_leaves_chrony_able_to_start),
                tmp_test(test_swap_may_stay),
                cmocka_unit_test(test_kinds_of_links),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
