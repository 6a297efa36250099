"""The stack of a compose file as one arm of a gate: its own project, one image exchanged."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.interrupt import defer_signals
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import Call, PlacedContainer, Started
from socklat_gate.service.build_cli import cli_builder
from socklat_gate.service.build_order import build_key
from socklat_gate.service.built_images import BuiltImages, replacing
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.compose import Compose, Document, read_stack
from socklat_gate.service.death import start_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.own_directories import own_directory
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.stack_document import (
    arm_document,
    mask_environments,
    secret_environment,
)
from socklat_gate.service.stack_files import with_missing_files

__all__ = ["Stacks", "stack_image"]

log = logging.getLogger(__name__)

PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
"""Labels that compose gives its containers."""


@dataclass(frozen=True, slots=True)
class _Stack:
    """A compose file as it was read, and the names of what was built for it, by service."""

    file: Path
    tested: str
    document: Document
    images: Mapping[str, str]


class Stacks:
    """`ArmLauncher` of whole stacks, one project an arm."""

    def __init__(
        self, client: DockerClient, service: Service, directory: Path, owner: OwnerTag
    ) -> None:
        assert service.compose is not None
        assert service.service is not None
        self._client = client
        self._service = service
        self._file = directory / service.compose
        self._tested = service.service
        self._owner = owner
        self._kept = ExitStack()
        self._home = self._kept.enter_context(own_directory())
        self._read: dict[Path, _Stack] = {}
        self._serial = 0
        self._running: Compose | None = None

    keeps_networks = False

    def open(self, call: Call) -> None:
        """Reads the file and builds what it builds, but for the image under test."""
        self._stack_of(self._service, None, call)

    def place(self, arms: Sequence[ArmSpec], call: Call, started: Started) -> list[PlacedContainer]:
        """Creates all containers of all arms, then starts them arm by arm in the order given."""
        projects = [(spec, *self._project(spec, call)) for spec in arms]
        for _, name, compose in projects:
            self._run(call, name, compose, "up", "--no-start", "--no-build")
        placed = []
        for spec, name, compose in projects:
            self._run(call, name, compose, "up", "--detach", "--no-build")
            placed.append(self._find_tested(name, self._tested_by(spec)))
            started(placed[-1])
        return placed

    def end(self) -> None:
        """Ends a command that is under way."""
        if self._running is not None:
            self._running.end()

    def close(self) -> None:
        """Removes the files that were written for compose."""
        self._kept.close()

    def _stack_of(self, service: Service, directory: Path | None, call: Call) -> _Stack:
        """The stack of an arm, with what it builds built once; None is the scenario's directory."""
        assert service.compose is not None
        assert service.service is not None
        tested, here = service.service, self._file.parent
        file = self._file if directory is None else directory / service.compose
        if file not in self._read:
            document = _check_tested(read_stack(file), tested, file)
            mask_environments(document)
            # An arm's own directory is another one each time: the tag is of where it stands for.
            key = self._file if directory is None else Path(f"{self._file}@base")
            built = {
                name: self._built(call, file, document, name, stack_key(key, name))
                for name, definition in document["services"].items()
                if name != tested and "build" in definition
            }
            if directory is not None:
                document = with_missing_files(document, file.parent, here)
            self._read[file] = _Stack(file, tested, document, built)
        return self._read[file]

    def _built(self, call: Call, file: Path, stack: Document, name: str, key: str) -> str:
        """The name of the image of a service that is not under test."""

        def make(tag: str) -> None:
            build(file, stack, name, tag, begun=self._note_running)

        made = call(lambda: replacing(self._client, key, make))
        self._running = None
        return made.reference

    def _note_running(self, command: Compose) -> None:
        self._running = command

    def _project(self, spec: ArmSpec, call: Call) -> tuple[str, Compose]:
        service = spec.service or self._service
        stack = self._stack_of(service, spec.directory, call)
        self._serial += 1
        name = f"socklat-gate-{self._owner.run}-{spec.arm}-{self._serial}"
        document = arm_document(
            stack.document,
            stack.tested,
            spec,
            service,
            images=stack.images,
            labels=self._owner.labels(),
        )
        file = self._home / f"{name}.yaml"
        file.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
        secret = secret_environment(service)
        return name, Compose(name, file, stack.file.parent, secret)

    def _run(self, call: Call, name: str, compose: Compose, *arguments: str) -> None:
        log.info("docker compose %s for project %s", " ".join(arguments), name)
        self._running = compose
        failed = call(lambda: compose.run(*arguments))
        self._running = None
        if failed:
            raise start_error(name, failed)

    def _tested_by(self, spec: ArmSpec) -> str:
        return (spec.service or self._service).service or self._tested

    def _find_tested(self, project: str, under_test: str) -> PlacedContainer:
        chosen = {"label": f"{PROJECT}={project}"}
        with daemon_errors(f"looking for the containers of project {project}"):
            found = self._client.api.containers(all=True, filters=chosen)
        by_service = sorted(
            (((item["Labels"] or {}).get(SERVICE, ""), item) for item in found),
            key=lambda pair: pair[0],
        )
        tested = [item for service, item in by_service if service == under_test]
        if not tested:
            raise start_error(project, f"compose started no container of {under_test!r}")
        networks = tested[0].get("NetworkSettings", {}).get("Networks") or {}
        return PlacedContainer(
            str(tested[0]["Id"]),
            str(tested[0]["Names"][0]).removeprefix("/"),
            next(iter(networks), ""),
            companions=tuple(
                (name, str(item["Id"])) for name, item in by_service if name != under_test
            ),
        )


