#include "agent/cri.h"
#include "agent/grpc.h"
#include <errno.h>
#include <jansson.h>

enum { ASK_TIMEOUT_S = 20, STATUS_TIMEOUT_S = 60 };

struct cri {
        struct grpc *grpc;
};

/* Of one call: where its answer goes, by a reader of that message. */
struct answer {
        int (*read)(void *target, struct pb_in *in);
        void *target;
};

const char *cri_socket_path(const char *uri) {
        return strncmp(uri, "unix://", 7) ? uri : uri + 7;
}

int cri_new(const char *uri, struct cri **ret, struct error *e) {
        CLEANUP(cri_freep) struct cri *c = calloc(1, sizeof *c);
        int r = c ? grpc_new(cri_socket_path(uri), &c->grpc) : -ENOMEM;

        if (r < 0) {
                error_set(e, EXIT_FAILED, "the container runtime's socket %s: %s", cri_socket_path(uri),
                          r == -ENAMETOOLONG ? "the path is too long" : strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(c);
        return 0;
}

void cri_free(struct cri *c) {
        if (!c)
                return;
        grpc_free(c->grpc);
        free(c);
}

static int on_answer(void *userdata, const uint8_t *data, size_t size) {
        struct answer *a = userdata;
        struct pb_in in = pb_in(data, size);

        return a->read ? a->read(a->target, &in) : 0;
}

/* Make a call; frees the request. What the server says stays in *s. */
static int call(struct cri *c, const char *method, struct pb_out *request, const struct answer *a,
                unsigned timeout_s, struct grpc_status *s) {
        struct answer copy = *a;
        struct grpc_call q = { .method = method,
                               .request = request,
                               .reply = on_answer,
                               .userdata = &copy,
                               .timeout_s = timeout_s };
        int r = grpc_run(c->grpc, &q, s);

        pb_out_done(request);
        return r;
}

static int failed(struct cri *c, int r, const struct grpc_status *s, struct error *e) {
        if (r == -EREMOTEIO && s->code == GRPC_UNIMPLEMENTED)
                error_set(e, EXIT_FAILED,
                          "what listens at %s does not speak CRI v1 (%.400s): containerd does from 1.6, with "
                          "its "
                          "plugin \"cri\" not among disabled_plugins in /etc/containerd/config.toml",
                          grpc_socket(c->grpc), s->message);
        else if (r == -EREMOTEIO)
                error_set(e, EXIT_FAILED, "the container runtime at %s: %.800s", grpc_socket(c->grpc),
                          s->message);
        else
                error_set(e, EXIT_FAILED,
                          "the container runtime does not answer: %.700s; start it, or give --cri-socket",
                          s->message);
        return r;
}

static int copy_into(const struct pb_value *v, char *out, size_t size) {
        if (!v->is_data || memchr(v->data, '\0', v->size))
                return -EBADMSG;
        snprintf(out, size, "%.*s", v->size < size ? (int)v->size : (int)size, (const char *)v->data);
        return 0;
}

static int read_version(void *target, struct pb_in *in) {
        struct cri_version *v = target;
        struct pb_value f;
        int r;

        while ((r = pb_next(in, &f)) > 0) {
                if (f.field == 2)
                        r = copy_into(&f, v->name, sizeof v->name);
                else if (f.field == 3)
                        r = copy_into(&f, v->version, sizeof v->version);
                else if (f.field == 4)
                        r = copy_into(&f, v->api, sizeof v->api);
                if (r < 0)
                        return r;
        }
        return r;
}

int cri_version(struct cri *c, struct cri_version *ret, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = (struct cri_version){ 0 };
        pb_text(&q, 1, "0.1.0");
        r = call(c, "/runtime.v1.RuntimeService/Version", &q, &(struct answer){ read_version, ret },
                 ASK_TIMEOUT_S, &s);
        return r < 0 ? failed(c, r, &s, e) : 0;
}

/* RuntimeCondition */
static int read_condition(struct cri_status *s, struct pb_in in) {
        char type[32] = "", reason[128] = "", message[512] = "";
        bool network, status = false;
        struct pb_value f;
        int r;

        while ((r = pb_next(&in, &f)) > 0) {
                if (f.field == 1)
                        r = copy_into(&f, type, sizeof type);
                else if (f.field == 2)
                        status = f.number != 0;
                else if (f.field == 3)
                        r = copy_into(&f, reason, sizeof reason);
                else if (f.field == 4)
                        r = copy_into(&f, message, sizeof message);
                if (r < 0)
                        return r;
        }
        if (r < 0 || (strcmp(type, "RuntimeReady") != 0 && strcmp(type, "NetworkReady") != 0))
                return r;
        network = *type == 'N';
        *(network ? &s->network_ready : &s->runtime_ready) = status;
        snprintf(network ? s->network_message : s->runtime_message, sizeof s->runtime_message, "%s",
                 *message ? message : reason);
        return 0;
}

/* containerd's verbose status has its configuration as JSON. */
static void take_sandbox_image(struct cri_status *s, const char *config) {
        CLEANUP(json_decrefp) json_t *o = json_loads(config, 0, NULL);
        const char *image = json_string_value(json_object_get(o, "sandboxImage"));

        if (image && strlen(image) < sizeof s->sandbox_image)
                snprintf(s->sandbox_image, sizeof s->sandbox_image, "%s", image);
}

static int read_info(struct cri_status *s, const struct pb_value *v) {
        CLEANUP(freep) char *key = NULL;
        CLEANUP(freep) char *value = NULL;
        int r = pb_copy_entry(v, &key, &value);

        if (r == 0 && !strcmp(key, "config"))
                take_sandbox_image(s, value);
        return r;
}

/* RuntimeStatus */
static int read_conditions(struct cri_status *s, struct pb_in in) {
        struct pb_value f;
        int r;

        while ((r = pb_next(&in, &f)) > 0)
                if (f.field == 1 && (r = read_condition(s, pb_within(&f))) < 0)
                        break;
        return r;
}

static int read_status(void *target, struct pb_in *in) {
        struct pb_value f;
        int r;

        while ((r = pb_next(in, &f)) > 0) {
                if (f.field == 1)
                        r = read_conditions(target, pb_within(&f));
                else if (f.field == 2)
                        r = read_info(target, &f);
                if (r < 0)
                        break;
        }
        return r;
}

int cri_status(struct cri *c, struct cri_status *ret, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = (struct cri_status){ 0 };
        pb_number(&q, 1, 1);
        r = call(c, "/runtime.v1.RuntimeService/Status", &q, &(struct answer){ read_status, ret },
                 STATUS_TIMEOUT_S, &s);
        return r < 0 ? failed(c, r, &s, e) : 0;
}

/* RuntimeConfigResponse.linux.cgroup_driver: 0 is systemd. */
static int read_runtime_config(void *target, struct pb_in *in) {
        struct pb_value linux_config, driver;
        int r;

        if ((r = pb_find(*in, 1, &linux_config)) > 0 &&
            (r = pb_find(pb_within(&linux_config), 1, &driver)) > 0)
                *(bool *)target = driver.number == 0;
        return r;
}

int cri_cgroup_systemd(struct cri *c, bool *ret, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = true;
        r = call(c, "/runtime.v1.RuntimeService/RuntimeConfig", &q,
                 &(struct answer){ read_runtime_config, ret }, ASK_TIMEOUT_S, &s);
        if (r == -EREMOTEIO && s.code == GRPC_UNIMPLEMENTED)
                return -EOPNOTSUPP;
        return r < 0 ? failed(c, r, &s, e) : 0;
}

/* ImageStatusResponse.image, which is absent when the image is. */
static int read_image(void *target, struct pb_in *in) {
        struct cri_image *image = target;
        struct pb_value v;
        struct pb_in fields;
        int r;

        if ((r = pb_find(*in, 1, &v)) <= 0)
                return r;
        fields = pb_within(&v);
        if ((r = pb_find(fields, 4, &v)) > 0)
                image->size = v.number;
        if (r >= 0 && (r = pb_find(fields, 1, &v)) > 0)
                r = copy_into(&v, image->id, sizeof image->id);
        return r;
}

static void put_image(struct pb_out *q, const char *image) {
        struct pb_out spec = { 0 };

        pb_text(&spec, 1, image);
        pb_sub(q, 1, &spec);
}

int cri_image_status(struct cri *c, const char *image, struct cri_image *ret, struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = (struct cri_image){ 0 };
        put_image(&q, image);
        r = call(c, "/runtime.v1.ImageService/ImageStatus", &q, &(struct answer){ read_image, ret },
                 ASK_TIMEOUT_S, &s);
        return r < 0 ? failed(c, r, &s, e) : *ret->id != '\0';
}

static void put_auth(struct pb_out *q, const struct registry_auth *auth) {
        struct pb_out a = { 0 };

        if (!auth)
                return;
        pb_text(&a, 1, auth->username);
        pb_text(&a, 2, auth->password);
        pb_text(&a, 5, auth->identity_token);
        pb_sub(q, 2, &a);
}

/* containerd says Unknown for most of it; the registry's answer is in the text. */
static int pull_errno(int r, const struct grpc_status *s) {
        if (r != -EREMOTEIO)
                return r;
        if (s->code == GRPC_NOT_FOUND)
                return -ENOENT;
        if (s->code == GRPC_PERMISSION_DENIED || s->code == GRPC_UNAUTHENTICATED ||
            strstr(s->message, "401 Unauthorized") || strstr(s->message, "403 Forbidden") ||
            strstr(s->message, "authorization failed"))
                return -EACCES;
        return strstr(s->message, "x509:") ? -EKEYREJECTED : r;
}

int cri_pull(struct cri *c, const char *image, const struct registry_auth *auth, unsigned timeout_s,
             struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        put_image(&q, image);
        put_auth(&q, auth);
        r = call(c, "/runtime.v1.ImageService/PullImage", &q, &(struct answer){ NULL, NULL }, timeout_s, &s);
        if (r == -EREMOTEIO)
                error_set(e, EXIT_FAILED, "%.900s", s.message);
        else if (r < 0)
                failed(c, r, &s, e);
        return pull_errno(r, &s);
}

/* ImageFsInfoResponse.image_filesystems[0].fs_id.mountpoint */
static int read_fs(void *target, struct pb_in *in) {
        struct pb_value usage, id, directory;
        int r;

        if ((r = pb_find(*in, 1, &usage)) > 0 && (r = pb_find(pb_within(&usage), 2, &id)) > 0 &&
            (r = pb_find(pb_within(&id), 1, &directory)) > 0)
                r = copy_into(&directory, target, PATH_MAX);
        return r;
}

int cri_image_directory(struct cri *c, char ret[PATH_MAX], struct error *e) {
        struct pb_out q = { 0 };
        struct grpc_status s;
        int r;

        *ret = '\0';
        r = call(c, "/runtime.v1.ImageService/ImageFsInfo", &q, &(struct answer){ read_fs, ret },
                 STATUS_TIMEOUT_S, &s);
        if (r < 0)
                return failed(c, r, &s, e);
        if (*ret)
                return 0;
        error_set(e, EXIT_FAILED, "the container runtime does not say where it keeps images");
        return -ENODATA;
}
