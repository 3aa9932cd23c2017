"""What is done with objects: one method for each verb; every refusal is a status.Refused."""
import base64
import ipaddress
import json
import re

import access
import fields
import kinds
import patch
import schema
import status

TRIES = 6  # of a change to an object that somebody else changes at the same time


class Request:
    """One request that has an object or a kind as its address."""

    def __init__(self, user, kind, namespace, name, subresource, query, body=None, content_type="", agent=""):
        self.user, self.kind, self.namespace, self.name, self.subresource = user, kind, namespace, name, subresource
        self.query, self.body, self.content_type, self.agent = query, body, content_type, agent
        self.warnings = []

    def flag(self, name):
        return self.query.get(name) in ("true", "1")

    @property
    def manager(self):
        return self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"

    @property
    def key(self):
        return self.kind.path(self.namespace, self.name)


class Verbs:
    def __init__(self, store, services):
        self.store, self.schema = store, schema.Schema()
        self.services = ipaddress.ip_network(services.split(",")[0])

    # --- addresses of services ---

    def addresses(self):
        found, _ = self.store.list("/registry/services/specs/")
        return {address: service["metadata"] for service in found
                for address in service["spec"].get("clusterIPs") or []}

    def address_taken(self, address, metadata):
        other = self.addresses().get(address)
        return other is not None and (other["name"], other["namespace"]) != (metadata["name"], metadata["namespace"])

    def free_address(self):
        taken = self.addresses()
        return next(str(address) for address in self.services.hosts() if str(address) not in taken)

    # --- reading ---

    def get(self, request):
        found = self.store.get(request.key)
        if not found:
            raise status.not_found(request.kind.resource, request.name)
        return 200, found

    def list(self, request):
        found, revision = self.store.list(request.kind.prefix(request.namespace))
        chosen = [obj for obj in found if selected(obj, request.query)]
        start = request.query.get("continue", "")
        if start:
            after = base64.b64decode(start).decode()
            chosen = [obj for obj in chosen if place(obj) > after]
        limit = int(request.query.get("limit") or 0)
        metadata = {"resourceVersion": str(revision)}
        if limit and len(chosen) > limit:
            metadata["remainingItemCount"] = len(chosen) - limit
            chosen = chosen[:limit]
            metadata["continue"] = base64.b64encode(place(chosen[-1]).encode()).decode()
        for obj in chosen:
            obj.pop("kind"), obj.pop("apiVersion")
        return 200, {"kind": request.kind.kind + "List", "apiVersion": request.kind.version, "metadata": metadata,
                     "items": chosen}

    # --- reading what is sent ---

    def document(self, request, data):
        """The object that was sent, of the address's kind, without what the API server does not know."""
        kind = request.kind
        if not isinstance(data, dict):
            raise status.Refused("BadRequest", f"the object provided is unrecognized (must be of type {kind.kind})")
        if (data.get("apiVersion", kind.version), data.get("kind", kind.kind)) != (kind.version, kind.kind):
            raise status.Refused("BadRequest", f"{data.get('kind')} in version {data.get('apiVersion')!r} cannot be "
                                 f"handled as a {kind.kind}: it was sent to {kind.plural} of {kind.version}")
        data = self.known(request, {"apiVersion": kind.version, "kind": kind.kind, **data})
        metadata = data.setdefault("metadata", {})
        if request.name and metadata.setdefault("name", request.name) != request.name:
            raise status.Refused("BadRequest", f"the name of the object ({metadata['name']}) does not match the name "
                                 f"on the URL ({request.name})")
        if request.namespace and metadata.setdefault("namespace", request.namespace) != request.namespace:
            raise status.Refused("BadRequest", "the namespace of the provided object does not match the namespace "
                                 "sent on the request")
        if not request.namespace:
            metadata.pop("namespace", None)
        if not kinds.name_fits(kind, metadata.get("name", "")):
            raise status.invalid((kind.group, kind.kind), metadata.get("name", ""),
                                 [("FieldValueInvalid", "metadata.name",
                                   f"Invalid value: {json.dumps(metadata.get('name', ''))}: not a name")])
        return data

    def known(self, request, data):
        kind = request.kind
        validation = request.query.get("fieldValidation", "Warn")
        applied = "apply-patch" in request.content_type
        unknown, wrong = [], []
        data = self.schema.walk(data, self.schema.root(kind.kind), "", unknown, wrong, drop=not applied)
        where = f"{request.namespace}/" if request.namespace else ""
        typed = f"failed to create typed patch object ({where}{request.name}; {kind.group}/v1, Kind={kind.kind}): "
        if applied and (unknown or wrong):
            texts = [f".{path}: field not declared in schema" for path in unknown] + \
                    [f".{path}: expected another type: {text}" for path, text in wrong]
            raise status.Refused("", typed + "; ".join(texts), code=500)
        cannot = f'{kind.kind} in version "{kind.version.rpartition("/")[2]}" cannot be handled as a {kind.kind}: '
        if wrong:
            raise status.Refused("BadRequest", cannot + "; ".join(f"{path}: {text}" for path, text in wrong))
        texts = [f'unknown field "{path}"' for path in unknown]
        if texts and validation == "Strict":
            raise status.Refused("BadRequest", cannot + "strict decoding error: " + ", ".join(texts))
        if validation == "Warn":
            request.warnings += texts
        return data

    # --- writing ---

    def create(self, request):
        kind = request.kind
        obj = self.document(request, request.body)
        request.name = obj["metadata"]["name"]
        return 201, self.make(request, obj, fields.Entry(request.manager, "Update", kind.version))

    def make(self, request, obj, entry):
        """Into the store what is not there yet; an apply brings its managedFields along."""
        kind = request.kind
        metadata = obj["metadata"]
        if metadata.get("resourceVersion"):
            raise status.Refused("BadRequest", "resourceVersion should not be set on objects to be created")
        self.in_namespace(request)
        kinds.fill_in(kind, obj, self)
        kinds.newborn(kind, obj)
        self.admit(request, obj, None)
        obj = self.schema.omit_empty(obj, self.schema.root(kind.kind))
        if entry:
            obj["metadata"].pop("managedFields", None)
            obj = fields.update(self.schema, {"metadata": {}}, obj, self.schema.root(kind.kind), entry)
        if request.query.get("dryRun"):
            return obj
        made = self.store.create(request.key, obj)
        if not made:
            raise status.exists(kind.resource, request.name)
        return made

    def in_namespace(self, request):
        if request.namespace and not self.store.get("/registry/namespaces/" + request.namespace):
            raise status.not_found(("", "namespaces"), request.namespace)

    def admit(self, request, obj, live):
        kinds.check(request.kind, obj, live, self)
        access.node_restriction(request.user, request.kind, obj, live)
        access.beyond(self.store, request.user, request.kind, obj)

    def change(self, request, make_new):
        """Read, make_new(live), write; again when it was changed meanwhile, unless a revision was named."""
        for _ in range(TRIES):
            live = self.store.get(request.key)
            if not live:
                raise status.not_found(request.kind.resource, request.name)
            version = live["metadata"]["resourceVersion"]
            new = make_new(live)
            wanted = new["metadata"].get("resourceVersion") or version
            if wanted != version:
                raise status.changed(request.kind.resource, request.name)
            new["metadata"]["resourceVersion"] = version
            if new == live or request.query.get("dryRun"):
                return 200, new
            written = self.store.replace(request.key, new, version)
            if written:
                return 200, written
        raise status.changed(request.kind.resource, request.name)

    def settled(self, request, live, new):
        """A change by anything but an apply: with the fields that it may touch, and its managedFields."""
        kind = request.kind
        kinds.fill_in(kind, new, self)
        new = kinds.take_over(kind, live, new, request.subresource)
        new = self.schema.omit_empty(new, self.schema.root(kind.kind))
        self.admit(request, new, live)
        entry = fields.Entry(request.manager, "Update", kind.version, request.subresource)
        return fields.update(self.schema, live, new, self.schema.root(kind.kind), entry)

    def replace(self, request):
        return self.change(request, lambda live: self.settled(request, live, self.document(request, request.body)))

    def patch(self, request):
        if "apply-patch" in request.content_type:
            return self.apply(request)
        root = self.schema.root(request.kind.kind)
        ways = {"application/merge-patch+json": lambda live: patch.merge(live, request.body),
                "application/json-patch+json": lambda live: patch.json_patch(live, request.body),
                "application/strategic-merge-patch+json":
                    lambda live: patch.strategic(self.schema, live, request.body, root)}
        way = ways.get(request.content_type.partition(";")[0].strip())
        if not way:
            raise status.Refused("UnsupportedMediaType", "415: Unsupported Media Type", {})

        def make_new(live):
            try:
                new = way(live)
            except (patch.Invalid, KeyError, TypeError, AttributeError) as error:
                raise status.Refused("Invalid", "the server rejected our request due to an error in our request",
                                     {}) from error
            return self.settled(request, live, self.document(request, new))

        return self.change(request, make_new)

    def apply(self, request):
        kind = request.kind
        if not request.query.get("fieldManager"):
            raise status.invalid(("meta.k8s.io", "PatchOptions"), "", [
                ("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")])
        body = request.body
        if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
            raise status.Refused("BadRequest", "error decoding YAML: the object has no apiVersion and kind")
        applied = self.document(request, body)
        if "managedFields" in applied["metadata"]:
            raise status.Refused("BadRequest", "metadata.managedFields must be nil")
        root = self.schema.root(kind.kind)
        entry = fields.Entry(request.manager, "Apply", kind.version, request.subresource)
        try:
            if not self.store.get(request.key):
                if applied["metadata"].get("resourceVersion") or applied["metadata"].get("uid"):
                    raise status.changed(kind.resource, request.name)
                access.require(self.store, request.user,
                               access.Asked("create", kind, request.namespace, request.name))
                new, _ = fields.apply(self.schema, {"metadata": {}}, applied, root, entry, True)
                return 201, self.make(request, new, None)
            return self.change(request, lambda live: self.applied(request, live, applied, root, entry))
        except fields.Invalid as error:
            where = f"{request.namespace}/" if request.namespace else ""
            raise status.Refused("", f"failed to create typed patch object ({where}{request.name}; {kind.group}/v1, "
                                 f"Kind={kind.kind}): {error}", code=500) from error

    def applied(self, request, live, applied, root, entry):
        new, found = fields.apply(self.schema, live, applied, root, entry, request.flag("force"))
        if found:
            raise status.conflicts([(who, fields.show(path)) for who, path in found])
        new["metadata"]["resourceVersion"] = applied["metadata"].get("resourceVersion") or \
            live["metadata"]["resourceVersion"]
        kinds.fill_in(request.kind, new, self)
        version = new["metadata"]["resourceVersion"]
        new = kinds.take_over(request.kind, live, new, request.subresource)
        new["metadata"]["resourceVersion"] = version
        new = self.schema.omit_empty(new, root)
        self.admit(request, new, live)
        return new

    def delete(self, request):
        live = self.store.get(request.key)
        if not live:
            raise status.not_found(request.kind.resource, request.name)
        if request.kind.kind == "Namespace" and request.name in ("default", "kube-system", "kube-public"):
            raise status.forbidden(request.kind.resource, request.name, "this namespace may not be deleted")
        if not request.query.get("dryRun"):
            self.store.delete(request.key, live["metadata"]["resourceVersion"])
            if request.kind.kind == "Namespace":
                self.empty(request.name)
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                     "details": {**status.details(request.kind.resource, request.name),
                                 "uid": live["metadata"]["uid"]}}

    def empty(self, namespace):
        """What a namespace held goes with it, at once: there is no controller here that would do it."""
        for kind in kinds.KINDS:
            if kind.namespaced:
                for obj in self.store.list(kind.prefix(namespace))[0]:
                    self.store.delete(kind.path(namespace, obj["metadata"]["name"]),
                                      obj["metadata"]["resourceVersion"])


