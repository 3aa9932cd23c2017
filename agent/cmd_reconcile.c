#include "agent/command.h"
#include "agent/host.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/reconcile.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

static const char usage[] =
        "Usage: triarch reconcile [--follow | --time]\n\n"
        "Brings the list of the virtual address's members in step with etcd's voting members. Run by\n"
        "triarch-reconcile.service, which follows every change; by hand it looks once.";

enum { PAUSE_MS = 500, RETRY_MS = 2000, LOOK_MS = 30000 };

static void pause_ms(unsigned ms) {
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static void say(void *userdata, const char *text) {
        (void)userdata;
        puts(text);
        fflush(stdout);
}

/* What cannot be done now is said once, and again when the reason is another. */
static void complain(char last[sizeof((struct error *)0)->message], const struct error *e) {
        if (strcmp(last, e->message) != 0)
                error_print(e);
        memcpy(last, e->message, sizeof e->message);
}

static _Noreturn void follow(struct reconcile *x) {
        char last[sizeof((struct error *)0)->message] = "";
        struct error e;

        for (;;) {
                int r = reconcile_once(x, &e);

                if (r == 0) {
                        last[0] = '\0';
                        r = reconcile_wait(x, LOOK_MS, &e);
                } else if (r == 1) {
                        pause_ms(PAUSE_MS);
                }
                if (r < 0) {
                        complain(last, &e);
                        pause_ms(RETRY_MS);
                }
        }
}

static int run(const struct common *common, bool forever, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        struct reconcile x;
        char file[PATH_MAX];
        int r;

        if (root_path(file, common->root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if ((r = config_load(file, NULL, &c, e)) < 0 || (r = config_resolve(c, e)) < 0 ||
            (r = reconcile_init(&x, common->root, c, NULL, e)) < 0)
                return r;
        x.say = say;
        x.agent = true;
        if (forever)
                follow(&x);
        if ((r = reconcile_once(&x, e)) == 1)
                puts("a member is to be taken out, when the others have the present list; run this again");
        return r;
}

/* Not while init, join or reset is at work, which keep the same journal. */
static int run_time(const struct common *common, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(closep) int lock = -1;
        char file[PATH_MAX];
        int r;

        if (root_path(file, common->root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if ((r = config_load(file, NULL, &c, e)) < 0 || (r = phase_lock(common->root, &lock, e)) < 0)
                return r;
        return host_time_members(common->root, c, e);
}

int cmd_reconcile(int argc, char **argv) {
        bool forever = false, clocks = false;
        const struct opt table[] = {
                { "follow", 0, OPT_FLAG, &forever, NULL, "go on with every change, for ever" },
                { "time", 0, OPT_FLAG, &clocks, NULL,
                  "only tell chrony who the other masters are, by the list on this machine" },
                { 0 },
        };
        struct error e = { .status = EXIT_FAILED };
        struct common common;
        int r = opt_parse_only(argc, argv, usage, table, OPT_NO_JSON, &common, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0)
                r = clocks ? run_time(&common, &e) : run(&common, forever, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
