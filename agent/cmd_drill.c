#include "agent/agent_client.h"
#include "agent/command.h"
#include "agent/curl.h"
#include "agent/decimal.h"
#include "agent/drill.h"
#include "agent/etcd_own.h"
#include "agent/monotonic.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/print_json.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch drill [--group N] [--rounds N] [--url URL --ca-file FILE] [-o text|json]\n"
        "                     [--config FILE] [--socket PATH]\n\n"
        "Walks the virtual address over all masters and back to where it was, while this machine asks the\n"
        "API through it every 10 ms, each time over a new connection. After each move it must answer, and\n"
        "everything must be healthy again. Prints for each move the longest time without an answer. It\n"
        "refuses to begin (status 2) unless every master is healthy and heard, and every member of etcd has\n"
        "started and votes. Without Kubernetes --url and --ca-file say what is asked.";

enum {
        RHYTHM_MS = 10,
        QUESTION_MS = 1000,
        SETTLE_MS = 2000,
        MOVE_MS = 5000,
        POLL_MS = 20,
        HEALTH_MS = 20000,
        ETCD_MS = 3000,
        MAX_ROUNDS = 1000
};

struct drill {
        struct common common;
        const char *socket_path, *config_file, *group, *rounds_text, *url_given, *ca_given;
        struct config *config;
        uint64_t vrid, rounds;
        char url[512], ca_file[PATH_MAX];
        struct drill_plan plan;
        struct drill_probe *probe;
        char owner[256]; /* now */
        int64_t longest_us;
        unsigned n_moves;
        json_t *moves; /* for -o json */
};

static void drill_done(struct drill *d) {
        drill_probe_free(d->probe);
        config_free(d->config);
        json_decref(d->moves);
}

