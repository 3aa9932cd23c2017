"""What the API server says when it does not do what was asked (meta/v1 Status)."""

CODES = {"BadRequest": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "MethodNotAllowed": 405,
         "AlreadyExists": 409, "Conflict": 409, "UnsupportedMediaType": 415, "Invalid": 422,
         "InternalError": 500, "Timeout": 504}


class Refused(Exception):
    """Answered with a Status of this reason."""

    def __init__(self, reason, message, details=None, code=None):
        super().__init__(message)
        self.code = code or CODES[reason]
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                     "reason": reason, "code": self.code}
        if not reason:
            del self.body["reason"]
        if details is not None:
            self.body["details"] = details


def details(kind, name, causes=None):
    """`kind` is the resource, or for what is invalid the kind; it carries its group."""
    group, resource = kind
    result = {"name": name} if name else {}
    if group:
        result["group"] = group
    result["kind"] = resource
    if causes:
        result["causes"] = causes
    return result


def dotted(resource):
    group, plural = resource
    return f"{plural}.{group}" if group else plural


def not_found(resource, name):
    return Refused("NotFound", f'{dotted(resource)} "{name}" not found', details(resource, name))


def exists(resource, name):
    return Refused("AlreadyExists", f'{dotted(resource)} "{name}" already exists', details(resource, name))


def changed(resource, name):
    return Refused("Conflict", f'Operation cannot be fulfilled on {dotted(resource)} "{name}": the object has been '
                   "modified; please apply your changes to the latest version and try again", details(resource, name))


def forbidden(resource, name, why):
    subject = f'{dotted(resource)} "{name}"' if name else dotted(resource)
    return Refused("Forbidden", f"{subject} is forbidden: {why}", details(resource, name))


def invalid(kind, name, causes):
    """`causes`: (reason, field, sentence)."""
    listed = [{"reason": r, "message": m, "field": f} for r, f, m in causes]
    texts = [f"{f}: {m}" for _, f, m in causes]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    return Refused("Invalid", f'{dotted((kind[0], kind[1]))} "{name}" is invalid: {text}',
                   details(kind, name, listed))


def conflicts(found):
    """Of server-side apply: (entry, path shown)."""
    causes = [{"reason": "FieldManagerConflict", "message": f"conflict with {entry.describe()}", "field": path}
              for entry, path in found]
    if len(found) == 1:
        text = f"Apply failed with 1 conflict: conflict with {found[0][0].describe()}: {found[0][1]}"
    else:
        text = f"Apply failed with {len(found)} conflicts: "
        by_manager = {}
        for entry, path in found:
            by_manager.setdefault(entry.describe(), []).append(path)
        text += "\n".join(
            (f"conflict with {who}: {paths[0]}" if len(paths) == 1 else
             f"conflicts with {who}:\n" + "\n".join("- " + path for path in paths))
            for who, paths in by_manager.items())
    return Refused("Conflict", text, {"causes": causes})
