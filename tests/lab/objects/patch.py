"""JSON merge patch (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge patch."""
import copy


class Invalid(Exception):
    pass


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def pointer(path):
    if path and not path.startswith("/"):
        raise Invalid(f"path {path!r} does not begin with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def step(at, part):
    if isinstance(at, list):
        if not part.isdigit() or int(part) >= len(at):
            raise Invalid(f"no index {part}")
        return at[int(part)]
    if not isinstance(at, dict) or part not in at:
        raise Invalid(f"no key {part}")
    return at[part]


def find(document, parts):
    for part in parts:
        document = step(document, part)
    return document


def insert(document, parts, value):
    at, last = find(document, parts[:-1]), parts[-1]
    if isinstance(at, list):
        if last != "-" and (not last.isdigit() or int(last) > len(at)):
            raise Invalid(f"no index {last}")
        at.insert(len(at) if last == "-" else int(last), value)
    elif isinstance(at, dict):
        at[last] = value
    else:
        raise Invalid(f"nothing can be added at {last}")


def delete(document, parts):
    at = find(document, parts[:-1])
    value = step(at, parts[-1])
    del at[int(parts[-1]) if isinstance(at, list) else parts[-1]]
    return value


def json_patch(target, operations):
    document = copy.deepcopy(target)
    for operation in operations:
        verb, parts = operation.get("op"), pointer(operation.get("path", ""))
        if not parts:
            raise Invalid("the whole document cannot be patched")
        if verb == "add":
            insert(document, parts, operation.get("value"))
        elif verb == "remove":
            delete(document, parts)
        elif verb == "replace":
            delete(document, parts)
            insert(document, parts, operation.get("value"))
        elif verb == "test":
            if find(document, parts) != operation.get("value"):
                raise Invalid(f"testing value {operation['path']} failed")
        elif verb == "copy":
            insert(document, parts, copy.deepcopy(find(document, pointer(operation["from"]))))
        elif verb == "move":
            insert(document, parts, delete(document, pointer(operation["from"])))
        else:
            raise Invalid(f"unknown operation {verb!r}")
    return document


def strategic(schema, target, patch, kind):
    """Lists that have a merge key are merged by it; the directives $patch, $deleteFromPrimitiveList/NAME."""
    if kind.kind in ("struct", "map") and isinstance(patch, dict):
        return strategic_map(schema, target if isinstance(target, dict) else {}, patch, kind)
    if kind.kind == "set" and kind.merge:
        return (target or []) + [value for value in patch if value not in (target or [])]
    if kind.kind == "keyed" and kind.merge:
        return strategic_list(schema, target or [], patch, kind)
    return patch


def strategic_map(schema, target, patch, kind):
    directive = patch.get("$patch", "merge")
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    result = dict(target)
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field, []) if item not in value]
        elif name.startswith("$"):
            continue  # the order of elements, and keys to retain: nothing here depends on them
        elif value is None:
            result.pop(name, None)
        else:
            inner = schema.field(kind, name)
            result[name] = strategic(schema, result.get(name), value, inner) if inner else value
    return result


def strategic_list(schema, target, patch, kind):
    key = kind.keys[0]
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    items = {item.get(key): item for item in target}
    new = {item.get(key): item for item in patch if item.get(key) not in items and item.get("$patch") != "delete"}
    items = {**new, **items}  # new ones come first
    for item in patch:
        if key not in item:
            raise Invalid(f"map: {item} does not contain declared merge key: {key}")
        if item.get("$patch") == "delete":
            items.pop(item[key], None)
        else:
            items[item[key]] = strategic(schema, items.get(item[key]), item, kind.element)
    return list(items.values())
