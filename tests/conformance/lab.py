"""A laboratory without Docker: a network namespace joined to the host's by a veth pair."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from tests.services.build import compile_service

__all__ = ["BridgedLab", "Family", "Lab"]

Family = Literal["v4", "v6", "mapped"]
"""The service's socket: IPv4, IPv6, or IPv6 serving IPv4 clients (v4-mapped addresses)."""


class Lab:
    """Context manager: the namespace with a 10.x and an fdxx address, the services' programs.

    ``ip`` comes from iproute2; root is needed.  Everything is removed on leaving.
    """

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.namespace = f"socklat{mark}"
        self.device = f"sl{mark}"
        self.host4, self.inside4 = (str(address) for address in _free_subnet().hosts())
        prefix6 = f"fd{mark[:2]}:{mark[2:]}:50c1"
        host6, self.inside6 = f"{prefix6}::1", f"{prefix6}::2"
        self._host = [f"{self.host4}/30", f"{host6}/64"]
        self._inside = [f"{self.inside4}/30", f"{self.inside6}/64"]
        self._directory = tempfile.TemporaryDirectory(prefix="socklat-lab-")

    def __enter__(self) -> Lab:
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the namespace, and with it the veth pair; harmless when called twice."""
        # The host's end would go with its peer, but only once the namespace has been reaped.
        for command in (["link", "delete", self.device], ["netns", "delete", self.namespace]):
            subprocess.run(["ip", *command], capture_output=True, check=False)
        self._directory.cleanup()

    @property
    def netns_inode(self) -> int:
        """What the probe watches."""
        return os.stat(f"/run/netns/{self.namespace}").st_ino

    def address(self, family: Family) -> str:
        """The service's address as a client of that family uses it."""
        return self.inside6 if family == "v6" else self.inside4

    def program(self, name: str) -> str:
        """Path of the compiled ``tests/services/<name>.c``."""
        program = Path(self._directory.name) / name
        if not program.exists():
            program.write_bytes(compile_service(f"{name}.c"))
            program.chmod(0o755)
        return str(program)

    def start(self, *options: str, program: str = "delay") -> subprocess.Popen[bytes]:
        """Runs a test service inside; its process is the service itself, its stdout is a pipe."""
        return self.run_inside(self.program(program), *options)

    def run_inside(self, *command: str) -> subprocess.Popen[bytes]:
        """Runs any command inside; stdout is a pipe."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )

    def _connect(self) -> None:
        inside = ["-n", self.namespace]
        peer = ["peer", "name", "eth0", "netns", self.namespace]
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.device, "type", "veth", *peer)
        for address in self._host:
            _ip("address", "add", address, "dev", self.device, *_no_dad(address))
        for address in self._inside:
            _ip(*inside, "address", "add", address, "dev", "eth0", *_no_dad(address))
        _ip("link", "set", self.device, "up")
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "set", "eth0", "up")


class BridgedLab(Lab):
    """A laboratory whose device is a port of a bridge, which has the host's IPv4 address."""

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"{self.device}b"

    def close(self) -> None:
        """As in `Lab`, and removes the bridge."""
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True, check=False)
        super().close()

    def _connect(self) -> None:
        super()._connect()
        address = f"{self.host4}/30"
        _ip("link", "add", self.bridge, "type", "bridge", "forward_delay", "0")
        _ip("address", "delete", address, "dev", self.device)
        _ip("address", "add", address, "dev", self.bridge)
        _ip("link", "set", self.device, "master", self.bridge)
        _ip("link", "set", self.bridge, "up")


def _free_subnet() -> ipaddress.IPv4Network:
    """A /30 of 10.0.0.0/8 that no route of this host covers, default routes apart."""
    routes = json.loads(_ip("-j", "-4", "route", "show", "table", "all") or "[]")
    taken = [ipaddress.ip_network(r["dst"], strict=False) for r in routes if r["dst"] != "default"]
    while True:
        base = int(ipaddress.IPv4Address("10.0.0.0")) + 4 * secrets.randbelow(1 << 22)
        subnet = ipaddress.IPv4Network((base, 30))
        if not any(subnet.overlaps(other) for other in taken):
            return subnet


def _no_dad(address: str) -> list[str]:
    """Duplicate address detection would keep an IPv6 address unusable for seconds."""
    return ["nodad"] if ":" in address else []


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"
    return done.stdout
