"""Certificates and keys, read through the openssl program."""
import datetime
import functools
import os
import re
import subprocess
import tempfile

from report import fill

PKI = "/etc/kubernetes/pki/"
BACKDATE = datetime.timedelta(minutes=5)


@functools.lru_cache(maxsize=4096)
def openssl(*args, data=None):
    """Standard output, or None when the program refuses. `data` is all that it reads."""
    done = subprocess.run(("openssl",) + args, input=data, capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 else None


@functools.lru_cache(maxsize=4096)
def is_signed(pem, ca_pem):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as f:
        f.write(ca_pem)
        f.flush()
        return openssl("verify", "-no-CApath", "-no-CAstore", "-CAfile", f.name, data=pem.encode()) is not None


class Certificate:
    """What `openssl x509` says of a certificate, taken apart."""

    def __init__(self, pem):
        text = openssl("x509", "-noout", "-subject", "-issuer", "-serial", "-pubkey", "-text", "-nameopt",
                       "sep_multiline,utf8", "-certopt", "no_sigdump", data=pem.encode())
        if text is None:
            raise ValueError("no certificate")
        self.text = text[text.index("Certificate:"):]
        self.subject = self.name(text, "subject")
        self.issuer = self.name(text, "issuer")
        self.serial_bits = int(re.search(r"^serial=(-?[0-9A-F]+)$", text, re.M).group(1), 16).bit_length()
        self.public_key = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", text, re.S).group(0)
        self.signature = re.search(r"Signature Algorithm: (\S+)", text).group(1)
        algorithm = re.search(r"Public Key Algorithm: (\S+)", text).group(1)
        self.key = "%s %s bit" % (algorithm, re.search(r"Public-Key: \((\d+) bit\)", text).group(1))
        self.version = re.search(r"Version: (\d)", text).group(1)
        self.not_before = self.date("Not Before")
        self.not_after = self.date("Not After ")

    def date(self, label):
        value = re.search(label + r"\s*: (.* GMT)", self.text).group(1)
        return datetime.datetime.strptime(value, "%b %d %H:%M:%S %Y GMT")

    @staticmethod
    def name(text, kind):
        """["O=...", "CN=..."]: every part of the name, in order."""
        lines = re.search(r"^%s=\n((?:    .*\n)*)" % kind, text, re.M).group(1)
        return [line.strip() for line in lines.splitlines()]

    def extension(self, name):
        """(critical, value) or None."""
        m = re.search(r"^ +X509v3 %s:( critical)?\s*\n +(.*)$" % re.escape(name), self.text, re.M)
        return (bool(m.group(1)), m.group(2).strip()) if m else None

    def extension_names(self):
        """Names stand at 12 columns, values deeper."""
        _, _, extensions = self.text.partition("X509v3 extensions:")
        return sorted(re.findall(r"^ {12}(\S.*?): *(?:critical)?\s*$", extensions, re.M))


def words(extension):
    return [w.strip() for w in extension[1].split(",")] if extension else []


def sans(certificate):
    return sorted(w.replace("IP Address:", "IP:") for w in words(certificate.extension("Subject Alternative Name")))


def wanted_extensions(row):
    names = ["X509v3 Basic Constraints", "X509v3 Key Usage"]
    names += ["X509v3 Extended Key Usage"] if row["eku"] else []
    names += ["X509v3 Subject Alternative Name"] if row["san"] else []
    names += ["X509v3 Subject Key Identifier"] if row["ski"] else []
    names += ["X509v3 Authority Key Identifier"] if row["aki"] else []
    return sorted(names)


def subject_of(row):
    return (["O=" + row["o"]] if row["o"] else []) + ["CN=" + row["cn"]]


def compare_algorithm(report, facts, file, certificate):
    measured = facts["key_algorithm"]
    others = facts["other_algorithms"]
    known = any(o["signature"] == certificate.signature and o["key"] == certificate.key for o in others)
    reason = "algorithm" if known else None
    report.equal(file, "signature", certificate.signature, measured["signature"], reason)
    report.equal(file, "key", certificate.key, measured["key"], reason)


def compare_fields(report, file, row, c):
    """Everything of the table but issuer, validity and key."""
    report.equal(file, "version", c.version, "3")
    report.equal(file, "subject", c.subject, subject_of(row))
    report.equal(file, "SANs", sans(c), sorted(row["san"]))
    report.equal(file, "key usage", c.extension("Key Usage"), (True, ", ".join(row["ku"])))
    report.equal(file, "ext. key usage", words(c.extension("Extended Key Usage")), row["eku"])
    report.equal(file, "basic constraints", c.extension("Basic Constraints"),
                 (True, "CA:TRUE" if row["ca"] else "CA:FALSE"))
    report.equal(file, "extensions", c.extension_names(), wanted_extensions(row))
    report.equal(file, "serial number of 1 to 63 bits", 1 <= c.serial_bits <= 63, True)


def compare_issuer(report, file, pem, c, ca_file, ca, aki):
    report.equal(file, "issuer", c.issuer, ca.subject)
    if aki:
        report.equal(file, "authority key identifier", (c.extension("Authority Key Identifier") or ("", None))[1],
                     (ca.extension("Subject Key Identifier") or ("", "absent"))[1])
    report.equal(file, "signed by " + ca_file, is_signed(pem, report.read(ca_file) or ""), True)


def compare_key(report, facts, file, pem, c):
    """The key fits its certificate (or public key) and stands in the form of its algorithm."""
    forms = {a["key"]: a["pem"] for a in [facts["key_algorithm"]] + facts["other_algorithms"]}
    label = re.search(r"-----BEGIN (.*?)-----", pem)
    report.equal(file, "PEM type", label.group(1) if label else None, forms.get(c.key, "one of a known algorithm"))
    report.equal(file, "key of its certificate", openssl("pkey", "-pubout", data=pem.encode()) == c.public_key, True)


def load(report, name):
    pem = report.read(name)
    if pem is None:
        return None, None
    try:
        return pem, Certificate(pem)
    except (ValueError, AttributeError) as error:
        report.deviation(name, "content", str(error), "a certificate")
        return pem, None


def compare_certificate(report, facts, row, authorities):
    name = PKI + row["file"]
    pem, c = load(report, name)
    if c is None:
        return
    if row["ca"]:
        authorities[row["file"]] = c
    report.mode(name, facts["modes"]["crt"])
    compare_fields(report, name, row, c)
    compare_algorithm(report, facts, name, c)
    report.equal(name, "validity in seconds", int((c.not_after - c.not_before).total_seconds()), row["seconds"])
    if row["issuer"] in authorities:
        compare_issuer(report, name, pem, c, PKI + row["issuer"], authorities[row["issuer"]], row["aki"])
    key = name[:-4] + ".key"
    text = report.read(key)
    report.mode(key, facts["modes"]["key"])
    if text is not None:
        compare_key(report, facts, key, text, c)


class ServiceAccountKey:
    """sa.pub in the place of a certificate."""

    def __init__(self, pem):
        text = openssl("pkey", "-pubin", "-noout", "-text", data=pem.encode()) or ""
        bits = re.search(r"Public-Key: \((\d+) bit\)", text)
        kind = "rsaEncryption" if "Modulus" in text else "id-ecPublicKey"
        self.key = "%s %s bit" % (kind, bits.group(1) if bits else "?")
        self.public_key = openssl("pkey", "-pubin", "-pubout", data=pem.encode())


def compare_public_mode(report, facts, join):
    """On a joined node kubeadm has another mode; the stricter one is as good."""
    name = PKI + "sa.pub"
    if join and os.path.exists(report.path(name)) and os.stat(report.path(name)).st_mode & 0o7777 == 0o600:
        report.deviation(name, "mode", "0600", "0644", "sa_pub_mode")
    else:
        report.mode(name, "0644" if join else facts["modes"]["sa.pub"])


def compare_service_account(report, facts, join, algorithm):
    public = report.read(PKI + "sa.pub")
    private = report.read(PKI + "sa.key")
    report.mode(PKI + "sa.key", facts["modes"]["sa.key"])
    compare_public_mode(report, facts, join)
    if public is None or private is None:
        return
    sa = ServiceAccountKey(public)
    label = re.search(r"-----BEGIN (.*?)-----", public)
    report.equal(PKI + "sa.pub", "PEM type", label.group(1) if label else None, "PUBLIC KEY")
    report.equal(PKI + "sa.pub", "the algorithm of ca.crt", sa.key, algorithm)
    compare_key(report, facts, PKI + "sa.key", private, sa)


def compare_set(report, facts):
    """No file beside the table's."""
    wanted = {"sa.key", "sa.pub"}
    for row in facts["certificates"]:
        wanted |= {row["file"], row["file"][:-4] + ".key"}
    found = set()
    top = report.path(PKI)
    for directory, _, files in os.walk(top):
        found |= {os.path.relpath(os.path.join(directory, f), top) for f in files}
    report.equal(PKI, "files", sorted(found), sorted(wanted))


def compare(report, facts, names, join):
    authorities = {}
    for row in facts["certificates"]:
        compare_certificate(report, facts, fill(row, names), authorities)
    compare_set(report, facts)
    algorithm = authorities["ca.crt"].key if "ca.crt" in authorities else facts["key_algorithm"]["key"]
    for file, c in authorities.items():
        report.equal(PKI + file, "the algorithm of ca.crt", c.key, algorithm)
    compare_service_account(report, facts, join, algorithm)
    return authorities.get("ca.crt")
