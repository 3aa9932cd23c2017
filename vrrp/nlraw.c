#include "vrrp/nlraw.h"

#include <errno.h>
#include <string.h>

struct vrrp_nl_messages vrrp_nl_messages(const void *buf, size_t size) {
        return (struct vrrp_nl_messages){ buf, size > INT32_MAX ? INT32_MAX : (int)size };
}

const struct nlmsghdr *vrrp_nl_next(struct vrrp_nl_messages *m) {
        const struct nlmsghdr *h = m->next;

        /* libmnl compares the length as a signed number: one above INT_MAX would pass. */
        if (m->left < (int)sizeof *h || h->nlmsg_len > (unsigned)m->left || !mnl_nlmsg_ok(h, m->left))
                return NULL;
        m->next = mnl_nlmsg_next(h, &m->left);
        return h;
}

int vrrp_nl_rest(const struct vrrp_nl_messages *m) {
        return m->left > 0 ? -EBADMSG : 0;
}

bool vrrp_nl_result(const struct nlmsghdr *h, int *ret) {
        if (mnl_nlmsg_get_payload_len(h) < sizeof *ret)
                return h->nlmsg_type == NLMSG_DONE;
        memcpy(ret, mnl_nlmsg_get_payload(h), sizeof *ret);
        return true;
}

struct nlmsghdr *vrrp_nl_request(void *buf, size_t size, uint16_t type, uint16_t flags, uint32_t seq) {
        struct nlmsghdr *h;

        memset(buf, 0, size);
        h = mnl_nlmsg_put_header(buf);
        h->nlmsg_type = type;
        h->nlmsg_flags = NLM_F_REQUEST | flags;
        h->nlmsg_seq = seq;
        return h;
}
