#include "agent/runtime.h"
#include "agent/toml.h"
#include "pki/file.h"
#include "tests/unit/program.h"
#include <errno.h>

#define PAUSE "registry.k8s.io/pause:3.10.1"

static char *edit(const char *text, const struct runtime_wants *w, char certs[PATH_MAX], int want) {
        struct error e = { 0 };
        char *out = NULL;
        size_t n = 0;
        int r;

        *certs = '\0';
        r = runtime_edit(text, strlen(text), w, &out, &n, certs, &e);
        if (r != want)
                fail_msg("%d instead of %d: %s", r, want, e.message);
        if (r >= 0)
                assert_int_equal(n, strlen(out));
        return out;
}

static const struct runtime_wants plain = { .sandbox_image = PAUSE, .systemd_cgroup = true };

/* The result has the line, and another run changes nothing. */
static void gives(const char *text, const struct runtime_wants *w, const char *const *lines,
                  const char *want_certs) {
        char certs[PATH_MAX];
        CLEANUP(freep) char *out = edit(text, w, certs, 1);
        CLEANUP(freep) char *again = edit(out, w, certs, 0);

        assert_string_equal(again, out);
        assert_string_equal(certs, want_certs);
        for (size_t i = 0; lines[i]; i++)
                if (!strstr(out, lines[i]))
                        fail_msg("no \"%s\" in:\n%s", lines[i], out);
}

#define LINES(...) ((const char *[]){ __VA_ARGS__, NULL })

static void test_versions_of_the_format(void **state) {
        (void)state;
        gives("", &plain,
              LINES("version = 2\n",
                    "[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"" PAUSE "\"\n",
                    "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n  runtime_type = "
                    "\"io.containerd.runc.v2\"\n",
                    "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n  "
                    "SystemdCgroup = "
                    "true\n",
                    "[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = "
                    "\"/etc/containerd/certs.d\"\n"),
              RUNTIME_CERTS);
        gives("version = 3\n", &plain,
              LINES("[plugins.\"io.containerd.cri.v1.images\".pinned_images]\n  sandbox = \"" PAUSE "\"\n",
                    "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\n  "
                    "SystemdCgroup",
                    "[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path"),
              RUNTIME_CERTS);
        gives("[plugins.cri]\n  x = 1\n", &plain, LINES("[plugins.cri]\n  sandbox_image = \"" PAUSE "\"\n"),
              RUNTIME_CERTS);
        /* As Docker's packages bring it. */
        gives("disabled_plugins = [\"aufs\", \"cri\"] # no\n#[grpc]\n", &plain,
              LINES("version = 2\n", "disabled_plugins = [\"aufs\"] # no\n"), RUNTIME_CERTS);
}

static void test_keeps_what_the_host_has(void **state) {
        static const char text[] =
                "version = 2 # mine\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"" PAUSE
                "\"\n"
                "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"kata\"\n"
                "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata]\nruntime_type = "
                "\"io.containerd.kata.v2\"\n"
                "[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/mine:/etc/theirs\"\n";

        (void)state;
        gives(text, &plain,
              LINES("version = 2 # mine\n", "\"io.containerd.kata.v2\"\n", "\"/etc/mine:/etc/theirs\"\n",
                    "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.kata.options]\n  "
                    "SystemdCgroup = "
                    "true\n"),
              "/etc/mine");
}

static void test_refuses_what_contradicts(void **state) {
        static const char mirrors[] =
                "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.x]\n";
        struct runtime_wants w = plain;
        char certs[PATH_MAX];

        (void)state;
        gives(mirrors, &plain, LINES("sandbox_image"), "");
        w.registries = true;
        free(edit(mirrors, &w, certs, -EINVAL));
        free(edit("version = 4\n", &plain, certs, -EINVAL));
        free(edit("version = 2\nplugins = { }\n", &plain, certs, -EINVAL));
        free(edit("version = 2\n[plugins\n", &plain, certs, -EINVAL));
        free(edit("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = "
                  "\"x\"\n",
                  &plain, certs, -EINVAL));
}

static void test_logins(void **state) {
        char password[] = "a\"b";
        struct runtime_wants w = plain;

        (void)state;
        w.logins[w.n_logins++] = (struct runtime_login){ "r.lan:5000", "u", password };
        gives("version = 3\n", &w,
              LINES("[plugins.\"io.containerd.cri.v1.images\".registry.configs.\"r.lan:5000\".auth]\n",
                    "username = \"u\"\n", "password = \"a\\\"b\"\n"),
              RUNTIME_CERTS);
}

static void expect_hosts(const struct config *c, size_t i, const char *dir, const char *text) {
        CLEANUP(freep) char *have = NULL;
        char have_dir[300];

        assert_int_equal(runtime_hosts(c, i, have_dir, &have), 0);
        assert_string_equal(have_dir, dir);
        assert_string_equal(have, text);
}

