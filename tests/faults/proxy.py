"""A proxy before the Docker daemon, on a socket of its own, that does wrong to what passes.

The daemon itself is left alone: others use it.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DAEMON", "DockerProxy", "Wrong"]

DAEMON = "/var/run/docker.sock"
PIECE = 1 << 16
GARBAGE = b"\x16\x03\x01\x02\x00 this is no HTTP at all\r\n\r\n\x00\xff"


@dataclass
class Wrong:
    """What goes wrong with requests whose method and path match ``what``, ``times`` times.

    ``kind``: "hang", "delay" (``value`` s), "status" (``value``, with ``text``), "cut" (no
    response), "lost" (done, but no response), "truncate" (``value`` bytes of the response),
    "garbage", "drip" (``value`` s a byte).
    """

    kind: str
    what: str = ""
    value: float = 0.0
    text: str = "the daemon is broken on purpose"
    times: int = 1 << 30
    seen: int = field(default=0, compare=False)

    def takes(self, request: str) -> bool:
        """Whether this request is one of them; counts it."""
        if self.seen >= self.times or not re.search(self.what, request):
            return False
        self.seen += 1
        return True


class DockerProxy:
    """Listens at ``path``; ``wrong`` may be changed at any time, `stop` and `begin` called again.

    ``on_done`` is called when the daemon responds to a request, before the client hears of it.
    """

    def __init__(self, path: Path, daemon: str = DAEMON) -> None:
        self.path, self._daemon = path, daemon
        self.wrong: list[Wrong] = []
        self.requests: list[str] = []
        self.on_done: Callable[[str], None] = lambda request: None
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._released = threading.Event()

    @property
    def url(self) -> str:
        """For ``DOCKER_HOST``."""
        return f"unix://{self.path}"

    def begin(self) -> None:
        """Listen."""
        self.path.unlink(missing_ok=True)
        listener = self._listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """As a daemon that was killed: nobody listens, and every connection is cut."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def restart(self, after_s: float) -> None:
        """Stopped, and back some seconds later."""
        self.stop()
        again = threading.Timer(after_s, self.begin)
        again.daemon = True
        again.start()

    def heal(self) -> None:
        """All is well from now on, also with what hangs."""
        self.wrong = []
        self._released.set()
        if self._listener is None:
            self.begin()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._kept(client), suppress(OSError):
            head, rest = _read_head(client)
            if not head:
                return
            line = head.split(b"\r\n", 1)[0].decode("latin-1")
            request = " ".join(line.split()[:2])
            self.requests.append(request)
            wrong = next((one for one in self.wrong if one.takes(request)), None)
            if wrong is not None and self._refuse(client, wrong):
                return
            with socket.socket(socket.AF_UNIX) as daemon, self._kept(daemon):
                daemon.connect(self._daemon)
                # One request a connection: then both sides are bytes to pass on.
                if b"\r\nupgrade:" not in head.lower():
                    head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head)
                    head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                daemon.sendall(head + rest)
                up = threading.Thread(target=_pump, args=(client, daemon), daemon=True)
                up.start()
                self._answer(daemon, client, wrong, request)

    def _refuse(self, client: socket.socket, wrong: Wrong) -> bool:
        """Whether the request gets no further than here."""
        if wrong.kind == "hang":
            self._released.wait()
            return True
        if wrong.kind == "delay":
            time.sleep(wrong.value)
            return False
        if wrong.kind == "cut":
            return True
        if wrong.kind == "garbage":
            client.sendall(GARBAGE)
            return True
        if wrong.kind == "status":
            body = json.dumps({"message": wrong.text}).encode()
            head = f"HTTP/1.1 {wrong.value:.0f} Wrong\r\nContent-Type: application/json\r\n"
            head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            return True
        return False

    def _answer(
        self, daemon: socket.socket, client: socket.socket, wrong: Wrong | None, request: str
    ) -> None:
        kind = wrong.kind if wrong else ""
        left = int(wrong.value) if wrong and kind == "truncate" else 0
        first = True
        while data := daemon.recv(PIECE):
            if first:  # it has been done by now
                first = False
                self.on_done(request)
            if kind == "truncate":
                client.sendall(data[:left])
                left -= len(data[:left])
                if left <= 0:
                    return
            elif kind == "drip":
                assert wrong is not None
                for at in range(len(data)):
                    client.sendall(data[at : at + 1])
                    time.sleep(wrong.value)
            elif kind != "lost":
                client.sendall(data)

    @contextmanager
    def _kept(self, one: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(one)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(one)
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(PIECE)
        if not more:
            return b"", b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
