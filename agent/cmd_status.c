#include "agent/agent_client.h"
#include "agent/command.h"
#include "agent/etcd_own.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/print_json.h"
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
static json_t *etcd_members(const char *config_file) {
        CLEANUP(config_freep) struct config *c = NULL;
        struct etcd_members members;
        struct error e = { 0 };
        json_t *list;
        int r;

        if (config_load(config_file, NULL, &c, &e) < 0 || !c->cluster)
                return json_null();
        if ((r = etcd_own_members(c, ETCD_TIMEOUT_MS, &members, &e)) < 0)
                return r == -ENOENT ? json_null() : json_pack("{s:s}", "error", e.message);
        list = json_array();
        for (size_t i = 0; i < members.n; i++)
                json_array_append_new(list, member_json(&members.v[i]));
        return json_pack("{s:o}", "members", list);
}

static int print(json_t *report, const char *config_file, bool json) {
        bool cluster = json_is_object(json_object_get(report, "cluster"));
        json_t *members = cluster ? etcd_members(config_file) : json_null();
        struct error e;

        json_object_set_new(report, "etcdMembers", members);
        if (!json) {
                status_text(stdout, report, members);
                return EXIT_DONE;
        }
        return print_json(json_incref(report), &e) < 0 ? error_print(&e) : EXIT_DONE;
}

int cmd_status(int argc, char **argv) {
        const char *socket_path = TRIARCH_SOCKET, *config_file = TRIARCH_CONFIG_FILE;
        json_t *report = NULL;
        struct common common;
        struct error e;
        int r;
        const struct opt table[] = {
                { "socket", 0, OPT_STRING, &socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { "config", 0, OPT_STRING, &config_file, "FILE",
                  "which says where etcd is; default " TRIARCH_CONFIG_FILE },
                { 0 },
        };

        r = opt_parse_only(argc, argv, usage, table, OPT_NO_ROOT, &common, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (agent_status(socket_path, &report, &e) < 0)
                return error_print(&e);
        r = print(report, config_file, common.json);
        json_decref(report);
        return r;
}
