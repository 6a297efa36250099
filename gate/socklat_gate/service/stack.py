"""The stack of a compose file as one arm of a gate: its own project, one image exchanged."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Service
from socklat_gate.scratch import ScratchDirectory
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import Call, PlacedContainer, Started
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.compose import Compose, Document, read_stack
from socklat_gate.service.death import start_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, local_image, resolve_image
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.runtimes import DAEMON, check_runtime
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
        self._home = ScratchDirectory()
        self._read: dict[Path, _Stack] = {}
        self._serial = 0
        self._running: Compose | None = None

    keeps_networks = False

    def open(self, call: Call) -> None:
        """Reads the file and builds what it builds, but for the image under test.

        Raises `UnfitEnvironment` (NO_DOCKER) for a runtime whose containers have their own kernel.
        """
        stack = self._stack_of(self._service, None, call)
        with daemon_errors("asking for the daemon's runtimes"):
            chosen = stack.document["services"][stack.tested].get("runtime")
            check_runtime(self._client.info(), chosen, str(stack.file) if chosen else DAEMON)

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
        self._home.cleanup()

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
                name: build_tag(key, name)
                for name, definition in document["services"].items()
                if name != tested and "build" in definition
            }
            if built:
                call(lambda: build(file, document, built))
            if directory is not None:
                document = with_missing_files(document, file.parent, here)
            self._read[file] = _Stack(file, tested, document, built)
        return self._read[file]

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
        file = self._home.path / f"{name}.yaml"
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
    *,
    name: str = "",
) -> ImageRef:
    """The image that a compose file names for a service, or builds for it.

    A ``name`` is hashed into the tag instead of a path that is another one each time.  Raises
    `UsageError` as `read_stack` and `resolve_image` do.
    """
    stack = _check_tested(read_stack(file), tested, file)
    definition = stack["services"][tested]
    if "build" not in definition:
        return resolve_image(client, str(definition.get("image") or ""), on_phase)
    tag = build_tag(Path(name or file), tested)
    on_phase(f"building {tested} of {file}")
    build(file, stack, {tested: tag})
    found = local_image(client, tag)
    assert found is not None, "compose reported that it built it"
    return found


def build(file: Path, stack: Document, images: Mapping[str, str]) -> None:
    """Builds services under these names.  Raises `UsageError` (NO_SUCH_IMAGE) with the output."""
    services = {name: {**stack["services"][name], "image": tag} for name, tag in images.items()}
    for definition in services.values():
        definition.pop("depends_on", None)
    with ScratchDirectory() as home:
        written = home / "compose.yaml"
        written.write_text(json.dumps({**stack, "services": services}), encoding="utf-8")
        failed = Compose("socklat-gate-build", written, file.parent).run("build")
    if failed:
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"building {', '.join(images)} of {file} failed:\n{failed}",
            remedy=f"make `docker compose --file {file} build` succeed",
        )


def build_tag(file: Path, service: str) -> str:
    """The tag of a built image, the same one each time so that nothing piles up."""
    key = hashlib.sha256(f"{file.resolve()}\0{service}".encode()).hexdigest()[:16]
    return f"socklat-gate/build:{key}"


def _check_tested(stack: Document, tested: str, file: Path) -> Document:
    services = stack.get("services") or {}
    if tested not in services:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{file} has no service {tested!r}; it has {', '.join(sorted(services)) or 'none'}",
            remedy="name the one under test in service.service",
        )
    return stack
