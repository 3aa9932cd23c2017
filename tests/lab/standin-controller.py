#!/usr/bin/env python3
"""Stand-in for kube-controller-manager and kube-scheduler (by the name it is called): checks what it was
given as strictly as the real ones would, then serves healthz over TLS on its secure port.

As kube-controller-manager it also does what controllers.py says.

An unknown, repeated or missing flag, a file that cannot be read, a key that is not its certificate's or a
kubeconfig whose credentials do not load ends it with a message and status 1.
"""
import base64
import http.server
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import yaml

sys.path.insert(0, "/usr/lib/triarch-lab")
import controllers  # noqa: E402

KUBECONFIG = {"authentication-kubeconfig", "authorization-kubeconfig", "kubeconfig"}
COMMON = {"authentication-kubeconfig", "authorization-kubeconfig", "bind-address", "kubeconfig", "leader-elect"}
PROGRAMS = {
    "kube-scheduler": {"port": 10259, "required": COMMON, "optional": set(), "user": "system:kube-scheduler"},
    "kube-controller-manager": {
        "port": 10257,
        "required": COMMON | {
            "client-ca-file", "cluster-name", "cluster-signing-cert-file", "cluster-signing-key-file", "controllers",
            "requestheader-client-ca-file", "root-ca-file", "service-account-private-key-file",
            "use-service-account-credentials"},
        "optional": {"allocate-node-cidrs", "cluster-cidr", "service-cluster-ip-range"},
        "user": "system:kube-controller-manager",
    },
}
SERVING = "/usr/lib/triarch-lab/serving.pem"  # key and certificate
CA_FILES = ("client-ca-file", "requestheader-client-ca-file", "root-ca-file", "cluster-signing-cert-file")


def parse(program, arguments):
    flags = {}
    for argument in arguments:
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not equals:
            raise ValueError(f"argument {argument!r} is not --name=value")
        if name not in program["required"] | program["optional"]:
            raise ValueError(f"unknown flag --{name}")
        if name in flags:
            raise ValueError(f"--{name} is given twice")
        flags[name] = value
    for name in sorted(program["required"] - set(flags)):
        raise ValueError(f"--{name} is missing")
    return flags


def check_kubeconfig(path, user):
    with open(path) as file:
        config = yaml.safe_load(file)
    context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
    cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
    credentials = next(u["user"] for u in config["users"] if u["name"] == context["user"])
    if context["user"] != user:
        raise ValueError(f"{path}: user {context['user']!r}, not {user!r}")
    if not cluster["server"].startswith("https://"):
        raise ValueError(f"{path}: server {cluster['server']!r} is not https")
    ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=ca)
    with tempfile.NamedTemporaryFile() as pair:
        for field in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(credentials[field]))
        pair.flush()
        context.load_cert_chain(pair.name)


def check_files(flags):
    for name in CA_FILES:
        if name in flags:
            ssl.create_default_context(cafile=flags[name])
    if "cluster-signing-key-file" in flags:
        ssl.create_default_context().load_cert_chain(flags["cluster-signing-cert-file"],
                                                     flags["cluster-signing-key-file"])
    if "service-account-private-key-file" in flags:
        subprocess.run(["openssl", "pkey", "-noout", "-in", flags["service-account-private-key-file"]], check=True)


def serve(address, port):
    """On a certificate of its own, as the real ones do that get no --tls-cert-file."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            good = self.path.split("?")[0] in ("/healthz", "/livez", "/readyz")
            self.send_response(200 if good else 404)
            self.end_headers()
            self.wfile.write(b"ok" if good else b"not found")

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SERVING)
    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

    server = Server((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def main():
    name = os.path.basename(sys.argv[0])
    program = PROGRAMS[name]
    try:
        flags = parse(program, sys.argv[1:])
        for flag in sorted(KUBECONFIG):
            check_kubeconfig(flags[flag], program["user"])
        check_files(flags)
    except (OSError, ValueError, KeyError, StopIteration, yaml.YAMLError, subprocess.CalledProcessError) as error:
        sys.exit(f"{name}: {error}")
    if "controllers" in flags:
        threading.Thread(target=controllers.run, args=(flags["kubeconfig"],), daemon=True).start()
    serve(flags["bind-address"], program["port"])


main()
