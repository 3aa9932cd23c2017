/* A blocking gRPC client over a Unix socket: HTTP/2 without TLS, by libnghttp2 (the server's side of it is
 * the container runtime of this machine). One call at a time; the connection is kept between calls. For
 * threads a client each. Nothing here belongs on the agent's event loop. */
#ifndef AGENT_GRPC_H
#define AGENT_GRPC_H

#include "agent/pb.h"

enum grpc_code { /* the codes of gRPC that are told apart here */
                 GRPC_OK = 0,
                 GRPC_UNKNOWN = 2,
                 GRPC_INVALID_ARGUMENT = 3,
                 GRPC_DEADLINE_EXCEEDED = 4,
                 GRPC_NOT_FOUND = 5,
                 GRPC_ALREADY_EXISTS = 6,
                 GRPC_PERMISSION_DENIED = 7,
                 GRPC_RESOURCE_EXHAUSTED = 8,
                 GRPC_UNIMPLEMENTED = 12,
                 GRPC_UNAVAILABLE = 14,
                 GRPC_UNAUTHENTICATED = 16,
};
struct grpc_status {
        unsigned code;      /* of the server; GRPC_OK when the failure is not of its making */
        char message[2048]; /* for people: the server's own text, or what went wrong on the way */
};

/* The next message of a stream to the server, appended to *out (empty): 1, 0 when there is no more, negative
 * errno gives the call up. */
typedef int (*grpc_next_fn)(void *userdata, struct pb_out *out);
/* A message from the server; negative errno gives the call up. The bytes are valid during the call. */
typedef int (*grpc_reply_fn)(void *userdata, const uint8_t *data, size_t size);

struct grpc_call {
        const char *method;           /* "/runtime.v1.RuntimeService/Version" */
        const struct pb_out *request; /* the only message to the server ... */
        grpc_next_fn next;            /* ... or, when not NULL, one after the other */
        grpc_reply_fn reply;          /* NULL: answers are dropped */
        void *userdata;
        unsigned timeout_s; /* of the whole call; the server is told, too. 0: none but of connecting */
};

enum { GRPC_MAX_MESSAGE = 16 << 20 }; /* what a runtime's own limit is */

struct grpc;
/* Connects with the first call. -ENAMETOOLONG: no Unix socket can be there. */
int grpc_new(const char *socket_path, struct grpc **ret);
void grpc_free(struct grpc *g);
DEFINE_CLEANUP(struct grpc *, grpc_free)
/* A header of every call from now on. */
int grpc_add_header(struct grpc *g, const char *name, const char *value);
const char *grpc_socket(const struct grpc *g);

/* Make one call. 0: the server's status is OK. -EREMOTEIO: it is another, ret->code. Else the server could
 * not be asked (-ENOENT, -ECONNREFUSED, -EACCES, ...: connecting; -ETIMEDOUT; -EPROTO: that is no gRPC
 * server, or it talks nonsense; -EMSGSIZE: too long an answer), or what next or reply returned.
 * ret->message says it in any case. */
int grpc_run(struct grpc *g, const struct grpc_call *c, struct grpc_status *ret);

/* The stream of bytes cut into messages (length-prefixed, gRPC over HTTP/2). Starts as zeroes. */
struct grpc_frames {
        uint8_t *data;
        size_t size, capacity;
};
/* Feed bytes; `reply` is called for every message that is whole. 0, -EPROTO (compressed: never asked for),
 * -EMSGSIZE, -ENOMEM, or what reply returned. */
int grpc_frames_feed(struct grpc_frames *f, const void *data, size_t size, grpc_reply_fn reply,
                     void *userdata);
void grpc_frames_done(struct grpc_frames *f);
/* "100%25" to "100%", into out, cut off where it ends; what is no escape is kept as it is. */
void grpc_unescape(const char *in, size_t size, char *out, size_t out_size);

#endif
