"""Containers as a user would have them: nothing about them is the gate's."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

__all__ = ["Container", "bridge"]

WITHIN_S = 10.0


@contextmanager
def bridge(client: Any) -> Iterator[str]:
    """Name of a Docker network of its own, removed on leaving."""
    network = client.networks.create(f"socklat-test-{secrets.token_hex(4)}", driver="bridge")
    try:
        yield str(network.name)
    finally:
        network.remove()


class Container:
    """Context manager: a container of ``image`` on a Docker network, which listens on ``port``.

    ``host`` is its address there, ``pid`` its first process, ``netns_inode`` what the probe
    watches.
    """

    def __init__(
        self, client: Any, network: str, image: str, port: int, command: Sequence[str] = ()
    ) -> None:
        self._container = client.containers.create(image, list(command) or None, network=network)
        self.id, self.name, self.image = str(self._container.id), str(self._container.name), image
        self.port = port
        self.host = ""
        self.pid = self.netns_inode = 0

    def __enter__(self) -> Container:
        try:
            self._container.start()
            self._container.reload()
            state = self._container.attrs
            (network,) = state["NetworkSettings"]["Networks"].values()
            self.host = network["IPAddress"]
            self.pid = int(state["State"]["Pid"])
            self.netns_inode = os.stat(f"/proc/{self.pid}/ns/net").st_ino
            self._await_listening()
        except BaseException:
            self._container.remove(force=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.remove(force=True)

    def stop(self) -> str:
        """Ends the service by SIGTERM; returns what it has written to its stdout."""
        self._container.stop(timeout=int(WITHIN_S))
        return str(self._container.logs(stdout=True, stderr=False).decode())

    def _await_listening(self) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1.0).close()
            except OSError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)
            else:
                return
