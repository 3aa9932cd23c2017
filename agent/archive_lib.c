#include "agent/archive_lib.h"
#include <dlfcn.h>

#define SONAME "libarchive.so.13"

int archive_lib_load(struct archive_lib *l, struct error *e) {
        if (!(l->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL)))
                return error_set(e, EXIT_FAILED, "%s cannot be loaded (%s); install libarchive13", SONAME,
                                 dlerror());
#define LOAD(name)                                                                                           \
        if (!(l->name = (__typeof__(&(name)))dlsym(l->handle, #name)))                                       \
                return error_set(e, EXIT_FAILED, SONAME " has no function " #name);
        ARCHIVE_FUNCTIONS(LOAD)
#undef LOAD
        return 0;
}

void archive_lib_unload(struct archive_lib *l) {
        if (l->handle)
                dlclose(l->handle);
        l->handle = NULL;
}
