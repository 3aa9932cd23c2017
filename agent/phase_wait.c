#include "agent/curl.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/phase.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

enum { TRY_TIMEOUT_MS = 2000, PAUSE_MS = 200, REPORT_S = 10 };

/* One address that is asked again and again, and what it said last. */
struct probe {
        CURL *curl;
        char url[320];
        char last[320]; /* "answers", or why not */
        char body[160];
        size_t body_size;
        char curl_error[CURL_ERROR_SIZE];
};

static size_t keep_start(char *data, size_t size, size_t n, void *userdata) {
        struct probe *p = userdata;
        size_t room = sizeof p->body - 1 - p->body_size, take = n < room ? n : room;

        (void)size;
        memcpy(p->body + p->body_size, data, take);
        p->body_size += take;
        p->body[p->body_size] = '\0';
        return n;
}

static int probe_open(struct probe *p) {
        if (!(p->curl = curl_easy_init()))
                return -ENOMEM;
        curl_defaults(p->curl, p->url, "http,https");
        curl_easy_setopt(p->curl, CURLOPT_TIMEOUT_MS, (long)TRY_TIMEOUT_MS);
        curl_easy_setopt(p->curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, keep_start);
        curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
        curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->curl_error);
        return 0;
}

static bool probe_ask(struct probe *p) {
        CURLcode r;
        long status = 0;

        p->body_size = 0;
        *p->body = *p->curl_error = '\0';
        r = curl_easy_perform(p->curl);
        curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
        if (r != CURLE_OK)
                snprintf(p->last, sizeof p->last, "%s",
                         *p->curl_error ? p->curl_error : curl_easy_strerror(r));
        else if (status != 200)
                snprintf(p->last, sizeof p->last, "HTTP %ld: %.*s", status, (int)strcspn(p->body, "\r\n"),
                         p->body);
        else
                snprintf(p->last, sizeof p->last, "answers");
        return r == CURLE_OK && status == 200;
}

static int api_server_open(const struct phase_ctx *ctx, struct probe *p) {
        char ca[PATH_MAX], crt[PATH_MAX], key[PATH_MAX], server[CONFIG_HOST_PORT_SIZE];
        int r;

        snprintf(p->url, sizeof p->url, "https://%s/livez",
                 config_host_port(ctx->config->advertise_address, ctx->config->bind_port, server));
        if ((r = probe_open(p)) < 0)
                return r;
        if (root_path_below(ca, ctx->root, ctx->config->cert_dir, "ca.crt") < 0 ||
            !phase_path(ctx, TRIARCH_HEALTH_CRT, crt) || !phase_path(ctx, TRIARCH_HEALTH_KEY, key))
                return -ENAMETOOLONG;
        curl_mutual_tls(p->curl, ca, crt, key);
        return 0;
}

static double seconds(void) {
        return (double)monotonic_us() / 1e6;
}

/* On a terminal the line is kept up to date; in a log there is a line every ten seconds. */
static void progress(const struct probe *api, double elapsed, unsigned limit_s, double *next) {
        bool terminal = isatty(STDOUT_FILENO);

        if (elapsed < *next)
                return;
        *next = elapsed + (terminal ? 0.5 : REPORT_S);
        printf("%s[wait-control-plane] %s: %.0f s of %u s: %s%s", terminal ? "\r\033[K" : "", api->url,
               elapsed, limit_s, api->last, terminal ? "" : "\n");
        fflush(stdout);
}

/* The kubelet starts the API server: without it there is nothing to wait for. */
static bool is_over(const struct timeouts *limits, double elapsed, struct probe *kubelet) {
        if (elapsed * 1e6 >= limits->control_plane_us) {
                probe_ask(kubelet);
                return true;
        }
        return elapsed * 1e6 >= limits->kubelet_us && !probe_ask(kubelet);
}

static int wait_loop(const struct timeouts *limits, struct probe *api, struct probe *kubelet,
                     struct error *e) {
        double start = seconds(), next = 1, elapsed;
        const char *clear = isatty(STDOUT_FILENO) ? "\r\033[K" : "";

        while (!probe_ask(api)) {
                if (is_over(limits, elapsed = seconds() - start, kubelet)) {
                        fputs(clear, stdout);
                        error_set(e, EXIT_FAILED,
                                  "%s does not answer, %.0f s were waited for it: %s; the kubelet (%s): %s. "
                                  "Look at "
                                  "`journalctl -u kubelet` and at the logs of the containers, then run this "
                                  "again",
                                  api->url, elapsed, api->last, kubelet->url, kubelet->last);
                        return -ETIMEDOUT;
                }
                progress(api, elapsed, limits->control_plane_us / 1000000, &next);
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
        }
        printf("%s[wait-control-plane] %s answers after %.1f s\n", clear, api->url, seconds() - start);
        if (!probe_ask(kubelet))
                printf("[wait-control-plane] the kubelet (%s) does not: %s\n", kubelet->url, kubelet->last);
        return 0;
}

int phase_wait(struct phase_ctx *ctx, const char *sub, struct error *e) {
        struct probe api = { 0 }, kubelet = { .url = "http://127.0.0.1:10248/healthz" };
        int r;

        (void)sub;
        if (*ctx->root || ctx->config->dry_run)
                return 0;
        if ((r = api_server_open(ctx, &api)) < 0 || (r = probe_open(&kubelet)) < 0)
                error_set(e, EXIT_FAILED, "cannot ask the API server: %s", strerror(-r));
        else
                r = wait_loop(&ctx->config->timeouts, &api, &kubelet, e);
        curl_easy_cleanup(api.curl);
        curl_easy_cleanup(kubelet.curl);
        return r;
}
