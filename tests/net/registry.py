#!/usr/bin/env python3
"""A registry of images for the tests: serves the files of a directory by the distribution protocol, read only.

usage: registry.py make DIR SEED NAME:TAG...         put small images into DIR (the same SEED, the same bytes)
       registry.py serve DIR ADDRESS:PORT [OPTIONS]
           --tls CERTIFICATE KEY      otherwise plain HTTP
           --user NAME:PASSWORD       basic authentication
           --log FILE                 one line for each request: status, method, path

An image is an index of two manifests, for amd64 and arm64, each with a configuration and two layers, of which one
is the same in all images; names that end in -plain have a manifest alone, of Docker's kind.
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import platform
import random
import ssl
import sys
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
LAYER_BYTES = int(os.environ.get("LAYER_BYTES", "200000"))
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def put(directory, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    os.makedirs(directory + "/blobs", exist_ok=True)
    with open(directory + "/blobs/" + digest, "wb") as file:
        file.write(data)
    return digest


def layer(name, data):
    """A compressed tar with one file, and the digest of what is in it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    plain = out.getvalue()
    return gzip.compress(plain, mtime=0), "sha256:" + hashlib.sha256(plain).hexdigest()


def descriptor(media_type, digest, data, **more):
    return {"mediaType": media_type, "digest": digest, "size": len(data), **more}


def manifest(directory, reference, arch, seed, docker):
    rng = random.Random(f"{seed} {reference} {arch}")
    layers = [layer("base", random.Random(seed).randbytes(LAYER_BYTES)), layer("own", rng.randbytes(LAYER_BYTES))]
    config = json.dumps({"architecture": arch, "os": "linux", "config": {"Cmd": ["/own"]},
                         "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]}}).encode()
    kinds = ((DOCKER + "distribution.manifest.v2+json", DOCKER + "container.image.v1+json",
              DOCKER + "image.rootfs.diff.tar.gzip") if docker else
             (OCI + "manifest.v1+json", OCI + "config.v1+json", OCI + "layer.v1.tar+gzip"))
    text = json.dumps({"schemaVersion": 2, "mediaType": kinds[0],
                       "config": descriptor(kinds[1], put(directory, config), config),
                       "layers": [descriptor(kinds[2], put(directory, data), data) for data, _ in layers]}).encode()
    return kinds[0], text


def make(directory, seed, references):
    for reference in references:
        name, tag = reference.rsplit(":", 1)
        plain = name.endswith("-plain")
        if plain:
            _, text = manifest(directory, reference, HERE, seed, True)
        else:
            entries = []
            for arch in ("arm64", "amd64"):
                kind, text = manifest(directory, reference, arch, seed, False)
                entries.append(descriptor(kind, put(directory, text), text,
                                          platform={"os": "linux", "architecture": arch}))
            text = json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                               "manifests": entries}).encode()
        os.makedirs(f"{directory}/tags/{name}", exist_ok=True)
        with open(f"{directory}/tags/{name}/{tag}", "w") as file:
            file.write(put(directory, text))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory = user = log = None

    def answer(self, status, data=b"", media_type="application/json", **headers):
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{status} {self.command} {self.path}\n")
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def allowed(self):
        wanted = base64.b64encode(self.user.encode()).decode() if self.user else None
        return not wanted or self.headers.get("Authorization") == "Basic " + wanted

    def find(self, path):
        """The digest that a path of the protocol names, None: there is none."""
        what, _, name = path.rpartition("/")
        if name.startswith("sha256:"):
            digest = name
        else:
            try:
                with open(f"{self.directory}/tags/{what.removesuffix('/manifests')}/{name}") as file:
                    digest = file.read()
            except FileNotFoundError:
                return None
        return digest if os.path.exists(f"{self.directory}/blobs/{digest}") else None

    def do_GET(self):
        path = self.path.split("?")[0]
        if not self.allowed():
            return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', WWW_Authenticate='Basic realm="test"')
        if path == "/v2/":
            return self.answer(200, b"{}")
        digest = self.find(path.removeprefix("/v2/"))
        if not digest:
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        with open(f"{self.directory}/blobs/{digest}", "rb") as file:
            data = file.read()
        kind = json.loads(data)["mediaType"] if "/manifests/" in path else "application/octet-stream"
        return self.answer(200, data, kind, Docker_Content_Digest=digest)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address):
        pass  # a client that does not trust us hangs up


def serve(directory, place, options):
    Handler.directory = directory
    server = Server((place.rsplit(":", 1)[0], int(place.rsplit(":", 1)[1])), Handler)
    while options:
        option = options.pop(0)
        if option == "--tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.pop(0), options.pop(0))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        elif option == "--user":
            Handler.user = options.pop(0)
        elif option == "--log":
            Handler.log = options.pop(0)
        else:
            sys.exit(__doc__)
    server.serve_forever()


if len(sys.argv) > 4 and sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3], sys.argv[4:])
elif len(sys.argv) > 3 and sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    sys.exit(__doc__)
