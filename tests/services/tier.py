"""A tier of a stack, by ROLE; TCP and HTTP by hand, so that it starts in a moment.

db       answers each connection on 5432 with its container's id and a count that it keeps in DATA
app      answers HTTP on 8080 with what DB_HOST said, and with counts of CACHE_HOST (Redis)
worker   takes from the list "jobs" of CACHE_HOST what apps put there, and counts
migrate  writes DATA/schema, and ends
"""

import os
import socket
import sys
import threading
import time
from pathlib import Path

HOST = socket.gethostname()
DATA = os.environ.get("DATA")
SECRET = Path("/run/secrets/password")


def listen(port, serve):
    listening = socket.create_server(("0.0.0.0", port), backlog=512)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def ask(host, port, text=b""):
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(text)
        return connection.recv(400).decode().strip()


def redis(*words):
    """A reply's value: a number, or the last of an array."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
    return ask(os.environ["CACHE_HOST"], 6379, request.encode()).split("\r\n")[-1].lstrip(":")


def database():
    time.sleep(float(os.environ.get("WAIT", "0")))
    if os.environ.get("NEEDS_SCHEMA"):
        assert Path(DATA, "schema").read_text() == "1"
    kept, lock = (Path(DATA, "count") if DATA else None), threading.Lock()
    counted = [int(kept.read_text()) if kept and kept.exists() else 0]

    def serve(connection):
        with connection, lock:
            counted[0] += 1
            if kept:
                kept.write_text(str(counted[0]))
            connection.sendall(f"{HOST} {counted[0]}\n".encode())

    listen(5432, serve)


def facts():
    found = [f"app={HOST}"]
    if "DB_HOST" in os.environ:
        name, count = ask(os.environ["DB_HOST"], 5432).split()
        found += [f"db={name}", f"count={count}"]
    if "CACHE_HOST" in os.environ:
        found.append(f"hits={redis('INCR', 'hits')}")
        if "QUEUE" in os.environ:
            redis("RPUSH", "jobs", "x")
            found.append(f"done={redis('GET', 'done')}")
    if SECRET.exists():
        found.append(f"secret={SECRET.read_text().strip()}")
    if "PRICE" in os.environ:
        found.append(f"price={os.environ['PRICE']}")
    return " ".join(found).encode()


def application():
    if os.environ.get("MUST"):
        try:
            ask(os.environ["DB_HOST"], 5432)
        except OSError as error:
            sys.exit(f"cannot reach {os.environ['DB_HOST']}: {error}")

    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in got:
                    more = connection.recv(65536)
                    if not more:
                        return
                    got += more
                got = got.split(b"\r\n\r\n", 1)[1]
                try:
                    status, body = b"200 OK", facts()
                except OSError as error:
                    status, body = b"503 Unavailable", str(error).encode()
                head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
                connection.sendall(head + body)

    listen(int(os.environ.get("PORT", "8080")), serve)


def worker():
    while True:
        try:
            if redis("LPOP", "jobs") == "x":
                redis("INCR", "done")
                continue
        except OSError:
            pass
        time.sleep(0.05)


def migrate():
    time.sleep(0.3)
    Path(DATA, "schema").write_text("1")


if sys.argv[1:] == ["health"]:
    ask("127.0.0.1", int(os.environ.get("PORT", "5432")))
else:
    {"db": database, "app": application, "worker": worker, "migrate": migrate}[os.environ["ROLE"]]()
