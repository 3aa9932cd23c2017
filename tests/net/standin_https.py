#!/usr/bin/env python3
"""An HTTPS service to be checked: answers every GET, 500 while the file DIR/sick exists, late while DIR/slow
has a number of seconds.

usage: standin_https.py PORT DIR [MIB]    (DIR/server.pem: certificate and key; MIB: memory it holds)
"""
import http.server
import os
import socketserver
import ssl
import sys
import time

PORT, DIR = int(sys.argv[1]), sys.argv[2]
MEMORY = bytearray((int(sys.argv[3]) if len(sys.argv) > 3 else 0) << 20)
for page in range(0, len(MEMORY), 4096):
    MEMORY[page] = 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            with open(DIR + "/slow") as file:
                time.sleep(float(file.read()))
        except (FileNotFoundError, ValueError):
            pass
        self.send_response(500 if os.path.exists(DIR + "/sick") else 200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def get_request(self):
        sock, address = self.socket.accept()
        return CONTEXT.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(DIR + "/server.pem")
Server(("0.0.0.0", PORT), Handler).serve_forever()
