#include "agent/containerd.h"
#include <errno.h>
#include <time.h>

#define CONTENT "/containerd.services.content.v1.Content/"
#define IMAGES  "/containerd.services.images.v1.Images/"
#define LEASES  "/containerd.services.leases.v1.Leases/"
#define VERSION "/containerd.services.version.v1.Version/Version"

enum { CALL_S = 60, TRANSFER_S = 3600, LEASE_S = 3600, CHUNK = 1 << 20 };

struct containerd {
        struct grpc *grpc;
        char lease[64]; /* ""; none */
};

void containerd_free(struct containerd *c) {
        if (!c)
                return;
        grpc_free(c->grpc);
        free(c);
}

/* What the caller does with an answer. */
struct answer {
        int (*read)(void *target, struct pb_in in);
        void *target;
};

static int on_answer(void *userdata, const uint8_t *data, size_t size) {
        const struct answer *a = userdata;

        return a->read ? a->read(a->target, pb_in(data, size)) : 0;
}

/* Make a call; frees the request. */
static int call(struct containerd *c, const char *method, struct pb_out *request, const struct answer *a,
                struct grpc_status *s) {
        struct answer copy = a ? *a : (struct answer){ 0 };
        struct grpc_call q = { .method = method,
                               .request = request,
                               .reply = on_answer,
                               .userdata = &copy,
                               .timeout_s = CALL_S };
        int r = grpc_run(c->grpc, &q, s);

        pb_out_done(request);
        return r;
}

static bool says(int r, const struct grpc_status *s, unsigned code) {
        return r == -EREMOTEIO && s->code == code;
}

static int failed(struct containerd *c, int r, const struct grpc_status *s, struct error *e) {
        if (r == -EREMOTEIO && strstr(s->message, "no space left on device")) {
                error_set(e, EXIT_FAILED,
                          "containerd's disk is full (%.700s); make room (containerd keeps its images under "
                          "its "
                          "root, /var/lib/containerd unless configured), then run the command again",
                          s->message);
                return -ENOSPC;
        }
        if (r == -EREMOTEIO)
                error_set(e, EXIT_FAILED, "containerd at %s: %.800s", grpc_socket(c->grpc), s->message);
        else
                error_set(e, EXIT_FAILED, "containerd does not answer: %.700s; is it running?", s->message);
        return r;
}

int containerd_open(const char *socket_path, struct containerd **ret, struct error *e) {
        CLEANUP(containerd_freep) struct containerd *c = calloc(1, sizeof *c);
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        if (!c)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = grpc_new(socket_path, &c->grpc)) < 0 ||
            (r = grpc_add_header(c->grpc, "containerd-namespace", "k8s.io")) < 0) {
                error_set(e, EXIT_FAILED, "containerd's socket %s: %s", socket_path, strerror(-r));
                return r;
        }
        r = call(c, VERSION, &q, NULL, &s);
        if (says(r, &s, GRPC_UNIMPLEMENTED)) {
                error_set(e, EXIT_FAILED,
                          "what listens at %s is not containerd: archives are loaded and saved through "
                          "containerd's own interface; with CRI-O, let it pull from a registry (skopeo "
                          "copies an "
                          "archive there: oci-archive:FILE)",
                          socket_path);
                return -EOPNOTSUPP;
        }
        if (r < 0)
                return failed(c, r, &s, e);
        *ret = TAKE_PTR(c);
        return 0;
}

static int copy_into(const struct pb_value *v, char *out, size_t size) {
        if (!v->is_data || v->size >= size || memchr(v->data, '\0', v->size))
                return -EBADMSG;
        memcpy(out, v->data, v->size);
        out[v->size] = '\0';
        return 0;
}

