/* Names of images, indexes and manifests; archives of images, whole and damaged. */
#include "agent/archive_lib.h"
#include "agent/image_archive.h"
#include "agent/registry_auth.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_names(void **state) {
        static const struct {
                const char *given, *full, *host; /* full NULL: refused */
        } cases[] = {
                { "busybox", "docker.io/library/busybox:latest", "docker.io" },
                { "flannel/flannel:v1", "docker.io/flannel/flannel:v1", "docker.io" },
                { "registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10", "registry.k8s.io" },
                { "reg:5000/a/b", "reg:5000/a/b:latest", "reg:5000" },
                { "localhost/a:1", "localhost/a:1", "localhost" },
                { "a.b/c@sha256:" HEX64, "a.b/c@sha256:" HEX64, "a.b" },
                { "", NULL, NULL },
                { "a.b/", NULL, NULL },
                { "a b", NULL, NULL },
                { "http://a/b;c", NULL, NULL },
                { "a.b/c\n", NULL, NULL },
        };
        char full[OCI_NAME], host[256], longest[OCI_NAME + 8];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(oci_name_full(cases[i].given, full), cases[i].full != NULL);
                if (!cases[i].full)
                        continue;
                assert_string_equal(full, cases[i].full);
                oci_name_host(full, host);
                assert_string_equal(host, cases[i].host);
        }
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_false(oci_name_full(longest, full));
}

static int parse_index(const char *text, struct oci_index *ret) {
        struct error e = { 0 };
        int r = oci_index_parse(text, strlen(text), "index.json", ret, &e);

        assert_true(r == 0 || strstr(e.message, "index.json: "));
        return r;
}

static void test_index(void **state) {
        CLEANUP(freep) struct oci_index *index = calloc(1, sizeof *index);
        char text[1024];

        (void)state;
        snprintf(text, sizeof text,
                 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
                 "\",\"digest\":\"sha256:" HEX64 "\",\"size\":7,\"platform\":{\"os\":\"linux\","
                 "\"architecture\":\"none\"}},{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:" HEX64
                 "\",\"size\":8,\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"},"
                 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"r.io/x:1\"}}]}",
                 oci_arch());
        assert_int_equal(parse_index(text, index), 0);
        assert_int_equal(index->n, 2);
        assert_ptr_equal(oci_index_pick(index), &index->v[1]);
        assert_string_equal(index->v[1].name, "r.io/x:1");
        assert_int_equal(index->v[1].blob.size, 8);
        index->n = 1;
        assert_null(oci_index_pick(index)); /* of another kind of machine */
}

static void test_bad_index(void **state) {
        static const char *const cases[] = {
                "",
                "[]",
                "{}",
                "{\"manifests\":{}}",
                "{\"manifests\":[1]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64 "\"}]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64 "\",\"size\":-1}]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64 "\",\"size\":\"1\"}]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64 "0\",\"size\":1}]}",
                "{\"manifests\":[{\"digest\":\"sha512:" HEX64 "\",\"size\":1}]}",
                "{\"manifests\":[{\"digest\":\"../../../../../../../../../../../../../../../../../../../../"
                "../../etc/x\",\"size\":1}]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64 "\",\"size\":1,\"mediaType\":7}]}",
                "{\"manifests\":[{\"digest\":\"sha256:" HEX64
                "\",\"size\":1,\"annotations\":{\"io.containerd.image.name\":\"a\\u001b[2J\"}}]}",
        };
        CLEANUP(freep) struct oci_index *index = calloc(1, sizeof *index);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(parse_index(cases[i], index), -EBADMSG);
}

/* ---- archives ---- */

static struct oci_blob blob_of(const char *media_type, const char *text) {
        CLEANUP(oci_hash_freep) struct oci_hash *h = NULL;
        struct oci_blob b = { .size = strlen(text) };

        snprintf(b.media_type, sizeof b.media_type, "%s", media_type);
        assert_int_equal(oci_hash_new(&h), 0);
        oci_hash_feed(h, text, strlen(text));
        oci_hash_end(h, b.digest);
        return b;
}

struct sample { /* one image of one layer */
        char layer[32], config[32], manifest[1024], index[1024];
        struct oci_blob layer_blob, config_blob, manifest_blob;
};

static void make_sample(struct sample *s) {
        snprintf(s->layer, sizeof s->layer, "a layer's bytes");
        snprintf(s->config, sizeof s->config, "{}");
        s->layer_blob = blob_of("application/vnd.oci.image.layer.v1.tar", s->layer);
        s->config_blob = blob_of("application/vnd.oci.image.config.v1+json", s->config);
        snprintf(s->manifest, sizeof s->manifest,
                 "{\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%u},"
                 "\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%u}]}",
                 s->config_blob.media_type, s->config_blob.digest, (unsigned)s->config_blob.size,
                 s->layer_blob.media_type, s->layer_blob.digest, (unsigned)s->layer_blob.size);
        s->manifest_blob = blob_of(OCI_MANIFEST, s->manifest);
        snprintf(s->index, sizeof s->index,
                 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%u,"
                 "\"annotations\":{\"io.containerd.image.name\":\"r.io/x:1\"}}]}",
                 OCI_MANIFEST, s->manifest_blob.digest, (unsigned)s->manifest_blob.size);
}