def stack_image(
    client: DockerClient,
    file: Path,
    tested: str,
    on_phase: Callable[[str], None],
    built: BuiltImages,
    *,
    name: str = "",
    cache: str = "",
) -> ImageRef:
    """The image that a compose file names for a service, or builds for it.

    A ``name`` is hashed into the tag instead of a path that is another one each time, and
    what it is built for is the baseline then; ``cache`` is as in `BuildOrder`.  What is built is
    there until ``built`` is left.  Raises `UsageError` as `read_stack` and `resolve_image` do.
    """
    stack = _check_tested(read_stack(file), tested, file)
    definition = stack["services"][tested]
    place = Path(name or file)
    for other, part in stack["services"].items():
        if other != tested and "build" in part:
            # An arm would build it anyway, but while there is a budget for measuring.
            on_phase(f"building {other} of {file}")
            make = partial(build, file, stack, other, cache=cache)
            replacing(client, stack_key(place, other), make)
    if "build" not in definition:
        return resolve_image(client, str(definition.get("image") or ""), on_phase)
    on_phase(f"building {tested} of {file}")
    make = partial(build, file, stack, tested, cache=cache)
    return built.made(stack_key(place, tested), make, keep=not name)


def build(
    file: Path,
    stack: Document,
    name: str,
    tag: str,
    *,
    cache: str = "",
    begun: Callable[[Compose], None] | None = None,
) -> None:
    """Builds a service under that tag; ``begun`` is given the command that does.

    Raises `UsageError` (NO_SUCH_IMAGE) with the output.
    """
    buildkit, _ = cli_builder()
    definition = stack["services"][name]
    how = _how_built(definition["build"], cache if buildkit else "")
    service = {**definition, "build": how, "image": tag}
    service.pop("depends_on", None)
    with own_directory() as home:
        written = home / "compose.yaml"
        document = {**stack, "services": {name: service}}
        written.write_text(json.dumps(document), encoding="utf-8")
        variables = {"DOCKER_BUILDKIT": "1"} if buildkit else {}
        command = Compose("socklat-gate-build", written, file.parent, variables)
        if begun is not None:
            begun(command)
        try:
            failed = command.run("build")
        except BaseException:
            with defer_signals():
                command.end()
            raise
    if failed:
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"building {name} of {file} failed:\n{failed}",
            remedy=f"make `docker compose --file {file} build` succeed",
        )


def _how_built(how: str | Document, cache: str) -> Document:
    """Without names that a file gives to what it builds: one may be that of the baseline."""
    table: dict[str, Any] = {"context": how} if isinstance(how, str) else dict(how)
    table.pop("tags", None)
    if cache:
        given = table.get("args") or {}
        if not isinstance(given, Mapping):
            given = dict(entry.partition("=")[::2] for entry in given)
        table["args"] = {"BUILDKIT_CACHE_MOUNT_NS": cache, **given}
    return table


def stack_key(file: Path, service: str) -> str:
    """Of the tag of a built image, the same one each time so that nothing piles up."""
    return build_key(str(file.resolve()), service)


def _check_tested(stack: Document, tested: str, file: Path) -> Document:
    services = stack.get("services") or {}
    if tested not in services:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{file} has no service {tested!r}; it has {', '.join(sorted(services)) or 'none'}",
            remedy="name the one under test in service.service",
        )
    return stack
