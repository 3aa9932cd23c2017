#include "agent/etcd_call.h"
#include "agent/curl.h"
#include "pki/file.h"
#include <errno.h>

enum { MAX_REPLY = 1 << 20 };

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

struct call {
        const struct etcd_client *client;
        const char *area, *name; /* "cluster/", "member/add" */
        CURL *easy;
        char error[CURL_ERROR_SIZE];
        bool refused; /* the server has sent a TLS alert */
        char *reply;
        size_t size;
};

static void call_done(struct call *c) {
        curl_easy_cleanup(c->easy);
        pki_wipe(c->reply, c->size);
        free(c->reply);
}

static size_t on_reply(char *data, size_t size, size_t n, void *userdata) {
        struct call *c = userdata;
        char *reply;

        if (n > MAX_REPLY - c->size)
                return 0; /* libcurl makes CURLE_WRITE_ERROR of it */
        reply = realloc(c->reply, c->size + n + 1);
        if (!reply)
                return 0;
        memcpy(reply + c->size, data, n * size);
        c->reply = reply;
        c->size += n * size;
        reply[c->size] = '\0';
        return n * size;
}

/* With TLS 1.3 a refused client certificate shows only after the handshake. When the server's alert is
 * read, its trace says so for sure; when the server has reset the connection before that, the cause is
 * lost, and only another try can tell. */
static int on_trace(CURL *easy, curl_infotype type, char *data, size_t size, void *userdata) {
        static const char alert[] = "(IN), TLS alert", farewell[] = "close notify";
        struct call *c = userdata;

        (void)easy;
        if (type == CURLINFO_TEXT && memmem(data, size, alert, strlen(alert)) &&
            !memmem(data, size, farewell, strlen(farewell)))
                c->refused = true;
        return 0;
}

static void set_tls(const struct call *c) {
        const struct etcd_client *e = c->client;

        if (*e->ca_file) /* else the system's anchors serve, or it is plain http */
                curl_mutual_tls(c->easy, e->ca_file, *e->cert_file ? e->cert_file : NULL,
                                *e->key_file ? e->key_file : NULL);
        curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(c->easy, CURLOPT_DEBUGFUNCTION, on_trace);
        curl_easy_setopt(c->easy, CURLOPT_DEBUGDATA, c);
        curl_easy_setopt(c->easy, CURLOPT_VERBOSE, 1L); /* to on_trace alone */
}

static int set_request(struct call *c, const char *body, struct curl_slist *headers) {
        char url[512];
        int n = snprintf(url, sizeof url, "%s/v3/%s%s", c->client->endpoint, c->area, c->name);

        if (n < 0 || (size_t)n >= sizeof url)
                return -ENAMETOOLONG;
        curl_defaults(c->easy, url, *c->client->ca_file ? "https" : "http,https");
        curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)c->client->timeout_ms);
        curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, body);
        curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_reply);
        curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
        curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
        set_tls(c);
        return 0;
}

/* Whether another try can have another outcome. */
static int error_of(const struct call *c, CURLcode code) {
        if (c->refused)
                return -EACCES;
        switch (code) {
        case CURLE_COULDNT_CONNECT:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_PARTIAL_FILE:
                return -EAGAIN;
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
                return -ENOKEY;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
                return -EACCES;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        default:
                return -EIO;
        }
}

static int failed(const struct call *c, CURLcode code, struct error *e) {
        error_set(e, EXIT_FAILED, "etcd %s at %s: %s%s", c->name, c->client->endpoint,
                  *c->error ? c->error : curl_easy_strerror(code),
                  c->refused ? "; does it accept this client certificate?" : "");
        return error_of(c, code);
}

static int perform(struct call *c, struct error *e) {
        CURLcode code = curl_easy_perform(c->easy);

        return code == CURLE_OK ? 0 : failed(c, code, e);
}

static int prepare(struct call *c, const json_t *request, struct curl_slist **headers, char **body,
                   struct error *e) {
        int r;

        c->easy = curl_easy_init();
        *body = json_dumps(request, JSON_COMPACT);
        *headers = curl_slist_append(NULL, "Content-Type: application/json");
        if (!c->easy || !*body || !*headers) {
                error_set(e, EXIT_FAILED, "etcd %s: the request cannot be made", c->name);
                return -ENOMEM;
        }
        if ((r = set_request(c, *body, *headers)) < 0)
                error_set(e, EXIT_INPUT, "etcd %s: endpoint %s is too long", c->name, c->client->endpoint);
        return r;
}

int etcd_call(const struct etcd_client *client, const char *area, const char *name, const json_t *request,
              char **ret, size_t *ret_size, struct error *e) {
        CLEANUP(curl_slist_free_allp) struct curl_slist *headers = NULL;
        CLEANUP(call_done) struct call c = { .client = client, .area = area, .name = name };
        CLEANUP(pki_wipe_freep) char *body = NULL;
        int r;

        if ((r = prepare(&c, request, &headers, &body, e)) < 0 || (r = perform(&c, e)) < 0)
                return r;
        if (!c.reply && !(c.reply = strdup("")))
                return -ENOMEM;
        *ret = TAKE_PTR(c.reply);
        *ret_size = c.size;
        return 0;
}

static unsigned lines(const struct call *c) {
        unsigned n = 0;

        for (size_t i = 0; i < c->size; i++)
                n += c->reply[i] == '\n';
        return n;
}

static size_t on_line(char *data, size_t size, size_t n, void *userdata) {
        struct call *c = userdata;

        if (on_reply(data, size, n, c) != n)
                return 0;
        return lines(c) > 1 ? 0 : n; /* libcurl ends the transfer */
}

int etcd_call_events(const struct etcd_client *client, const char *name, const json_t *request,
                     unsigned timeout_ms, struct error *e) {
        CLEANUP(curl_slist_free_allp) struct curl_slist *headers = NULL;
        CLEANUP(call_done) struct call c = { .client = client, .area = "", .name = name };
        CLEANUP(pki_wipe_freep) char *body = NULL;
        CURLcode code;
        int r;

        if ((r = prepare(&c, request, &headers, &body, e)) < 0)
                return r;
        curl_easy_setopt(c.easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, on_line);
        code = curl_easy_perform(c.easy);
        if (code == CURLE_WRITE_ERROR && lines(&c) > 1)
                return 1;
        if (code == CURLE_OPERATION_TIMEDOUT && lines(&c) == 1)
                return 0;
        r = failed(&c, code, e);
        return code == CURLE_OK ? -EAGAIN : r; /* it closed: what it had to say is not known */
}
