"""The kinds that are stored, and what the API server itself puts into them or refuses.

Of the real one's defaults and rules these are the ones that a control plane in the making meets; the
templates of pods are checked for fields and types, but not filled in.
"""
import base64
import ipaddress
import re
import uuid

import fields
import status


class Kind:
    def __init__(self, group, plural, kind, namespaced, short=(), key=None, has_status=False, generation=False):
        self.group, self.plural, self.kind, self.namespaced = group, plural, kind, namespaced
        self.version = f"{group}/v1" if group else "v1"
        self.short, self.key, self.has_status, self.generation = short, key or plural, has_status, generation
        self.resource = (group, plural)

    def prefix(self, namespace=None):
        return f"/registry/{self.key}/" + (f"{namespace}/" if namespace else "")

    def path(self, namespace, name):
        return self.prefix(namespace) + name


NOT_READY = "node.kubernetes.io/not-ready"
RBAC = "rbac.authorization.k8s.io"
KINDS = [
    Kind("", "configmaps", "ConfigMap", True, ("cm",)),
    Kind("", "namespaces", "Namespace", False, ("ns",), has_status=True),
    Kind("", "nodes", "Node", False, ("no",), key="minions", has_status=True),
    Kind("", "pods", "Pod", True, ("po",), has_status=True),
    Kind("", "secrets", "Secret", True),
    Kind("", "serviceaccounts", "ServiceAccount", True, ("sa",)),
    Kind("", "services", "Service", True, ("svc",), key="services/specs", has_status=True),
    Kind("apps", "daemonsets", "DaemonSet", True, ("ds",), has_status=True, generation=True),
    Kind("apps", "deployments", "Deployment", True, ("deploy",), has_status=True, generation=True),
    Kind("coordination.k8s.io", "leases", "Lease", True),
    Kind("policy", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), has_status=True, generation=True),
    Kind(RBAC, "clusterroles", "ClusterRole", False),
    Kind(RBAC, "clusterrolebindings", "ClusterRoleBinding", False),
    Kind(RBAC, "roles", "Role", True),
    Kind(RBAC, "rolebindings", "RoleBinding", True),
]
BY_RESOURCE = {kind.resource: kind for kind in KINDS}
BY_KIND = {kind.kind: kind for kind in KINDS}
GROUPS = sorted({kind.group for kind in KINDS if kind.group})
LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"


def name_fits(kind, name):
    if kind.group == RBAC:
        return bool(name) and not re.search(r"[/%]", name) and name not in (".", "..")
    pattern = LABEL if kind.kind in ("Namespace", "Service") else SUBDOMAIN
    return len(name) <= 253 and re.fullmatch(pattern, name) is not None


# --- what is filled in ---------------------------------------------------------------------------

def default_secret(obj, _):
    for name, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()
    obj.setdefault("type", "Opaque")


def default_namespace(obj, _):
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def default_subjects(obj, _):
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC)
    if obj.get("roleRef"):
        obj["roleRef"].setdefault("apiGroup", RBAC)


def default_service(obj, server):
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] != "ExternalName":
        if not spec.get("clusterIP"):
            spec["clusterIP"] = server.free_address()
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv6" if ":" in spec["clusterIP"] else "IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")
    obj.setdefault("status", {"loadBalancer": {}})


def default_node(obj, _):
    """A new node is taken for not ready, until the controller manager finds otherwise."""
    if "uid" not in obj["metadata"]:
        taints = obj.setdefault("spec", {}).setdefault("taints", [])
        if not any(taint.get("key") == NOT_READY for taint in taints):
            taints.append({"key": NOT_READY, "effect": "NoSchedule"})
    obj.setdefault("status", {})


DEFAULTS = {"Secret": default_secret, "Namespace": default_namespace, "RoleBinding": default_subjects,
            "ClusterRoleBinding": default_subjects, "Service": default_service, "Node": default_node}


def fill_in(kind, obj, server):
    if kind.kind in DEFAULTS:
        DEFAULTS[kind.kind](obj, server)


def newborn(kind, obj):
    metadata = obj["metadata"]
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = fields.now()
    if kind.generation:
        metadata["generation"] = 1


