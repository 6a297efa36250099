"""Exit code 2: the command line, the scenario or a file named there is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]


@pytest.mark.parametrize(
    ("tables", "reason", "said"),
    [
        (
            {"load": {"conections": 8}},
            Reason.BAD_SCENARIO,
            "socklat.toml:15: unknown key 'load.conections'; did you mean 'connections'?",
        ),
        (
            {"load": {"rate": "fast"}},
            Reason.BAD_SCENARIO,
            'socklat.toml:7: load.rate: input should be a valid number, or "auto" (given: ',
        ),
        (
            {"load": {"payload": r"PING\q"}},
            Reason.BAD_PAYLOAD,
            r"socklat.toml:11: load.payload: unknown escape \q at character 4",
        ),
        (
            {"service": {"volumes": ["data"]}},
            Reason.BAD_SCENARIO,
            "service.volumes: 'data' cannot be mounted",
        ),
        (
            {"service": {"image": None, "build": "nowhere"}},
            Reason.NO_SUCH_FILE,
            "nowhere has no Dockerfile",
        ),
        (
            {"service": {"image": "socklat-test/no-such-image:1"}},
            Reason.NO_SUCH_IMAGE,
            "image 'socklat-test/no-such-image:1' is neither here nor can it be pulled",
        ),
        ({"service": {"image": None}}, Reason.BAD_SCENARIO, "names no image to test"),
    ],
    ids=lambda value: "" if not isinstance(value, dict) else str(*value.values()),
)
def test_a_scenario_that_is_wrong(
    gate: Gate, scenario: Scenario, tables: dict[str, Any], reason: Reason, said: str
) -> None:
    assert said in gate.gate(scenario(**tables)).refused(Exit.USAGE, reason)


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        (None, Reason.NO_SUCH_FILE, "socklat.toml cannot be read: No such file or directory"),
        ("name = [", Reason.BAD_SCENARIO, "socklat.toml is not TOML"),
        ("", Reason.BAD_SCENARIO, "socklat.toml: name is missing: "),
    ],
)
def test_a_scenario_that_is_none(gate: Gate, text: str | None, reason: Reason, said: str) -> None:
    path = gate.directory / "socklat.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert said in gate.gate(path).refused(Exit.USAGE, reason)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-pairs", "-3"], "--max-pairs -3: input should be greater than or equal to 1"),
        (["--max-pairs", "many"], "'many' is not a valid integer"),
        (["--max-minutes", "nan"], "--max-minutes nan: input should be a finite number"),
        (["--no-such-option"], "No such option '--no-such-option'"),
        (["--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_options_that_are_wrong(
    gate: Gate, scenario: Scenario, options: list[str], said: str
) -> None:
    error = gate.gate(scenario(), *options).refused(Exit.USAGE, Reason.BAD_ARGUMENT)
    assert said in error.splitlines()[0]
    assert error.splitlines()[1].startswith("try: ")


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/socklat"])
def test_reports_that_cannot_be_written(gate: Gate, scenario: Scenario, out: str) -> None:
    (gate.directory / "file").touch()
    done = gate.run("gate", scenario(), "--baseline-image", DELAY_TAG, "--out", out, out=False)
    error = done.refused(Exit.USAGE, Reason.OUTPUT_NOT_WRITABLE)
    assert f"cannot write to {out}" in error


def test_a_command_that_does_not_exist(gate: Gate) -> None:
    done = gate.run("gates", out=False, apart=True)
    assert "No such command 'gates'" in done.refused(Exit.USAGE, Reason.BAD_ARGUMENT)


def test_a_verdict_of_an_earlier_run_does_not_survive_a_failure(
    gate: Gate, scenario: Scenario
) -> None:
    gate.out.mkdir()
    (gate.out / "verdict.json").write_text('{"verdict": "pass"}', encoding="utf-8")
    done = gate.gate(scenario(service={"image": "socklat-test/no-such-image:1"}))
    done.refused(Exit.USAGE, Reason.NO_SUCH_IMAGE)  # which checks that there is no verdict


def test_a_reader_that_went_away_changes_no_exit_code(gate: Gate) -> None:
    process = gate.start("schema")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(120) == Exit.PASS
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_a_full_disk_on_stdout_is_an_error_and_no_verdict(gate: Gate) -> None:
    with open("/dev/full", "wb") as full:
        process = gate.start("schema", stdout=full)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == Exit.USAGE
    assert b"cannot write to the standard output: No space left on device" in stderr
    assert b"Traceback" not in stderr
