"""What a Dockerfile asks of its builder, and which images it begins from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Mounted", "Need", "base_images", "listed", "mounted", "newest_needs"]

MOST_LISTED = 3

_SYNTAX = re.compile(r"#\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_ARG = re.compile(r"ARG\s+([A-Za-z_]\w*)(?:=(.*))?$", re.IGNORECASE)
_COPIED = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)
_MOUNTED = re.compile(r"--mount=\S*?\bfrom=([^,\s]+)")
_RUN = re.compile(r"(?:ONBUILD\s+)?RUN\s", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::-([^}]*))?\}|([A-Za-z_]\w*))")
_TAKES_HEREDOC = re.compile(r"(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\b", re.IGNORECASE)
_WORD = re.compile(r"(?:[^\s'\"\\]|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\")+")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")

_Known = Callable[[str], object]


def _known(pattern: str) -> _Known:
    return re.compile(pattern, re.IGNORECASE).match


def _heredocs(line: str) -> list[tuple[str, bool]]:
    """Words that end the heredocs of an instruction, and whether tabs may stand before each."""
    words = _WORD.findall(line) if _TAKES_HEREDOC.match(line) else []
    begun = filter(None, map(_HEREDOC.fullmatch, words))
    return [(re.sub(r"['\"\\]", "", found[2]), bool(found[1])) for found in begun]


_OF_BUILDKIT = {
    "RUN --mount": _known(r"RUN\s+(?:--\S+\s+)*--mount="),
    "RUN --network": _known(r"RUN\s+(?:--\S+\s+)*--network="),
    "RUN --security": _known(r"RUN\s+(?:--\S+\s+)*--security="),
    "FROM --platform=$BUILDPLATFORM": _known(r"FROM\s+--platform=\$"),
    "COPY --chmod": _known(r"(?:COPY|ADD)\s+(?:--\S+\s+)*--chmod="),
    # Without it they are empty, silently.
    "an ARG such as TARGETARCH": _known(r"ARG\s+(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)\s*$"),
}
_OF_SYNTAX = {
    "a heredoc": _heredocs,
    "COPY --link": _known(r"(?:COPY|ADD)\s+(?:--\S+\s+)*--link\b"),
    "COPY --parents": _known(r"COPY\s+(?:--\S+\s+)*--parents\b"),
    "COPY --exclude": _known(r"(?:COPY|ADD)\s+(?:--\S+\s+)*--exclude="),
    "ADD --checksum": _known(r"ADD\s+(?:--\S+\s+)*--checksum="),
    "ADD of a git repository": _known(
        r"ADD\s+(?:--\S+\s+)*(?:git@|git://|ssh://|https?://\S+\.git(?:[#?]\S*)?\s)"
    ),
    "HEALTHCHECK --start-interval": _known(r"HEALTHCHECK\s+(?:--\S+\s+)*--start-interval="),
}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the classic builder does not know, and in which line it stands.

    ``syntax``: an older BuildKit does not know it either, but for ``# syntax=`` in the first line.
    """

    what: str
    line: int
    syntax: bool


@dataclass(frozen=True, slots=True)
class Mounted:
    """A step that is given something by who builds: a "secret" of that ``id``, or an "ssh" agent.

    It is empty for a step where nobody gives it, unless the step says that it is required.
    """

    kind: str
    id: str
    line: int


def mounted(text: str) -> Iterator[Mounted]:
    """What steps of a Dockerfile are given, in its order."""
    for number, line in _instructions(text):
        for options in re.findall(r"--mount=(\S+)", line) if _RUN.match(line) else ():
            keys = dict(part.partition("=")[::2] for part in options.split(","))
            kind = keys.get("type", "")
            target = keys.get("target") or keys.get("dst") or keys.get("destination") or ""
            if kind == "secret":
                yield Mounted(kind, keys.get("id") or target.rpartition("/")[2], number)
            elif kind == "ssh":
                yield Mounted(kind, keys.get("id") or "default", number)


def newest_needs(text: str) -> Iterator[Need]:
    """What of a Dockerfile is not for every builder, in its order."""
    has_syntax = _syntax_image(text) is not None
    for number, line in _instructions(text):
        for patterns, of_syntax in ((_OF_BUILDKIT, False), (_OF_SYNTAX, True)):
            for what, pattern in patterns.items():
                if pattern(line):
                    yield Need(what, number, of_syntax and not has_syntax)


def listed(needs: Iterable[Need]) -> str:
    """The first ones, once each, with their lines."""
    found = {need.what: need for need in reversed(list(needs))}
    first = sorted(found.values(), key=lambda need: need.line)[:MOST_LISTED]
    return ", ".join(f"{need.what} in line {need.line}" for need in first)


def base_images(text: str, arguments: Mapping[str, str]) -> list[str]:
    """Images that a Dockerfile names, with its arguments filled in; what is not known is left out.

    Stages of its own are none of them.
    """
    values: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, None] = {}
    if syntax := _syntax_image(text):
        found[syntax] = None
    for _, line in _instructions(text):
        if (argument := _ARG.match(line)) and not stages:
            name, default = argument[1], (argument[2] or "").strip().strip("\"'")
            values[name] = arguments.get(name, _filled(default, values) or "")
        begun = _FROM.match(line)
        named = [begun[1]] if begun else [*_COPIED.findall(line), *_MOUNTED.findall(line)]
        for one in named:
            image = _filled(one, values)
            if image and image.lower() not in stages and image != "scratch" and not image.isdigit():
                found[image] = None
        if begun:
            stages.add((begun[2] or f"stage {len(stages)}").lower())
    return list(found)


def _syntax_image(text: str) -> str | None:
    """The frontend that the first lines name; only there it is no mere comment."""
    for line in text.splitlines():
        if not line.startswith("#"):
            return None
        if found := _SYNTAX.match(line):
            return found[1]
        if "=" not in line:
            return None
    return None


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Number of its first line and text of each instruction; what a heredoc holds is left out."""
    escape = next((m[1] for m in map(_ESCAPE.match, text.splitlines()[:3]) if m), "\\")
    begun, parts, until = 0, list[str](), list[tuple[str, bool]]()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if until:
            word, tabs = until[0]
            if (line.lstrip("\t") if tabs else line) == word:
                del until[0]
            continue
        if not stripped or stripped.startswith("#"):
            continue
        begun = begun or number
        parts.append(stripped.removesuffix(escape).rstrip())
        if stripped.endswith(escape):
            continue
        whole = " ".join(parts)
        until = _heredocs(whole)
        yield begun, whole
        begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts)


def _filled(text: str, values: Mapping[str, str]) -> str | None:
    """None where a variable has no value."""
    unknown = False

    def value(match: re.Match[str]) -> str:
        nonlocal unknown
        known = values.get(match[1] or match[3]) or match[2]
        unknown |= not known
        return known or ""

    filled = _VARIABLE.sub(value, text)
    return None if unknown or "$" in filled else filled
