"""Reads what a step wrote as the runner does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

REGISTERED = {
    "add-mask",
    "add-matcher",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
}


class Command(NamedTuple):
    """A workflow command that the runner would carry out."""

    name: str
    properties: dict[str, str]
    message: str


def outputs_of(path: Path) -> dict[str, str]:
    """Outputs in a file, with the rules of the runner: ``name=value`` and heredocs."""
    lines = iter(path.read_text("utf-8").splitlines(keepends=True))
    found: dict[str, str] = {}
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and not 0 <= equals < heredoc:
            name, end = line.rstrip("\n").split("<<", 1)
            value = ""
            for inner in lines:
                if inner.rstrip("\n") == end:
                    break
                value += inner
            else:
                raise AssertionError(f"output {name} does not end")
            found[name] = value.removesuffix("\n")
        elif line.strip():
            name, _, value = line.rstrip("\n").partition("=")
            found[name] = value
    return found


def commands_in(log: str) -> list[Command]:
    """Commands that the runner finds in a log, old notation and stops included."""
    found: list[Command] = []
    stopped = ""
    for line in re.split(r"\r\n|\r|\n", log):
        command = _command(line, REGISTERED | {stopped})
        if command is None:
            continue
        if stopped:
            if command.name == stopped:
                stopped = ""
            continue
        if command.name == "stop-commands":
            stopped = command.message
        found.append(command)
    return found


def _command(line: str, names: set[str]) -> Command | None:
    new = re.match(r"\s*::(?P<info>.*?)::(?P<message>.*)", line)
    old = re.search(r"##\[(?P<info>.*?)\](?P<message>.*)", line)
    for match, separator in ((new, ","), (old, ";")):
        if match is None:
            continue
        name, _, rest = match["info"].partition(" ")
        if name and name in names:
            pairs = (pair.partition("=") for pair in rest.strip().split(separator) if pair)
            properties = {key: _unescaped(value) for key, _, value in pairs}
            return Command(name, properties, _unescaped(match["message"]))
    return None


def _unescaped(text: str) -> str:
    pairs = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    for code, character in pairs.items():
        text = text.replace(code, character)
    return text
