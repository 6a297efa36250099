"""Images that compose files build, under names of this tool alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.interrupt import defer_signals
from socklat_gate.scratch import ScratchDirectory
from socklat_gate.service.build_cli import cli_builder
from socklat_gate.service.build_order import build_key
from socklat_gate.service.build_user import build_user
from socklat_gate.service.built_images import BuiltImages, replacing
from socklat_gate.service.compose import Compose, Document
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.dockerfile import listed, newest_needs
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.logs import last_line
from socklat_gate.service.stack_reading import read_enabled
from socklat_gate.service.stack_trees import Trees

__all__ = ["NoDockerfile", "build_service", "maker_of", "same_made", "stack_image", "stack_key"]

OF_THE_BUILD = ("platform",)
"""Keys beside `build` and `image` that matter when a service is built."""
WITH_BUILD = ("version", "secrets")
"""Tables of a file that `build` refers to; the older compose goes by its version."""


class NoDockerfile(UsageError):
    """A compose file builds from ``file``, which is not there."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            Reason.NO_SUCH_FILE,
            f"nothing to build: there is no {file}",
            remedy="correct `build` of the service in the compose file",
        )
        self.file = file


def stack_image(
    client: DockerClient,
    files: Sequence[Path],
    tested: str,
    on_phase: Callable[[str], None],
    built: BuiltImages,
    *,
    name: str = "",
    cache: str = "",
    trees: Trees | None = None,
) -> ImageRef:
    """The image that compose files name for a service, or build for it.

    A ``name`` is hashed into the tag instead of a path that is another one each time, and what it
    is built for is the baseline then, of the checkout in ``trees``; ``cache`` is as in
    `BuildOrder`.  What is built is there until ``built`` is left.  Raises `NoDockerfile`, and
    `UsageError` as `read_enabled` and `resolve_image` do.
    """
    file = files[0]
    stack = read_enabled(files, tested, trees=trees).document
    definition = stack["services"][tested]
    maker = maker_of(stack, tested)
    if maker:
        _check_dockerfile(stack["services"][maker]["build"], file.parent)
    place, alike = Path(name or file), {tested, *same_made(stack, tested)}
    for other, part in stack["services"].items():
        if other not in alike and "build" in part:
            # An arm would build it anyway, but while there is a budget for measuring.
            on_phase(f"building {other} of {file}")
            make = partial(build_service, file, stack, other, cache=cache)
            replacing(client, stack_key(place, other), make)
    if not maker:
        return resolve_image(client, str(definition.get("image") or ""), on_phase)
    on_phase(f"building {maker} of {file}")
    make = partial(build_service, file, stack, maker, cache=cache)
    return built.made(stack_key(place, tested), make, keep=not name)


def build_service(
    file: Path,
    stack: Document,
    name: str,
    tag: str,
    *,
    cache: str = "",
    begun: Callable[[Compose], None] | None = None,
) -> None:
    """Builds a service of a stack under that tag; ``begun`` is given the command that does.

    By BuildKit where the command has it: the older docker-compose asks for it by a variable.
    Raises `UsageError` (NO_SUCH_IMAGE) with the output.
    """
    buildkit, why_not = cli_builder()
    definition = stack["services"][name]
    # What it needs of the other services to run, its links for instance, has no place here.
    service = {key: definition[key] for key in OF_THE_BUILD if key in definition}
    service |= {"build": _how_built(definition["build"], cache if buildkit else ""), "image": tag}
    with ScratchDirectory(for_builds=True) as home:
        written = home / "compose.yaml"
        tables = {key: stack[key] for key in WITH_BUILD if key in stack}
        document = {**tables, "services": {name: service}}
        written.write_text(json.dumps(document), encoding="utf-8")
        # An attestation has the time in it: equal sources would be different images.
        variables = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        variables |= buildkit.variables if buildkit else {}
        command = Compose("socklat-gate-build", written, file.parent, variables, user=build_user())
        if begun is not None:
            begun(command)
        try:
            failed = command.run("build")
        except BaseException:
            with defer_signals():
                command.end()
            raise
    if failed:
        needs = "" if buildkit else _needs_of_buildkit(definition["build"], file.parent)
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"building {name} of {file} failed: {last_line(failed)}",
            remedy=f"{needs} of its Dockerfile needs BuildKit, which is not used here: {why_not}"
            if needs
            else f"make `docker compose --file {file} build` succeed",
        ).with_log(failed)


def _needs_of_buildkit(how: str | Document, directory: Path) -> str:
    try:
        text = _dockerfile(how, directory).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return listed(newest_needs(text))


def maker_of(stack: Document, name: str) -> str:
    """The service whose build makes the image that a service runs; "" where none of them does.

    That may be another one: ``api`` builds ``shop:dev`` and ``worker`` runs it, by its name.  What
    a daemon or a registry has under that name is of another day.
    """
    services: Mapping[str, Mapping[str, Any]] = stack["services"]
    if services[name].get("build"):
        return name
    wanted = _image_name(services[name])
    makers = (other for other, part in services.items() if part.get("build"))
    return next((one for one in makers if wanted and _image_name(services[one]) == wanted), "")


def same_made(stack: Document, tested: str) -> tuple[str, ...]:
    """The other services that run the image which one of them makes for ``tested``."""
    maker = maker_of(stack, tested)
    others = (one for one in stack["services"] if maker and one != tested)
    return tuple(one for one in others if maker_of(stack, one) == maker)


def _image_name(definition: Mapping[str, Any]) -> str:
    """With its tag; empty where none is given."""
    image = str(definition.get("image") or "").removeprefix("docker.io/").removeprefix("library/")
    tagged = ":" in image.rpartition("/")[2] or "@" in image
    return image if tagged or not image else f"{image}:latest"


def _check_dockerfile(how: str | Document | None, directory: Path) -> None:
    """Raises `NoDockerfile`; says nothing of what is not on this disk."""
    table = {"context": how} if isinstance(how, str) else how or {}
    if table and "dockerfile_inline" not in table and "://" not in str(table.get("context")):
        file = _dockerfile(table, directory)
        if not file.is_file():
            raise NoDockerfile(file)


def _dockerfile(how: str | Document, directory: Path) -> Path:
    table = {"context": how} if isinstance(how, str) else how
    context = directory / str(table.get("context", "."))
    return context / str(table.get("dockerfile") or "Dockerfile")


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
