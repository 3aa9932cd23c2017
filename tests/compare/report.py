"""What was compared, and what was found to deviate from what was measured."""
import os
import stat


class Report:
    def __init__(self, facts, root):
        self.root = root
        self.reasons = facts["expected_deviations"]
        self.compared = 0
        self.explained = []
        self.unexplained = []

    def path(self, name):
        """The file below the root; a link inside the tree is followed inside the tree."""
        path = os.path.join(self.root, name.lstrip("/"))
        if os.path.islink(path):
            target = os.readlink(path)
            if os.path.isabs(target):
                return os.path.join(self.root, target.lstrip("/"))
        return path

    def deviation(self, file, what, found, measured, reason=None):
        line = "%s: %s is %s, measured %s" % (file, what, show(found), show(measured))
        if reason is None:
            self.unexplained.append(line)
        else:
            self.explained.append((line, self.reasons[reason]))

    def equal(self, file, what, found, measured, reason=None):
        """reason: why a difference here is expected; None: it is not."""
        self.compared += 1
        if found != measured or type(found) is not type(measured):
            self.deviation(file, what, found, measured, reason)
            return False
        return True

    def mode(self, name, measured, reason=None):
        try:
            found = "%04o" % stat.S_IMODE(os.stat(self.path(name)).st_mode)
        except OSError as error:
            found = error.strerror
        self.equal(name, "mode", found, measured, reason)

    def read(self, name):
        """Text of a file, or None and a deviation."""
        self.compared += 1
        try:
            with open(self.path(name), encoding="utf-8") as f:
                return f.read()
        except (OSError, UnicodeDecodeError) as error:
            self.deviation(name, "content", str(error), "readable")
            return None

    def print(self, source):
        print("measured: " + source)
        for reason in self.reasons.values():
            lines = [line for line, why in self.explained if why == reason]
            if lines:
                print("%d times: %s:" % (len(lines), reason))
            for line in lines:
                print("  explained    " + line)
        for line in self.unexplained:
            print("UNEXPLAINED  " + line)
        print("%d facts compared, %d deviations explained, %d not" %
              (self.compared, len(self.explained), len(self.unexplained)))
        return 1 if self.unexplained else 0


def show(value):
    if isinstance(value, list):
        return "[" + ", ".join(show(v) for v in value) + "]"
    return "absent" if value is None else str(value)


def fill(value, names):
    """The measured value with {node}, {address}, ... of this machine."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{%s}" % name, text)
        return value
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    if isinstance(value, dict):
        return {fill(k, names): fill(v, names) for k, v in value.items()}
    return value