static void test_hosts_files(void **state) {
        char *urls[] = { (char[]){ "https://m.lan:5000" }, (char[]){ "http://n.lan/proj/k8s/" },
                         (char[]){ "https://o.lan/v2/p" } };
        char *hub[] = { (char[]){ "https://m.lan:5000" } };
        struct registry_mirror mirrors[] = { { (char[]){ "registry.k8s.io" }, { urls, 3 } },
                                             { (char[]){ "*" }, { hub, 1 } },
                                             { (char[]){ "docker.io" }, { hub, 1 } } };
        struct registry registries[] = { { .host = (char[]){ "m.lan:5000" },
                                           .ca_file = (char[]){ "/ca.crt" } },
                                         { .host = (char[]){ "p.lan" }, .username = (char[]){ "u" } } };
        const struct config c = { .registry_mirrors = { mirrors, 3 }, .registries = { registries, 2 } };
        char dir[300], *text;

        (void)state;
        expect_hosts(&c, 0, "registry.k8s.io",
                     "# Written by triarch from registryMirrors; `triarch reset` removes it.\n"
                     "server = \"https://registry.k8s.io\"\n"
                     "\n[host.\"https://m.lan:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = "
                     "\"/ca.crt\"\n"
                     "\n[host.\"http://n.lan/v2/proj/k8s\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
                     "  override_path = true\n"
                     "\n[host.\"https://o.lan/v2/p\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
                     "  override_path = true\n");
        expect_hosts(&c, 1, "_default",
                     "# Written by triarch from registryMirrors; `triarch reset` removes it.\n"
                     "\n[host.\"https://m.lan:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = "
                     "\"/ca.crt\"\n");
        expect_hosts(&c, 2, "docker.io",
                     "# Written by triarch from registryMirrors; `triarch reset` removes it.\n"
                     "server = \"https://registry-1.docker.io\"\n"
                     "\n[host.\"https://m.lan:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = "
                     "\"/ca.crt\"\n");
        expect_hosts(&c, 3, "m.lan:5000",
                     "# Written by triarch from registries; `triarch reset` removes it.\n"
                     "server = \"https://m.lan:5000\"\nca = \"/ca.crt\"\n");
        assert_int_equal(runtime_hosts(&c, 4, dir, &text), -ENOENT);
}

static void run_dry(void *state, const char *bin_dir, char *out, size_t size) {
        char path[PATH_MAX], text[256];
        const char *const words[] = { "triarch",
                                      "init",
                                      "phase",
                                      "runtime",
                                      "--dry-run",
                                      "--root",
                                      state,
                                      "--vip",
                                      "172.18.0.192/22",
                                      "--node-name",
                                      "host1",
                                      "--apiserver-advertise-address",
                                      "172.18.0.154",
                                      "--pod-network-cidr",
                                      "10.244.0.0/16",
                                      NULL };

        snprintf(text, sizeof text,
                 "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n  bin_dir = \"%s\"\n", bin_dir);
        tmp_path(state, "etc", path);
        (void)mkdir(path, 0755);
        tmp_path(state, "etc/containerd", path);
        (void)mkdir(path, 0755);
        assert_int_equal(
                pki_file_write(tmp_path(state, RUNTIME_CONFIG, path), 0644, (gid_t)-1, text, strlen(text), 0),
                0);
        if (program_run(words, out, size) != 0)
                fail_msg("%s", out);
}

/* flannel puts its plug-in into two directories; a node that looks in a third is told. */
static void test_plugins_elsewhere(void **state) {
        char out[16384];

        run_dry(*state, "/srv/cni", out, sizeof out);
        if (!strstr(out, "warning: containerd looks for CNI's plug-ins in /srv/cni"))
                fail_msg("%s", out);
        run_dry(*state, "/usr/lib/cni", out, sizeof out);
        assert_null(strstr(out, "plug-ins"));
}

static void make_program(void *state, const char *dir, const char *name) {
        char path[PATH_MAX], part[PATH_MAX];

        for (size_t n = 1; n <= strlen(dir); n++)
                if (dir[n] == '/' || !dir[n]) {
                        snprintf(part, sizeof part, "%.*s", (int)n, dir);
                        (void)mkdir(tmp_path(state, part, path), 0755);
                }
        snprintf(part, sizeof part, "%s/%s", dir, name);
        assert_int_equal(pki_file_write(tmp_path(state, part, path), 0755, (gid_t)-1, "x", 1, 0), 0);
}

/* Without them pods get no network, and the node says no more than NotReady. */
static void test_plugins_that_lack(void **state) {
        char pods[] = "10.244.0.0/16", containerd[] = "unix:///run/containerd/containerd.sock";
        char crio[] = "unix:///run/crio/crio.sock", out[RUNTIME_LACKS_SIZE], dry[16384];
        struct config c = { .cni = CNI_FLANNEL, .pod_subnet = pods, .cri_socket = containerd };
        const struct phase_ctx ctx = { .config = &c, .root = *state };

        assert_true(runtime_cni_lacks(&ctx, out));
        assert_non_null(strstr(out, "loopback, bridge, host-local, portmap: not in /opt/cni/bin, but"));
        make_program(*state, "/opt/cni/bin", "loopback");
        make_program(*state, "/opt/cni/bin", "bridge");
        make_program(*state, "/usr/lib/cni", "host-local");
        make_program(*state, "/usr/lib/cni", "portmap");
        assert_true(runtime_cni_lacks(&ctx, out));
        assert_memory_equal(out, "host-local, portmap: ", 21);
        c.cri_socket = crio; /* looks in more than one */
        assert_false(runtime_cni_lacks(&ctx, out));
        c.cri_socket = containerd;
        run_dry(*state, "/usr/lib/cni", dry, sizeof dry);
        assert_true(runtime_cni_lacks(&ctx, out));
        assert_non_null(strstr(out, "loopback, bridge: not in /usr/lib/cni, but"));
        c.cni = CNI_NONE;
        assert_false(runtime_cni_lacks(&ctx, out));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_versions_of_the_format),
                cmocka_unit_test(test_keeps_what_the_host_has),
                cmocka_unit_test(test_refuses_what_contradicts),
                cmocka_unit_test(test_logins),
                cmocka_unit_test(test_hosts_files),
                tmp_test(test_plugins_elsewhere),
                tmp_test(test_plugins_that_lack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
