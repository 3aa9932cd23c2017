#include "agent/balance.h"
#include <dlfcn.h>
#include <errno.h>
#include <nftables/libnftables.h>

#define SONAME "libnftables.so.1"

/* The library's functions, by their own names. */
#define FUNCTIONS(X)                                                                                         \
        X(nft_ctx_new)                                                                                       \
        X(nft_ctx_free)                                                                                      \
        X(nft_ctx_buffer_error)                                                                              \
        X(nft_ctx_buffer_output)                                                                             \
        X(nft_ctx_get_error_buffer)                                                                          \
        X(nft_run_cmd_from_buffer)

struct balance_kernel {
        void *handle;
        struct nft_ctx *ctx; /* its netlink socket owns the table */
#define MEMBER(name) __typeof__ (&(name))(name);
        FUNCTIONS(MEMBER)
#undef MEMBER
};

static int load(struct balance_kernel *k, char why[BALANCE_ERROR]) {
        if (!(k->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL))) {
                snprintf(why, BALANCE_ERROR, "%s cannot be loaded (%s); install libnftables1", SONAME,
                         dlerror());
                return -ENOSYS;
        }
#define LOAD(name)                                                                                           \
        if (!(k->name = (__typeof__(&(name)))dlsym(k->handle, #name))) {                                     \
                snprintf(why, BALANCE_ERROR, SONAME " has no function " #name);                              \
                return -ENOSYS;                                                                              \
        }
        FUNCTIONS(LOAD)
#undef LOAD
        return 0;
}

static int open_ctx(struct balance_kernel *k) {
        if (!k->ctx && !(k->ctx = k->nft_ctx_new(NFT_CTX_DEFAULT)))
                return -ENOMEM;
        k->nft_ctx_buffer_error(k->ctx);
        k->nft_ctx_buffer_output(k->ctx);
        return 0;
}

/* The table goes with its socket. */
static void close_ctx(struct balance_kernel *k) {
        if (k->ctx)
                k->nft_ctx_free(k->ctx);
        k->ctx = NULL;
}

int balance_kernel_new(struct balance_kernel **ret, char why[BALANCE_ERROR]) {
        CLEANUP(balance_kernel_freep) struct balance_kernel *k = calloc(1, sizeof *k);
        int r;

        snprintf(why, BALANCE_ERROR, "out of memory");
        if (!k)
                return -ENOMEM;
        if ((r = load(k, why)) < 0)
                return r;
        if ((r = open_ctx(k)) < 0)
                return r;
        why[0] = '\0';
        *ret = TAKE_PTR(k);
        return 0;
}

/* Its messages have the command below them, with a line of carets. */
static void first_line(const char *text, char why[BALANCE_ERROR]) {
        snprintf(why, BALANCE_ERROR, "%.*s", (int)strcspn(text, "\n"), text);
}

static int set(struct balance_kernel *k, const struct balance *b, char why[BALANCE_ERROR]) {
        char text[BALANCE_TEXT];
        int r;

        snprintf(why, BALANCE_ERROR, "out of memory");
        if ((r = open_ctx(k)) < 0)
                return r;
        snprintf(why, BALANCE_ERROR, "too many addresses");
        if ((r = balance_text(b, text, sizeof text)) < 0)
                return r;
        why[0] = '\0';
        if (k->nft_run_cmd_from_buffer(k->ctx, text) == 0)
                return 0;
        first_line(k->nft_ctx_get_error_buffer(k->ctx), why);
        return -EIO;
}

int balance_kernel_set(struct balance_kernel *k, const struct balance *b, char why[BALANCE_ERROR]) {
        int r = set(k, b, why);

        if (r < 0)
                close_ctx(k);
        return r;
}

void balance_kernel_free(struct balance_kernel *k) {
        if (!k)
                return;
        close_ctx(k);
        if (k->handle)
                dlclose(k->handle);
        free(k);
}
