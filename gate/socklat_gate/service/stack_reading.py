"""Which stack an arm has: its files read, what runs of them, and nothing that both would share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Service
from socklat_gate.service.compose import Document, StackReading, read_stack
from socklat_gate.service.compose_files import compose_setting, has_name, set_value, stack_files
from socklat_gate.service.stack_files import with_missing_files
from socklat_gate.service.stack_isolation import check_isolation
from socklat_gate.service.stack_profiles import enabled_stack
from socklat_gate.service.stack_trees import Trees

__all__ = ["checked_stack", "read_enabled", "running_stack"]


def checked_stack(
    service: Service, directory: Path, here: Path | None = None, *, alone: bool
) -> StackReading:
    """The services that run of a scenario's stack, as its files in ``directory`` say.

    ``here`` is the directory that it stands for, from where comes what git does not have; ``alone``
    as in `Stacks`.  Raises `UsageError` (BAD_SCENARIO) when both arms would share something, and as
    `read_stack` does.
    """
    assert service.compose is not None
    assert service.service is not None
    reading = running_stack(service, directory, here)
    document = reading.document
    if here is None:
        _check_shared(service, document)
    else:
        document = with_missing_files(document, Trees.around(directory, here))
    place = stack_files(service.compose, directory, here)[0].parent
    check_isolation(
        document,
        service.service,
        service.shared_keys,
        alone=alone,
        is_set=lambda name: set_value(name, place) is not None,
    )
    return StackReading(document, reading.unset)


def running_stack(service: Service, directory: Path, here: Path | None = None) -> StackReading:
    """As `checked_stack`, as the files have it and whatever the arms would share."""
    assert service.compose is not None
    assert service.service is not None
    files = stack_files(service.compose, directory, here)
    if here is None:
        return read_enabled(files, service.service)
    trees = Trees.around(directory, here)
    return read_enabled(files, service.service, _project_name(service, here), trees)


def read_enabled(
    files: Sequence[Path], tested: str, project: str = "", trees: Trees | None = None
) -> StackReading:
    """What runs of a stack, and that it has the service under test; as of `read_stack`."""
    reading = read_stack(files, project, trees)
    document = _check_tested(reading.document, tested, files[0])
    active = compose_setting("COMPOSE_PROFILES", files[0].parent)
    made = enabled_stack(document, tested, active)
    made["name"] = document.get("name") or project or _named_after(files[0].parent)
    return StackReading(made, reading.unset)


def _project_name(service: Service, here: Path) -> str:
    """What compose would call the project in ``here``; "" where it finds that anywhere else.

    Files may refer to it: the checkout of another commit has a directory of another name.
    """
    assert service.compose is not None
    file = stack_files(service.compose, here)[0]
    if compose_setting("COMPOSE_PROJECT_NAME", file.parent) or has_name(file):
        return ""
    return _named_after(file.parent)


def _check_shared(service: Service, stack: Document) -> None:
    """A key that is in no stack lets the arms share nothing, whatever the report says of it."""
    known = {f"networks.{name}" for name in ("default", *(stack.get("networks") or {}))}
    known |= {f"volumes.{name}" for name in stack.get("volumes") or {}}
    known |= {f"services.{name}.{key}" for name, one in stack["services"].items() for key in one}
    if unknown := sorted(service.shared_keys - known):
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"service.shared: the stack has no {', '.join(unknown)}",
            remedy="name keys as they are in the compose file, or leave these out",
        )


def _named_after(directory: Path) -> str:
    """What compose calls a project whose files do not say; the older one never shows it."""
    name = compose_setting("COMPOSE_PROJECT_NAME", directory) or directory.absolute().name
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")


def _check_tested(stack: Document, tested: str, file: Path) -> Document:
    services = stack.get("services") or {}
    if tested not in services:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{file} has no service {tested!r}; it has {', '.join(sorted(services)) or 'none'}",
            remedy="name the one under test in service.service",
        )
    return stack
