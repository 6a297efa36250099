"""``load.workers``: bad values are exit 2 with key and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.scenario.loader import load_scenario

HEAD = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
"""
HTTP = 'driver = "http"\n'


def load(directory: Path, text: str):
    path = directory / "socklat.toml"
    path.write_text(HEAD + text)
    return load_scenario(path)


@pytest.mark.parametrize(
    ("text", "workers"), [("", "auto"), ('"auto"', "auto"), ("1", 1), ("32", 32)]
)
def test_a_number_or_auto(tmp_path, text, workers):
    line = f"workers = {text}\n" if text else ""
    assert load(tmp_path, f"{HTTP}{line}").load.workers == workers


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("workers = 0", 9, "load.workers: input should be greater than or equal to 1 (given: 0)"),
        ("workers = 33", 9, "load.workers: input should be less than or equal to 32 (given: 33)"),
        (
            'workers = "2"',
            9,
            "load.workers: input should be a valid integer, or \"auto\" (given: '2')",
        ),
        (
            "workers = true",
            9,
            'load.workers: input should be a valid integer, or "auto" (given: True)',
        ),
        (
            "workers = 1.5",
            9,
            'load.workers: input should be a valid integer, or "auto" (given: 1.5)',
        ),
        (
            "connections = 3\nworkers = 4",
            10,
            "load.workers: each worker needs a connection of its own, and load.connections is 3: "
            "give 3 or fewer, or more connections",
        ),
    ],
)
def test_what_is_no_number_of_workers(tmp_path, text, line, said):
    with pytest.raises(UsageError) as caught:
        load(tmp_path, f"{HTTP}{text}\n")
    assert (caught.value.exit_code, caught.value.reason) == (Exit.USAGE, Reason.BAD_SCENARIO)
    assert f"socklat.toml:{line}: {said}" in caught.value.message


def test_a_command_has_none(tmp_path):
    text = 'driver = "command"\nworkers = 2\n[load.command]\nargv = ["wrk"]\n'
    with pytest.raises(UsageError, match=r"load\.workers: a command is started once an arm"):
        load(tmp_path, text)


def test_by_default_it_is_no_part_of_what_campaigns_are_compared_by(tmp_path):
    one, same = (load(tmp_path, f"{HTTP}{line}") for line in ("", 'workers = "auto"\n'))
    assert one.measured_hash() == same.measured_hash()
