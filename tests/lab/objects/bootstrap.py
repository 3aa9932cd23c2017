"""What is in the store from the start: namespaces, roles and bindings of bootstrap.yaml, the API's own Service."""
import os

import yaml

import fields
import kinds

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.yaml")
MANAGER = "kube-apiserver"
TRIES = 10


def subjects(binding):
    groups = binding.get("groups") or ([binding["group"]] if "group" in binding else [])
    found = [{"apiGroup": kinds.RBAC, "kind": "Group", "name": name} for name in groups]
    if "user" in binding:
        found.append({"apiGroup": kinds.RBAC, "kind": "User", "name": binding["user"]})
    return found


def rbac(kind, place, content):
    namespace, _, name = place.rpartition("/")
    metadata = {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
                "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
    if namespace:
        metadata["namespace"] = namespace
    return {"kind": kind, "apiVersion": kinds.RBAC + "/v1", "metadata": metadata, **content}


def reference(kind, binding):
    return {"roleRef": {"apiGroup": kinds.RBAC, "kind": kind, "name": binding["role"]}, "subjects": subjects(binding)}


def wanted(verbs, port):
    with open(FILE) as file:
        table = yaml.safe_load(file)
    for name in table["namespaces"]:
        yield {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    for name, rules in table["clusterRoles"].items():
        yield rbac("ClusterRole", name, {"rules": rules})
    for name, rules in table["roles"].items():
        yield rbac("Role", name, {"rules": rules})
    for name, binding in table["clusterRoleBindings"].items():
        yield rbac("ClusterRoleBinding", name, reference("ClusterRole", binding))
    for name, binding in table["roleBindings"].items():
        yield rbac("RoleBinding", name, reference("Role", binding))
    yield {"kind": "Service", "apiVersion": "v1",
           "metadata": {"name": "kubernetes", "namespace": "default",
                        "labels": {"component": "apiserver", "provider": "kubernetes"}},
           "spec": {"clusterIP": str(next(verbs.services.hosts())),
                    "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]}}


def complete(verbs, obj):
    kind = kinds.BY_KIND[obj["kind"]]
    kinds.fill_in(kind, obj, verbs)
    kinds.newborn(kind, obj)
    return fields.update(verbs.schema, {"metadata": {}}, obj, verbs.schema.root(kind.kind),
                         fields.Entry(MANAGER, "Update", kind.version))


def present(store):
    found = set()
    for kind in ("Namespace", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service"):
        kind = kinds.BY_KIND[kind]
        for obj in store.list(kind.prefix())[0]:
            found.add(kind.path(obj["metadata"].get("namespace"), obj["metadata"]["name"]))
    return found


def make(verbs, port):
    """What is missing, in one transaction; another API server may do the same at the same time."""
    for _ in range(TRIES):
        there = present(verbs.store)
        missing = {}
        for obj in wanted(verbs, port):
            kind = kinds.BY_KIND[obj["kind"]]
            key = kind.path(obj["metadata"].get("namespace"), obj["metadata"]["name"])
            if key not in there:
                missing[key] = complete(verbs, obj)
        if not missing or verbs.store.create_all(missing):
            return
