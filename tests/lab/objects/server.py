#!/usr/bin/env python3
"""The part of the stand-in for kube-apiserver that stores objects.

The C program (standin-apiserver*.c) has the port, TLS and the client certificates; it passes every request
that is not about health to this one, through a Unix socket whose number is the first argument, with what it
found in the certificate as X-Standin-User and X-Standin-Group. The other arguments are the API server's own.

A test program: the verbs, rights, conflicts and errors of the real one for the kinds of kinds.py, without
watches, without controllers (a namespace is empty at once, nothing is made from a Deployment), without
admission but what is in access.py. Says "ready" on its output when it answers.
"""
import http.server
import json
import socket
import socketserver
import sys
import time
import urllib.parse

import yaml

import access
import bootstrap
import kinds
import status
import store
import verbs

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2+standin", "gitCommit": "", "gitTreeState": "",
           "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64"}
METHODS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
ETCD_WAIT_S = 30  # the C program gives up before


class UniqueKeys(yaml.SafeLoader):
    """YAML whose maps have no key twice."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise status.Refused("BadRequest", f'error decoding YAML: key "{name}" already set in map')
        return super().construct_mapping(node, deep)


# A time is a string here, as it is in JSON.
UniqueKeys.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def unique(strict):
    def build(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if strict and twice:
            raise status.Refused("BadRequest", "strict decoding error: " +
                                 ", ".join(f'duplicate field "{name}"' for name in twice))
        return dict(pairs)
    return build


def parse(body, content_type, strict):
    try:
        if "yaml" in content_type and not body.lstrip().startswith(b"{"):
            return yaml.load(body, UniqueKeys)
        return json.loads(body, object_pairs_hook=unique(strict))
    except (yaml.YAMLError, ValueError) as error:
        raise status.Refused("BadRequest", f"the body cannot be read: {error}") from error


def route(path):
    """(kind, namespace, name, subresource) of /api/v1/... and /apis/GROUP/v1/...; None: no such kind."""
    parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
    if parts[:2] == ["api", "v1"]:
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3 and parts[2] == "v1":
        group, rest = parts[1], parts[3:]
    else:
        return None
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces" and (group, rest[2]) in kinds.BY_RESOURCE:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.BY_RESOURCE.get((group, rest[0] if rest else ""))
    if not kind or len(rest) > 3 or (namespace and not kind.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource not in (("", "status") if kind.has_status else ("",)):
        return None
    if name and kind.namespaced and not namespace:
        return None
    return kind, namespace, name, subresource


def resources(group):
    listed = []
    for kind in kinds.KINDS:
        if kind.group == group:
            entry = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced,
                     "kind": kind.kind, "verbs": ["create", "delete", "get", "list", "patch", "update"]}
            if kind.short:
                entry["shortNames"] = list(kind.short)
            listed.append(entry)
    return {"kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": f"{group}/v1" if group else "v1", "resources": listed}


def group_entry(group):
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def discovery(path):
    """What is served, and the version; None: no such page."""
    pages = {"/version": VERSION, "/api": {"kind": "APIVersions", "versions": ["v1"]},
             "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_entry(g) for g in kinds.GROUPS]},
             "/api/v1": resources("")}
    for group in kinds.GROUPS:
        pages[f"/apis/{group}/v1"] = resources(group)
        pages[f"/apis/{group}"] = {"kind": "APIGroup", "apiVersion": "v1", **group_entry(group)}
    return pages.get(path.rstrip("/"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        warnings = []
        try:
            code, body = self.act(warnings)
        except status.Refused as refused:
            code, body = refused.code, refused.body
        except store.Unavailable as error:
            code, body = 504, status.Refused("Timeout", f"the server was unable to reach etcd: {error}").body
        except Exception as error:  # as the real one, which goes on after a panic
            self.log_error("%r", error)
            code, body = 500, status.Refused("InternalError", f"internal error of the stand-in: {error!r}").body
        self.send(code, body, warnings)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def act(self, warnings):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        user = self.user()
        found = route(url.path)
        if not found:
            return self.page(user, url.path)
        kind, namespace, name, subresource = found
        verb = self.verb(name, query)
        access.require(self.server.verbs.store, user,
                       access.Asked(verb, kind, namespace or "", name or "", subresource))
        content_type = self.headers.get("Content-Type") or "application/json"
        request = verbs.Request(user, kind, namespace, name, subresource, query, None, content_type,
                                self.headers.get("User-Agent") or "")
        if "protobuf" in content_type or "cbor" in content_type:
            raise status.Refused("UnsupportedMediaType", "the body of the request was in an unknown format - accepted "
                                 "media types include: application/json, application/yaml")
        if verb in ("create", "update", "patch"):
            request.body = parse(body, content_type, query.get("fieldValidation") == "Strict")
        if verb == "create" and kind.namespaced and not namespace:
            raise status.Refused("BadRequest", "an empty namespace may not be set during creation")
        method = {"update": "replace"}.get(verb, verb)
        result = getattr(self.server.verbs, method)(request)
        warnings += request.warnings
        return result

    def verb(self, name, query):
        verb = METHODS[self.command]
        if query.get("watch") in ("true", "1"):
            raise status.Refused("MethodNotAllowed", "the stand-in has no watches")
        if verb == "get" and not name:
            return "list"
        if (verb == "create") == bool(name):
            raise status.Refused("MethodNotAllowed", "the server does not allow this method on the requested resource")
        return verb

    def user(self):
        bearer = None
        scheme, _, text = (self.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            bearer = text.strip()
        name = urllib.parse.unquote(self.headers.get("X-Standin-User") or "")
        groups = [urllib.parse.unquote(group) for group in self.headers.get_all("X-Standin-Group") or []]
        return access.authenticate(self.server.verbs.store, name, groups, bearer)

    def page(self, user, path):
        access.require(self.server.verbs.store, user, access.Asked(METHODS[self.command], path=path))
        found = discovery(path)
        if not found:
            if path.startswith(("/api/", "/apis/")):
                raise status.Refused("NotFound", "the server could not find the requested resource", {})
            return 404, "404 page not found\n"
        return 200, found

    def send(self, code, body, warnings):
        text = isinstance(body, str)
        data = body.encode() if text else json.dumps(body, separators=(",", ":")).encode() + b"\n"
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for warning in warnings:
            self.send_header("Warning", "299 - " + json.dumps(warning))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.close_connection = True

    def log_message(self, *_):
        pass

    def log_error(self, template, *values):
        print("kube-apiserver: " + template % values, file=sys.stderr, flush=True)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    address_family = socket.AF_UNIX

    def __init__(self, fd, objects):
        super().__init__("", Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)
        self.verbs, self.server_name, self.server_port = objects, "standin", 0

    def get_request(self):
        return self.socket.accept()[0], ("", 0)


def main():
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[2:])
    etcd = store.Etcd(flags["etcd-servers"], flags["etcd-cafile"], flags["etcd-certfile"], flags["etcd-keyfile"])
    objects = verbs.Verbs(store.Store(etcd), flags["service-cluster-ip-range"])
    end = time.monotonic() + ETCD_WAIT_S
    while True:
        try:
            bootstrap.make(objects, int(flags["secure-port"]))
            break
        except store.Unavailable as error:
            if time.monotonic() > end:
                sys.exit(f"kube-apiserver: etcd: {error}")
            time.sleep(0.1)
    server = Server(int(sys.argv[1]), objects)
    print("ready", flush=True)
    server.serve_forever(poll_interval=3600)


main()
