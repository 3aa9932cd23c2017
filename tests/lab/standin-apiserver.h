/* Stand-in for kube-apiserver in runs without Kubernetes: as strict about what it is given as the real
 * one, and alive exactly as long as its etcd answers through the certificate that it was given.
 *
 * TLS, client certificates and /livez, /readyz, /healthz are this program's; every other request goes to the
 * program in objects/, which stores objects. They share no code with triarch. */
#ifndef STANDIN_APISERVER_H
#define STANDIN_APISERVER_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum flag_id {
        F_ADVERTISE_ADDRESS,
        F_ALLOW_PRIVILEGED,
        F_AUTHORIZATION_MODE,
        F_CLIENT_CA,
        F_ADMISSION,
        F_BOOTSTRAP_TOKEN,
        F_ETCD_CA,
        F_ETCD_CERT,
        F_ETCD_KEY,
        F_ETCD_SERVERS,
        F_KUBELET_CERT,
        F_KUBELET_KEY,
        F_KUBELET_ADDRESS_TYPES,
        F_PROXY_CERT,
        F_PROXY_KEY,
        F_REQUESTHEADER_NAMES,
        F_REQUESTHEADER_CA,
        F_REQUESTHEADER_EXTRA,
        F_REQUESTHEADER_GROUP,
        F_REQUESTHEADER_USER,
        F_SECURE_PORT,
        F_SA_ISSUER,
        F_SA_PUBLIC,
        F_SA_PRIVATE,
        F_SERVICE_RANGE,
        F_TLS_CERT,
        F_TLS_KEY,
        N_FLAGS,
};

/* The values, borrowed from argv; all of them are set after standin_flags(). */
struct standin {
        const char *flags[N_FLAGS];
        atomic_bool etcd_ok;
        struct sockaddr_un objects; /* where the program of the objects answers */
        socklen_t objects_size;
        pid_t objects_pid;
        int objects_ready; /* a pipe: it says when it answers */
};

/* Read the command line and every file it names. Prints what is wrong and returns false for an unknown,
 * repeated, missing or unacceptable flag, an unreadable file, a key that is not its certificate's, or a
 * certificate that is expired, of the wrong usage or (where its CA is given) of another issuer. */
bool standin_flags(struct standin *s, int argc, char **argv);

/* One GET /health of the etcd endpoint through the rendered client certificate; at most a second. */
bool standin_etcd_ask(SSL_CTX *ctx, const char *url);
/* The TLS context of that question; NULL with a message. */
SSL_CTX *standin_etcd_context(const struct standin *s);

/* Start the program of the objects with the same flags; it ends with this process. Call it before there are
 * threads and memory. */
bool standin_objects_start(struct standin *s, int argc, char **argv);
/* Until it answers; false: it ended. From then on this process ends with it. */
bool standin_objects_wait(struct standin *s);
/* Pass one request on and its reply back: `head` bytes up to and with the empty line, and what of the body
 * is among the `have` bytes; the rest of the body is read. *ret_used: bytes of the request that it took.
 * False: the connection is of no further use. */
bool standin_objects_relay(struct standin *s, SSL *ssl, const char *request, size_t head, size_t have,
                           size_t *ret_used);

/* Accept for ever, a thread for each connection. Returns on a failure to listen. */
int standin_serve(struct standin *s);

#endif