def place(obj):
    return obj["metadata"].get("namespace", "") + "/" + obj["metadata"]["name"]


def selected(obj, query):
    labels = obj["metadata"].get("labels") or {}
    return all(label_fits(labels, part) for part in split_selector(query.get("labelSelector", ""))) and \
        all(field_fits(obj, part) for part in query.get("fieldSelector", "").split(",") if part)


def split_selector(text):
    """Commas inside parentheses belong to a set."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def label_fits(labels, part):
    among = re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part)
    if among:
        name, word, values = among.groups()
        return (labels.get(name) in [value.strip() for value in values.split(",")]) == (word == "in")
    for sign in ("!=", "==", "="):
        name, found, value = part.partition(sign)
        if found:
            return (labels.get(name.strip()) == value.strip()) != (sign == "!=")
    return part[1:].strip() not in labels if part.startswith("!") else part in labels


def field_fits(obj, part):
    name, sign, value = re.split(r"(!=|==|=)", part, maxsplit=1)
    at = obj
    for step in name.split("."):
        at = at.get(step, "") if isinstance(at, dict) else ""
    if name not in ("metadata.name", "metadata.namespace", "type", "spec.nodeName", "status.phase",
                    "spec.unschedulable"):
        raise status.Refused("BadRequest", f'field label not supported: {name}')
    return (str(at) == value) != (sign == "!=")
