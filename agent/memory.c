#include "agent/memory.h"
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STACK_BYTES = 64 << 10, HEAP_BYTES = 64 << 20, MAX_SEGMENTS = 8 };

typedef void (*segment_fn)(void *start, size_t size);

/* Read-only parts of files: the kernel reads them again when they are used. Best effort: it saves memory
 * only. */
static void give_back(void *start, size_t size) {
        (void)madvise(start, size, MADV_DONTNEED);
}

/* Best effort too: an old kernel (before 5.14) refuses, and the pages come when they are used. */
static void use_now(void *start, size_t size) {
        (void)madvise(start, size, MADV_POPULATE_READ);
}

/* The list of segments is itself in the first of them: read before any is handed on. */
static void each_read_only_segment(const struct dl_phdr_info *info, segment_fn fn) {
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        struct {
                uintptr_t begin, end;
        } found[MAX_SEGMENTS];
        size_t n = 0;

        for (size_t i = 0; i < info->dlpi_phnum && n < MAX_SEGMENTS; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                uintptr_t begin = info->dlpi_addr + p->p_vaddr;

                if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
                        continue;
                found[n].begin = begin & ~(page - 1);
                found[n++].end = (begin + p->p_memsz + page - 1) & ~(page - 1);
        }
        while (n-- > 0)
                fn((void *)found[n].begin, found[n].end - found[n].begin);
}

static int give_back_object(struct dl_phdr_info *info, size_t size, void *userdata) {
        (void)size, (void)userdata;
        each_read_only_segment(info, give_back);
        return 0;
}

/* "" is the program itself. */
static int use_object(struct dl_phdr_info *info, size_t size, void *userdata) {
        static const char *const urgent[] = { "libc.so", "libmnl.so" };
        const char *slash = strrchr(info->dlpi_name, '/'), *base = slash ? slash + 1 : info->dlpi_name;

        (void)size, (void)userdata;
        if (!*base)
                each_read_only_segment(info, use_now);
        for (size_t i = 0; i < sizeof urgent / sizeof *urgent; i++)
                if (strncmp(base, urgent[i], strlen(urgent[i])) == 0)
                        each_read_only_segment(info, use_now);
        return 0;
}

static void __attribute__((noinline)) use_stack(void) {
        volatile char room[STACK_BYTES];

        for (size_t i = 0; i < sizeof room; i += 1024)
                room[i] = 0;
}

int memory_lock(void) {
        /* Freed memory stays: none must be asked for again in a hurry. */
        mallopt(M_TRIM_THRESHOLD, HEAP_BYTES);
        dl_iterate_phdr(give_back_object, NULL);
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                return -errno;
        dl_iterate_phdr(use_object, NULL);
        use_stack();
        return 0;
}
