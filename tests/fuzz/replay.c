/* Feeds every file of a directory to a fuzz target, for builds without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *dir, const char *name) {
        char path[4096];
        uint8_t *data;
        FILE *f;
        size_t n;

        snprintf(path, sizeof path, "%s/%s", dir, name);
        f = fopen(path, "rb");
        if (!f)
                return -errno;
        data = malloc(1 << 20);
        if (!data)
                abort();
        n = fread(data, 1, 1 << 20, f);
        fclose(f);
        LLVMFuzzerTestOneInput(data, n);
        free(data);
        return 0;
}

int main(int argc, char **argv) {
        struct dirent *e;
        unsigned count = 0;
        DIR *d;

        if (argc != 2 || !(d = opendir(argv[1]))) {
                fprintf(stderr, "usage: %s DIRECTORY (which must exist)\n", argv[0]);
                return 1;
        }
        while ((e = readdir(d)))
                if (e->d_name[0] != '.' && replay(argv[1], e->d_name) == 0)
                        count++;
        closedir(d);
        printf("%u inputs replayed\n", count);
        return count == 0; /* an empty corpus proves nothing */
}