static void put_blob(struct archive_writer *w, const struct oci_blob *b, const char *text) {
        struct error e;

        assert_int_equal(archive_writer_blob(w, b, &e), 0);
        assert_int_equal(archive_writer_data(w, text, strlen(text), &e), 0);
}

enum { WITH_LAYER = 1, WITH_CONFIG = 2, WITH_MANIFEST = 4, WITH_INDEX = 8, WHOLE = 15 };

static void write_sample(const struct sample *s, const char *file, unsigned what) {
        CLEANUP(archive_writer_freep) struct archive_writer *w = NULL;
        struct error e;

        unlink(file);
        assert_int_equal(archive_writer_new(file, &w, &e), 0);
        if (what & WITH_INDEX)
                assert_int_equal(archive_writer_document(w, "index.json", s->index, &e), 0);
        if (what & WITH_MANIFEST)
                put_blob(w, &s->manifest_blob, s->manifest);
        if (what & WITH_CONFIG)
                put_blob(w, &s->config_blob, s->config);
        if (what & WITH_LAYER)
                put_blob(w, &s->layer_blob, s->layer);
        assert_int_equal(archive_writer_end(w, &e), 0);
}

static int take(void *userdata, const struct archive_blob *blob, struct archive_stream *s, struct error *e) {
        char *out = userdata;
        ssize_t n = image_archive_data(s, out, 64);

        (void)e;
        assert_int_equal(n, (ssize_t)blob->size);
        out[n] = '\0';
        return 0;
}

static void test_archive(void **state) {
        CLEANUP(image_archive_freep) struct image_archive *a = NULL;
        char file[PATH_MAX], out[65] = "";
        struct sample s;
        struct error e;

        make_sample(&s);
        snprintf(file, sizeof file, "%s/a.tar", (char *)*state);
        write_sample(&s, file, WHOLE);
        assert_int_equal(image_archive_read(file, &a, &e), 0);
        assert_int_equal(a->n_images, 1);
        assert_int_equal(a->n_blobs, 3);
        assert_string_equal(a->images[0]->name, "r.io/x:1");
        assert_int_equal(a->images[0]->manifest.n_layers, 1);
        image_archive_blob(a, s.layer_blob.digest)->wanted = true;
        assert_int_equal(image_archive_each(a, take, out, &e), 0);
        assert_string_equal(out, s.layer);
}

/* Between the two times that it is read. */
static void test_archive_changes(void **state) {
        CLEANUP(image_archive_freep) struct image_archive *a = NULL;
        char file[PATH_MAX], out[65] = "";
        struct error e = { 0 };
        struct sample s;

        make_sample(&s);
        snprintf(file, sizeof file, "%s/a.tar", (char *)*state);
        write_sample(&s, file, WHOLE);
        assert_int_equal(image_archive_read(file, &a, &e), 0);
        write_sample(&s, file, WHOLE & ~WITH_LAYER);
        image_archive_blob(a, s.config_blob.digest)->wanted = true;
        image_archive_blob(a, s.layer_blob.digest)->wanted = true;
        assert_int_equal(image_archive_each(a, take, out, &e), -EBADMSG);
        assert_string_equal(out, s.config);
        assert_non_null(strstr(e.message, s.layer_blob.digest));
}

static void expect_bad(const char *file, const char *says) {
        struct image_archive *a = NULL;
        struct error e = { 0 };

        assert_int_equal(image_archive_read(file, &a, &e), -EBADMSG);
        assert_null(a);
        assert_int_equal(e.status, EXIT_FAILED);
        assert_string_equal(e.file, file);
        if (!strstr(e.message, says))
                fail_msg("\"%s\" is not in \"%s\"", says, e.message);
}

static void test_parts_missing(void **state) {
        char file[PATH_MAX];
        struct sample s;

        make_sample(&s);
        snprintf(file, sizeof file, "%s/a.tar", (char *)*state);
        write_sample(&s, file, WHOLE & ~WITH_INDEX);
        expect_bad(file, "no index.json");
        write_sample(&s, file, WHOLE & ~WITH_LAYER);
        expect_bad(file, s.layer_blob.digest);
        write_sample(&s, file, WHOLE & ~WITH_CONFIG);
        expect_bad(file, s.config_blob.digest);
        write_sample(&s, file, WHOLE & ~WITH_MANIFEST);
        expect_bad(file, "is missing");
}

