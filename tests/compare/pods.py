"""Static pods: the whole pod as measured is built from the tables, then compared leaf by leaf."""
import os

import yaml

from report import fill

DIR = "/etc/kubernetes/manifests/"


def probe(row):
    wanted = {"httpGet": {"path": row["path"], "host": row["host"], "port": row["port"], "scheme": row["scheme"]},
              "timeoutSeconds": row["timeout"], "periodSeconds": row["period"], "failureThreshold": row["failures"]}
    if row["initial_delay"]:
        wanted["initialDelaySeconds"] = row["initial_delay"]
    return wanted


def mount(row):
    wanted = {"name": row["name"], "mountPath": row["path"]}
    if row["read_only"]:
        wanted["readOnly"] = True
    return wanted


def container(pod, common, mounts):
    wanted = {"name": pod["name"], "image": pod["image"], "imagePullPolicy": common["pull_policy"],
              "ports": [{"name": "probe-port", "containerPort": pod["port"], "protocol": "TCP"}],
              "resources": {"requests": pod["requests"]}, "volumeMounts": [mount(m) for m in mounts]}
    for kind, row in pod["probes"].items():
        wanted[kind + "Probe"] = probe(row)
    return wanted


def wanted_pod(pod, common, mounts):
    """Without the command, which has an order of its own."""
    metadata = {"name": pod["name"], "namespace": common["namespace"],
                "labels": {"component": pod["name"], "tier": "control-plane"}}
    if pod["annotations"]:
        metadata["annotations"] = pod["annotations"]
    volumes = [{"name": m["name"], "hostPath": {"path": m["path"], "type": m["type"]}} for m in mounts]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {},
            "spec": {"containers": [container(pod, common, mounts)], "hostNetwork": common["host_network"],
                     "priority": common["priority"], "priorityClassName": common["priority_class"],
                     "securityContext": {"seccompProfile": {"type": common["seccomp"]}}, "volumes": volumes}}


def by_name(items):
    """A list of named things as a mapping; their order means nothing. Repeated names stay visible."""
    if isinstance(items, list) and items and all(isinstance(i, dict) and "name" in i for i in items):
        names = [i["name"] for i in items]
        if len(set(names)) == len(names):
            return dict(zip(names, items))
    return items


def compare_tree(report, file, path, found, measured):
    found, measured = by_name(found), by_name(measured)
    if isinstance(found, dict) and isinstance(measured, dict):
        for key in sorted(set(found) | set(measured), key=str):
            compare_tree(report, file, path + [str(key)], found.get(key), measured.get(key))
        return
    report.equal(file, ".".join(path), found, measured)


def wanted_flags(report, file, pod, facts, join, pod_subnet):
    flags = dict(pod["flags"])
    if join:
        flags.update(pod["join_flags"])
    if pod["name"] == "kube-controller-manager" and not pod_subnet:
        for name in facts["pod_subnet_flags"]:
            report.deviation(file, "--" + name, None, flags.pop(name), "no_pod_subnet")
    return flags


def any_order(name, value):
    """etcd lists its members by their ids, which are hashes: on each cluster in another order."""
    if name == "initial-cluster" and isinstance(value, str):
        return ",".join(sorted(value.split(",")))
    return value


def compare_command(report, file, command, pod, flags):
    report.equal(file, "program", command[0] if command else None, pod["name"])
    args = [a.partition("=") for a in command[1:] if isinstance(a, str)]
    found = {name: value for name, _, value in args}
    report.equal(file, "flags, each once", sorted(name for name, _, _ in args), sorted("--" + f for f in flags))
    report.equal(file, "flags in order", [name for name, _, _ in args], sorted(found))
    for name, value in flags.items():
        report.equal(file, "--" + name, any_order(name, found.get("--" + name)), any_order(name, value))


def existing_mounts(report, file, pod, facts):
    """kubeadm leaves out the CA directories that a host has not."""
    mounts = []
    for m in pod["mounts"]:
        if m["path"] in facts["ca_host_dirs"] and not os.path.isdir(report.path(m["path"])):
            report.deviation(file, "mount " + m["name"], None, m["path"], "ca_dir")
        else:
            mounts.append(m)
    return mounts


def compare_pod(report, facts, pod, join, pod_subnet):
    file = DIR + pod["name"] + ".yaml"
    text = report.read(file)
    report.mode(file, facts["modes"]["manifest"])
    if text is None:
        return
    try:
        doc = yaml.safe_load(text)
        command = doc["spec"]["containers"][0].pop("command", [])
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        report.deviation(file, "content", repr(error), "a pod")
        return
    compare_command(report, file, command, pod, wanted_flags(report, file, pod, facts, join, pod_subnet))
    mounts = existing_mounts(report, file, pod, facts)
    compare_tree(report, file, [], doc, wanted_pod(pod, facts["pod"], mounts))


def compare(report, facts, names, join, pod_subnet):
    for pod in fill(facts["pods"], names):
        compare_pod(report, facts, pod, join, pod_subnet)
    found = sorted(os.listdir(report.path(DIR))) if os.path.isdir(report.path(DIR)) else []
    report.equal(DIR, "files", found, sorted(p["name"] + ".yaml" for p in facts["pods"]))
    for directory, mode in facts["directories"].items():
        report.mode(directory, mode)
