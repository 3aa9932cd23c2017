#include "agent/command.h"
#include "agent/decimal.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/support.h"
#include <time.h>

static const char usage[] =
        "Usage: triarch report [--output FILE] [--journal-lines N] [--socket PATH] [--config FILE] [--root "
        "DIR]\n\n"
        "One archive for support: the agent's status and history, etcd's members, configuration, static "
        "pods, what\n"
        "the journal says of triarch, kubelet, containerd and chrony, network and kernel as they are, and a "
        "list\n"
        "of files. Private keys and tokens are not read, and what looks like a secret in any text is "
        "replaced by\n"
        "\"[removed]\". Look through it before you hand it on: it has host names, addresses and log lines.";

enum { LINES = 2000, MAX_LINES = 100000 };

/* triarch-report-HOST-20261123T110551Z */
static void default_name(char out[300]) {
        char host[200] = "host", when[32];
        struct tm tm;
        time_t now = time(NULL);

        gethostname(host, sizeof host - 1);
        strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
        snprintf(out, 300, "triarch-report-%s-%s", host, when);
}

static int report(struct support *s, const char *output, struct error *e) {
        CLEANUP(archive_file_freep) struct archive_file *archive = NULL;
        char name[300], path[PATH_MAX];
        size_t size;
        int r;

        default_name(name);
        snprintf(path, sizeof path, "%s%s", output ? output : name, output ? "" : ".tar.gz");
        if ((r = archive_file_new(name, &archive, e)) < 0)
                return r;
        s->archive = archive;
        if ((r = support_collect(s, e)) < 0 || (r = archive_file_write(archive, path, &size, e)) < 0)
                return r;
        printf("%s: %u pieces, %zu bytes", path, s->n_pieces, size);
        printf(s->n_missing ? "; %u could not be had, errors.txt in it says why\n" : "\n", s->n_missing);
        if (s->n_missing && geteuid() != 0)
                fputs("triarch: most of it only root can read; run this as root\n", stderr);
        return 0;
}

int cmd_report(int argc, char **argv) {
        const char *output = NULL, *lines_text = NULL, *socket_path = TRIARCH_SOCKET,
                   *config_file = TRIARCH_CONFIG_FILE;
        uint64_t lines = LINES;
        struct common common;
        struct error e;
        char **args;
        int n, r;
        const struct opt table[] = {
                { "output", 0, OPT_STRING, &output, "FILE", "default triarch-report-HOST-TIME.tar.gz, here" },
                { "journal-lines", 0, OPT_STRING, &lines_text, "N", "the last of each unit; default 2000" },
                { "socket", 0, OPT_STRING, &socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { "config", 0, OPT_STRING, &config_file, "FILE",
                  "which says where etcd is; default " TRIARCH_CONFIG_FILE },
                { 0 },
        };

        r = opt_parse(argc, argv, usage, table, &common, &args, &n, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (n > 0)
                r = error_set(&e, EXIT_INPUT, "report: unexpected argument \"%s\"", args[0]);
        else if (lines_text && !decimal_parse(lines_text, 1, MAX_LINES, &lines))
                r = error_set(&e, EXIT_INPUT, "--journal-lines: \"%s\" must be a number, 1 to %d", lines_text,
                              MAX_LINES);
        else {
                struct support s = { .root = common.root,
                                     .socket_path = socket_path,
                                     .config_file = config_file,
                                     .journal_lines = (unsigned)lines };

                r = report(&s, output, &e);
                free(s.missing);
        }
        return r < 0 ? (int)error_print(&e) : EXIT_DONE;
}
