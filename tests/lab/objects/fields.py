"""Who has set which field: server-side apply and managedFields (FieldsV1).

A path is a tuple of FieldsV1's elements: f:NAME of a field, k:{KEYS} of an item that is known by keys, v:VALUE
of a member of a set. An object is flattened to {path: value}, where an item itself has the value ITEM.
"""
import datetime
import json

ITEM = object()  # an item of a list that is there, whatever is in it
# Set by the API server or by the address alone: nobody's.
NOBODYS = {("f:apiVersion",), ("f:kind",)} | {("f:metadata", "f:" + name) for name in (
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds", "generateName")}


PARTS = {("f:metadata",), ("f:spec",), ("f:status",)}  # of every object: there even when they are empty


class Invalid(Exception):
    pass


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def item_key(item, kind):
    """k:{...}; the one default that a key has is a port's protocol."""
    keys = {}
    for name in kind.keys:
        value = item.get(name) if isinstance(item, dict) else None
        if value is None and name == "protocol":
            value = "TCP"
        if value is None:
            raise Invalid(f"associative list with keys has an element that omits key field {compact(name)}")
        keys[name] = value
    return "k:" + json.dumps(keys, separators=(",", ":"), sort_keys=True)


def flatten(schema, value, kind, maps=False, path=(), out=None):
    """`maps`: maps themselves count, too, as they do for everything but an apply."""
    out = {} if out is None else out
    if path in NOBODYS:
        return out
    if kind.atomic or value is None:
        out[path] = value
    elif kind.kind in ("struct", "map"):
        for name, item in value.items():
            at = path + ("f:" + name,)
            if item == {} and at not in NOBODYS and at not in PARTS:
                out[at] = item
            inner = schema.field(kind, name)
            if maps and inner.kind == "map" and not inner.atomic and item:
                out[at] = ITEM
            flatten(schema, item, inner, maps, at, out)
    elif kind.kind == "set":
        for item in value:
            out[path + ("v:" + compact(item),)] = ITEM
    else:
        for item in value:
            at = path + (item_key(item, kind),)
            if at in out:
                raise Invalid(f"{show(path)}: duplicate entries for key {show(at[-1:])}")
            out[at] = ITEM
            flatten(schema, item, kind.element, maps, at, out)
    return out


def encode(paths):
    """A set of paths as FieldsV1."""
    tree = {}
    for path in sorted(paths):
        at = tree
        for element in path:
            at = at.setdefault(element, {})
        at["."] = {}
    return prune_dots(tree)


def prune_dots(tree):
    """A leaf is {}; a path that is there itself and has more below it keeps its dot."""
    if set(tree) == {"."}:
        return {}
    return {name: {} if name == "." else prune_dots(sub) for name, sub in tree.items()}


def decode(tree, path=()):
    if not tree and path:
        yield path
    for name, sub in tree.items():
        if name == ".":
            yield path
        else:
            yield from decode(sub, path + (name,))


def show(path):
    """As the API server writes a path in messages: .spec.containers[name="a"].image."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += "." + element[2:]
        elif element.startswith("k:"):
            text += "[" + ",".join(f"{k}={compact(v)}" for k, v in json.loads(element[2:]).items()) + "]"
        else:
            text += "[=" + element[2:] + "]"
    return text


def merge(schema, live, applied, kind):
    """What is applied laid over what is there."""
    if kind.atomic or live is None or applied is None:
        return applied
    if kind.kind in ("struct", "map"):
        result = dict(live)
        for name, value in applied.items():
            result[name] = merge(schema, live.get(name), value, schema.field(kind, name))
        return result
    if kind.kind == "set":
        return live + [value for value in applied if value not in live]
    items = {item_key(item, kind): item for item in live}
    for item in applied:
        key = item_key(item, kind)
        items[key] = merge(schema, items.get(key), item, kind.element)
    return list(items.values())


def remove(schema, value, kind, path):
    """The value without what is at the path; containers of maps that become empty go, too."""
    element, rest = path[0], path[1:]
    if kind.kind in ("struct", "map"):
        name = element[2:]
        if name not in value:
            return value
        result = dict(value)
        if rest:
            result[name] = remove(schema, value[name], schema.field(kind, name), rest)
        if not rest or result[name] in ({}, []):
            del result[name]
        return result
    if kind.kind == "set":
        return [item for item in value if "v:" + compact(item) != element]
    result = []
    for item in value:
        if item_key(item, kind) != element:
            result.append(item)
        elif rest:
            result.append(remove(schema, item, kind.element, rest))
    return result


class Entry:
    """One line of managedFields."""

    def __init__(self, manager, operation, version, subresource="", time=None, paths=()):
        self.manager, self.operation, self.version, self.subresource = manager, operation, version, subresource
        self.time, self.paths = time, frozenset(paths)

    def same(self, other):
        return (self.manager, self.operation, self.version, self.subresource) == \
            (other.manager, other.operation, other.version, other.subresource)

    def dump(self):
        entry = {"manager": self.manager, "operation": self.operation, "apiVersion": self.version, "time": self.time,
                 "fieldsType": "FieldsV1", "fieldsV1": encode(self.paths)}
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry

    def describe(self):
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text + (f" using {self.version}" if self.operation == "Update" else "")


def load(obj):
    return [Entry(e["manager"], e["operation"], e["apiVersion"], e.get("subresource", ""), e.get("time"),
                  decode(e.get("fieldsV1", {}))) for e in obj.get("metadata", {}).get("managedFields", [])]


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def store(obj, entries, mine):
    """The object with these entries, `mine` among them; its time moves only when its fields do."""
    result, found = [], False
    for entry in entries:
        if entry.same(mine):
            found = True
            if entry.paths != mine.paths:
                entry = Entry(mine.manager, mine.operation, mine.version, mine.subresource, now(), mine.paths)
        result.append(entry)
    if not found:
        result.append(Entry(mine.manager, mine.operation, mine.version, mine.subresource, now(), mine.paths))
    metadata = dict(obj["metadata"])
    result.sort(key=lambda e: (e.operation, e.time, e.manager, e.version, e.subresource))
    metadata["managedFields"] = [entry.dump() for entry in result if entry.paths]
    if not metadata["managedFields"]:
        del metadata["managedFields"]
    return {**obj, "metadata": metadata}


def without(entries, mine, taken):
    """The others' entries without the paths that are `taken` from them."""
    for entry in entries:
        if not entry.same(mine):
            entry.paths = entry.paths - taken
    return entries


def changes(before, after):
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    return changed, set(before) - set(after)


def apply(schema, live, applied, kind, mine, force):
    """(object, conflicts): conflicts are (entry, path); with `force` they are taken over."""
    mine.paths = frozenset(flatten(schema, applied, kind))
    entries = load(live)
    merged = merge(schema, live, applied, kind)
    for entry in entries:
        if entry.same(mine):
            merged = prune(schema, merged, kind, entry.paths - mine.paths,
                           {p for e in entries if not e.same(mine) for p in e.paths} | mine.paths)
    changed, removed = changes(flatten(schema, live, kind), flatten(schema, merged, kind))
    conflicts = [(entry, path) for entry in entries if not entry.same(mine) for path in sorted(entry.paths & changed)]
    if conflicts and not force:
        return None, conflicts
    return store(merged, without(entries, mine, frozenset(changed | removed)), mine), []


def prune(schema, merged, kind, gone, kept):
    """What a manager applied before and does not apply any more, unless somebody else has it, too."""
    for path in sorted(gone, key=len):
        if not any(other[:len(path)] == path for other in kept):
            merged = remove(schema, merged, kind, path)
    return merged


def update(schema, live, new, kind, mine):
    """After a change that is no apply: what changed belongs to who changed it."""
    entries = load(live)
    changed, removed = changes(flatten(schema, live, kind, maps=True), flatten(schema, new, kind, maps=True))
    before = next((entry.paths for entry in entries if entry.same(mine)), frozenset())
    mine.paths = frozenset((before | changed) - removed)
    if not changed and not removed:
        return {**new, "metadata": {**new["metadata"], **kept_managed(live)}}
    return store(new, without(entries, mine, frozenset(changed | removed)), mine)


def kept_managed(live):
    managed = live.get("metadata", {}).get("managedFields")
    return {"managedFields": managed} if managed else {}
