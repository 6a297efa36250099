"""Builds by the daemon's own API, where no command with BuildKit is installed."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import docker.errors
import requests
from docker.utils.build import PatternMatcher, tar

from socklat_gate.errors import UsageError
from socklat_gate.interrupt import defer_signals
from socklat_gate.service.backoff import attempts
from socklat_gate.service.build_order import BuildOrder, OnLine
from socklat_gate.service.build_trace import trace_lines
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.docker_documents import BuildEvent
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.dockerfile import base_images
from socklat_gate.service.image import resolve_image

__all__ = ["ClassicBuilder", "DaemonBuildKit", "has_buildkit", "left_out"]

BUILDKIT_API = (1, 39)
TRACE = "moby.buildkit.trace"
STEP_ENDS_WITHIN_S = 3.0
MAX_SHOWN = 80
_FAILURES = (docker.errors.DockerException, requests.RequestException)
_STEP = re.compile(r"^ ---> ([0-9a-f]{12})$")


def has_buildkit(client: DockerClient) -> bool:
    """Whether the daemon builds with BuildKit when it is asked to."""
    with daemon_errors("asking for its version"):
        found = client.version()
    parts: Any = found.get("Components") or ()
    is_docker = any(part.get("Name") == "Engine" for part in parts) or not parts
    version = str(found.get("ApiVersion", "0.0")).split(".")
    numbers = tuple(int(part) if part.isdigit() else 0 for part in version)
    return is_docker and found.get("Os", "linux") == "linux" and numbers >= BUILDKIT_API


class _DaemonBuilder:
    """Sends the context to the daemon, after what a registry has was pulled."""

    version = ""
    mounts_caches = False
    takes_secrets = False

    def __init__(self, client: DockerClient, lacks: str) -> None:
        self._client = client
        self.lacks = lacks

    def build(self, order: BuildOrder, tag: str, on_line: OnLine) -> str:
        """See `Builder`."""
        how = order.how
        self._pull_bases(order, on_line)
        name, added = _dockerfile(order)
        cached = self.mounts_caches and order.cache
        arguments = {"BUILDKIT_CACHE_MOUNT_NS": order.cache} if cached else {}
        parameters = {
            "version": self.version,
            "t": tag,
            "dockerfile": name,
            "target": how.target or "",
            "platform": how.platform or "",
            "buildargs": json.dumps({**arguments, **how.args}),
            "rm": "1",
            "forcerm": "1",
        }
        api = self._client.api
        url = f"{api.base_url}/v{api.api_version}/build"
        # It has no name in any directory, so that nothing stays when this process is killed.
        with tempfile.TemporaryFile() as context:
            try:
                # Compressed, since BuildKit takes a plain archive with long headers for a
                # Dockerfile.
                tar(
                    str(order.directory),
                    exclude=_ignored(order),
                    dockerfile=(name, added),
                    fileobj=context,
                    gzip=True,
                )
            except OSError as error:
                return f"the build context cannot be read: {error}"
            # Of the session itself: no timeout, since a step may say nothing for long.
            response = api.post(
                url,
                data=context,
                params=parameters,
                headers={"Content-Type": "application/x-tar"},
                stream=True,
            )
        # The daemon ends a build that nobody listens to.
        with response:
            if not response.ok:
                return _refused(response)
            return _follow(_events(response), on_line)

    def _pull_bases(self, order: BuildOrder, on_line: OnLine) -> None:
        text = order.dockerfile.read_text(encoding="utf-8", errors="replace")
        for image in base_images(text, order.how.args):
            try:
                resolve_image(self._client, image, on_line)
            except UsageError:
                continue  # the build has its own words for it, if it comes to it


class DaemonBuildKit(_DaemonBuilder):
    """`Builder` by the BuildKit inside the daemon, without a session: it can ask nothing back.

    So it is given no secrets.  ``lacks`` is why there is no more than that.
    """

    name = "BuildKit inside the daemon"
    version = "2"
    mounts_caches = True


class ClassicBuilder(_DaemonBuilder):
    """`Builder` of daemons without BuildKit; ``lacks`` is why not."""

    name = "the classic builder"
    version = "1"

    def build(self, order: BuildOrder, tag: str, on_line: OnLine) -> str:
        """See `Builder`."""
        steps: list[str] = []

        def note(line: str) -> None:
            steps.extend(_STEP.findall(line))
            on_line(line)

        failure, within_s = "", 0.0
        try:
            failure = super().build(order, tag, note)
        except BaseException:
            failure, within_s = "interrupted", STEP_ENDS_WITHIN_S
            raise
        finally:
            if failure and steps:
                with defer_signals():
                    self._remove_step(steps[-1], within_s)
        return failure

    def _remove_step(self, image: str, within_s: float) -> None:
        """The image of the last step of a build that came to no end: it has no name."""
        try:
            found = self._client.images.get(image)
            if found.attrs.get("RepoTags") or found.attrs.get("RepoDigests"):
                return
            for attempt in attempts(_FAILURES, within_s, first_pause_s=0.1, max_pause_s=0.5):
                with attempt:  # the container of the next step may have it for a moment
                    self._client.api.remove_image(str(found.id))
        except _FAILURES:
            return  # others begin from it


def _dockerfile(order: BuildOrder) -> tuple[str, str | None]:
    """Its name in the context; and its text where it lies outside, to be added there."""
    inside = os.path.relpath(order.dockerfile, order.directory)
    if inside.startswith(".."):
        text = order.dockerfile.read_text(encoding="utf-8", errors="replace")
        return f".dockerfile.{order.key}", text
    return inside, None


def _ignored(order: BuildOrder) -> list[str]:
    """Patterns of the file beside the Dockerfile that is named after it, else of the context's."""
    own = order.dockerfile.with_name(f"{order.dockerfile.name}.dockerignore")
    file = own if own.is_file() else order.directory / ".dockerignore"
    if not file.is_file():
        return []
    lines = map(str.strip, file.read_text(encoding="utf-8", errors="replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def left_out(order: BuildOrder) -> Callable[[str], bool]:
    """Whether a builder is not sent what has this name, from the context on."""
    matches: Callable[[str], bool] = PatternMatcher(_ignored(order)).matches
    return matches


def _events(response: requests.Response) -> Iterator[BuildEvent]:
    for line in response.iter_lines():
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            text = line[:MAX_SHOWN].decode(errors="replace")
            raise docker.errors.DockerException(f"what it says of the build is {text!r}") from error


def _follow(events: Iterator[BuildEvent] | Any, on_line: OnLine) -> str:
    """Report the output; returns the failure, "" when it succeeded."""
    for event in events:
        if "error" in event:
            return str(event["error"])
        lines = str(event.get("stream", "")).splitlines()
        if event.get("id") == TRACE:
            lines = _traced(event.get("aux"))
        for line in lines:
            if line.strip():
                on_line(line)
    return ""


def _traced(aux: object) -> list[str]:
    try:
        return trace_lines(base64.b64decode(str(aux)))
    except (binascii.Error, ValueError):
        return []


def _refused(response: requests.Response) -> str:
    try:
        found: Mapping[str, object] = response.json()
    except ValueError:
        return response.text.strip()
    return str(found.get("message", found))
