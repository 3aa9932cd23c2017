/* triarch config migrate */
#include "agent/command.h"
#include "agent/config.h"
#include "agent/config_migrate.h"
#include "pki/file.h"
#include <errno.h>

static int read_input(const char *file, char **ret, size_t *ret_size, struct error *e) {
        CLEANUP(fclosep) FILE *out = NULL;
        char *text = NULL;
        size_t size = 0;
        int c;

        if (file)
                return config_read_file(file, ret, ret_size, e);
        if (!(out = open_memstream(&text, &size)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        while ((c = getchar()) != EOF && ftell(out) <= YAML_MAX_SIZE)
                putc(c, out);
        fflush(out);
        *ret = text;
        *ret_size = size;
        return ferror(stdin) ? error_set(e, EXIT_FAILED, "standard input cannot be read") : 0;
}

static int write_output(const char *file, const char *text, size_t size, struct error *e) {
        int r;

        if (!file)
                return fwrite(text, 1, size, stdout) == size ? 0 : -EIO; /* said at exit, by main() */
        r = pki_file_write(file, 0600, (gid_t)-1, text, size, PKI_FILE_EXCL);
        if (r == -EEXIST)
                return error_at(e, file, 0, 0, "is there already; give another name to --new-config");
        if (r < 0)
                error_at(e, file, 0, 0, "cannot be written: %s", strerror(-r));
        return r;
}

int cmd_config_migrate(const char *old_file, const char *new_file) {
        char *old_text = NULL, *new_text = NULL;
        size_t old_size = 0, new_size = 0;
        struct error e = { .status = EXIT_FAILED };
        int r = read_input(old_file, &old_text, &old_size, &e);

        if (r == 0)
                r = config_migrate(old_text, old_size, old_file ? old_file : "standard input", &new_text,
                                   &new_size, &e);
        if (r == 0)
                r = write_output(new_file, new_text, new_size, &e);
        pki_wipe_free(old_text);
        pki_wipe_free(new_text);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
