#include "agent/images.h"
#include "agent/monotonic.h"
#include "agent/oci.h"
#include "pki/file.h"
#include <errno.h>
#include <pthread.h>

enum { TRIES = 3, PULL_TIMEOUT_S = 1800, WORD_EVERY_S = 10, MAX_PASSWORD = 4096 };

/* The work and its workers. */
struct pull {
        const struct images_pull *q;
        const struct registry_auths *auths;
        struct image_result *results;
        size_t n, next, done;
        pthread_mutex_t lock; /* of next, done and stdout; held for moments */
        pthread_cond_t finished;
};

/* First row whose text the runtime says. */
static const struct {
        const char *says, *advice;
} advices[] = {
        { "x509: certificate signed by unknown authority",
          "give the registry's CA (registries: caFile) and run the phase runtime" },
        { "x509:", "the registry's certificate must be valid for the name by which it is asked" },
        { "http: server gave HTTP response to HTTPS client",
          "the registry does not speak TLS: name it as http://... in registryMirrors" },
        { "401 Unauthorized", "give credentials (registries: username, passwordFile)" },
        { "authorization failed", "give credentials (registries: username, passwordFile)" },
        { "403 Forbidden", "the credentials do not suffice for this image" },
        { "no space left on device", "make room where the runtime keeps its images" },
        { ": not found", "copy it to one of these registries, or bring it by `triarch config images load`" },
        { "", "are these registries reachable from here? Name one that is in registryMirrors or "
              "imageRepository, or bring the image by `triarch config images load`" },
};

/* containerd's text without what only says again which image it is about. */
static const char *without_image(const char *text) {
        static const char *const prefixes[] = { "failed to pull and unpack image \"",
                                                "failed to resolve reference \"" };
        const char *end;

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (!strncmp(text, prefixes[i], strlen(prefixes[i])) && (end = strstr(text, "\": ")))
                        text = end + 3;
        return text;
}

static void explain(const struct config *c, struct image_result *r) {
        char places[IMAGES_PLACES], said[560];
        size_t i = 0;

        while (!strstr(r->error.message, advices[i].says))
                i++;
        snprintf(said, sizeof said, "%.559s", without_image(r->error.message));
        images_places(c, r->image, places);
        error_set(&r->error, EXIT_FAILED, "%s cannot be had: %s; looked for at %s; %s", r->image, said,
                  places, advices[i].advice);
}

static int read_password(const char *file, char **ret, struct error *e) {
        size_t size;
        int r = pki_file_read(file, MAX_PASSWORD, ret, &size);

        if (r < 0) {
                error_at(e, file, 0, 0, "the password of a registry: %s", strerror(-r));
                return r;
        }
        (*ret)[strcspn(*ret, "\n")] = '\0';
        return 0;
}

/* The configuration's credentials for the image's registry; 1: there are. */
static int own_auth(const struct config *c, const char *image, struct registry_auth *ret, struct error *e) {
        char host[256];
        int r;

        oci_name_host(image, host);
        for (size_t i = 0; i < c->registries.n; i++) {
                const struct registry *reg = &c->registries.items[i];

                if (strcmp(reg->host, host) != 0 || !reg->username || !reg->password_file)
                        continue;
                if ((r = read_password(reg->password_file, &ret->password, e)) < 0)
                        return r;
                ret->username = reg->username;
                return 1;
        }
        return 0;
}

/* Trying again helps against none of these. */
static bool is_final(int r) {
        return r == -ENOENT || r == -EACCES || r == -EKEYREJECTED || r == -ECONNREFUSED || r == -ETIMEDOUT;
}

static int try_pull(struct cri *cri, const char *image, const struct registry_auth *auth, struct error *e) {
        for (unsigned try = 1;; try++) {
                int r = cri_pull(cri, image, auth, PULL_TIMEOUT_S, e);

                if (r == 0 || is_final(r) || try == TRIES)
                        return r;
                sleep(try);
        }
}

static int pull(const struct pull *p, struct cri *cri, const char *image, struct error *e) {
        struct registry_auth own = { 0 };
        int found = own_auth(p->q->config, image, &own, e), r = found;

        if (found >= 0)
                r = try_pull(cri, image, found ? &own : registry_auths_find(p->auths, image), e);
        pki_wipe_free(own.password);
        return r;
}

static enum image_outcome have(const struct pull *p, struct image_result *r) {
        CLEANUP(cri_freep) struct cri *cri = NULL;
        enum image_pull policy = p->q->policy;
        struct cri_image there;
        int found;

