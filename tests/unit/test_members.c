/* Lists of members of the virtual address: the file, and the record in etcd with its rules (lease rule 12).
 */
#include "agent/members.h"
#include "agent/vip_record.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

static struct vrrp_list two(void) {
        struct vrrp_list l = { .gen = 2, .n = 2 };

        l.v[0] = (struct vrrp_list_member){ .id = 0xa1, .name = "host1" };
        l.v[1] = (struct vrrp_list_member){ .id = UINT64_MAX - 1, .name = "host2", .witness = true };
        vrrp_ip_parse("172.18.0.154", &l.v[0].address);
        vrrp_ip_parse("fd00::2", &l.v[1].address);
        return l;
}

static struct etcd_member voter(uint64_t id, const char *name, const char *url) {
        struct etcd_member m = { .id = id };

        snprintf(m.name, sizeof m.name, "%s", name);
        snprintf(m.peer_url, sizeof m.peer_url, "%s", url);
        return m;
}

static void test_file(void **state) {
        struct vrrp_list list = two(), back;
        char path[PATH_MAX];
        struct error e;

        tmp_path(*state, "members.json", path);
        assert_int_equal(members_load(path, &back, &e), -ENOENT);
        assert_int_equal(members_store(path, &list, &e), 0);
        assert_int_equal(members_load(path, &back, &e), 0);
        assert_true(vrrp_list_equal(&list, &back));
}

static void test_id(void **state) {
        char path[PATH_MAX];
        struct error e;
        uint64_t id = 1;

        tmp_path(*state, "member.id", path);
        assert_int_equal(members_id_load(path, &id), -ENOENT);
        assert_int_equal(members_id_store(path, UINT64_C(0x00a1b2c3d4e5f607), &e), 0);
        assert_int_equal(members_id_load(path, &id), 0);
        assert_true(id == UINT64_C(0x00a1b2c3d4e5f607));
}

