/* One call of the Kubernetes API over libcurl, and its tries. */
#include "agent/kube_priv.h"
#include "agent/monotonic.h"
#include "pki/file.h"
#include <errno.h>

enum { MAX_REPLY = 8 << 20, PAUSE_MS = 100, PAUSE_MAX_MS = 2000, RETRY_AFTER_MAX_S = 10 };

DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

struct exchange {
        struct kube *k;
        const struct kube_request *q;
        struct kube_reply *reply;
        size_t room;
        bool too_much;
        char error[CURL_ERROR_SIZE];
};

void kube_reply_done(struct kube_reply *r) {
        pki_wipe(r->body, r->size);
        free(r->body);
        *r = (struct kube_reply){ 0 };
}

/* Grows by doubling into new memory, so that what is left behind can be wiped: replies hold Secrets. */
static int grow(struct exchange *x, size_t want) {
        size_t room = x->room ? x->room : 8192;
        char *body;

        while (room < want)
                room *= 2;
        if (room == x->room)
                return 0;
        if (!(body = malloc(room)))
                return -ENOMEM;
        if (x->reply->body)
                memcpy(body, x->reply->body, x->reply->size);
        pki_wipe(x->reply->body, x->reply->size);
        free(x->reply->body);
        x->reply->body = body;
        x->room = room;
        return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata) {
        struct exchange *x = userdata;
        struct kube_reply *r = x->reply;

        x->too_much = n > MAX_REPLY - r->size;
        if (x->too_much || grow(x, r->size + n + 1) < 0)
                return 0; /* libcurl makes CURLE_WRITE_ERROR of it */
        memcpy(r->body + r->size, data, n * size);
        r->size += n * size;
        r->body[r->size] = '\0';
        return n * size;
}

static struct curl_blob blob(const char *text) {
        return (struct curl_blob){ .data = (void *)text, .len = strlen(text), .flags = CURL_BLOB_COPY };
}

static void set_blob(CURL *easy, CURLoption option, const char *pem) {
        struct curl_blob b = blob(pem);

        curl_easy_setopt(easy, option, &b);
}

static void set_identity(const struct kube *k) {
        curl_easy_setopt(k->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(k->easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(k->easy, CURLOPT_CAINFO, NULL);
        if (k->ca_pem) {
                set_blob(k->easy, CURLOPT_CAINFO_BLOB, k->ca_pem);
        } else {
                curl_easy_setopt(k->easy, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(k->easy, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (k->crt_pem) {
                set_blob(k->easy, CURLOPT_SSLCERT_BLOB, k->crt_pem);
                set_blob(k->easy, CURLOPT_SSLKEY_BLOB, k->key_pem);
        } else if (k->crt_file) {
                curl_easy_setopt(k->easy, CURLOPT_SSLCERT, k->crt_file);
                curl_easy_setopt(k->easy, CURLOPT_SSLKEY, k->key_file);
        }
}

static int add_header(struct curl_slist **headers, const char *line) {
        struct curl_slist *more = curl_slist_append(*headers, line);

        if (more)
                *headers = more;
        return more ? 0 : -ENOMEM;
}

static int make_headers(const struct exchange *x, struct curl_slist **ret) {
        char type[128];

        if (add_header(ret, "Accept: application/json") < 0 ||
            (x->k->authorization && add_header(ret, x->k->authorization) < 0))
                return -ENOMEM;
        if (!x->q->body)
                return 0;
        snprintf(type, sizeof type, "Content-Type: %s", x->q->content_type);
        /* No "Expect: 100-continue": it costs a round trip. */
        return add_header(ret, type) < 0 || add_header(ret, "Expect:") < 0 ? -ENOMEM : 0;
}

static int set_request(struct exchange *x, const char *url, struct curl_slist *headers) {
        CURL *easy = x->k->easy;

        curl_easy_reset(easy); /* keeps the connection */
        curl_defaults(easy, url, "https");
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)x->k->timeout_ms);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, KUBE_FIELD_MANAGER "/" TRIARCH_VERSION);
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, x->q->method);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->error);
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE,
                         (long)MAX_REPLY); /* of one that says so; on_body: of all */
        if (x->q->body) {
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(x->q->body));
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, x->q->body);
        }
        set_identity(x->k);
        return 0;
}

static int out_of_memory(const struct kube_request *q, struct error *e) {
        error_set(e, EXIT_FAILED, "%s: out of memory", q->subject);
        return -ENOMEM;
}

