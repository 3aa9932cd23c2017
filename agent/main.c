#include "agent/command.h"
#include "agent/jread.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct command {
        const char *name;
        command_fn run;
        const char *help;
} commands[] = {
        { "agent", cmd_agent, "run the node agent: virtual IP and health" },
        { "certs", cmd_certs, "requests for a CA that is elsewhere" },
        { "config", cmd_config, "print, check a configuration" },
        { "init", cmd_init, "make this machine the first master" },
        { "join", cmd_join, "make this machine another master" },
        { "adopt", cmd_adopt, "take over a running master of kubeadm's and keepalived's" },
        { "enroll", cmd_enroll, "serve machines that join (triarch-enroll.service)" },
        { "token", cmd_token, "make, list, delete tokens for machines that join" },
        { "reset", cmd_reset, "take this machine back to before init or join" },
        { "status", cmd_status, "what the agent of this machine knows" },
        { "vip", cmd_vip, "the virtual address: who has it; remove it" },
        { "drill", cmd_drill, "walk the virtual address over all masters, and measure" },
        { "reconcile", cmd_reconcile, "keep the address's members in step with etcd's" },
        { "report", cmd_report, "one archive for support, without secrets" },
        { "version", cmd_version, "print the version" },
};

static void usage(FILE *f) {
        fputs("triarch - a Kubernetes control plane on three machines that does not go down\n\n"
              "Usage: triarch COMMAND [OPTIONS]\n\nCommands:\n",
              f);
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
        fputs("\n`triarch COMMAND --help` tells the options of a command; triarch(8) has the rest.\n", f);
}

/* Output that got lost, as on a full disk, is a failure of whoever succeeded otherwise. */
static int flushed(int status) {
        if (status || (fflush(stdout) == 0 && !ferror(stdout)))
                return status;
        fputs("triarch: the output could not be written\n", stderr);
        return 1;
}

int main(int argc, char **argv) {
        /* Most commands have the cluster's keys in memory: none of it goes into a file that nobody watches.
         */
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        if (argc < 2) {
                usage(stderr);
                return 3;
        }
        if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
                usage(stdout);
                return 0;
        }
        jread_wipe_on_free(); /* tokens and keys go through JSON in most of them */
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (!strcmp(argv[1], commands[i].name))
                        return flushed(commands[i].run(argc - 1, argv + 1));
        fprintf(stderr, "triarch: unknown command \"%s\"; `triarch --help` lists them\n", argv[1]);
        return 3;
}
