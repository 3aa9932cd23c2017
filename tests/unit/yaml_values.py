"""yaml_values.py POD OUT: what Python's reader of YAML finds in a rendered pod. One line of hexadecimal
UTF-8 for each argument "--v..." and each variable's value; exit 1 when one is not a string."""
import sys
import yaml

with open(sys.argv[1], "rb") as pod:
    container = yaml.safe_load(pod)["spec"]["containers"][0]
values = container["command"] + [env["value"] for env in container["env"]]
if not all(isinstance(value, str) for value in values):
    sys.exit("not all values are strings: %r" % values)
first = next(i for i, value in enumerate(values) if value.startswith("--v000="))
with open(sys.argv[2], "w", encoding="ascii") as out:
    for value in values[first:]:
        out.write(value.encode().hex() + "\n")