def take_over(kind, live, obj, subresource):
    """What a change may not touch stays as it was; a changed spec is a new generation."""
    if subresource == "status":
        obj = {**live, "metadata": obj["metadata"], "status": obj.get("status", {})}
    elif kind.has_status and "status" in live:
        obj = {**obj, "status": live["status"]}
    elif kind.has_status:
        obj = {name: value for name, value in obj.items() if name != "status"}
    metadata = dict(obj["metadata"])
    for name in ("uid", "creationTimestamp", "generation", "name", "namespace"):
        if name in live["metadata"]:
            metadata[name] = live["metadata"][name]
    if kind.generation and obj.get("spec") != live.get("spec"):
        metadata["generation"] = live["metadata"].get("generation", 0) + 1
    return {**obj, "metadata": metadata}


# --- what is refused -----------------------------------------------------------------------------

def value_at(obj, path):
    for name in path.split("."):
        obj = (obj or {}).get(name)
    return obj


def immutable(obj, live, path):
    return value_at(obj, path) != value_at(live, path)


def check_pods(obj):
    spec = obj.get("spec", {})
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = spec.get("template", {}).get("metadata", {}).get("labels") or {}
    if any(labels.get(name) != value for name, value in wanted.items()):
        yield ("FieldValueInvalid", "spec.template.metadata.labels",
               f"Invalid value: {fields.compact(labels)}: `selector` does not match template `labels`")


def check_config_map(obj, live):
    for part in ("data", "binaryData"):
        for key in obj.get(part) or {}:
            if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
                yield ("FieldValueInvalid", f"{part}[{key}]", f"Invalid value: {fields.compact(key)}: a valid config "
                       "key must consist of alphanumeric characters, '-', '_' or '.'")
    parts = ("data", "binaryData", "immutable")
    if live and live.get("immutable") and any(immutable(obj, live, part) for part in parts):
        yield ("FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set")


def check_service(obj, server):
    address = obj["spec"].get("clusterIP")
    if not address or address == "None":
        return
    try:
        inside = ipaddress.ip_address(address) in server.services
    except ValueError:
        inside = False
    if not inside:
        yield ("FieldValueInvalid", "spec.clusterIPs",
               f'Invalid value: ["{address}"]: failed to allocate IP {address}: the provided network does not match '
               "the current range")
    elif server.address_taken(address, obj["metadata"]):
        yield ("FieldValueInvalid", "spec.clusterIPs",
               f'Invalid value: ["{address}"]: failed to allocate IP {address}: provided IP is already allocated')


FIXED = {"Secret": ["type"], "Service": ["spec.clusterIP"], "Deployment": ["spec.selector"],
         "DaemonSet": ["spec.selector"]}


def check_reference(obj):
    allowed = ("ClusterRole", "Role") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    kind = (obj.get("roleRef") or {}).get("kind")
    if kind not in allowed:
        names = ", ".join(fields.compact(name) for name in allowed)
        yield ("FieldValueNotSupported", "roleRef.kind",
               f"Unsupported value: {fields.compact(kind)}: supported values: {names}")


def faults(kind, obj, live, server):
    """What of the object cannot be: (reason, field, sentence)."""
    yield from (("FieldValueRequired", path, "Required value") for path in
                server.schema.missing(obj, server.schema.root(kind.kind)))
    for path in FIXED.get(kind.kind, []) if live else []:
        if immutable(obj, live, path):
            yield ("FieldValueInvalid", path,
                   f"Invalid value: {fields.compact(value_at(obj, path))}: field is immutable")
    if kind.kind in ("ConfigMap", "Secret"):
        yield from check_config_map(obj, live)
    if kind.kind in ("Deployment", "DaemonSet"):
        yield from check_pods(obj)
    if kind.kind == "Service" and not live:
        yield from check_service(obj, server)
    if kind.kind in ("RoleBinding", "ClusterRoleBinding"):
        yield from check_reference(obj)
    if kind.kind in ("RoleBinding", "ClusterRoleBinding") and live and immutable(obj, live, "roleRef"):
        yield ("FieldValueInvalid", "roleRef",
               f"Invalid value: {fields.compact(obj.get('roleRef'))}: cannot change roleRef")


def check(kind, obj, live, server):
    found = list(faults(kind, obj, live, server))
    if found:
        raise status.invalid((kind.group, kind.kind), obj["metadata"]["name"], found)
