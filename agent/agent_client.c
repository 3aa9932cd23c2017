#include "agent/agent_client.h"
#include "agent/curl.h"
#include <errno.h>

enum { TIMEOUT_MS = 3000, MAX_REPLY = 1 << 20 };

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)

struct buffer {
        char *data;
        size_t size;
};

static void buffer_done(struct buffer *b) {
        free(b->data);
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata) {
        struct buffer *b = userdata;
        char *grown;

        if (size * n > MAX_REPLY - b->size || !(grown = realloc(b->data, b->size + size * n)))
                return 0;
        memcpy(grown + b->size, data, size * n);
        b->data = grown;
        b->size += size * n;
        return size * n;
}

static int no_answer(const char *socket_path, CURLcode code, long os_errno, const char *why,
                     struct error *e) {
        if (os_errno == EACCES)
                return error_set(e, EXIT_FAILED,
                                 "%s: permission denied; run as root or as a member of group triarch",
                                 socket_path);
        error_set(e, EXIT_FAILED,
                  "no agent answers on %s (%s); is triarch-agent.service running? --socket names another",
                  socket_path,
                  os_errno ? strerror((int)os_errno)
                  : *why   ? why
                           : curl_easy_strerror(code));
        return os_errno == ENOENT || os_errno == ECONNREFUSED ? -ENOENT : -EIO;
}

/* body NULL: GET. The HTTP status, or negative errno. */
static int ask(const char *socket_path, const char *path, const char *body, struct buffer *b,
               struct error *e) {
        CLEANUP(curl_easy_cleanupp) CURL *c = curl_easy_init();
        char why[CURL_ERROR_SIZE] = "", url[256];
        long status = 0, os_errno = 0;
        CURLcode code;

        if (!c)
                return error_set(e, EXIT_FAILED, "out of memory");
        snprintf(url, sizeof url, "http://localhost%s", path);
        curl_defaults(c, url, "http");
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
        if (body)
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        code = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &os_errno);
        return code == CURLE_OK ? (int)status : no_answer(socket_path, code, os_errno, why, e);
}

static int parse(const char *socket_path, const struct buffer *b, json_t **ret, struct error *e) {
        json_error_t bad;
        json_t *root = json_loadb(b->data ? b->data : "", b->size, JSON_REJECT_DUPLICATES, &bad);

        if (!json_is_object(root)) {
                json_decref(root);
                return error_set(e, EXIT_FAILED, "%s does not answer with a report: %s", socket_path,
                                 bad.text);
        }
        *ret = root;
        return 0;
}

int agent_status(const char *socket_path, json_t **ret, struct error *e) {
        CLEANUP(buffer_done) struct buffer b = { 0 };
        int r = ask(socket_path, "/v1/status", NULL, &b, e);

        if (r < 0)
                return r;
        if (r != 200)
                return error_set(e, EXIT_FAILED, "%s answers status %d; it is no agent of this version",
                                 socket_path, r);
        return parse(socket_path, &b, ret, e);
}

int agent_post(const char *socket_path, const char *path, const char *body, json_t **ret, struct error *e) {
        CLEANUP(buffer_done) struct buffer b = { 0 };
        json_t *answer = NULL;
        const char *why;
        int status = ask(socket_path, path, body, &b, e), r;

        if (status < 0 || (r = parse(socket_path, &b, &answer, e)) < 0)
                return status < 0 ? status : r;
        why = json_string_value(json_object_get(answer, "error"));
        if (status == 200) {
                if (ret)
                        *ret = json_incref(answer);
                r = 0;
        } else {
                error_set(e, EXIT_FAILED, "%s", why ? why : "the agent refuses, and does not say why");
                r = status == 403 ? -EPERM : status == 409 ? -EBUSY : -EINVAL;
        }
        json_decref(answer);
        return r;
}