/* Cut anywhere, or any byte of a blob or index changed: never used, never a crash. */
static void test_damaged(void **state) {
        CLEANUP(freep) char *bytes = NULL;
        char file[PATH_MAX];
        struct archive_lib held = { 0 };
        struct error loading;
        struct sample s;
        long size;
        FILE *f;

        /* Loaded again for each attempt it would take nearly all of the time. */
        assert_int_equal(archive_lib_load(&held, &loading), 0);
        make_sample(&s);
        snprintf(file, sizeof file, "%s/a.tar", (char *)*state);
        write_sample(&s, file, WHOLE);
        f = fopen(file, "rb");
        assert_non_null(f);
        assert_int_equal(fseek(f, 0, SEEK_END), 0);
        size = ftell(f);
        rewind(f);
        bytes = malloc((size_t)size);
        assert_int_equal(fread(bytes, 1, (size_t)size, f), size);
        fclose(f);
        for (long i = 0; i < size; i++) {
                struct image_archive *a = NULL;
                struct error e;

                /* Up to the last byte of the last blob. */
                if (i < size - 1024 - 512 + (long)strlen(s.layer))
                        assert_int_not_equal(image_archive_parse(bytes, (size_t)i, "a", &a, &e), 0);
                bytes[i] ^= 0x20;
                if (image_archive_parse(bytes, (size_t)size, "a", &a, &e) == 0) {
                        assert_string_equal(a->images[0]->blob.digest, s.manifest_blob.digest);
                        image_archive_free(a);
                }
                bytes[i] ^= 0x20;
        }
        archive_lib_unload(&held);
}

static void test_writer_refuses(void **state) {
        CLEANUP(archive_writer_freep) struct archive_writer *w = NULL;
        char file[PATH_MAX], temporary[PATH_MAX + 16];
        struct sample s;
        struct error e;

        make_sample(&s);
        snprintf(file, sizeof file, "%s/a.tar", (char *)*state);
        assert_int_equal(archive_writer_new(file, &w, &e), 0);
        assert_int_equal(archive_writer_blob(w, &s.layer_blob, &e), 0);
        assert_int_equal(archive_writer_data(w, "other bytes    ", 15, &e), 0);
        assert_int_equal(archive_writer_end(w, &e), -EBADMSG);
        archive_writer_free(TAKE_PTR(w));
        assert_int_equal(access(file, F_OK), -1);
        snprintf(temporary, sizeof temporary, "%s.triarch-new", file);
        assert_int_equal(access(temporary, F_OK), -1); /* nothing is left */
        write_sample(&s, file, WHOLE);
        assert_int_equal(archive_writer_new(file, &w, &e), -EEXIST);
}

/* ---- credentials ---- */

static void test_credentials(void **state) {
        static const char text[] = "{\"auths\":{\"https://r.io\":{\"auth\":\"dTpwOnE=\"},"
                                   "\"r.io/team\":{\"username\":\"n\",\"password\":\"s\"},"
                                   "\"https://index.docker.io/v1/\":{\"identitytoken\":\"t\"}},"
                                   "\"credsStore\":\"x\"}";
        CLEANUP(registry_auths_freep) struct registry_auths *a = NULL;
        const struct registry_auth *found;
        struct error e;

        (void)state;
        assert_int_equal(registry_auths_parse(text, strlen(text), "f", &a, &e), 0);
        found = registry_auths_find(a, "r.io/x:1");
        assert_string_equal(found->username, "u");
        assert_string_equal(found->password, "p:q");
        assert_string_equal(registry_auths_find(a, "r.io/team/x:1")->username, "n");
        assert_string_equal(registry_auths_find(a, "r.io/teams/x:1")->username, "u");
        assert_string_equal(registry_auths_find(a, "docker.io/library/x:1")->identity_token, "t");
        assert_string_equal(registry_auths_find(a, "r.io/team:1")->username, "n");
        assert_null(registry_auths_find(a, "r.io.example/x:1"));
        assert_null(registry_auths_find(a, "r.io:5000/x:1")); /* another server */
        assert_null(registry_auths_find(a, "other/x:1"));
}

static void test_bad_credentials(void **state) {
        static const char *const cases[] = { "", "[]", "{\"auths\":[]}",
                                             "{\"auths\":{\"r\":{\"auth\":\"!\"}}}",
                                             "{\"auths\":{\"r\":{\"auth\":\"dQ==\"}}}" };
        struct registry_auths *a = NULL;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_not_equal(registry_auths_parse(cases[i], strlen(cases[i]), "f", &a, &e), 0);
                assert_string_equal(e.file, "f");
                assert_null(a);
        }
        assert_int_equal(registry_auths_load("/nonexistent/config.json", &a, &e), 0);
        assert_null(registry_auths_find(a, "r.io/x:1"));
        registry_auths_free(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_index),
                cmocka_unit_test(test_bad_index),
                tmp_test(test_archive),
                tmp_test(test_archive_changes),
                tmp_test(test_parts_missing),
                tmp_test(test_damaged),
                tmp_test(test_writer_refuses),
                cmocka_unit_test(test_credentials),
                cmocka_unit_test(test_bad_credentials),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
