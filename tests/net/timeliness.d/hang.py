#!/usr/bin/env python3
"""Services and clients that hang, each in its way, until they are killed.

usage: hang.py silent|full|drip|endless [PORT...]    where the agent's checks ask: TCP 6443, 2381, 10248; UDP 323
       hang.py clients SOCKET PORT                   on the agent's control socket and loopback port
       hang.py reload SOCKET TIMES                   POST /v1/keys/reload, and wait for no answer
Prints "ready" when it hangs.
"""
import select
import socket
import sys
import threading
import time

PORTS = (6443, 2381, 10248)
CHRONYD = 323
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000000\r\n\r\n"
RECORD = b"\x16\x03\x03\x40\x00"  # the beginning of a TLS record of 16 KiB


def listen(port, backlog):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", port))
    s.listen(backlog)
    return s


def silent_chronyd():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", CHRONYD))
    return s


def each_connection(port, serve):
    """serve(connection) in a thread for each; what it accepted is held."""
    server, held = listen(port, 64), []

    def run():
        while True:
            c, _ = server.accept()
            held.append(c)
            threading.Thread(target=serve, args=(c, port), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def never_answer(_connection, _port):
    pass


def one_byte_at_a_time(c, port):
    try:
        for byte in (RECORD if port == 6443 else HEAD) + bytes(1000):
            c.send(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        pass


def without_end(c, port):
    try:
        c.send(RECORD if port == 6443 else HEAD)
        while True:
            c.send(bytes(65536))
    except OSError:
        pass


def full_backlog(ports):
    """Nobody accepts, and the queue is full: a connection is neither made nor refused."""
    held = []
    for port in ports:
        held.append(listen(port, 0))
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(("127.0.0.1", port))
            held.append(c)
    return held


def clients(path, port):
    """Each connection stalls somewhere: before, in, and after its request."""
    said = [
        b"",
        b"GET /v1/sta",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /v1/vip/move HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{",
        b"POST /v1/vip/move HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n{",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,  # the answers are not read
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
        b"\x16\x03\x01\x02\x00" + bytes(100),
    ]
    held = []
    for i in range(200):
        s = socket.socket(socket.AF_UNIX if i % 2 else socket.AF_INET)
        s.setblocking(False)
        try:
            s.connect(path if i % 2 else ("127.0.0.1", port))
        except BlockingIOError:
            pass
        held.append((s, said[i // 2 % len(said)]))
    select.select([], [s for s, _ in held], [], 0.2)
    for s, text in held:
        try:
            s.send(text)
        except OSError:
            pass
    return held


def reload_keys(path, times):
    for _ in range(times):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(path)
            s.send(b"POST /v1/keys/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
            s.recv(4096)
        except OSError:
            pass
        s.close()


def main():
    how, held = sys.argv[1], []
    if how == "reload":
        print("ready", flush=True)
        reload_keys(sys.argv[2], int(sys.argv[3]))
        return
    if how == "clients":
        while True:  # as often as the server ends them
            held = clients(sys.argv[2], int(sys.argv[3]))
            print("ready", flush=True)
            time.sleep(1)
    ports = [int(p) for p in sys.argv[2:]] or [*PORTS, CHRONYD]
    if CHRONYD in ports:
        ports.remove(CHRONYD)
        held.append(silent_chronyd())
    if how == "full":
        held.append(full_backlog(ports))
    else:
        for port in ports:
            each_connection(port, {"silent": never_answer, "drip": one_byte_at_a_time, "endless": without_end}[how])
    print("ready", flush=True)
    while True:
        time.sleep(60)


main()
