/* The subcommands: each file cmd_NAME.c defines one function cmd_NAME, main.c has the table. */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

/* argv[0] is the subcommand's name. Returns the exit status; has printed its own error. */
typedef int (*command_fn)(int argc, char **argv);

int cmd_version(int argc, char **argv);
int cmd_config(int argc, char **argv);
/* NULL: standard input, standard output. */
int cmd_config_migrate(const char *old_file, const char *new_file);
int cmd_images(int argc, char **argv); /* config images */
int cmd_init(int argc, char **argv);
int cmd_join(int argc, char **argv);
int cmd_certs(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_reset(int argc, char **argv);
int cmd_agent(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_reconcile(int argc, char **argv);
int cmd_vip(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_adopt(int argc, char **argv);
int cmd_drill(int argc, char **argv);

#endif