/* GetImageResponse.image.target */
static int read_target(void *target, struct pb_in in) {
        struct oci_blob *blob = target;
        struct pb_value image, descriptor, v;
        struct pb_in fields;
        int r;

        if ((r = pb_find(in, 1, &image)) <= 0 || (r = pb_find(pb_within(&image), 3, &descriptor)) <= 0)
                return r < 0 ? r : -EBADMSG;
        fields = pb_within(&descriptor);
        if ((r = pb_find(fields, 1, &v)) > 0)
                r = copy_into(&v, blob->media_type, sizeof blob->media_type);
        if (r >= 0 && (r = pb_find(fields, 2, &v)) > 0)
                r = copy_into(&v, blob->digest, sizeof blob->digest);
        if (r >= 0 && (r = pb_find(fields, 3, &v)) > 0)
                blob->size = v.number;
        return r < 0 || !oci_digest_valid(blob->digest) ? -EBADMSG : 0;
}

int containerd_get_image(struct containerd *c, const char *name, struct oci_blob *ret, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = (struct oci_blob){ 0 };
        pb_text(&q, 1, name);
        r = call(c, IMAGES "Get", &q, &(struct answer){ read_target, ret }, &s);
        if (says(r, &s, GRPC_NOT_FOUND)) {
                error_set(e, EXIT_FAILED, "containerd has no image %s", name);
                return -ENOENT;
        }
        return r < 0 ? failed(c, r, &s, e) : 0;
}

static void put_image(struct pb_out *q, const char *name, const struct oci_blob *target) {
        struct pb_out image = { 0 }, descriptor = { 0 };

        pb_text(&descriptor, 1, target->media_type);
        pb_text(&descriptor, 2, target->digest);
        pb_number(&descriptor, 3, target->size);
        pb_text(&image, 1, name);
        pb_sub(&image, 3, &descriptor);
        pb_sub(q, 1, &image);
}

int containerd_put_image(struct containerd *c, const char *name, const struct oci_blob *target,
                         struct error *e) {
        struct pb_out q = { 0 }, mask = { 0 };
        struct grpc_status s;
        int r;

        put_image(&q, name, target);
        r = call(c, IMAGES "Create", &q, NULL, &s);
        if (says(r, &s, GRPC_ALREADY_EXISTS)) {
                put_image(&q, name, target);
                pb_text(&mask, 1, "target"); /* its labels are others' */
                pb_sub(&q, 2, &mask);
                r = call(c, IMAGES "Update", &q, NULL, &s);
        }
        return r < 0 ? failed(c, r, &s, e) : 0;
}

int containerd_has(struct containerd *c, const char *digest, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        pb_text(&q, 1, digest);
        r = call(c, CONTENT "Info", &q, NULL, &s);
        if (says(r, &s, GRPC_NOT_FOUND))
                return 0;
        return r < 0 ? failed(c, r, &s, e) : 1;
}

struct download {
        containerd_sink_fn sink;
        void *userdata;
        uint64_t offset;
        bool sink_failed; /* what it says of it counts */
};

/* ReadContentResponse */
static int on_content(void *userdata, const uint8_t *data, size_t size) {
        struct download *d = userdata;
        struct pb_value v;
        uint64_t offset = 0;
        int r;

        if ((r = pb_find(pb_in(data, size), 1, &v)) > 0)
                offset = v.number;
        if (r < 0 || offset != d->offset)
                return -EBADMSG;
        if ((r = pb_find(pb_in(data, size), 2, &v)) <= 0)
                return r;
        if (!v.is_data)
                return -EBADMSG;
        d->offset += v.size;
        r = d->sink(d->userdata, v.data, v.size);
        d->sink_failed = r < 0;
        return r;
}

