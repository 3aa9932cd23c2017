/* What all the netlink messages here have in common, whatever their family. Pure: buffers in, values out. */
#ifndef VRRP_NLRAW_H
#define VRRP_NLRAW_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

/* Messages one after the other in a buffer as recv() filled it (4-byte aligned). */
struct vrrp_nl_messages {
        const struct nlmsghdr *next;
        int left;
};
struct vrrp_nl_messages vrrp_nl_messages(const void *buf, size_t size);
/* The next that is there as a whole; NULL: none. */
const struct nlmsghdr *vrrp_nl_next(struct vrrp_nl_messages *m);
/* After the last: 0, or -EBADMSG when the rest is no message. */
int vrrp_nl_rest(const struct vrrp_nl_messages *m);

/* Of NLMSG_ERROR and NLMSG_DONE: 0 or negative errno. A DONE may come without. */
bool vrrp_nl_result(const struct nlmsghdr *h, int *ret);

/* A message's beginning in buf, which is cleared. NLM_F_REQUEST is among its flags. */
struct nlmsghdr *vrrp_nl_request(void *buf, size_t size, uint16_t type, uint16_t flags, uint32_t seq);

#endif
