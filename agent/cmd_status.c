#include "agent/agent_client.h"
#include "agent/command.h"
#include "agent/etcd.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/status_text.h"
#include <errno.h>

enum { ETCD_TIMEOUT_MS = 3000 };

static const char usage[] =
        "Usage: triarch status [-o text|json] [--socket PATH]\n\n"
        "What this machine's agent knows: who has the virtual address, this node's class and why, the\n"
        "checks, the others as far as they were heard, and what changed when. As root on a master also\n"
        "the members of etcd.";

static json_t *member_json(const struct etcd_member *m) {
        char id[24];

        snprintf(id, sizeof id, "%llx", (unsigned long long)m->id);
        return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "id", id, "name", m->name, "role",
                         m->learner ? "learner" : "voter", "started", *m->name != '\0', "peerURL",
                         m->peer_url, "clientURL", m->client_url);
}

/* {"members": [...]} or {"error": "..."}; null where this machine or this user has no way to ask. */
static json_t *etcd_members(const char *cert_dir) {
        struct etcd_files files;
        struct etcd_client client;
        struct etcd_members members;
        struct error e;
        json_t *list;

        if (!cert_dir || etcd_files_init(&files, "", cert_dir) < 0 || access(files.key, R_OK) < 0)
                return json_null();
        client = etcd_client_with(&files, "https://127.0.0.1:2379", ETCD_TIMEOUT_MS);
        if (etcd_member_list(&client, &members, &e) < 0)
                return json_pack("{s:s}", "error", e.message);
        list = json_array();
        for (size_t i = 0; i < members.n; i++)
                json_array_append_new(list, member_json(&members.v[i]));
        return json_pack("{s:o}", "members", list);
}

static int print(json_t *report, bool json) {
        const char *cert_dir =
                json_string_value(json_object_get(json_object_get(report, "cluster"), "certificatesDir"));
        json_t *members = etcd_members(cert_dir);

        json_object_set_new(report, "etcdMembers", members);
        if (!json) {
                status_text(stdout, report, members);
                return EXIT_DONE;
        }
        if (json_dumpf(report, stdout, JSON_INDENT(2)) < 0)
                return EXIT_FAILED;
        putchar('\n');
        return EXIT_DONE;
}

int cmd_status(int argc, char **argv) {
        const char *socket_path = TRIARCH_SOCKET;
        json_t *report = NULL;
        struct common common;
        struct error e;
        int r;
        const struct opt table[] = {
                { "socket", 0, OPT_STRING, &socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { 0 },
        };

        r = opt_parse_only(argc, argv, usage, table, OPT_NO_ROOT, &common, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (agent_status(socket_path, &report, &e) < 0)
                return error_print(&e);
        r = print(report, common.json);
        json_decref(report);
        return r;
}