static void pause_ms(long ms) {
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- what is asked ---- */

static int choose_url(struct drill *d, struct error *e) {
        const struct config *c = d->config;
        bool six = strchr(d->plan.address, ':') != NULL;

        if (!d->url_given && !c->cluster)
                return error_set(e, EXIT_INPUT,
                                 "there is no Kubernetes here: --url and --ca-file say what answers at %s",
                                 d->plan.address);
        if (d->url_given)
                snprintf(d->url, sizeof d->url, "%s", d->url_given);
        else
                snprintf(d->url, sizeof d->url, "https://%s%s%s:%u/livez", six ? "[" : "", d->plan.address,
                         six ? "]" : "", c->bind_port);
        if (d->ca_given)
                snprintf(d->ca_file, sizeof d->ca_file, "%s", d->ca_given);
        else
                snprintf(d->ca_file, sizeof d->ca_file, "%s/ca.crt", c->cluster ? c->cert_dir : "");
        if (access(d->ca_file, R_OK) < 0)
                return error_at(e, d->ca_file, 0, 0, "the CA cannot be read: %s", strerror(errno));
        return 0;
}

/* ---- health ---- */

static int plan(struct drill *d, struct drill_plan *ret, struct error *e) {
        struct etcd_members members = { 0 };
        struct etcd_files files;
        struct etcd_client client;
        const char *endpoint;
        json_t *report = NULL;
        int r;

        if ((r = agent_status(d->socket_path, &report, e)) < 0)
                return r;
        if (d->config->cluster && (r = etcd_own(d->config, "", &files, &endpoint)) == 0) {
                client = etcd_client_with(&files, endpoint, ETCD_MS);
                etcd_own_pick(d->config, &client);
                r = etcd_member_list(&client, &members, e);
        }
        if (r == 0)
                r = drill_plan(report, d->config->cluster ? &members : NULL, (unsigned)d->vrid, ret, e);
        json_decref(report);
        return r;
}

/* After a move the reports of the others take their time. */
static int wait_until_healthy(struct drill *d, struct error *e) {
        int64_t end_us = monotonic_us() + HEALTH_MS * INT64_C(1000);
        struct drill_plan now;
        int r;

        while ((r = plan(d, &now, e)) < 0 && monotonic_us() < end_us)
                pause_ms(5L * POLL_MS);
        return r;
}

/* ---- a move ---- */

static int wait_for_owner(struct drill *d, const char *want, struct error *e) {
        int64_t end_us = monotonic_us() + MOVE_MS * INT64_C(1000);
        struct drill_plan now = { 0 };
        struct error later;

        do { /* in the middle of a move not everybody is heard: only the owner counts here */
                if (plan(d, &now, &later) < 0 && !*now.owner)
                        continue;
                snprintf(d->owner, sizeof d->owner, "%s", now.owner);
                if (!strcmp(now.owner, want))
                        return 0;
        } while (pause_ms(POLL_MS), monotonic_us() < end_us);
        return error_set(e, EXIT_FAILED, "%s did not get %s within %d s; it is at %s now", want,
                         d->plan.address, MOVE_MS / 1000, *d->owner ? d->owner : "nobody");
}

static int post_move(const struct drill *d, const char *to, struct error *e) {
        CLEANUP(json_decrefp) json_t *body = json_pack("{s:s, s:i}", "to", to, "group", (int)d->plan.vrid);
        CLEANUP(freep) char *text = body ? json_dumps(body, 0) : NULL;

        if (!text)
                return error_set(e, EXIT_FAILED, "out of memory");
        return agent_post(d->socket_path, "/v1/vip/move", text, NULL, e);
}

static int report_move(struct drill *d, const char *from, const char *to, const struct drill_measure *m) {
        double ms = (double)m->gap_us / 1000;

        if (m->gap_us > d->longest_us)
                d->longest_us = m->gap_us;
        d->n_moves++;
        if (d->common.json)
                return json_array_append_new(
                        d->moves, json_pack("{s:s, s:s, s:f, s:i, s:i}", "from", from, "to", to, "longestMs",
                                            ms, "asked", (int)m->asked, "answered", (int)m->answered));
        printf("%s -> %s: longest time without an answer %.1f ms, %u answers\n", from, to, ms, m->answered);
        fflush(stdout);
        return 0;
}

static int answers(const struct drill *d, struct error *e) {
        struct drill_measure m;

        pause_ms(SETTLE_MS / 4);
        drill_probe_take(d->probe, &m);
        return m.answered > 0 ? 0
                              : error_set(e, EXIT_FAILED, "%s does not answer through %s: %s", d->url,
                                          d->owner, *m.problem ? m.problem : "no answer yet");
}

static int move_to(struct drill *d, const char *to, struct error *e) {
        struct drill_measure m;
        char from[sizeof d->owner];
        int r;

        snprintf(from, sizeof from, "%s", d->owner);
        drill_probe_take(d->probe, &m);
        if ((r = post_move(d, to, e)) < 0 || (r = wait_for_owner(d, to, e)) < 0)
                return r;
        pause_ms(SETTLE_MS);
        drill_probe_take(d->probe, &m);
        report_move(d, from, to, &m);
        if ((r = answers(d, e)) < 0)
                return r;
        return wait_until_healthy(d, e);
}

/* ---- the whole ---- */

/* What follows a failed step: the operator finds the address where it was, if that can be had. */
static void go_home(struct drill *d, struct error *e) {
        struct error unused;
        size_t used = strlen(e->message);

        if (!strcmp(d->owner, d->plan.owner))
                return;
        snprintf(e->message + used, sizeof e->message - used, "; the address is %s %s",
                 post_move(d, d->plan.owner, &unused) == 0 && wait_for_owner(d, d->plan.owner, &unused) == 0
                         ? "back at"
                         : "not back at",
                 d->plan.owner);
}

static int measure_before(struct drill *d, struct error *e) {
        struct drill_question q = {
                .url = d->url, .ca_file = d->ca_file, .rhythm_ms = RHYTHM_MS, .timeout_ms = QUESTION_MS
        };
        struct drill_measure m;
        int r;

        if ((r = drill_probe_new(&q, &d->probe, e)) < 0)
                return r;
        pause_ms(SETTLE_MS);
        drill_probe_take(d->probe, &m);
        if (m.answered == 0) {
                error_set(e, EXIT_PREFLIGHT, "not healthy enough for a drill: %s does not answer: %s", d->url,
                          *m.problem ? m.problem : "no answer yet");
                return -EPERM;
        }
        if (!d->common.json)
                printf("%s is at %s; %s answers, longest time without an answer %.1f ms\n", d->plan.address,
                       d->plan.owner, d->url, (double)m.gap_us / 1000);
        return 0;
}

static int walk(struct drill *d, struct error *e) {
        int r;

        for (uint64_t round = 0; round < d->rounds; round++)
                for (size_t i = 0; i < d->plan.n; i++)
                        if ((r = move_to(d, d->plan.to[i], e)) < 0) {
                                go_home(d, e);
                                return r;
                        }
        return 0;
}

static int print_end(const struct drill *d, struct error *e) {
        json_t *o;

        if (!d->common.json) {
                printf("%u moves, longest time without an answer %.1f ms; a question every %d ms\n",
                       d->n_moves, (double)d->longest_us / 1000, RHYTHM_MS);
                return 0;
        }
        o = json_pack("{s:s, s:s, s:s, s:i, s:O, s:f}", "address", d->plan.address, "owner", d->owner, "url",
                      d->url, "rhythmMs", RHYTHM_MS, "moves", d->moves, "longestMs",
                      (double)d->longest_us / 1000);
        return print_json(o, e);
}

static int drill(struct drill *d, struct error *e) {
        int r;

        if ((r = config_load(d->config_file, NULL, &d->config, e)) < 0 || (r = plan(d, &d->plan, e)) < 0 ||
            (r = choose_url(d, e)) < 0)
                return r;
        snprintf(d->owner, sizeof d->owner, "%s", d->plan.owner);
        if ((r = measure_before(d, e)) < 0 || (r = walk(d, e)) < 0)
                return r;
        return print_end(d, e);
}

static int check(struct drill *d, int n, char **args, struct error *e) {
        d->rounds = 1;
        if (n > 0)
                return error_set(e, EXIT_INPUT, "drill: unexpected argument \"%s\"", args[0]);
        if (*d->common.root)
                return error_set(e, EXIT_INPUT, "drill moves the running address: --root is not for it");
        if (d->group && !decimal_parse(d->group, 1, 255, &d->vrid))
                return error_set(e, EXIT_INPUT, "--group: \"%s\" must be a virtualRouterID, 1 to 255",
                                 d->group);
        if (d->rounds_text && !decimal_parse(d->rounds_text, 1, MAX_ROUNDS, &d->rounds))
                return error_set(e, EXIT_INPUT, "--rounds: \"%s\" must be a number, 1 to %d", d->rounds_text,
                                 MAX_ROUNDS);
        if (d->url_given && strncmp(d->url_given, "https://", 8) != 0)
                return error_set(e, EXIT_INPUT, "--url: \"%s\" must begin with https://", d->url_given);
        if (geteuid() != 0)
                return error_set(e, EXIT_FAILED, "only root may move the address; run this as root");
        return 0;
}

int cmd_drill(int argc, char **argv) {
        CLEANUP(drill_done)
        struct drill d = { .socket_path = TRIARCH_SOCKET,
                           .config_file = TRIARCH_CONFIG_FILE,
                           .moves = json_array() };
        struct error e;
        char **args;
        int n, r;
        const struct opt table[] = {
                { "group", 0, OPT_STRING, &d.group, "N", "the address of this virtualRouterID" },
                { "rounds", 0, OPT_STRING, &d.rounds_text, "N", "how often round; default 1" },
                { "url", 0, OPT_STRING, &d.url_given, "URL", "default https://ADDRESS:PORT/livez" },
                { "ca-file", 0, OPT_STRING, &d.ca_given, "FILE", "default the cluster's" },
                { "config", 0, OPT_STRING, &d.config_file, "FILE", "default " TRIARCH_CONFIG_FILE },
                { "socket", 0, OPT_STRING, &d.socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { 0 },
        };

        r = opt_parse(argc, argv, usage, table, &d.common, &args, &n, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (check(&d, n, args, &e) < 0)
                return error_print(&e);
        curl_global_init(CURL_GLOBAL_DEFAULT);
        r = drill(&d, &e) < 0 ? (int)error_print(&e) : EXIT_DONE;
        curl_global_cleanup();
        return r;
}
