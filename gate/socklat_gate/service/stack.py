"""The stack of a compose file as one arm of a gate: its own project, one image exchanged."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import UsageError
from socklat_gate.scenario import Service
from socklat_gate.scratch import ScratchDirectory
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import Call, PlacedContainer, Started
from socklat_gate.service.built_images import replacing
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.compose import Compose, Document
from socklat_gate.service.compose_files import stack_files
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import resolve_image
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.runtimes import DAEMON, check_runtime
from socklat_gate.service.stack_build import build_service, maker_of, same_made, stack_key
from socklat_gate.service.stack_containers import find_tested
from socklat_gate.service.stack_document import (
    arm_document,
    mask_environments,
    secret_environment,
)
from socklat_gate.service.stack_errors import up_error
from socklat_gate.service.stack_isolation import isolated_stack, replaced_parts
from socklat_gate.service.stack_mounts import copied_sources, make_copies, with_copies
from socklat_gate.service.stack_reading import checked_stack

__all__ = ["Stacks"]

log = logging.getLogger(__name__)

_IN_PLACE = {
    "network": "each arm has a network of its own in place of the external one, where nothing "
    "else is (service.shared keeps the external one, for both arms)",
    "subnet": "each arm has another subnet than the file fixes, so that an address which the "
    'service has from elsewhere is wrong (gate.interleave = "block" keeps the subnet)',
}
UP_WITHIN_S = 300.0
"""For what the service under test depends on to be healthy or done, on top of its own time."""


@dataclass(frozen=True, slots=True)
class _Stack:
    """A stack as its files say; ``images`` are what the other services run, by service.

    Those in ``as_tested`` run the image under test, by the name that it is built under.  ``copied``
    are the host paths of which each arm gets a copy.
    """

    directory: Path
    tested: str
    document: Document
    images: Mapping[str, str]
    as_tested: tuple[str, ...]
    copied: tuple[Path, ...]


class Stacks:
    """`ArmLauncher` of whole stacks, one project an arm."""

    keeps_networks = False

    def __init__(
        self,
        client: DockerClient,
        service: Service,
        directory: Path,
        owner: OwnerTag,
        *,
        alone: bool = False,
    ) -> None:
        """``alone``: one arm runs at a time, so that each can have the same fixed addresses."""
        self._client = client
        self._service = service
        self._directory = directory
        self._owner = owner
        self._alone = alone
        self._home = ScratchDirectory()
        self._read: dict[tuple[Path, ...], _Stack] = {}
        self._serial = 0
        self._running: Compose | None = None

    @property
    def changed(self) -> list[str]:
        """Networks and subnets that are the arm's own in place of what the files name."""
        parts = {
            part
            for stack in self._read.values()
            for part in replaced_parts(stack.document, self._service.shared_keys, alone=self._alone)
        }
        return [f"{part.key}: {_IN_PLACE[part.by]}" for part in sorted(parts, key=str)]

    def open(self, call: Call) -> None:
        """Reads the files, and builds or pulls the images, but for the one under test.

        Raises `UsageError` (BAD_SCENARIO) when both arms would share something, `UnfitEnvironment`
        (NO_DOCKER) for a runtime whose containers have their own kernel.
        """
        stack = self._stack_of(self._service, None, call)
        with daemon_errors("asking for the daemon's runtimes"):
            chosen = stack.document["services"][stack.tested].get("runtime")
            where = str(self._service.compose) if chosen else DAEMON
            check_runtime(self._client.info(), chosen, where)

    def place(self, arms: Sequence[ArmSpec], call: Call, started: Started) -> list[PlacedContainer]:
        """Brings up each arm's project in the order given, as ``up`` does."""
        projects = [(spec, *self._project(spec, call)) for spec in arms]
        placed = []
        for spec, name, compose in projects:
            self._run(call, name, compose, "up", "--detach", "--no-build")
            tested = (spec.service or self._service).service
            assert tested is not None
            placed.append(find_tested(self._client, name, tested))
            started(placed[-1])
        return placed

    def end(self) -> None:
        """Ends a command that is under way."""
        if self._running is not None:
            self._running.end()

    def cleared(self) -> None:
        """Removes what was copied for containers that are gone."""
        for copies in self._home.path.glob("*.files"):
            shutil.rmtree(copies, ignore_errors=True)
            if copies.exists():
                log.warning("files that containers wrote to %s cannot be removed", copies)

    def close(self) -> None:
        """Removes the files that were written for compose."""
        self._home.cleanup()

    def _stack_of(self, service: Service, directory: Path | None, call: Call) -> _Stack:
        """The stack of an arm, with what it builds built once; None is the scenario's directory."""
        assert service.compose is not None
        assert service.service is not None
        tested, here = service.service, self._directory
        files = stack_files(service.compose, directory or here, here)
        if files not in self._read:
            base = here if directory is not None else None
            try:
                reading = checked_stack(service, directory or here, base, alone=self._alone)
            except UsageError as error:
                if base is not None:
                    error.while_at("the baseline's stack")
                raise
            document, place = reading.document, files[0].parent
            mask_environments(document, place)
            # An arm's own directory is another one each time: the tag is of where it stands for.
            own = stack_files(service.compose, here)[0]
            key = own if directory is None else Path(f"{own}@base")
            as_tested = same_made(document, tested)
            others = {*document["services"]} - {tested, *as_tested}
            made = {
                name: self._built(call, files[0], document, name, stack_key(key, name))
                for name in sorted(others)
                if "build" in document["services"][name]
            }
            built = {
                name: made[one] for name in others if (one := maker_of(document, name)) in made
            }
            images = call(lambda: self._resolve(document, built, others))
            copied = copied_sources(self._isolated(document), self._service.shared_keys)
            self._read[files] = _Stack(place, tested, document, images, as_tested, copied)
        return self._read[files]

    def _built(self, call: Call, file: Path, stack: Document, name: str, key: str) -> str:
        """The name of the image of a service that is not under test."""

        def make(tag: str) -> None:
            build_service(file, stack, name, tag, begun=self._note_running)

        made = call(lambda: replacing(self._client, key, make))
        self._running = None
        return made.reference

    def _note_running(self, command: Compose) -> None:
        self._running = command

    def _isolated(self, document: Document) -> Document:
        return isolated_stack(document, self._service.shared_keys, alone=self._alone)

    def _resolve(
        self, document: Document, built: Mapping[str, str], others: Collection[str]
    ) -> dict[str, str]:
        """Image ids of the services, pulled where they are missing.

        Names may stand for other images by the time the other arm starts.
        """
        named = {
            name: built.get(name) or str(definition.get("image") or "")
            for name, definition in document["services"].items()
            # What is for another platform compose pulls itself.
            if name in others and (name in built or "platform" not in definition)
        }
        ids = {
            image: resolve_image(self._client, image, log.info).id
            for image in sorted(set(named.values()))
            if image
        }
        return {name: ids[image] for name, image in named.items() if image}

    def _project(self, spec: ArmSpec, call: Call) -> tuple[str, Compose]:
        service = spec.service or self._service
        stack = self._stack_of(service, spec.directory, call)
        self._serial += 1
        name = f"socklat-gate-{self._owner.run}-{spec.arm}-{self._serial}"
        home, isolated = self._home.path, self._isolated(stack.document)
        copies = call(lambda: make_copies(isolated, stack.copied, home / f"{name}.files"))
        document = arm_document(
            with_copies(isolated, copies),
            stack.tested,
            spec,
            service,
            images={**stack.images, **dict.fromkeys(stack.as_tested, spec.image.id)},
            labels=self._owner.labels(),
        )
        file = home / f"{name}.yaml"
        file.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
        secret = secret_environment(service)
        return name, Compose(name, file, stack.directory, secret)

    def _run(self, call: Call, name: str, compose: Compose, *arguments: str) -> None:
        log.info("docker compose %s for project %s", " ".join(arguments), name)
        self._running = compose
        within_s = UP_WITHIN_S + self._service.ready.timeout_s
        failed = call(lambda: compose.run(*arguments, within_s=within_s))
        self._running = None
        if failed:
            raise up_error(self._client, name, failed)
