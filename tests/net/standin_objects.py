#!/usr/bin/env python3
"""Requests to an API server that stores objects, and what it must answer.

usage: standin_objects.py ask DIR SERVER [--print]   all requests, of an empty store; DIR has etc/kubernetes
       standin_objects.py kept DIR SERVER            what `ask` left is there, as it was

The answers are those of kube-apiserver 1.36.2, to which the same requests were sent; where the stand-in is
known to differ, the case says so by not looking at it. --print: each answer, to compare two servers by hand.
"""
import base64
import http.client
import json
import ssl
import sys
import tempfile
import time
import urllib.parse

import yaml

CM = "/api/v1/namespaces/kube-system/configmaps"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
TOKEN = "abcdef.0123456789abcdef"
GROUP = "system:bootstrappers:kubeadm:default-node-token"


class Asker:
    """One user's connection."""

    def __init__(self, directory, server, kubeconfig=None, token=None):
        self.url, self.headers = urllib.parse.urlsplit(server), {}
        self.context = ssl.create_default_context(cafile=directory + "/etc/kubernetes/pki/ca.crt")
        if token:
            self.headers["Authorization"] = "Bearer " + token
        if kubeconfig:
            self.load(f"{directory}/etc/kubernetes/{kubeconfig}.conf")

    def load(self, path):
        with open(path) as file:
            user = yaml.safe_load(file)["users"][0]["user"]
        with tempfile.NamedTemporaryFile() as pair:
            for field in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[field]))
            pair.flush()
            self.context.load_cert_chain(pair.name)

    def call(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=10, context=self.context)
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {"User-Agent": "asker/1", **self.headers, **({"Content-Type": kind} if text is not None else {})}
        connection.request(method, path, text, headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, json.loads(data) if data.lstrip()[:1] == b"{" else {"text": data.decode()}


class Test:
    def __init__(self, verbose):
        self.failed, self.verbose, self.done = 0, verbose, 0

    def is_so(self, what, good, seen):
        self.done += 1
        self.failed += not good
        print(f"{'ok     ' if good else 'FAILED '} {what}" + ("" if good else f": got {seen}"))
        return good

    def answer(self, what, got, code, **wanted):
        """The status code, and values at paths written with __ between the keys."""
        seen = got[1]
        if self.verbose:
            print(f"## {what}: {got[0]} {json.dumps(plain(seen), sort_keys=True)}")
        good = got[0] == code
        for path, value in wanted.items():
            at = seen
            for key in path.split("__"):
                at = at[int(key)] if key.isdigit() and isinstance(at, list) else \
                    at.get(key) if isinstance(at, dict) else None
            good = good and (value in at if isinstance(value, str) and isinstance(at, str) and path == "message"
                             else at == value)
        self.is_so(what, good, f"{got[0]} {json.dumps(seen)}")
        return seen


def plain(value):
    """Without what differs from run to run."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()
                if k not in ("uid", "creationTimestamp", "resourceVersion", "time")}
    return [plain(v) for v in value] if isinstance(value, list) else value


def config_map(name, data, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "kube-system", **metadata}, "data": data}


def binding(name, role, subject, kind="ClusterRoleBinding", of="ClusterRole", **metadata):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name, **metadata},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject}]}


def role(name, namespace, resource, names, verbs):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": name, "namespace": namespace},
            "rules": [{"apiGroups": [""], "resources": [resource], "resourceNames": names, "verbs": verbs}]}


def apply_path(path, name, manager="triarch", more=""):
    return f"{path}/{name}?fieldManager={manager}&fieldValidation=Strict{more}"


def applied(who, path, body, manager="triarch", more=""):
    return who.call("PATCH", apply_path(path, body["metadata"]["name"], manager, more), body, APPLY)


# --- the cases -----------------------------------------------------------------------------------

def rights_before(test, users):
    test.answer("admin.conf may not list nodes before its binding exists", users["admin"].call("GET", "/api/v1/nodes"),
                403, reason="Forbidden", details__kind="nodes",
                message='nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes" in API group "" at '
                'the cluster scope')
    test.answer("nor make the binding itself",
                applied(users["admin"], RBAC + "/clusterrolebindings",
                        binding("kubeadm:cluster-admins", "cluster-admin",
                                {"kind": "Group", "name": "kubeadm:cluster-admins"})), 403, reason="Forbidden")
    test.answer("but may ask for /livez", users["admin"].call("GET", "/livez"), 200, text="ok")
    test.answer("anonymous may see the version", users["nobody"].call("GET", "/version"), 200, major="1")
    test.answer("anonymous may not see namespaces", users["nobody"].call("GET", "/api/v1/namespaces"), 403,
                message='User "system:anonymous" cannot list resource "namespaces"')
    test.answer("nor a path that is none", users["nobody"].call("GET", "/nothing"), 403,
                message='forbidden: User "system:anonymous" cannot get path "/nothing"')
    test.answer("a token that is none", users["token"].call("GET", "/version"), 401, reason="Unauthorized")
    test.answer("super-admin.conf makes the binding",
                applied(users["root"], RBAC + "/clusterrolebindings",
                        binding("kubeadm:cluster-admins", "cluster-admin",
                                {"kind": "Group", "name": "kubeadm:cluster-admins"})), 201, kind="ClusterRoleBinding")
    until(lambda: users["admin"].call("GET", "/api/v1/nodes")[0] == 200)
    test.answer("now admin.conf may list nodes", users["admin"].call("GET", "/api/v1/nodes"), 200, kind="NodeList",
                items=[])


def reading(test, admin):
    test.answer("what is not there", admin.call("GET", CM + "/none"), 404, reason="NotFound",
                message='configmaps "none" not found', details__kind="configmaps", details__name="none")
    test.answer("a page that is none", admin.call("GET", "/nothing"), 404, text="404 page not found\n")
    test.answer("a kind that is none", admin.call("GET", "/api/v1/nothings"), 404, reason="NotFound")
    _, names = admin.call("GET", "/api/v1/namespaces")
    seen = sorted(item["metadata"]["name"] for item in names["items"])
    test.is_so("the API server's own namespaces", seen == ["default", "kube-node-lease", "kube-public", "kube-system"],
               seen)
    _, service = admin.call("GET", "/api/v1/namespaces/default/services/kubernetes")
    spec = service.get("spec", {})
    # 6444: the second one on this etcd was first to make it
    test.is_so("the API's own service", spec.get("clusterIP") == "10.96.0.1" and
               spec["ports"][0]["targetPort"] in (6443, 6444), service)


def creating(test, admin):
    test.answer("created", admin.call("POST", CM + "?fieldManager=asker", config_map("made", {"a": "1"})), 201,
                kind="ConfigMap", data__a="1", metadata__managedFields__0__manager="asker",
                metadata__managedFields__0__operation="Update")
    test.answer("created twice", admin.call("POST", CM, config_map("made", {"a": "2"})), 409, reason="AlreadyExists",
                message='configmaps "made" already exists', details__name="made")
    test.answer("in a namespace that is not there",
                admin.call("POST", "/api/v1/namespaces/none/configmaps",
                           {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}), 404,
                reason="NotFound", message='namespaces "none" not found', details__kind="namespaces")
    test.answer("a name that is none", admin.call("POST", CM, config_map("No_Name", {})), 422, reason="Invalid",
                details__causes__0__field="metadata.name")
    test.answer("an unknown field, strictly",
                admin.call("POST", CM + "?fieldValidation=Strict", {**config_map("odd", {}), "dat": 1}), 400,
                reason="BadRequest", message='strict decoding error: unknown field "dat"')
    test.answer("an unknown field of metadata, strictly",
                admin.call("POST", CM + "?fieldValidation=Strict", config_map("odd", {}, nam="x")), 400,
                message='unknown field "metadata.nam"')
    test.answer("a field twice, strictly",
                admin.call("POST", CM + "?fieldValidation=Strict",
                           '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd"},"data":{},"data":{}}'), 400,
                message='duplicate field "data"')
    test.answer("a value of a wrong type", admin.call("POST", CM, {**config_map("odd", {}), "data": "x"}), 400,
                reason="BadRequest")
    test.answer("no JSON", admin.call("POST", CM, "{"), 400, reason="BadRequest")
    test.answer("another kind than the address's",
                admin.call("POST", CM, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}), 400,
                reason="BadRequest")
    test.answer("an unknown field, not strictly, is left out",
                admin.call("POST", CM + "?dryRun=All", {**config_map("odd", {}), "dat": 1}), 201, dat=None)
    test.answer("a dry run leaves nothing", admin.call("GET", CM + "/odd"), 404)


def applying(test, admin):
    one = applied(admin, CM, config_map("shared", {"a": "1", "b": "2"}, labels={"of": "triarch"}))
    seen = test.answer("applied where there is nothing", one, 201, data__a="1",
                       metadata__managedFields__0__manager="triarch", metadata__managedFields__0__operation="Apply",
                       metadata__managedFields__0__fieldsV1={
                           "f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:of": {}}}})
    version = seen["metadata"]["resourceVersion"]
    test.answer("applied again, nothing changes",
                applied(admin, CM, config_map("shared", {"a": "1", "b": "2"}, labels={"of": "triarch"})), 200,
                metadata__resourceVersion=version)
    test.answer("as YAML, too", admin.call("PATCH", apply_path(CM, "shared"), yaml.safe_dump(
        config_map("shared", {"a": "1", "b": "2"}, labels={"of": "triarch"})), APPLY), 200,
        metadata__resourceVersion=version)
    test.answer("what is not applied any more goes",
                applied(admin, CM, config_map("shared", {"a": "1"}, labels={"of": "triarch"})), 200, data={"a": "1"})
    test.answer("another manager's own field stays",
                admin.call("PATCH", f"{CM}/shared?fieldManager=editor", {"data": {"c": "3"}}, MERGE), 200,
                data={"a": "1", "c": "3"})
    test.answer("when the first applies again",
                applied(admin, CM, config_map("shared", {"a": "1"}, labels={"of": "triarch"})), 200,
                data={"a": "1", "c": "3"})
    admin.call("PATCH", f"{CM}/shared?fieldManager=editor", {"data": {"a": "9"}}, MERGE)
    body = config_map("shared", {"a": "1"}, labels={"of": "triarch"})
    test.answer("a field that another manager has changed", applied(admin, CM, body), 409, reason="Conflict",
                message='Apply failed with 1 conflict: conflict with "editor" using v1',
                details__causes__0__reason="FieldManagerConflict", details__causes__0__field=".data.a")
    body["data"]["c"] = "4"
    test.answer("two of them", applied(admin, CM, body), 409, message="Apply failed with 2 conflicts",
                details__causes__1__field=".data.c")
    test.answer("are taken by force", applied(admin, CM, body, more="&force=true"), 200, data={"a": "1", "c": "4"})
    test.answer("and are the editor's no longer", applied(admin, CM, body), 200)
    test.answer("the same value by two managers is no conflict",
                applied(admin, CM, config_map("shared", {"a": "1"}), "second"), 200)
    test.answer("and stays when one of them leaves it", applied(admin, CM, config_map("shared", {}), "second"), 200,
                data={"a": "1", "c": "4"})
    test.answer("no manager", admin.call("PATCH", f"{CM}/shared", body, APPLY), 422, reason="Invalid",
                message="is required for apply patch")
    test.answer("an unknown field", applied(admin, CM, {**body, "dat": {}}), 500,
                message="dat: field not declared in schema")
    test.answer("a field of metadata that is none", applied(admin, CM, config_map("shared", {}, nam="x")), 500,
                message="nam: field not declared in schema")
    test.answer("managedFields of its own", applied(admin, CM, config_map("shared", {}, managedFields=[
        {"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}])), 400,
        message="metadata.managedFields must be nil")
    test.answer("another name than the address's",
                admin.call("PATCH", apply_path(CM, "other"), body, APPLY), 400, reason="BadRequest")
    test.answer("an older revision", applied(admin, CM, config_map("shared", {"a": "1"}, resourceVersion="1")), 409,
                reason="Conflict", message="the object has been modified")


def patching(test, admin):
    test.answer("merge patch: null takes away",
                admin.call("PATCH", f"{CM}/made", {"data": {"a": None, "b": "2"}}, MERGE), 200, data={"b": "2"})
    test.answer("JSON patch", admin.call("PATCH", f"{CM}/made", [
        {"op": "test", "path": "/data/b", "value": "2"},
        {"op": "add", "path": "/metadata/labels", "value": {"c/d": "3"}}],
        JSON), 200, data={"b": "2"}, metadata__labels={"c/d": "3"})
    test.answer("JSON patch, a slash in a name", admin.call("PATCH", f"{CM}/made", [
        {"op": "remove", "path": "/metadata/labels/c~1d"}], JSON), 200, metadata__labels=None)
    test.answer("a key that is none", admin.call("PATCH", f"{CM}/made", {"data": {"c/d": "3"}}, MERGE), 422,
                details__causes__0__field="data[c/d]")
    test.answer("JSON patch whose test fails",
                admin.call("PATCH", f"{CM}/made", [{"op": "test", "path": "/data/b", "value": "7"}], JSON), 422,
                reason="Invalid")
    test.answer("a patch of no known type", admin.call("PATCH", f"{CM}/made", {}, "text/plain"), 415,
                reason="UnsupportedMediaType")
    test.answer("a patch of what is not there", admin.call("PATCH", f"{CM}/none", {}, MERGE), 404)
    test.answer("a patch of an older revision",
                admin.call("PATCH", f"{CM}/made", {"metadata": {"resourceVersion": "1"}, "data": {"b": "5"}}, MERGE),
                409, reason="Conflict", message='Operation cannot be fulfilled on configmaps "made"')
    seen = admin.call("GET", f"{CM}/made")[1]
    seen["data"]["b"] = "6"
    test.answer("replaced", admin.call("PUT", f"{CM}/made", seen), 200, data__b="6")
    test.answer("replaced by who read it earlier", admin.call("PUT", f"{CM}/made", seen), 409, reason="Conflict")
    test.answer("deleted", admin.call("DELETE", f"{CM}/made"), 200, kind="Status", status="Success",
                details__name="made", details__kind="configmaps")
    test.answer("deleted twice", admin.call("DELETE", f"{CM}/made"), 404)


def listing(test, admin):
    for i in range(5):
        applied(admin, CM, config_map(f"listed-{i}", {}, labels={"set": "listed", "odd": str(i % 2)}))

    def names(query):
        code, seen = admin.call("GET", f"{CM}?{urllib.parse.urlencode(query)}")
        return [item["metadata"]["name"] for item in seen["items"]], seen["metadata"].get("continue", "")

    for selector, wanted in (("set=listed,odd=1", ["listed-1", "listed-3"]),
                             ("odd in (1),set", ["listed-1", "listed-3"]),
                             ("set=listed,odd!=1", ["listed-0", "listed-2", "listed-4"]), ("set,!odd", [])):
        seen, _ = names({"labelSelector": selector})
        test.is_so(f"labelSelector {selector}", seen == wanted, seen)
    seen, _ = names({"fieldSelector": "metadata.name=listed-4"})
    test.is_so("fieldSelector metadata.name=listed-4", seen == ["listed-4"], seen)
    first, more = names({"labelSelector": "set=listed", "limit": 3})
    second, end = names({"labelSelector": "set=listed", "limit": 3, "continue": more})
    test.is_so("in pages of 3", (first, second, end) ==
               (["listed-0", "listed-1", "listed-2"], ["listed-3", "listed-4"], ""), (first, second, end))


def tokens(test, users):
    admin = users["admin"]
    data = {"token-id": TOKEN[:6], "token-secret": TOKEN[7:], "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true", "auth-extra-groups": GROUP,
            "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
              "metadata": {"name": "bootstrap-token-" + TOKEN[:6], "namespace": "kube-system"}, "stringData": data}
    seen = test.answer("a bootstrap token's Secret",
                       admin.call("POST", "/api/v1/namespaces/kube-system/secrets", secret), 201,
                       type="bootstrap.kubernetes.io/token", stringData=None)
    test.is_so("stringData becomes data", base64.b64decode(seen["data"]["token-id"]).decode() == TOKEN[:6], seen)
    applied(admin, CM, config_map("kubeadm-config", {"ClusterConfiguration": "x"}))
    until(lambda: users["token"].call("GET", "/version")[0] == 200)
    test.answer("who has it is known, but may not read kubeadm-config",
                users["token"].call("GET", CM + "/kubeadm-config"), 403,
                message='configmaps "kubeadm-config" is forbidden: User "system:bootstrap:abcdef" cannot get '
                'resource "configmaps" in API group "" in the namespace "kube-system"')
    applied(admin, f"{RBAC}/namespaces/kube-system/roles",
            role("kubeadm:nodes-kubeadm-config", "kube-system", "configmaps", ["kubeadm-config"], ["get"]))
    applied(admin, f"{RBAC}/namespaces/kube-system/rolebindings",
            binding("kubeadm:nodes-kubeadm-config", "kubeadm:nodes-kubeadm-config", {"kind": "Group", "name": GROUP},
                    "RoleBinding", "Role", namespace="kube-system"))
    until(lambda: users["token"].call("GET", CM + "/kubeadm-config")[0] == 200)
    test.answer("until a role says so", users["token"].call("GET", CM + "/kubeadm-config"), 200,
                data__ClusterConfiguration="x")
    test.answer("and not another one", users["token"].call("GET", CM + "/shared"), 403)
    patch_token(admin, "expiration", "2020-01-01T00:00:00Z")
    until(lambda: users["token"].call("GET", "/version")[0] == 401)
    test.answer("a token that has expired", users["token"].call("GET", CM + "/kubeadm-config"), 401)
    patch_token(admin, "expiration", data["expiration"])
    patch_token(admin, "usage-bootstrap-authentication", "false")
    until(lambda: users["token"].call("GET", "/version")[0] == 401)
    test.answer("a token for signing alone", users["token"].call("GET", CM + "/kubeadm-config"), 401)
    test.answer("the type of a Secret stays", admin.call(
        "PATCH", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef", {"type": "Opaque"}, MERGE), 422,
        reason="Invalid", message="field is immutable")


def patch_token(admin, name, value):
    return admin.call("PATCH", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef",
                      {"stringData": {name: value}}, MERGE)


def discovery(test, users):
    admin = users["admin"]
    path = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    applied(admin, "/api/v1/namespaces/kube-public/configmaps",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info"},
             "data": {"kubeconfig": "x"}})
    test.answer("cluster-info is nobody's without a role", users["nobody"].call("GET", path), 403)
    applied(admin, f"{RBAC}/namespaces/kube-public/roles",
            role("kubeadm:bootstrap-signer-clusterinfo", "kube-public", "configmaps", ["cluster-info"], ["get"]))
    applied(admin, f"{RBAC}/namespaces/kube-public/rolebindings",
            binding("kubeadm:bootstrap-signer-clusterinfo", "kubeadm:bootstrap-signer-clusterinfo",
                    {"kind": "User", "name": "system:anonymous"}, "RoleBinding", "Role", namespace="kube-public"))
    until(lambda: users["nobody"].call("GET", path)[0] == 200)
    test.answer("with it, anonymous may read it", users["nobody"].call("GET", path), 200, data__kubeconfig="x")
    test.answer("and write it not", users["nobody"].call("DELETE", path), 403)


def rbac(test, users):
    admin = users["admin"]
    roles = RBAC + "/clusterroles"
    more = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "more"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    test.answer("a ClusterRole", applied(admin, roles, more), 201)
    test.answer("a binding's role stays", admin.call("PATCH", RBAC + "/clusterrolebindings/kubeadm:cluster-admins", {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "more"}}, MERGE), 422,
        reason="Invalid", message="cannot change roleRef")
    applied(admin, roles, {**more, "metadata": {"name": "giver"}, "rules": [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
         "verbs": ["create", "patch", "get"]}]})
    applied(admin, RBAC + "/clusterrolebindings",
            binding("giver", "giver", {"kind": "User", "name": "system:kube-scheduler"}))
    until(lambda: users["scheduler"].call("GET", roles + "/more")[0] == 200)
    test.answer("nobody gives rights that he has not", applied(users["scheduler"], roles, {
        **more, "metadata": {"name": "own"}}), 403,
        message="is attempting to grant RBAC permissions not currently held")
    test.answer("a binding to what is no role", admin.call(
        "POST", RBAC + "/clusterrolebindings", binding("odd", "x", {"kind": "Group", "name": "g"}, of="Role")), 422,
        reason="Invalid", message="roleRef.kind: Unsupported value")
    test.answer("a group's API group is filled in", admin.call("POST", RBAC + "/clusterrolebindings?dryRun=All", {
        **binding("plain", "more", {}), "subjects": [{"kind": "Group", "name": "g"}]}), 201,
        subjects__0__apiGroup="rbac.authorization.k8s.io")


def nodes(test, users):
    kubelet, admin = users["kubelet"], users["admin"]
    node = {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "host1", "labels": {"kubernetes.io/hostname": "host1", "kubernetes.io/os": "linux"}}}
    test.answer("a kubelet registers its node, which is not ready yet", kubelet.call("POST", "/api/v1/nodes", node),
                201, spec__taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    test.answer("and no other", kubelet.call("POST", "/api/v1/nodes", {**node, "metadata": {"name": "host2"}}), 403,
                reason="Forbidden", message='is not allowed to modify node "host2"')
    test.answer("gives it no role", kubelet.call("PATCH", "/api/v1/nodes/host1", {
        "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}, MERGE), 403,
        message="is not allowed to modify labels: node-role.kubernetes.io/control-plane")
    test.answer("and says that it is ready", kubelet.call("PATCH", "/api/v1/nodes/host1/status", {
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "r", "message": "m"}]}}, STRATEGIC),
        200, status__conditions__0__status="True")
    test.answer("another condition comes beside it", kubelet.call("PATCH", "/api/v1/nodes/host1/status", {
        "status": {"conditions": [{"type": "DiskPressure", "status": "False"}]}}, STRATEGIC), 200,
        status__conditions__1__type="Ready")
    test.answer("and what it runs, with gaps", kubelet.call("PATCH", "/api/v1/nodes/host1/status", {
        "status": {"nodeInfo": {"kubeletVersion": "v1", "bootID": ""}}}, STRATEGIC), 200,
        status__nodeInfo__kubeletVersion="v1")
    test.answer("labels and taints by merge patch", admin.call("PATCH", "/api/v1/nodes/host1", {
        "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
        "spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}}, MERGE), 200,
        spec__taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    test.answer("a status on the wrong page is left as it was", admin.call("PATCH", "/api/v1/nodes/host1", {
        "status": {"conditions": None}}, MERGE), 200, status__conditions__1__type="Ready")
    test.answer("a kubelet may not list all nodes", kubelet.call("GET", "/api/v1/nodes"), 403)
    test.answer("nor read another one", kubelet.call("GET", "/api/v1/nodes/host2"), 403)
    test.answer("a kubelet may not list Secrets", kubelet.call("GET", "/api/v1/secrets"), 403)
    test.answer("nor read one that no pod of it has",
                kubelet.call("GET", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef"), 403)


def workloads(test, admin):
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets"
    daemon = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "namespace": "kube-system"},
              "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": {
                  "metadata": {"labels": {"app": "d"}}, "spec": {"containers": [
                      {"name": "c", "image": "i:1", "env": [{"name": "A", "value": "1"}]}]}}}}
    first = test.answer("a DaemonSet", applied(admin, path, daemon), 201, metadata__generation=1)
    test.answer("applied again, nothing changes", applied(admin, path, daemon), 200,
                metadata__resourceVersion=first["metadata"]["resourceVersion"])
    daemon["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    test.answer("another image is another generation", applied(admin, path, daemon), 200, metadata__generation=2)
    other = json.loads(json.dumps(daemon))
    other["spec"]["template"]["spec"]["containers"][0] = {"name": "c", "image": "i:3"}
    test.answer("a conflict inside a list", applied(admin, path, other, "other"), 409,
                details__causes__0__field='.spec.template.spec.containers[name="c"].image')
    daemon["spec"]["template"]["spec"]["containers"].append({"name": "c", "image": "i"})
    test.answer("a container twice", applied(admin, path, daemon), 500, message='duplicate entries for key [name="c"]')
    daemon["spec"]["template"]["spec"]["containers"].pop()
    daemon["spec"]["template"]["spec"]["containers"][0]["imagePullPolizy"] = "Always"
    test.answer("an unknown field far inside", applied(admin, path, daemon), 500,
                message='.spec.template.spec.containers[name="c"].imagePullPolizy: field not declared in schema')
    daemon["spec"]["template"]["spec"]["containers"][0].pop("imagePullPolizy")
    daemon["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    test.answer("labels that its own selector does not match", applied(admin, path, daemon), 422, reason="Invalid",
                message="`selector` does not match template `labels`")
    daemon["spec"]["template"]["metadata"]["labels"] = {"app": "d", "x": "y"}
    daemon["spec"]["selector"]["matchLabels"] = {"x": "y"}
    test.answer("a selector stays", applied(admin, path, daemon), 422, message="field is immutable")


def services(test, admin):
    path = "/api/v1/namespaces/kube-system/services"

    def service(name, address):
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "kube-system"},
                "spec": {"clusterIP": address, "selector": {"a": "b"}, "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]}}

    seen = test.answer("a Service with its address", applied(admin, path, service("kube-dns", "10.96.0.10")), 201,
                       spec__clusterIP="10.96.0.10", spec__type="ClusterIP")
    test.answer("applied again, nothing changes", applied(admin, path, service("kube-dns", "10.96.0.10")), 200,
                metadata__resourceVersion=seen["metadata"]["resourceVersion"])
    test.answer("the same address for another", applied(admin, path, service("second", "10.96.0.10")), 422,
                message="provided IP is already allocated")
    test.answer("an address outside the range", applied(admin, path, service("second", "192.0.2.1")), 422,
                message="the provided network does not match the current range")
    without = service("third", "")
    without["spec"].pop("clusterIP")
    seen = test.answer("one without an address gets one", applied(admin, path, without), 201)
    test.is_so("of the range", seen.get("spec", {}).get("clusterIP", "").startswith("10.") and
               seen["spec"]["clusterIP"] != "10.96.0.10", seen)


def until(good, seconds=10):
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.1)


def ask(test, users):
    rights_before(test, users)
    reading(test, users["admin"])
    creating(test, users["admin"])
    applying(test, users["admin"])
    patching(test, users["admin"])
    listing(test, users["admin"])
    tokens(test, users)
    discovery(test, users)
    rbac(test, users)
    nodes(test, users)
    workloads(test, users["admin"])
    services(test, users["admin"])


def kept(test, users):
    test.answer("the ConfigMap", users["admin"].call("GET", CM + "/shared"), 200, data={"a": "1", "c": "4"})
    test.answer("the Node", users["admin"].call("GET", "/api/v1/nodes/host1"), 200)
    test.answer("rights", users["nobody"].call("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info"), 200)
    test.answer("no address is given twice",
                users["admin"].call("GET", "/api/v1/namespaces/kube-system/services/second"), 404)


def main():
    what, directory, server = sys.argv[1:4]
    users = {"admin": "admin", "root": "super-admin", "kubelet": "kubelet", "scheduler": "scheduler"}
    users = {name: Asker(directory, server, conf) for name, conf in users.items()}
    users["nobody"], users["token"] = Asker(directory, server), Asker(directory, server, token=TOKEN)
    test = Test("--print" in sys.argv)
    {"ask": ask, "kept": kept}[what](test, users)
    print(f"{what}: {test.done} cases, {test.failed} failed")
    sys.exit(test.failed > 0)


main()
