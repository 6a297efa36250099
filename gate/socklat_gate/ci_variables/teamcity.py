"""What TeamCity says of a build: in files of properties, of which a variable names the first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["with_properties"]

FILE = "TEAMCITY_BUILD_PROPERTIES_FILE"
NEXT = "teamcity.configuration.properties.file"
WANTED = re.compile(
    r"teamcity\.(?:build\.branch|pullRequest\.(?:number|(?:source|target)\.branch))"
)
MAX_BYTES = 4 << 20
_LINE = re.compile(r"^[ \t]*([\w.]+)[ \t]*[=:][ \t]*(.*)$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")


def with_properties(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables, and what of a TeamCity build's properties is about its branches."""
    name = environment.get(FILE, "")
    if not name:
        return environment
    found = _properties(name)
    further = _properties(found[NEXT]) if NEXT in found else {}
    known = {**found, **further}
    return {**environment, **{key: known[key] for key in known if WANTED.fullmatch(key)}}


def _properties(name: str) -> dict[str, str]:
    """Those of a file as Java writes them; none of one that cannot be read."""
    try:
        with Path(name).open("rb") as file:
            text = file.read(MAX_BYTES).decode("latin-1")
    except (OSError, ValueError):
        return {}
    return {key: _ESCAPE.sub(_unescaped, value.rstrip("\r")) for key, value in _LINE.findall(text)}


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2]
