"""Images that a job builds: held while it runs, one kept for the next, and what is replaced gone.

Tags of ``socklat-gate/build``: ``KEY-OWNER`` is held by a job that runs, ``KEY`` is what the last
one built, ``KEY-ID`` an earlier one that stored campaigns may name.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from types import TracebackType

import docker.errors
import requests

from socklat_gate.errors import Reason, UsageError
from socklat_gate.interrupt import defer_signals, signal_received
from socklat_gate.service.build import build, builder_of
from socklat_gate.service.build_order import Builder, BuildOrder, OnLine
from socklat_gate.service.client import daemon_errors, daemon_message, hurry
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, local_image
from socklat_gate.service.owner import Fate, OwnerTag, fate_of, owner_labels
from socklat_gate.service.patience import patiently
from socklat_gate.service.sweep import LONGEST_S

__all__ = ["REPOSITORY", "BuiltImages", "replacing", "sweep_images"]

log = logging.getLogger(__name__)

REPOSITORY = "socklat-gate/build"
MOST_EARLIER = 5
"""So many earlier images of one thing are kept for stored campaigns, the last used ones."""

UNUSED_S = 14 * 24 * 3600.0
"""An image that no job has used for so long is removed."""

SHORT_ID, KEY_DIGITS = 12, 16
_TAG = re.compile(r"(?P<key>[0-9a-f]{16})(?:-(?P<suffix>[0-9a-f.]+))?")
Needed = Callable[[], Collection[str] | None]
_FAILURES = (docker.errors.DockerException, requests.RequestException)


@dataclass(slots=True)
class _Held:
    """An image of this job, if it was built already: ``keep`` it for the next one."""

    key: str
    keep: bool
    id: str = ""


class BuiltImages:
    """Context manager around a job: what it builds is there until it ends, whatever others do.

    ``needed`` gives the ids that stored campaigns name, once the job is done; None from it, or in
    place of it, when they are not known.
    """

    def __init__(self, client: DockerClient, needed: Needed | None = None) -> None:
        self._client = client
        self._owner = OwnerTag.current()
        self._builder: Builder | None = None
        self._held: dict[str, _Held] = {}
        self._needed = needed or (lambda: None)

    def __enter__(self) -> BuiltImages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_signals():
            hurry(self._client)
            self._settle(failed=error is not None)

    def build(self, order: BuildOrder, on_line: OnLine, *, keep: bool = True) -> ImageRef:
        """The image that ``order`` makes; raises as `service.build.build`."""
        if self._builder is None:
            self._builder = builder_of(self._client)
        builder = self._builder
        return self.made(order.key, lambda tag: build(builder, order, tag, on_line), keep=keep)

    def made(self, key: str, make: Callable[[str], None], *, keep: bool = True) -> ImageRef:
        """The image that ``make`` gives the tag that it is called with.

        The tag is this job's alone: another one that builds the same path at the same time cannot
        put its image in the place of this one.
        """
        tag = f"{REPOSITORY}:{key}-{self._owner.text}"
        held = self._held[tag] = _Held(key, keep)
        make(tag)
        found = local_image(self._client, tag)
        if found is None:
            raise UsageError(
                Reason.NO_SUCH_IMAGE,
                "the builder reports success, but the daemon has no image of it",
                remedy="let it load what it builds into the daemon: unset BUILDX_BUILDER, or "
                "`docker buildx use default`",
            )
        held.id = found.id
        return replace(found, reference=f"{REPOSITORY}:{key}", digest="")

    def use(self, image: ImageRef) -> None:
        """Holds an earlier image that this job compares with, and marks it as used."""
        with daemon_errors(f"holding image {image.reference}"):
            tags = [tag for tag in _tags(self._client) if self._has(tag, image)]
        for tag in tags[:1]:
            key = image.id.removeprefix("sha256:")[:KEY_DIGITS]
            name = f"{key}-{self._owner.text}"
            self._held[f"{REPOSITORY}:{name}"] = _Held(key, keep=False, id=image.id)
            with daemon_errors(f"holding image {tag}"):
                _tag(self._client, image.id, name)

    def keep_nothing(self) -> None:
        """Of a job that measured nothing: what the one before has left stays the last one."""
        for held in self._held.values():
            held.keep = False

    def _has(self, tag: str, image: ImageRef) -> bool:
        found = local_image(self._client, tag)
        return found is not None and found.id == image.id

    def _settle(self, *, failed: bool) -> None:
        for tag, held in self._held.items():
            if held.id and held.keep and not failed:
                _take_over(self._client, held.key, held.id, self._needed)
            _remove(self._client, tag)
        self._held.clear()


def replacing(client: DockerClient, key: str, make: Callable[[str], None]) -> ImageRef:
    """What ``make`` gives its tag, kept; what had the tag before is removed."""
    with BuiltImages(client, tuple) as built:
        return built.made(key, make)


def sweep_images(client: DockerClient) -> list[str]:
    """Remove what jobs that are dead have held, and what none has used for two weeks; their tags.

    Where nobody knows from here whether a job lives, its images stay for a day.

    Raises `UnfitEnvironment` (NO_DOCKER) when nothing can be listed.
    """
    with daemon_errors("listing images that earlier runs have built"):
        tags = list(_tags(client))
    removed = []
    for tag in tags:
        found = _TAG.fullmatch(tag.rpartition(":")[2])
        owner = owner_labels((found and found["suffix"]) or "")
        fate = fate_of(owner)
        longest_s = LONGEST_S if owner else UNUSED_S
        gone = fate is Fate.DEAD or (fate is not Fate.ALIVE and _unused_s(client, tag) > longest_s)
        if gone and _remove(client, tag):
            removed.append(tag)
    return removed


def _take_over(client: DockerClient, key: str, image: str, needed: Needed) -> None:
    """``image`` is the last of ``key`` from now on, and what was it is kept or removed."""
    try:
        last = local_image(client, f"{REPOSITORY}:{key}")
        if last is not None and last.id != image:
            _tag(client, last.id, _earlier(key, last.id))
        _tag(client, image, key)
        _remove(client, f"{REPOSITORY}:{_earlier(key, image)}")
        _prune(client, key, needed)
    except _FAILURES as error:
        log.warning("could not keep the image of this build: %s", daemon_message(error))


def _prune(client: DockerClient, key: str, needed: Needed) -> None:
    prefix = f"{REPOSITORY}:{key}-"
    tags = [tag for tag in _tags(client, key) if tag.startswith(prefix)]
    earlier = [tag for tag in tags if not owner_labels(tag.removeprefix(prefix))]
    if not earlier:
        return
    named = needed()
    ids = {tag: getattr(local_image(client, tag), "id", "") for tag in earlier}
    wanted = [tag for tag in earlier if named is None or ids[tag] in named]
    wanted.sort(key=lambda tag: _unused_s(client, tag))
    for tag in set(earlier) - set(wanted[:MOST_EARLIER]):
        _remove(client, tag)


def _earlier(key: str, image: str) -> str:
    return f"{key}-{image.removeprefix('sha256:')[:SHORT_ID]}"


def _tags(client: DockerClient, key: str = "") -> Iterator[str]:
    for image in client.api.images(name=REPOSITORY):
        for tag in image.get("RepoTags") or ():
            if tag.startswith(f"{REPOSITORY}:{key}") and _TAG.fullmatch(tag.rpartition(":")[2]):
                yield tag


def _tag(client: DockerClient, image: str, tag: str) -> None:
    patiently(lambda: client.api.tag(image, REPOSITORY, tag))


def _unused_s(client: DockerClient, tag: str) -> float:
    """Seconds since the tag was given; 0 where nobody knows."""
    try:
        given = str((client.api.inspect_image(tag).get("Metadata") or {}).get("LastTagTime"))
        at = datetime.fromisoformat(given[:19]).replace(tzinfo=timezone.utc)
    except (*_FAILURES, ValueError):
        return 0.0
    return time.time() - at.timestamp() if at.year > 1 else 0.0


def _remove(client: DockerClient, tag: str) -> bool:
    """The tag, and the image with its last one; whether it is gone.

    One that a container has is left: never by force.
    """
    try:
        if signal_received():  # what stays then the next job sweeps
            client.api.remove_image(tag)
        else:
            patiently(lambda: client.api.remove_image(tag))
    except docker.errors.NotFound:
        return False
    except _FAILURES as error:
        if isinstance(error, requests.RequestException):
            hurry(client, silent=True)
        log.info("image %s stays: %s", tag, daemon_message(error))
        return False
    return True
