"""The pod runner's node: registered with the kubelet's credentials, and kept Ready.

What a kubelet does on its own account: it makes its Node object at the API server that its kubeconfig
names, and says every few seconds that it is Ready. It does not renew its certificate.
"""
import base64
import datetime
import http.client
import json
import platform
import ssl
import tempfile
import threading
import time
import urllib.parse

import yaml

HEARTBEAT_S = 5
RETRY_S = 1
TIMEOUT_S = 5


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Credentials:
    """Server, CA and client certificate of a kubeconfig, read anew each time: a kubelet renews its own."""

    def __init__(self, path):
        with open(path) as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = urllib.parse.urlsplit(cluster["server"])
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if "client-certificate" in user:
            self.context.load_cert_chain(user["client-certificate"], user["client-key"])
            return
        with tempfile.NamedTemporaryFile() as pair:
            for key in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[key]))
            pair.flush()
            self.context.load_cert_chain(pair.name)

    def call(self, method, path, body, content_type="application/json"):
        connection = http.client.HTTPSConnection(self.server.hostname, self.server.port, timeout=TIMEOUT_S,
                                                 context=self.context)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": content_type})
            reply = connection.getresponse()
            return reply.status, reply.read()[:300]
        finally:
            connection.close()


class Node(threading.Thread):
    def __init__(self, kubeconfig, name, address, log, taints=""):
        super().__init__(daemon=True)
        self.taints = [taint for taint in (taints or "").split(",") if taint]
        self.kubeconfig, self.name, self.address, self.log = kubeconfig, name, address, log
        self.said = None

    def say(self, text):
        if text != self.said:
            self.log(f"node {self.name}: {text}")
        self.said = text

    def object(self):
        node = {"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": self.name,
                             "labels": {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux"}}}
        taints = []
        for taint in self.taints:  # KEY[=VALUE]:EFFECT
            key, _, effect = taint.rpartition(":")
            key, equals, value = key.partition("=")
            taints.append({"key": key, "effect": effect, **({"value": value} if equals else {})})
        return {**node, "spec": {"taints": taints}} if taints else node

    @staticmethod
    def info():
        machine = platform.machine()
        return {"architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine), "bootID": "",
                "containerRuntimeVersion": "none://", "kernelVersion": platform.release(), "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.2+podrunner", "machineID": "", "operatingSystem": "linux", "osImage": "lab",
                "systemUUID": ""}

    def status(self):
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the lab's pod runner",
                 "lastHeartbeatTime": now(), "lastTransitionTime": self.since}
        addresses = [{"type": "InternalIP", "address": self.address}] if self.address else []
        return {"status": {"conditions": [ready], "nodeInfo": self.info(),
                           "addresses": addresses + [{"type": "Hostname", "address": self.name}]}}

    def step(self):
        """One heartbeat; true when the node is there."""
        api = Credentials(self.kubeconfig)
        path = f"/api/v1/nodes/{self.name}"
        status, text = api.call("PATCH", path + "/status", self.status(), "application/strategic-merge-patch+json")
        if status == 404:
            status, text = api.call("POST", "/api/v1/nodes", self.object())
            if status in (200, 201, 409):
                status, text = api.call("PATCH", path + "/status", self.status(),
                                        "application/strategic-merge-patch+json")
        if status != 200:
            self.say(f"HTTP {status} {text.decode(errors='replace')}")
            return False
        self.say("registered")
        return True

    def run(self):
        self.since = now()
        while True:
            good = False
            try:
                good = self.step()
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                self.say(repr(error))
            time.sleep(HEARTBEAT_S if good else RETRY_S)
