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

static int fetch(const char *socket_path, struct buffer *b, struct error *e) {
        CLEANUP(curl_easy_cleanupp) CURL *c = curl_easy_init();
        char why[CURL_ERROR_SIZE] = "";
        long status = 0, os_errno = 0;
        CURLcode code;

        if (!c)
                return error_set(e, EXIT_FAILED, "out of memory");
        curl_defaults(c, "http://localhost/v1/status", "http");
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
        code = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &os_errno);
        if (code == CURLE_OK && status == 200)
                return 0;
        if (code == CURLE_OK)
                return error_set(e, EXIT_FAILED, "%s answers status %ld; it is no agent of this version",
                                 socket_path, status);
        if (os_errno == EACCES)
                return error_set(e, EXIT_FAILED,
                                 "%s: permission denied; run as root or as a member of group triarch",
                                 socket_path);
        return error_set(e, EXIT_FAILED,
                         "no agent answers on %s (%s); is triarch-agent.service running? "
                         "--socket names another",
                         socket_path,
                         os_errno ? strerror((int)os_errno)
                         : *why   ? why
                                  : curl_easy_strerror(code));
}

int agent_status(const char *socket_path, json_t **ret, struct error *e) {
        CLEANUP(buffer_done) struct buffer b = { 0 };
        json_error_t bad;
        json_t *root;
        int r;

        if ((r = fetch(socket_path, &b, e)) < 0)
                return r;
        root = json_loadb(b.data ? b.data : "", b.size, JSON_REJECT_DUPLICATES, &bad);
        if (!json_is_object(root)) {
                json_decref(root);
                return error_set(e, EXIT_FAILED, "%s does not answer with a report: %s", socket_path,
                                 bad.text);
        }
        *ret = root;
        return 0;
}
