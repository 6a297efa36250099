"""Which Docker daemon is used: the one that the ``docker`` command would use here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.tls import TLSConfig

from socklat_gate.errors import Reason, UnfitEnvironment

__all__ = ["DEFAULT_URL", "DaemonAddress", "command_environment", "daemon_address"]

DEFAULT_URL = "unix:///var/run/docker.sock"
DEFAULT_CONTEXT = "default"
PEM_FILES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """A URL, and the context that it comes from ("": ``DOCKER_HOST``, or none is chosen).

    ``certificates`` is the directory of a context's own `PEM_FILES`, ``verify`` whether they are
    to prove who responds.
    """

    url: str
    context: str = ""
    certificates: Path | None = None
    verify: bool = False

    def __str__(self) -> str:
        return f"{self.url} (context {self.context!r})" if self.context else self.url

    def client_options(self) -> dict[str, object]:
        """Keyword arguments of ``docker.DockerClient`` for the URL of a context."""
        if self.certificates is None:
            return {"base_url": self.url}
        ca, certificate, key = (str(self.certificates / name) for name in PEM_FILES)
        tls = TLSConfig(client_cert=(certificate, key), ca_cert=ca, verify=self.verify)
        return {"base_url": self.url, "tls": tls}


def daemon_address() -> DaemonAddress:
    """``DOCKER_HOST``, else the context that is chosen, else the standard socket.

    Raises `UnfitEnvironment` (NO_DOCKER) for a context that is not there.
    """
    if host := os.environ.get("DOCKER_HOST"):
        return DaemonAddress(host)
    name = os.environ.get("DOCKER_CONTEXT") or _current_context()
    if name in ("", DEFAULT_CONTEXT):
        return DaemonAddress(DEFAULT_URL)
    return _of_context(name)


def command_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` for a command of Docker's, which is then led to `daemon_address` too.

    ``docker`` follows contexts and the older ``docker-compose`` does not: without this the one
    would start on a daemon what the other never sees.
    """
    kept = dict(environment)
    at = daemon_address()
    if not at.context:
        return kept
    kept.pop("DOCKER_CONTEXT", None)
    kept["DOCKER_HOST"] = at.url
    if at.certificates is not None:
        kept["DOCKER_CERT_PATH"] = str(at.certificates)
        kept["DOCKER_TLS_VERIFY"] = "1" if at.verify else ""
    return kept


def _directory() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _current_context() -> str:
    try:
        config = json.loads((_directory() / "config.json").read_bytes())
        return str(config.get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _of_context(name: str) -> DaemonAddress:
    # Not with the SDK's own reader, which looks beside a config.json that need not be there.
    folder = hashlib.sha256(name.encode()).hexdigest()
    place = _directory() / "contexts"
    try:
        found = json.loads((place / "meta" / folder / "meta.json").read_bytes())
        endpoint = found["Endpoints"]["docker"]
        url = str(endpoint.get("Host") or DEFAULT_URL)
        skips = bool(endpoint.get("SkipTLSVerify"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnfitEnvironment(
            Reason.NO_DOCKER,
            f"the docker context {name!r} cannot be read: {error}",
            remedy="`docker context ls` lists those that are there; choose one with `docker "
            "context use NAME`, or name the daemon in DOCKER_HOST",
        ) from None
    certificates = place / "tls" / folder / "docker"
    has_all = all((certificates / one).is_file() for one in PEM_FILES)
    return DaemonAddress(url, name, certificates if has_all else None, has_all and not skips)
