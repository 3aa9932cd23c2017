"""Of the controllers of kube-controller-manager those that a control plane in the making meets, by polling.

    bootstrap signer   jws-kubeconfig-ID in cluster-info for each token that is for signing, and no others
    token cleaner      tokens that have expired are deleted
    node controller    the taints of a node that is not ready; a node that does not report itself for a while
                       is not known to be ready

Each looks at what there is every other second, and is right to do so on all machines at once: there is no
election.
"""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import time

from podrunner_node import Credentials

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
SECRETS = "/api/v1/namespaces/kube-system/secrets"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
ROUND_S, TIMEOUT_S = 2, 5
GRACE_S = 50  # as of Kubernetes 1.32


class Api:
    """One connection, opened anew after a failure: the machines' time belongs to others."""

    def __init__(self, kubeconfig):
        who = Credentials(kubeconfig)
        self.connection = http.client.HTTPSConnection(who.server.hostname, who.server.port, timeout=TIMEOUT_S,
                                                      context=who.context)

    def call(self, method, path, body=None, kind="application/json"):
        """(status, object)"""
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body),
                                    {"User-Agent": "kube-controller-manager/standin", "Content-Type": kind})
            reply = self.connection.getresponse()
            return reply.status, json.loads(reply.read())
        except (OSError, ValueError, http.client.HTTPException):
            self.connection.close()
            raise

    def items(self, path):
        status, found = self.call("GET", path)
        if status != 200:
            raise ValueError(f"GET {path}: {status} {found.get('message')}")
        return found["items"]


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(content, token_id, secret):
    """A detached JWS (RFC 7515, HS256), its header spelt as kubeadm compares it."""
    header = b64url(('{"alg":"HS256","kid":"%s"}' % token_id).encode())
    signed = f"{header}.{b64url(content.encode())}"
    return f"{header}..{b64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def tokens(api):
    """[(name of the Secret, {field: text})]"""
    found = api.items(SECRETS + "?fieldSelector=type%3Dbootstrap.kubernetes.io/token")
    return [(secret["metadata"]["name"],
             {field: base64.b64decode(value).decode() for field, value in (secret.get("data") or {}).items()})
            for secret in found]


def is_expired(token):
    """An expiration that cannot be read has passed."""
    try:
        return "expiration" in token and \
            datetime.datetime.fromisoformat(token["expiration"]) <= datetime.datetime.now(datetime.timezone.utc)
    except (ValueError, TypeError):
        return True


def sign_cluster_info(api):
    status, found = api.call("GET", CLUSTER_INFO)
    data = found.get("data") or {}
    if status != 200 or "kubeconfig" not in data:
        return
    wanted = {name: value for name, value in data.items() if not name.startswith("jws-kubeconfig-")}
    for _, token in tokens(api):
        if token.get("usage-bootstrap-signing") == "true" and not is_expired(token):
            wanted["jws-kubeconfig-" + token["token-id"]] = \
                sign(data["kubeconfig"], token["token-id"], token["token-secret"])
    if wanted != data:
        api.call("PUT", CLUSTER_INFO, {**found, "data": wanted})  # changed meanwhile: again in the next round


def clean_tokens(api):
    for name, token in tokens(api):
        if is_expired(token):
            api.call("DELETE", f"{SECRETS}/{name}")


def watch_nodes(api):
    for node in api.items("/api/v1/nodes"):
        path = "/api/v1/nodes/" + node["metadata"]["name"]
        ready = next((c for c in node.get("status", {}).get("conditions") or [] if c["type"] == "Ready"), None)
        if not ready:
            continue
        beat = datetime.datetime.fromisoformat(ready["lastHeartbeatTime"])
        late = (datetime.datetime.now(datetime.timezone.utc) - beat).total_seconds() > GRACE_S
        if late and ready["status"] != "Unknown":
            api.call("PATCH", path + "/status", {"status": {"conditions": [{
                "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status."}]}}, STRATEGIC)
        retaint(api, path, node, [UNREACHABLE] if late else [] if ready["status"] == "True" else [NOT_READY])


def retaint(api, path, node, wanted):
    """The node's own taints, and of the two above those that are wanted."""
    taints = node.get("spec", {}).get("taints") or []
    new = [taint for taint in taints if taint["key"] not in (NOT_READY, UNREACHABLE)] + \
        [{"key": key, "effect": "NoSchedule"} for key in wanted]
    if {taint["key"] for taint in new} != {taint["key"] for taint in taints}:
        api.call("PATCH", path, {"metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
                                 "spec": {"taints": new or None}}, MERGE)


def run(kubeconfig):
    """Round after round; what fails is said once, and tried again."""
    api, said = Api(kubeconfig), {}
    while True:
        for work in (sign_cluster_info, clean_tokens, watch_nodes):
            text = ""
            try:
                work(api)
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                text = f"{work.__name__}: {error!r}"
            if text and text != said.get(work):
                print(text, flush=True)
            said[work] = text
        time.sleep(ROUND_S)
