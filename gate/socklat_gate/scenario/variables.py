"""Environment variables that a scenario and its compose files name, found before either is checked.

A compose file says ``${TAG}``, ``environment: [TAG]`` or ``secrets: {tag: {environment: TAG}}``; a
scenario ``{ env = "TAG" }``, or ``$TAG`` in a command for a shell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.scenario.compose_text import compose_documents
from socklat_gate.scenario.located import is_file
from socklat_gate.scenario.tables import table_in, tomllib

__all__ = ["NamedVariable", "named_variables"]

MAX_FILES = 50
MAX_BYTES = 1 << 20
MAX_DEPTH = 40

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
REFERENCE = re.compile(rf"\$(?:\$|(?P<bare>{NAME})|\{{(?P<braced>{NAME})(?P<rest>[^}}]?))")
ASSIGNMENT = re.compile(rf"^\s*(?:export\s+)?({NAME})\s*=", re.MULTILINE)
ALONE = re.compile(rf"^[ \t]*(?:export[ \t]+)?({NAME})[ \t]*\r?$", re.MULTILINE)
"""A line of an environment file without a value, which is then that of the variable here."""
DEFAULTS = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
)
DOT_ENV = ".env"
WORKSPACE = "GITHUB_WORKSPACE"
"""Of a checkout without git, which the code host sent as an archive."""


@dataclass(frozen=True, slots=True)
class NamedVariable:
    """A variable, and the file that names it.

    ``needed``: it is used as it is there, so that without it the value would be empty.
    """

    name: str
    file: Path
    needed: bool


def named_variables(
    scenario: Path, environment: Mapping[str, str] = os.environ
) -> tuple[NamedVariable, ...]:
    """All of them, by name; of a file that cannot be read, none.

    Nor of one outside of the work tree: messages have the names, and such a file is nobody's to
    show.  ``environment`` is for COMPOSE_FILE, which compose goes by where the scenario names none.
    """
    found: dict[str, NamedVariable] = {}
    text = _text(scenario)
    data = _toml(scenario.name, text)
    _note(found, _of_text(scenario, text, by_shell=True))
    _note(found, (NamedVariable(name, scenario, True) for name in _secrets(data)))
    given: dict[str, None] = {}
    tree = _tree_of(scenario, environment.get(WORKSPACE, ""))
    for file in _compose_files(scenario, data, environment, tree):
        content, dot_env = _text(file), file.parent / DOT_ENV
        settings = _text(dot_env) if _is_file_in(tree, dot_env) else ""
        given.update(dict.fromkeys(ASSIGNMENT.findall(settings)))
        _note(found, _of_text(dot_env, _unquoted(settings), by_shell=False))
        is_yaml = file.suffix in (".yml", ".yaml")
        if not is_yaml:
            _note(found, (NamedVariable(name, file, False) for name in ALONE.findall(content)))
        _note(found, _of_text(file, content if is_yaml else _unquoted(content), by_shell=False))
        for document in _yaml(content):
            _note(found, _of_document(file, document))
    return tuple(
        NamedVariable(one.name, one.file, one.needed and one.name not in given)
        for one in sorted(found.values(), key=lambda one: one.name)
    )


def _note(found: dict[str, NamedVariable], more: Iterator[NamedVariable]) -> None:
    for one in more:
        known = found.get(one.name)
        if known is None or (one.needed and not known.needed):
            found[one.name] = one


def _of_text(file: Path, text: str, *, by_shell: bool) -> Iterator[NamedVariable]:
    """References such as ``$TAG``; a scenario's are a shell's business, needed or not."""
    text, default_until = _without_comments(text), 0
    for match in REFERENCE.finditer(text):
        name = match["bare"] or match["braced"]
        if name:
            alone = match["braced"] is None or match["rest"] in ("", "?")
            # ":?" is compose's own refusal, ":-" and "-" have a value of their own, in which a
            # further variable may stand that is looked for only then.
            outermost = match.start() >= default_until
            yield NamedVariable(name, file, alone and not by_shell and outermost)
            if outermost and not alone:
                default_until = _closed_at(text, match.start())


def _unquoted(settings: str) -> str:
    """An environment file without what stands in single quotes, where a dollar is one."""
    return re.sub(r"=\s*'[^']*'", "=", settings)


def _closed_at(text: str, start: int) -> int:
    """Where the brace of the reference at ``start`` is closed, those within it too."""
    depth = 0
    for found in re.compile(r"\$\{|[}\n]").finditer(text, start):
        depth += 1 if found[0] == "${" else -1
        if depth == 0 or found[0] == "\n":
            return found.start()
    return len(text)


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def _secrets(value: Any, depth: int = 0) -> Iterator[str]:
    """Names in tables such as ``{ env = "TOKEN" }``, whatever they are the value of."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        name = value.get("env")
        if isinstance(name, str) and set(value) <= {"env", "prefix"} and _is_name(name):
            yield name
        for inner in value.values():
            yield from _secrets(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, depth + 1)


