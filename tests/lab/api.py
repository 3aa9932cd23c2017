#!/usr/bin/env python3
"""Ask the API server of a kubeconfig: api.py [-k KUBECONFIG] METHOD PATH [BODY]

Prints the reply; a BODY of PATCH is a merge patch. Exit status 0: HTTP 2xx, else 1 with the status on stderr.
"""
import http.client
import sys

sys.path.insert(0, "/usr/lib/triarch-lab")
from podrunner_node import Credentials  # noqa: E402

arguments = sys.argv[1:]
kubeconfig = "/etc/kubernetes/admin.conf"
if arguments[0] == "-k":
    kubeconfig, arguments = arguments[1], arguments[2:]
api = Credentials(kubeconfig)
connection = http.client.HTTPSConnection(api.server.hostname, api.server.port, timeout=10, context=api.context)
kind = "application/merge-patch+json" if arguments[0] == "PATCH" else "application/json"
connection.request(arguments[0], arguments[1], arguments[2] if arguments[2:] else None, {"Content-Type": kind})
reply = connection.getresponse()
print(reply.read().decode())
if not 200 <= reply.status < 300:
    print(f"HTTP {reply.status}", file=sys.stderr)
    sys.exit(1)
