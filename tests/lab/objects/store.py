"""Objects in etcd, where a real API server keeps them (/registry/...), through etcd's JSON gateway.

An object's resourceVersion is its revision in etcd, as in the real one; what is stored has none.
"""
import base64
import http.client
import json
import queue
import ssl
import urllib.parse

TIMEOUT_S = 5


class Unavailable(Exception):
    """etcd does not answer, or not in time."""


class Etcd:
    def __init__(self, servers, ca, certificate, key):
        self.servers = [urllib.parse.urlsplit(server) for server in servers.split(",")]
        self.context = ssl.create_default_context(cafile=ca)
        self.context.load_cert_chain(certificate, key)
        self.idle = queue.LifoQueue()

    def connect(self):
        url = self.servers[0]
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=TIMEOUT_S, context=self.context)

    def call(self, path, body):
        """A connection that was idle may have been closed by now: then once more on a new one."""
        try:
            connection, used = self.idle.get_nowait(), True
        except queue.Empty:
            connection, used = self.connect(), False
        while True:
            try:
                connection.request("POST", path, json.dumps(body))
                response = connection.getresponse()
                reply = json.loads(response.read())
                break
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                if not used or isinstance(error, TimeoutError):
                    raise Unavailable(str(error)) from error
                connection, used = self.connect(), False
        self.idle.put(connection)
        if response.status != 200:
            raise Unavailable(str(reply.get("error", response.status)))
        return reply

    def txn(self, compare, success):
        return self.call("/v3/kv/txn", {"compare": compare, "success": success})


def b64(text):
    return base64.b64encode(text.encode()).decode()


def range_of(key, prefix):
    body = {"key": b64(key)}
    if prefix:
        body["range_end"] = b64(key[:-1] + chr(ord(key[-1]) + 1))
    return body


def objects_of(reply):
    """[(key, object)] of a reply to a range, with resourceVersion."""
    found = []
    for pair in reply.get("kvs", []):
        obj = json.loads(base64.b64decode(pair["value"]))
        obj["metadata"]["resourceVersion"] = str(pair["mod_revision"])
        found.append((base64.b64decode(pair["key"]).decode(), obj))
    return found


def value_of(obj):
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    return b64(json.dumps({**obj, "metadata": metadata}, separators=(",", ":")))


class Store:
    """Every method may raise Unavailable."""

    def __init__(self, etcd):
        self.etcd = etcd

    def get(self, key):
        found = objects_of(self.etcd.call("/v3/kv/range", range_of(key, False)))
        return found[0][1] if found else None

    def list(self, prefix):
        """(objects, revision of the store)"""
        reply = self.etcd.call("/v3/kv/range", range_of(prefix, True))
        return [obj for _, obj in objects_of(reply)], reply["header"]["revision"]

    def several(self, ranges):
        """Objects of several (key, prefix?) at one revision."""
        reply = self.etcd.txn([], [{"request_range": range_of(key, prefix)} for key, prefix in ranges])
        return [[obj for _, obj in objects_of(r["response_range"])] for r in reply["responses"]]

    def create(self, key, obj):
        """The object with its resourceVersion; None: there is one."""
        reply = self.etcd.txn([{"key": b64(key), "target": "CREATE", "create_revision": "0"}],
                              [{"request_put": {"key": b64(key), "value": value_of(obj)}}])
        return self.written(obj, reply)

    def replace(self, key, obj, version):
        """None: it has changed since `version`, or is gone."""
        reply = self.etcd.txn([{"key": b64(key), "target": "MOD", "mod_revision": version}],
                              [{"request_put": {"key": b64(key), "value": value_of(obj)}}])
        return self.written(obj, reply)

    def delete(self, key, version):
        return self.etcd.txn([{"key": b64(key), "target": "MOD", "mod_revision": version}],
                             [{"request_delete_range": {"key": b64(key)}}]).get("succeeded", False)

    def create_all(self, objects):
        """{key: object}: those that are missing, in one transaction. False: somebody else was at it."""
        reply = self.etcd.txn(
            [{"key": b64(key), "target": "CREATE", "create_revision": "0"} for key in objects],
            [{"request_put": {"key": b64(key), "value": value_of(obj)}} for key, obj in objects.items()])
        return reply.get("succeeded", False)

    @staticmethod
    def written(obj, reply):
        if not reply.get("succeeded"):
            return None
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": reply["header"]["revision"]}}