def _compose_files(
    scenario: Path, data: Mapping[str, Any], environment: Mapping[str, str], tree: Path
) -> Iterator[Path]:
    """The stack's files, what they include and extend, and their environment files."""
    service = data.get("service")
    named = service.get("compose") if isinstance(service, Mapping) else None
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    waiting = [scenario.parent / name for name in names if isinstance(name, str)]
    if waiting:
        places = {scenario.parent, waiting[0].parent}
        waiting += [place / name for place in places for name in _listed_files(place, environment)]
    seen: dict[Path, None] = {}
    while waiting and len(seen) < MAX_FILES:
        file = waiting.pop(0)
        if file in seen or not _is_file_in(tree, file):
            continue
        seen[file] = None
        yield file
        for document in _yaml(_text(file)):
            waiting += [file.parent / name for name in _further(document)]
        if len(seen) == 1:
            waiting += [
                file.with_name(f"{Path(name).stem}.override{Path(name).suffix}")
                for name in {file.name, *(DEFAULTS if file.name in DEFAULTS else ())}
            ]


def _listed_files(place: Path, environment: Mapping[str, str]) -> list[str]:
    """What COMPOSE_FILE names, which may stand in an environment file as well."""
    of_file = re.findall(
        r"^\s*(?:export\s+)?COMPOSE_FILE\s*=\s*(.*)$", _text(place / DOT_ENV), re.M
    )
    texts = [environment.get("COMPOSE_FILE", ""), *(text.strip().strip("'\"") for text in of_file)]
    separator = environment.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    return [name for text in texts for name in text.split(separator) if name and "\0" not in name]


def _further(document: Mapping[str, Any]) -> Iterator[str]:
    for entry in _listed(document.get("include")):
        inner = entry if isinstance(entry, Mapping) else {"path": entry}
        for key in ("path", "env_file"):
            yield from _texts(inner.get(key))
    services = document.get("services")
    for definition in services.values() if isinstance(services, Mapping) else ():
        if not isinstance(definition, Mapping):
            continue
        extended = definition.get("extends")
        if isinstance(extended, Mapping):
            yield from _texts(extended.get("file"))
        for entry in _listed(definition.get("env_file")):
            yield from _texts(entry.get("path") if isinstance(entry, Mapping) else entry)


def _of_document(file: Path, document: Mapping[str, Any]) -> Iterator[NamedVariable]:
    """Names whose values compose takes over as they are."""
    services = document.get("services")
    for definition in services.values() if isinstance(services, Mapping) else ():
        if isinstance(definition, Mapping):
            build = definition.get("build")
            arguments = build.get("args") if isinstance(build, Mapping) else None
            for given in (definition.get("environment"), arguments):
                yield from (NamedVariable(name, file, False) for name in _passed_on(given))
    for table in ("secrets", "configs"):
        entries = document.get(table)
        for entry in entries.values() if isinstance(entries, Mapping) else ():
            name = entry.get("environment") if isinstance(entry, Mapping) else None
            if isinstance(name, str) and _is_name(name):
                yield NamedVariable(name, file, True)


def _passed_on(given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        names = [name for name, value in given.items() if value is None]
    else:
        names = [name for name in _listed(given) if isinstance(name, str)]
    yield from (name for name in names if isinstance(name, str) and _is_name(name))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: Any) -> Iterator[str]:
    yield from (one for one in _listed(value) if isinstance(one, str) and "\0" not in one)


def _is_name(text: str) -> bool:
    return re.fullmatch(NAME, text) is not None


def _tree_of(scenario: Path, workspace: str) -> Path:
    """The work tree around a scenario, else the job's directory; without symbolic links."""
    directory = Path(os.path.realpath(scenario)).parent
    around = (directory, *directory.parents)
    given = Path(os.path.realpath(workspace)) if workspace else directory
    whole = given if given in around else directory
    return next((place for place in around if (place / ".git").exists()), whole)


def _is_file_in(tree: Path, path: Path) -> bool:
    return is_file(path) and Path(os.path.realpath(path)).is_relative_to(tree)


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _toml(name: str, text: str) -> Mapping[str, Any]:
    try:
        return table_in(name, tomllib.loads(text)) or {}
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _yaml(text: str) -> list[Mapping[str, Any]]:
    """The documents of a compose file; none of an environment file, or where it is no YAML."""
    try:
        return compose_documents(text)
    except ValueError:
        return []