/* What libcurl's code means to the caller; -EAGAIN: it may pass. */
static const struct cause {
        CURLcode code;
        int result;
        const char *remedy;
} causes[] = {
        { CURLE_COULDNT_CONNECT, -EAGAIN,
          "; does kube-apiserver run there? Look at its container's logs and at `journalctl -u kubelet`" },
        { CURLE_COULDNT_RESOLVE_HOST, -EAGAIN, "" },
        { CURLE_OPERATION_TIMEDOUT, -EAGAIN, "; look at the logs of kube-apiserver and of etcd" },
        { CURLE_GOT_NOTHING, -EAGAIN, "" },
        { CURLE_RECV_ERROR, -EAGAIN, "" },
        { CURLE_SEND_ERROR, -EAGAIN, "" },
        { CURLE_PARTIAL_FILE, -EAGAIN, "" },
        { CURLE_SSL_CONNECT_ERROR, -EAGAIN, "" },
        { CURLE_OUT_OF_MEMORY, -ENOMEM, "" },
        { CURLE_PEER_FAILED_VERIFICATION, -EACCES,
          "; its certificate is not of this cluster's CA, or not for this address" },
        { CURLE_SSL_CERTPROBLEM, -EACCES, "; the client certificate or its key cannot be used" },
        { CURLE_SSL_CACERT_BADFILE, -EINVAL, "; the CA's certificate cannot be used" },
        { CURLE_URL_MALFORMAT, -EINVAL, "; the server's address is no URL" },
        { CURLE_UNSUPPORTED_PROTOCOL, -EINVAL, "; the API server's address must begin with https://" },
};

static int failed(const struct exchange *x, CURLcode code, struct error *e) {
        const char *server = x->k->server, *subject = x->q->subject;

        if (x->too_much || code == CURLE_FILESIZE_EXCEEDED) {
                error_set(e, EXIT_FAILED, "%s: %s answers with more than %d MiB", subject, server,
                          MAX_REPLY >> 20);
                return -EBADMSG;
        }
        for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
                if (causes[i].code == code) {
                        error_set(e, EXIT_FAILED, "%s: no answer of %s: %s%s", subject, server,
                                  *x->error ? x->error : curl_easy_strerror(code), causes[i].remedy);
                        return causes[i].result;
                }
        error_set(e, EXIT_FAILED, "%s: no answer of %s: %s", subject, server,
                  *x->error ? x->error : curl_easy_strerror(code));
        return code == CURLE_WRITE_ERROR ? -ENOMEM : -EIO;
}

/* One try; how long the server wants to be left alone, in ms, into *ret_pause (0: it does not say). */
static int attempt(struct exchange *x, unsigned *ret_pause, struct error *e) {
        CLEANUP(curl_slist_free_allp) struct curl_slist *headers = NULL;
        CLEANUP(freep) char *url = NULL;
        curl_off_t after = 0;
        CURLcode code;

        *ret_pause = 0;
        if (asprintf(&url, "%s%s", x->k->server, x->q->path) < 0)
                return url = NULL, out_of_memory(x->q, e);
        if (make_headers(x, &headers) < 0)
                return out_of_memory(x->q, e);
        set_request(x, url, headers);
        code = curl_easy_perform(x->k->easy);
        if (code != CURLE_OK)
                return failed(x, code, e);
        curl_easy_getinfo(x->k->easy, CURLINFO_RESPONSE_CODE, &x->reply->status);
        if (!x->reply->body && grow(x, 1) < 0)
                return out_of_memory(x->q, e);
        x->reply->body[x->reply->size] = '\0';
        if (curl_easy_getinfo(x->k->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
                *ret_pause = (unsigned)(after < RETRY_AFTER_MAX_S ? after : RETRY_AFTER_MAX_S) * 1000;
        if (!kube_status_passes(x->q, x->reply))
                return 0;
        kube_status_error(x->k->server, x->q->subject, x->reply, e);
        return -EAGAIN;
}

static void pause_ms(unsigned ms) {
        nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L }, NULL);
}

int kube_call(struct kube *k, const struct kube_request *q, struct kube_reply *ret, struct error *e) {
        int64_t end = monotonic_us() + (int64_t)k->patience_ms * 1000;
        unsigned wait = PAUSE_MS, told;

        for (;;) {
                struct exchange x = { .k = k, .q = q, .reply = ret };
                int r;

                *ret = (struct kube_reply){ 0 };
                if ((r = attempt(&x, &told, e)) == 0)
                        return 0;
                kube_reply_done(ret);
                if (told < wait)
                        told = wait;
                if (r != -EAGAIN || monotonic_us() + (int64_t)told * 1000 >= end)
                        return r;
                pause_ms(told);
                wait = wait * 2 < PAUSE_MAX_MS ? wait * 2 : PAUSE_MAX_MS;
        }
}
