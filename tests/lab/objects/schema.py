"""Types of API objects (schema.txt): what a field may hold, and what server-side apply merges."""
import base64
import binascii
import json
import os
import re

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.txt")
SCALARS = {"integer", "boolean", "number", "string", "bytes", "time", "quantity", "intorstring", "any"}


class Type:
    """kind: scalar, struct, map, list (atomic), set, keyed. `atomic`: one value to server-side apply."""

    def __init__(self, kind, name="", element=None, keys=(), atomic=False, merge=True):
        self.kind, self.name, self.element = kind, name, element
        self.keys, self.atomic, self.merge = keys, atomic, merge


class Schema:
    def __init__(self, path=FILE):
        self.structs, self.required = {}, {}
        text = ""
        with open(path) as file:
            for line in file:
                if line.startswith("#"):
                    continue
                if not line.startswith(" ") and text:
                    self.add(text)
                    text = ""
                text += line.rstrip("\n")
        self.add(text)

    def add(self, text):
        name, _, fields = text.partition(":")
        pairs = [word.split("=", 1) for word in fields.split()]
        self.structs[name] = {field.rstrip("*"): self.parse(kind) for field, kind in pairs}
        self.required[name] = [field.rstrip("*") for field, _ in pairs if field.endswith("*")]

    def parse(self, text):
        if text.startswith("{"):
            inner, _, end = text[1:].rpartition("}")
            return Type("map", element=self.parse(inner), atomic=end == "!")
        if text.startswith("["):
            inner, _, end = text[1:].rpartition("]")
            merge, end = not end.endswith("-"), end.rstrip("-")
            if not end:
                return Type("list", element=self.parse(inner), atomic=True)
            if end == "set":
                return Type("set", element=self.parse(inner), merge=merge)
            return Type("keyed", element=self.parse(inner), keys=tuple(end.split(",")), merge=merge)
        if text in SCALARS:
            return Type("scalar", text, atomic=True)
        return Type("struct", text.rstrip("!"), atomic=text.endswith("!"))

    def root(self, kind):
        return Type("struct", kind)

    def field(self, kind, name):
        """The type of a field of a struct or map; None: it has no such field."""
        return kind.element if kind.kind == "map" else self.structs[kind.name].get(name)

    def walk(self, value, kind, path, unknown, wrong, drop):
        """Collect the paths of unknown fields and what is of a wrong type; the value without either."""
        if value is None:
            return None
        if kind.kind in ("struct", "map"):
            return self.walk_fields(value, kind, path, unknown, wrong, drop)
        if kind.kind == "scalar":
            if not scalar_fits(value, kind.name):
                wrong.append((path, f"{describe(value)} is no {kind.name}"))
            return value
        if not isinstance(value, list):
            wrong.append((path, f"{describe(value)} is no list"))
            return value
        return [self.walk(v, kind.element, path + place(v, i, kind, drop), unknown, wrong, drop)
                for i, v in enumerate(value)]

    def walk_fields(self, value, kind, path, unknown, wrong, drop):
        if not isinstance(value, dict):
            wrong.append((path, f"{describe(value)} is no map"))
            return value
        result = {}
        for name, item in value.items():
            at = f"{path}.{name}" if path else name
            inner = self.field(kind, name)
            if inner is None:
                unknown.append(at)
                if not drop:
                    result[name] = item
                continue
            if item is not None:
                result[name] = self.walk(item, inner, at, unknown, wrong, drop)
        return result

    def omit_empty(self, value, kind):
        """Empty maps and lists are not kept, as they are not by the API's own types."""
        if kind.kind in ("struct", "map") and isinstance(value, dict):
            kept = {}
            for name, item in value.items():
                inner = self.field(kind, name)
                item = self.omit_empty(item, inner)
                if item not in ({}, []) or inner.kind in ("struct", "scalar"):
                    kept[name] = item
            return kept
        if kind.kind in ("list", "keyed") and isinstance(value, list):
            return [self.omit_empty(item, kind.element) for item in value]
        return value

    def missing(self, value, kind, path=""):
        """Paths of required fields that are not there or empty; a status is taken as it comes."""
        if kind.kind == "struct" and isinstance(value, dict):
            for name in self.required[kind.name]:
                if value.get(name) in (None, ""):
                    yield f"{path}.{name}".lstrip(".")
            for name, item in value.items():
                if path or name != "status":
                    yield from self.missing(item, self.field(kind, name), f"{path}.{name}".lstrip("."))
        elif kind.kind == "map" and isinstance(value, dict):
            for name, item in value.items():
                yield from self.missing(item, kind.element, f"{path}.{name}")
        elif kind.kind in ("list", "keyed") and isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.missing(item, kind.element, f"{path}[{i}]")


def place(item, index, kind, by_index):
    """How the API server writes the place of an item: by its keys where it knows them."""
    if by_index or kind.kind != "keyed" or not isinstance(item, dict) or not all(key in item for key in kind.keys):
        return f"[{index}]"
    return "[" + ",".join(f"{key}={json.dumps(item[key])}" for key in kind.keys) + "]"


def describe(value):
    return {dict: "a map", list: "a list", bool: "a boolean", str: "a string"}.get(type(value), "a number")


def scalar_fits(value, name):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "any":
        return True
    if name == "integer":
        return isinstance(value, int) and number
    if name == "number":
        return number
    if name == "boolean":
        return isinstance(value, bool)
    if name in ("quantity", "intorstring"):
        return number or isinstance(value, str)
    if not isinstance(value, str):
        return False
    if name == "bytes":
        return is_base64(value)
    return name != "time" or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value) is not None


def is_base64(text):
    try:
        base64.b64decode(text, validate=True)
        return True
    except (binascii.Error, ValueError):
        return False
