/* The last lines of the units that matter, by libsystemd's reader. */
#include "agent/support.h"
#include "agent/time_text.h"
#include <errno.h>
#include <systemd/sd-journal.h>

static const char *const units[] = { "triarch-agent.service",  "triarch-reconcile.service",
                                     "triarch-enroll.service", "kubelet.service",
                                     "containerd.service",     "chrony.service" };
enum { US_PER_S = 1000000 };

static void print_field(FILE *f, sd_journal *j, const char *name, const char *before, const char *after) {
        const void *data;
        size_t n, skip = strlen(name) + 1;

        if (sd_journal_get_data(j, name, &data, &n) == 0 && n > skip)
                fprintf(f, "%s%.*s%s", before, (int)(n - skip), (const char *)data + skip, after);
}

static void print_line(FILE *f, sd_journal *j) {
        char when[TIME_TEXT_SIZE];
        uint64_t us = 0;

        sd_journal_get_realtime_usec(j, &us);
        fputs(time_text((struct timespec){ (time_t)(us / US_PER_S), (long)(us % US_PER_S) * 1000 }, when), f);
        print_field(f, j, "SYSLOG_IDENTIFIER", " ", "");
        print_field(f, j, "_PID", "[", "]");
        print_field(f, j, "MESSAGE", ": ", "\n");
}

/* How many lines there are; from the end back, then forward. */
static unsigned print_unit(FILE *f, sd_journal *j, const char *unit, unsigned lines) {
        char match[128];
        unsigned n = 0;

        snprintf(match, sizeof match, "_SYSTEMD_UNIT=%s", unit);
        sd_journal_flush_matches(j);
        if (sd_journal_add_match(j, match, 0) < 0 || sd_journal_seek_tail(j) < 0 ||
            sd_journal_previous_skip(j, lines) <= 0)
                return 0;
        do
                print_line(f, j);
        while (++n < lines && sd_journal_next(j) > 0);
        return n;
}

static int add_unit(struct support *s, sd_journal *j, const char *unit, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char name[160];
        size_t size;
        FILE *f = open_memstream(&text, &size);
        unsigned n;

        if (!f)
                return error_set(e, EXIT_FAILED, "out of memory");
        n = print_unit(f, j, unit, s->journal_lines);
        if (fclose(f) != 0)
                return error_set(e, EXIT_FAILED, "out of memory");
        snprintf(name, sizeof name, "journal/%s.txt", unit);
        if (n == 0)
                support_missing(s, name,
                                "no entries, or they may not be read (root and group systemd-journal may)");
        return n == 0 ? 0 : support_add(s, name, text, size, e);
}

int support_journal(struct support *s, struct error *e) {
        sd_journal *j = NULL;
        int r = *s->root ? sd_journal_open_directory(&j, s->root, SD_JOURNAL_OS_ROOT)
                         : sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);

        if (r < 0) {
                support_missing(s, "journal", "%s", strerror(-r));
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(units) && (r = add_unit(s, j, units[i], e)) == 0; i++)
                ;
        sd_journal_close(j);
        return r;
}