int containerd_read(struct containerd *c, const struct oci_blob *blob, containerd_sink_fn sink,
                    void *userdata, struct error *e) {
        CLEANUP(pb_out_donep) struct pb_out q = { 0 };
        struct download d = { sink, userdata, 0, false };
        struct grpc_call read = { .method = CONTENT "Read",
                                  .request = &q,
                                  .reply = on_content,
                                  .userdata = &d,
                                  .timeout_s = TRANSFER_S };
        struct grpc_status s;
        int r;

        pb_text(&q, 1, blob->digest);
        r = grpc_run(c->grpc, &read, &s);
        if (d.sink_failed)
                return r;
        if (says(r, &s, GRPC_NOT_FOUND)) {
                error_set(e, EXIT_FAILED, "containerd has not kept %s", blob->digest);
                return -ENOENT;
        }
        if (r < 0)
                return failed(c, r, &s, e);
        if (d.offset == blob->size)
                return 0;
        error_set(e, EXIT_FAILED, "containerd's %s has %llu bytes, but its description says %llu",
                  blob->digest, (unsigned long long)d.offset, (unsigned long long)blob->size);
        return -EBADMSG;
}

struct document {
        char *text;
        size_t size, room;
};

static int keep(void *userdata, const void *data, size_t size) {
        struct document *d = userdata;

        size_t left = d->room - d->size;

        memcpy(d->text + d->size, data, size < left ? size : left); /* more is found out by the sizes */
        d->size += size < left ? size : left;
        return 0;
}

int containerd_read_document(struct containerd *c, const struct oci_blob *blob, char **ret, size_t *ret_size,
                             struct error *e) {
        struct document d = { .room = blob->size };
        CLEANUP(freep) char *text = NULL;
        int r;

        if (blob->size > OCI_MAX_DOCUMENT || !(d.text = text = calloc(1, blob->size + 1))) {
                error_set(e, EXIT_FAILED, "%s is too long for an index or manifest", blob->digest);
                return -EMSGSIZE;
        }
        if ((r = containerd_read(c, blob, keep, &d, e)) < 0)
                return r;
        if (!oci_digest_matches(blob->digest, d.text, d.size)) {
                error_set(e, EXIT_FAILED, "containerd's %s does not have that digest: its store is damaged",
                          blob->digest);
                return -EBADMSG;
        }
        *ret = TAKE_PTR(text);
        *ret_size = d.size;
        return 0;
}

struct upload {
        const struct oci_blob *blob;
        containerd_source_fn source;
        void *userdata;
        const struct containerd_label *labels;
        size_t n_labels;
        char ref[OCI_DIGEST + 16];
        uint64_t offset;
        uint8_t *chunk;
        bool committed, source_failed; /* what the source says of it counts */
};

/* As many bytes as a chunk takes; fewer only at the blob's end. */
static ssize_t fill_chunk(struct upload *u) {
        size_t want = u->blob->size - u->offset < CHUNK ? (size_t)(u->blob->size - u->offset) : CHUNK;
        size_t got = 0;

        while (got < want) {
                ssize_t n = u->source(u->userdata, u->chunk + got, want - got);

                if (n < 0)
                        return n;
                if (n == 0)
                        return -ENODATA;
                got += (size_t)n;
        }
        return (ssize_t)got;
}

/* WriteContentRequest: the last one commits. */
static int next_chunk(void *userdata, struct pb_out *out) {
        enum { WRITE = 1, COMMIT = 2 };
        struct upload *u = userdata;
        uint64_t offset = u->offset;
        ssize_t n;

        if (u->committed)
                return 0;
        if ((n = fill_chunk(u)) < 0) {
                u->source_failed = true;
                return (int)n;
        }
        u->offset += (uint64_t)n;
        u->committed = u->offset == u->blob->size;
        pb_number(out, 1, u->committed ? COMMIT : WRITE);
        if (!offset) {
                pb_text(out, 2, u->ref);
                pb_number(out, 3, u->blob->size);
                pb_text(out, 4, u->blob->digest);
        }
        pb_number(out, 5, offset);
        pb_bytes(out, 6, u->chunk, (size_t)n);
        for (size_t i = 0; u->committed && i < u->n_labels; i++)
                pb_entry(out, 7, u->labels[i].key, u->labels[i].value);
        return 1;
}