        if (cri_new(p->q->config->cri_socket, &cri, &r->error) < 0 ||
            (found = cri_image_status(cri, r->image, &there, &r->error)) < 0)
                return IMAGE_FAILED;
        if (found && policy != IMAGE_PULL_ALWAYS)
                return IMAGE_KEPT;
        if (policy == IMAGE_PULL_NEVER) {
                error_set(&r->error, EXIT_FAILED,
                          "%s is not there, and imagePullPolicy is Never: bring it by `triarch config images "
                          "load`",
                          r->image);
                return IMAGE_FAILED;
        }
        if (pull(p, cri, r->image, &r->error) == 0)
                return IMAGE_PULLED;
        explain(p->q->config, r);
        return IMAGE_FAILED;
}

static void report(const struct pull *p, const struct image_result *r) {
        if (r->outcome == IMAGE_FAILED)
                return; /* the caller tells, after all others are done */
        if (r->outcome == IMAGE_PULLED)
                printf("[images] pulled %s (%.1f s; %zu of %zu)\n", r->image, r->seconds, p->done, p->n);
        else if (!p->q->quiet)
                printf("[images] kept %s (%zu of %zu)\n", r->image, p->done, p->n);
        fflush(stdout);
}

static void *work(void *arg) {
        struct pull *p = arg;

        pthread_mutex_lock(&p->lock);
        while (p->next < p->n) {
                struct image_result *r = &p->results[p->next++];
                enum image_outcome outcome;
                int64_t begin = monotonic_us();

                pthread_mutex_unlock(&p->lock);
                outcome = have(p, r);
                pthread_mutex_lock(&p->lock);
                r->seconds = (double)(monotonic_us() - begin) / 1e6;
                r->outcome = outcome;
                p->done++;
                report(p, r);
                pthread_cond_signal(&p->finished);
        }
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

/* A word now and then of what takes long. */
static void wait_for_all(struct pull *p) {
        int64_t begin = monotonic_us();
        struct timespec next;

        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec += WORD_EVERY_S;
        pthread_mutex_lock(&p->lock);
        while (p->done < p->n)
                if (pthread_cond_timedwait(&p->finished, &p->lock, &next) == ETIMEDOUT) {
                        next.tv_sec += WORD_EVERY_S;
                        for (size_t i = 0; i < p->next; i++)
                                if (p->results[i].outcome == IMAGE_WAITING)
                                        printf("[images] waiting for %s since %lld s, %u min at most\n",
                                               p->results[i].image,
                                               (long long)(monotonic_us() - begin) / 1000000,
                                               PULL_TIMEOUT_S / 60);
                        fflush(stdout);
                }
        pthread_mutex_unlock(&p->lock);
}

static int run_workers(struct pull *p) {
        pthread_t threads[IMAGES_PARALLEL];
        size_t wanted = p->q->parallel < IMAGES_PARALLEL ? p->q->parallel : IMAGES_PARALLEL, n = 0;
        pthread_condattr_t attributes;

        pthread_mutex_init(&p->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&p->finished, &attributes);
        pthread_condattr_destroy(&attributes);
        while (n < wanted && n < p->n && pthread_create(&threads[n], NULL, work, p) == 0)
                n++;
        if (n)
                wait_for_all(p);
        for (size_t i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
        pthread_cond_destroy(&p->finished);
        pthread_mutex_destroy(&p->lock);
        return n || !p->n ? 0 : -EAGAIN;
}

int images_pull(const struct images_pull *q, const struct str_list *images, struct image_result *ret,
                struct error *e) {
        CLEANUP(registry_auths_freep) struct registry_auths *auths = NULL;
        CLEANUP(cri_freep) struct cri *cri = NULL;
        struct pull p = { .q = q, .results = ret, .n = images->n };
        struct cri_version version;
        size_t failures = 0;
        int r;

        for (size_t i = 0; i < images->n; i++)
                ret[i] = (struct image_result){ .image = images->items[i] };
        if ((r = registry_auths_load(q->auth_file ? q->auth_file : REGISTRY_AUTH_FILE, &auths, e)) < 0 ||
            (r = cri_new(q->config->cri_socket, &cri, e)) < 0 || (r = cri_version(cri, &version, e)) < 0)
                return r;
        p.auths = auths;
        if ((r = run_workers(&p)) < 0)
                return error_set(e, EXIT_FAILED, "no thread to be had: %s", strerror(-r)), r;
        for (size_t i = 0; i < images->n; i++)
                failures += ret[i].outcome == IMAGE_FAILED;
        if (!failures)
                return 0;
        error_set(e, EXIT_FAILED, "%zu of %zu images cannot be had; what was had is kept: run it again",
                  failures, images->n);
        return -ENOENT;
}
