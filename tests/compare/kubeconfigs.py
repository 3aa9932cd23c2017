"""Kubeconfig files and the client certificates inside."""
import base64
import datetime
import os
import re

import yaml

import certificates
from report import fill

DIR = "/etc/kubernetes/"
YEAR = 365 * 86400
SLACK = 600  # seconds between reading the clock and writing the file, on a slow machine
CA_FILE = certificates.PKI + "ca.crt"


def decode(value):
    try:
        return base64.b64decode(value or "", validate=True).decode()
    except (ValueError, TypeError):
        return ""


def blocks(pem, label):
    """All PEM blocks of a kind, as text."""
    return re.findall(r"-----BEGIN %s-----.*?-----END %s-----\n?" % (label, label), pem, re.S)


def credentials(report, facts, name, user):
    """(certificate, key) as PEM. After a full init kubelet.conf names a file that holds both."""
    file = user.get("client-certificate")
    if not name.endswith("/kubelet.conf") or not file:
        report.equal(name, "keys of its user", sorted(user), ["client-certificate-data", "client-key-data"])
        return decode(user.get("client-certificate-data")), decode(user.get("client-key-data"))
    report.equal(name, "keys of its user", sorted(user), ["client-certificate", "client-key"])
    report.equal(name, "client certificate", file, facts["kubelet_client"])
    report.equal(name, "client key", user.get("client-key"), facts["kubelet_client"])
    report.equal(name, "mode of " + file, "%04o" % (os.stat(report.path(file)).st_mode & 0o7777)
                 if os.path.exists(report.path(file)) else "absent", "0600")
    pem = report.read(file) or ""
    return "".join(blocks(pem, "CERTIFICATE")), "".join(blocks(pem, "[A-Z ]*PRIVATE KEY"))


def compare_client(report, facts, name, row, user, ca):
    pem, key = credentials(report, facts, name, user)
    try:
        c = certificates.Certificate(pem)
    except (ValueError, AttributeError):
        report.deviation(name, "client certificate", "unreadable", "a certificate")
        return
    table = {"cn": row["user"], "o": row["o"], "san": [], "ku": ["Digital Signature", "Key Encipherment"],
             "eku": ["TLS Web Client Authentication"], "ca": False, "ski": False, "aki": True}
    certificates.compare_fields(report, name, table, c)
    certificates.compare_algorithm(report, facts, name, c)
    certificates.compare_key(report, facts, name, key, c)
    if ca is None:
        return
    certificates.compare_issuer(report, name, pem, c, CA_FILE, ca, True)
    report.equal(name, "begin of validity", c.not_before, ca.not_before)
    written = os.stat(report.path(user.get("client-certificate") or name)).st_mtime
    end = c.not_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    report.equal(name, "end of validity a year after it was written", abs(end - written - YEAR) <= SLACK, True)
    report.equal(name, "validity in seconds", int((c.not_after - c.not_before).total_seconds()),
                 facts["kubeconfig_seconds"], "kubeconfig_validity")


def single(report, name, doc, key, wanted_name):
    """The content of the one entry of a named list."""
    entries = doc.get(key) or []
    report.equal(name, key, [e.get("name") for e in entries], [wanted_name])
    report.equal(name, "keys in " + key, [sorted(e) for e in entries], [sorted(("name", key[:-1]))])
    return (entries[0].get(key[:-1]) or {}) if entries else {}


def compare_file(report, facts, row, ca, ca_pem):
    name = DIR + row["file"]
    text = report.read(name)
    report.mode(name, facts["modes"]["conf"])
    if text is None:
        return
    doc = yaml.safe_load(text)
    cluster_name = facts["cluster_name"]
    context_name = "%s@%s" % (row["user"], cluster_name)
    report.equal(name, "keys", sorted(doc, key=str),
                 ["apiVersion", "clusters", "contexts", "current-context", "kind", "users"]
                 + (["preferences"] if "preferences" in doc else []))
    report.equal(name, "apiVersion and kind", [doc.get("apiVersion"), doc.get("kind")], ["v1", "Config"])
    cluster = single(report, name, doc, "clusters", cluster_name)
    report.equal(name, "keys of its cluster", sorted(cluster), ["certificate-authority-data", "server"])
    report.equal(name, "server", cluster.get("server"), row["server"])
    report.equal(name, "certificate authority is ca.crt", decode(cluster.get("certificate-authority-data")) == ca_pem, True)
    context = single(report, name, doc, "contexts", context_name)
    report.equal(name, "context", context, {"cluster": cluster_name, "user": row["user"]})
    report.equal(name, "current-context", doc.get("current-context"), context_name)
    compare_client(report, facts, name, row, single(report, name, doc, "users", row["user"]), ca)


def compare(report, facts, names, join, ca):
    ca_pem = report.read(CA_FILE)
    wanted = []
    for row in fill(facts["kubeconfigs"], names):
        if join and not row["on_join"]:
            continue
        wanted.append(row["file"])
        compare_file(report, facts, row, ca, ca_pem)
    found = [f for f in os.listdir(report.path(DIR)) if f.endswith(".conf")] if os.path.isdir(report.path(DIR)) else []
    report.equal(DIR, "kubeconfig files", sorted(found), sorted(wanted))
