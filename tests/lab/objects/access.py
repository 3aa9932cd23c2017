"""Who asks (client certificate, bootstrap token, nobody) and what they may (Node and RBAC, from the store).

The certificate itself is verified by the C program in front, which passes on its CN and O.
"""
import base64
import datetime
import hmac
import json
import re

import kinds
import status

TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
READ = {"get", "list", "watch"}


class User:
    def __init__(self, name, groups):
        self.name, self.groups = name, groups

    @property
    def node(self):
        """The name of the node whose kubelet this is."""
        return self.name.removeprefix("system:node:") if \
            self.name.startswith("system:node:") and "system:nodes" in self.groups else None


class Asked:
    """One thing that somebody wants to do; `path` for what is no resource."""

    def __init__(self, verb, kind=None, namespace="", name="", subresource="", path=None):
        self.verb, self.namespace, self.name, self.subresource, self.path = verb, namespace, name, subresource, path
        self.group, self.plural = (kind.group, kind.plural) if kind else ("", "")

    @property
    def resource(self):
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


ANONYMOUS = User("system:anonymous", ["system:unauthenticated"])


def authenticate(store, name, groups, bearer):
    if name:
        return User(name, groups + ["system:authenticated"])
    if bearer is None:
        return ANONYMOUS
    match = TOKEN.fullmatch(bearer)
    user = bootstrap_user(store, *match.groups()) if match else None
    if not user:
        raise status.Refused("Unauthorized", "Unauthorized")
    return user


def bootstrap_user(store, token_id, secret):
    found = store.get(f"/registry/secrets/kube-system/bootstrap-token-{token_id}")
    data = {name: base64.b64decode(value).decode() for name, value in ((found or {}).get("data") or {}).items()}
    if not found or found.get("type") != "bootstrap.kubernetes.io/token" or data.get("token-id") != token_id or \
            not hmac.compare_digest(data.get("token-secret", "").encode(), secret.encode()) or expired(data) or \
            data.get("usage-bootstrap-authentication") != "true":
        return None
    extra = [group for group in data.get("auth-extra-groups", "").split(",") if group]
    if not all(GROUP.fullmatch(group) for group in extra):
        return None
    return User("system:bootstrap:" + token_id, ["system:bootstrappers"] + extra + ["system:authenticated"])


def expired(data):
    """An expiration that cannot be read has passed."""
    text = data.get("expiration")
    if not text:
        return False
    try:
        return datetime.datetime.fromisoformat(text) <= datetime.datetime.now(datetime.timezone.utc)
    except (ValueError, TypeError):
        return True


# --- rules -----------------------------------------------------------------------------------------

def rule_allows(rule, asked):
    if asked.verb not in rule.get("verbs", []) and "*" not in rule.get("verbs", []):
        return False
    if asked.path is not None:
        return any(url in ("*", asked.path) or (url.endswith("*") and asked.path.startswith(url[:-1]))
                   for url in rule.get("nonResourceURLs", []))
    resources = rule.get("resources", [])
    return (any(group in ("*", asked.group) for group in rule.get("apiGroups", [])) and
            ("*" in resources or asked.resource in resources or
             bool(asked.subresource) and f"*/{asked.subresource}" in resources) and
            (not rule.get("resourceNames") or asked.name in rule["resourceNames"]))


def is_subject(user, subject, namespace):
    kind = subject.get("kind")
    if kind == "User":
        return subject["name"] == user.name
    if kind == "Group":
        return subject["name"] in user.groups
    return user.name == f"system:serviceaccount:{subject.get('namespace', namespace)}:{subject['name']}"


def rules_of(store, user, namespace):
    """All rules that hold for the user, cluster-wide and in the namespace."""
    ranges = [("/registry/clusterroles/", True), ("/registry/clusterrolebindings/", True)]
    if namespace:
        ranges += [(f"/registry/roles/{namespace}/", True), (f"/registry/rolebindings/{namespace}/", True)]
    found = store.several(ranges) + [[], []]
    roles = {("ClusterRole", role["metadata"]["name"]): role for role in found[0]}
    roles.update({("Role", role["metadata"]["name"]): role for role in found[2]})
    for binding in found[1] + found[3]:
        if any(is_subject(user, subject, namespace) for subject in binding.get("subjects") or []):
            reference = binding["roleRef"]
            yield from roles.get((reference["kind"], reference["name"]), {}).get("rules") or []