static void test_refused(void **state) {
        static const char *const bad[] = {
                "",
                "[]",
                "{\"gen\":0,\"members\":[{\"id\":\"00000000000000a1\",\"name\":\"a\",\"address\":\"10.0.0."
                "1\",\"witness\":false}]}",
                "{\"gen\":1,\"members\":[]}",
                "{\"gen\":1,\"members\":[{\"id\":\"0000000000000000\",\"name\":\"a\",\"address\":\"10.0.0."
                "1\",\"witness\":false}]}",
                "{\"gen\":1,\"members\":[{\"id\":\"a1\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"witness\":"
                "false}]}",
                "{\"gen\":1,\"members\":[{\"id\":\"00000000000000a1\",\"name\":\"a\",\"address\":\"10.0.0\","
                "\"witness\":false}]}",
                "{\"gen\":1,\"members\":[{\"id\":\"00000000000000a1\",\"name\":\"a\",\"address\":\"10.0.0."
                "1\"}]}",
                "{\"gen\":1,\"members\":[{\"id\":\"00000000000000a1\",\"name\":\"a\",\"address\":\"10.0.0."
                "1\",\"witness\":false},"
                "{\"id\":\"00000000000000a1\",\"name\":\"b\",\"address\":\"10.0.0.2\",\"witness\":false}]}",
                "{\"gen\":1,\"members\":[{\"id\":\"00000000000000a1\",\"name\":\"a\",\"address\":\"10.0.0."
                "1\",\"witness\":false},"
                "{\"id\":\"00000000000000a2\",\"name\":\"b\",\"address\":\"10.0.0.1\",\"witness\":false}]}",
        };
        struct vrrp_list list;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (members_parse(bad[i], strlen(bad[i]), &list) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
}

static void test_record(void **state) {
        struct etcd_members m = { .n = 1, .v = { voter(7, "host1", "https://172.18.0.154:2380") } };
        struct vip_record r, next, back;
        struct vrrp_list list = two();
        CLEANUP(freep) char *text = NULL;
        size_t size;

        (void)state;
        vip_record_first(&list, &m, &r);
        assert_true(r.etcd[0] == 7 && r.etcd[1] == 0);
        m.v[m.n++] = voter(8, "host2", "https://[fd00::2]:2380");
        assert_true(vip_record_identify(&r, &m));
        assert_false(vip_record_identify(&r, &m));
        assert_true(r.etcd[1] == 8);

        m.v[m.n++] = voter(9, "host3", "https://172.18.0.156:2380");
        assert_int_equal(vip_record_with(&r, &m.v[2], &next), 0);
        assert_int_equal(next.list.gen, 3);
        assert_int_equal(next.list.n, 3);
        assert_true(next.list.v[2].id == 9 && next.etcd[2] == 9);
        assert_string_equal(next.list.v[2].name, "host3");
        assert_int_equal(next.n_previous, 2);
        assert_int_equal(vip_record_with(&next, &m.v[2], &back), -EEXIST);

        assert_int_equal(vip_record_render(&next, &text, &size), 0);
        assert_int_equal(vip_record_parse(text, size, &back), 0);
        assert_true(vrrp_list_equal(&back.list, &next.list));
        assert_memory_equal(back.etcd, next.etcd, sizeof back.etcd);
        assert_memory_equal(back.previous, next.previous, sizeof back.previous);
}

/* A machine that came again at the same address has another id of etcd: the old entry is gone. */
static void test_gone(void **state) {
        struct etcd_members m = { .n = 2,
                                  .v = { voter(7, "host1", "https://172.18.0.154:2380"),
                                         voter(8, "host2", "https://[fd00::2]:2380") } };
        struct vip_record r, next;
        struct vrrp_list list = two();

        (void)state;
        vip_record_first(&list, &m, &r);
        assert_int_equal(vip_record_gone(&r, &m), -1);
        m.v[0].learner = true;
        assert_int_equal(vip_record_gone(&r, &m), 0);
        m.v[0] = voter(70, "host1", "https://172.18.0.154:2380");
        assert_int_equal(vip_record_gone(&r, &m), 0);
        assert_int_equal(vip_record_without(&r, 0, &next), 0);
        assert_int_equal(next.list.n, 1);
        assert_true(next.list.v[0].id == UINT64_MAX - 1 && next.etcd[0] == 8);
        assert_int_equal(vip_record_gone(&next, &m), -1);
        assert_int_equal(vip_record_without(&next, 0, &r), -EINVAL); /* the last one stays */
}

/* A majority of the list before. */
static void test_settled(void **state) {
        struct vip_record r = { .n_previous = 0 };

        (void)state;
        assert_true(vip_record_settled(&r, 0));
        r.n_previous = 1;
        assert_false(vip_record_settled(&r, 0));
        assert_true(vip_record_settled(&r, 1));
        r.n_previous = 2;
        assert_false(vip_record_settled(&r, 1));
        assert_true(vip_record_settled(&r, 2));
        r.n_previous = 3;
        assert_false(vip_record_settled(&r, 1));
        assert_true(vip_record_settled(&r, 2));
}

static void test_addresses(void **state) {
        static const struct {
                const char *url, *address;
        } cases[] = {
                { "https://172.18.0.154:2380", "172.18.0.154" },
                { "https://[fd00::2]:2380", "fd00::2" },
                { "https://host1:2380", NULL },
                { "172.18.0.154:2380", NULL },
                { "https://172.18.0.154", NULL },
                { "https://[fd00::2", NULL },
                { "", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct etcd_member m = voter(1, "a", cases[i].url);
                struct vrrp_ip a;
                int r = vip_record_address(&m, &a);

                if (!cases[i].address)
                        assert_int_equal(r, -EINVAL);
                else if (r < 0)
                        fail_msg("%s", cases[i].url);
                else
                        assert_string_equal(vrrp_ip_text(&a).v, cases[i].address);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_file),
                tmp_test(test_id),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_settled),
                cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
