#include "agent/host.h"
#include "agent/managed.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>

#define HOSTS "/etc/hosts"
#define BEGIN "# triarch: names that did not resolve; `triarch reset` takes this block out\n"
#define END   "# triarch: end\n"

enum { MAX_NAMES = 40 };

static const char *find_block(const char *hosts, const char **ret_end) {
        const char *begin = strstr(hosts, BEGIN), *end = begin ? strstr(begin, END) : NULL;

        *ret_end = end ? end + strlen(END) : NULL;
        return end ? begin : NULL;
}

char *host_names_text(const char *hosts, const struct host_name *names, size_t n) {
        const char *end, *begin = find_block(hosts, &end);
        size_t head = begin ? (size_t)(begin - hosts) : strlen(hosts), size;
        char *text = NULL;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fprintf(f, "%.*s", (int)head, hosts);
        if (n > 0 && head > 0 && hosts[head - 1] != '\n')
                fputc('\n', f);
        if (n > 0)
                fputs(BEGIN, f);
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s %s\n", names[i].address, names[i].name);
        if (n > 0)
                fputs(END, f);
        fputs(begin ? end : "", f);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

bool host_names_ours(const char *hosts, const char *name) {
        const char *end, *s = find_block(hosts, &end);
        size_t k = strlen(name);

        for (; s && s < end; s += strcspn(s, "\n") + 1) {
                const char *second = s + strcspn(s, " \n");

                if (*s != '#' && *second == ' ' && !strncmp(second + 1, name, k) && second[1 + k] == '\n')
                        return true;
        }
        return false;
}

static bool is_address(const char *s) {
        struct vrrp_ip ip;

        return vrrp_ip_parse(s, &ip) == 0;
}

static bool resolves(const char *name) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        int r = getaddrinfo(name, NULL, &hints, &list);

        if (r == 0)
                freeaddrinfo(list);
        return r == 0;
}

struct names {
        struct host_name v[MAX_NAMES];
        struct vrrp_ip_text
                text[MAX_NAMES]; /* where the addresses of v[] are, if they are not the config's */
        size_t n;
};

static void add(struct names *x, const char *hosts, const char *name, const char *address) {
        if (!name || !address || x->n == MAX_NAMES || is_address(name))
                return;
        for (size_t i = 0; i < x->n; i++)
                if (!strcmp(x->v[i].name, name))
                        return;
        if (host_names_ours(hosts, name) || !resolves(name))
                x->v[x->n++] = (struct host_name){ name, address };
}

static void add_ip(struct names *x, const char *hosts, const char *name, const struct vrrp_ip *ip) {
        if (x->n == MAX_NAMES)
                return;
        x->text[x->n] = vrrp_ip_text(ip);
        add(x, hosts, name, x->text[x->n].v);
}

static void collect(const struct config *c, const char *hosts, struct names *x) {
        const struct vip_config *vip = config_vip(c);

        add(x, hosts, c->node_name, c->advertise_address);
        if (vip && vip->n_addresses > 0 && c->endpoint_host)
                add_ip(x, hosts, c->endpoint_host, &vip->addresses[0].ip);
        for (size_t i = 0; vip && i < vip->n_members; i++)
                add_ip(x, hosts, vip->members[i].name, &vip->members[i].address);
}

/* Under a root nobody can be asked whether a name resolves. */
int host_names(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(freep) char *hosts = NULL;
        CLEANUP(freep) char *text = NULL;
        struct names x = { 0 };
        size_t size;
        bool there;
        int r;

        if (*ctx->root)
                return 0;
        if ((r = managed_read(ctx, HOSTS, &hosts, &size, &there, e)) < 0)
                return r;
        collect(ctx->config, hosts, &x);
        if (!(text = host_names_text(hosts, x.v, x.n)))
                return -ENOMEM;
        if (!strcmp(text, hosts))
                return 0;
        r = managed_put(ctx, "host", HOSTS, 0644, text, strlen(text), e);
        return r < 0 ? r : 0;
}