static int update_labels(struct containerd *c, const struct upload *u, struct error *e) {
        struct pb_out q = { 0 }, info = { 0 }, mask = { 0 };
        struct grpc_status s;
        char path[96];
        int r;

        if (!u->n_labels)
                return 0;
        pb_text(&info, 1, u->blob->digest);
        for (size_t i = 0; i < u->n_labels; i++) {
                pb_entry(&info, 5, u->labels[i].key, u->labels[i].value);
                snprintf(path, sizeof path, "labels.%s", u->labels[i].key);
                pb_text(&mask, 1, path);
        }
        pb_sub(&q, 1, &info);
        pb_sub(&q, 2, &mask);
        r = call(c, CONTENT "Update", &q, NULL, &s);
        return r < 0 ? failed(c, r, &s, e) : 0;
}

/* What was written of it before it failed takes room. */
static void abandon(struct containerd *c, const char *ref) {
        struct pb_out q = { 0 };
        struct grpc_status s;

        pb_text(&q, 1, ref);
        call(c, CONTENT "Abort", &q, NULL, &s);
}

int containerd_write(struct containerd *c, const struct oci_blob *blob, containerd_source_fn source,
                     void *userdata, const struct containerd_label *labels, size_t n_labels,
                     struct error *e) {
        CLEANUP(freep) uint8_t *chunk = malloc(CHUNK);
        struct upload u = { .blob = blob,
                            .source = source,
                            .userdata = userdata,
                            .chunk = chunk,
                            .labels = labels,
                            .n_labels = n_labels };
        struct grpc_call write = {
                .method = CONTENT "Write", .next = next_chunk, .userdata = &u, .timeout_s = TRANSFER_S
        };
        struct grpc_status s;
        int r;

        if (!chunk)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        snprintf(u.ref, sizeof u.ref, "triarch-load-%s", blob->digest);
        r = grpc_run(c->grpc, &write, &s);
        if (says(r, &s, GRPC_ALREADY_EXISTS))
                return update_labels(c, &u, e);
        if (r < 0) {
                r = u.source_failed ? r : failed(c, r, &s, e);
                abandon(c, u.ref);
        }
        return r;
}

int containerd_lease(struct containerd *c, struct error *e) {
        time_t until = time(NULL) + LEASE_S;
        struct pb_out q = { 0 };
        struct grpc_status s;
        char expire[32];
        struct tm tm;
        int r;

        snprintf(c->lease, sizeof c->lease, "triarch-load-%d-%lld", (int)getpid(), (long long)time(NULL));
        gmtime_r(&until, &tm);
        strftime(expire, sizeof expire, "%Y-%m-%dT%H:%M:%SZ", &tm);
        pb_text(&q, 1, c->lease);
        pb_entry(&q, 3, "containerd.io/gc.expire", expire);
        if ((r = call(c, LEASES "Create", &q, NULL, &s)) < 0) {
                *c->lease = '\0';
                return failed(c, r, &s, e);
        }
        if ((r = grpc_add_header(c->grpc, "containerd-lease", c->lease)) < 0)
                error_set(e, EXIT_FAILED, "out of memory");
        return r;
}

int containerd_lease_add(struct containerd *c, const char *digest, struct error *e) {
        struct pb_out q = { 0 }, resource = { 0 };
        struct grpc_status s;
        int r;

        pb_text(&resource, 1, digest);
        pb_text(&resource, 2, "content");
        pb_text(&q, 1, c->lease);
        pb_sub(&q, 2, &resource);
        r = call(c, LEASES "AddResource", &q, NULL, &s);
        return r < 0 ? failed(c, r, &s, e) : 0;
}

void containerd_lease_end(struct containerd *c) {
        struct pb_out q = { 0 };
        struct grpc_status s;

        if (!*c->lease)
                return;
        pb_text(&q, 1, c->lease);
        pb_number(&q, 2, 1); /* the room is free when the call returns */
        call(c, LEASES "Delete", &q, NULL, &s);
        *c->lease = '\0';
}