def node_allows(user, asked):
    """The Node authorizer and admission's NodeRestriction, as far as nodes are concerned."""
    if not user.node or asked.path is not None:
        return False
    own = asked.name == user.node
    if (asked.group, asked.plural) == ("", "nodes"):
        return asked.verb == "create" or (asked.verb in ("get", "update", "patch") and own)
    if asked.plural == "leases":
        return asked.namespace == "kube-node-lease" and (own or asked.verb == "create")
    if asked.plural in ("pods", "services"):
        return asked.verb in READ
    return False


def may(store, user, asked):
    if "system:masters" in user.groups or node_allows(user, asked):
        return True
    return any(rule_allows(rule, asked) for rule in rules_of(store, user, asked.namespace))


def require(store, user, asked):
    if may(store, user, asked):
        return
    if asked.path is not None:
        raise status.Refused("Forbidden", f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"',
                             {})
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    raise status.forbidden((asked.group, asked.plural), asked.name,
                           f'User "{user.name}" cannot {asked.verb} resource "{asked.resource}" in API group '
                           f'"{asked.group}" {where}')


def beyond(store, user, kind, obj):
    """Nobody gives rights that they have not: the rules of a role, or of the one that is bound."""
    if kind.group != kinds.RBAC or "system:masters" in user.groups:
        return
    namespace = obj["metadata"].get("namespace", "")
    if "roleRef" in obj:
        reference = obj["roleRef"]
        role = kinds.BY_KIND[reference["kind"]]
        if may(store, user, Asked("bind", role, namespace, reference["name"])):
            return
        found = store.get(role.path(namespace if role.namespaced else None, reference["name"]))
        given = (found or {}).get("rules") or []
    else:
        given = obj.get("rules") or []
    held = list(rules_of(store, user, namespace))
    if not all(any(covers(own, rule) for own in held) for rule in given):
        raise status.forbidden(kind.resource, obj["metadata"]["name"],
                               f'user "{user.name}" (groups={json.dumps(user.groups)}) is attempting to grant '
                               "RBAC permissions not currently held")


def covers(own, rule):
    def within(name):
        return "*" in own.get(name, []) or set(rule.get(name, [])) <= set(own.get(name, []))

    names = own.get("resourceNames")
    return (within("verbs") and within("apiGroups") and within("resources") and within("nonResourceURLs") and
            (not names or bool(rule.get("resourceNames")) and set(rule["resourceNames"]) <= set(names)))


def node_restriction(user, kind, obj, live):
    """A kubelet makes and changes its own Node alone, and gives it no role and no taint afterwards."""
    if not user.node or kind.kind != "Node":
        return
    name = obj["metadata"]["name"]
    if name != user.node:
        raise status.forbidden(kind.resource, name,
                               f'node "{user.node}" is not allowed to modify node "{name}"')
    before = (live or {}).get("metadata", {}).get("labels") or {}
    labels = obj["metadata"].get("labels") or {}
    bad = sorted(key for key in set(before) | set(labels)
                 if before.get(key) != labels.get(key) and not kubelet_label(key))
    if bad:
        raise status.forbidden(kind.resource, name, f'is not allowed to modify labels: {", ".join(bad)}')
    if live and (obj.get("spec") or {}).get("taints") != (live.get("spec") or {}).get("taints"):
        raise status.forbidden(kind.resource, name, f'node "{name}" is not allowed to modify taints')


KUBELET_LABELS = {"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch",
                  "beta.kubernetes.io/os", "node.kubernetes.io/instance-type", "topology.kubernetes.io/region",
                  "topology.kubernetes.io/zone"}


def kubelet_label(key):
    domain = key.rpartition("/")[0]
    ours = re.search(r"(^|\.)(kubernetes|k8s)\.io$", domain)
    free = re.search(r"(^|\.)(kubelet|node)\.kubernetes\.io$", domain)
    return key in KUBELET_LABELS or bool(free) or not ours
