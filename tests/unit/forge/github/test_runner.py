from __future__ import annotations

import io
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.runner import MAX_SUMMARY_BYTES, Runner
from tests.unit.forge.github.runner_files import commands_in, outputs_of
from tests.unit.hostile_texts import TEXTS

ATTACKS = [
    *TEXTS,
    "x\nverdict=pass",
    "x\nend-0\nverdict<<E\npass\nE",
    "x%0A::error::y",
    "::stop-commands::x",
    "##[add-mask]e",
]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(io.StringIO(), tmp_path / "output", tmp_path / "summary")


def log_of(runner: Runner) -> str:
    assert isinstance(runner.log, io.StringIO)
    return runner.log.getvalue()


@pytest.mark.parametrize("text", [text for text in ATTACKS if "\ud800" not in text])
def test_an_output_is_its_value_and_nothing_else(runner: Runner, text: str) -> None:
    runner.set_outputs({"verdict": text, "exit-code": "1"})
    assert runner.output is not None
    written = outputs_of(runner.output)
    assert written.keys() == {"verdict", "exit-code"}
    assert written["verdict"].split() == text.split()


def test_two_outputs_have_different_delimiters(runner: Runner) -> None:
    runner.set_outputs({"a": "1", "b": "2"})
    assert runner.output is not None
    lines = runner.output.read_text().splitlines()
    assert len({line.partition("<<")[2] for line in lines if "<<" in line}) == 2


@pytest.mark.parametrize("text", ATTACKS)
def test_an_annotation_is_one_command_of_one_line(runner: Runner, text: str) -> None:
    runner.annotate("error", text, text)
    (command,) = commands_in(log_of(runner))
    assert command.name == "error"
    assert command.properties.keys() == {"title"}
    assert "\n" not in command.message
    assert log_of(runner).count("\n") == 1


def test_an_annotation_reads_as_it_was_given(runner: Runner) -> None:
    runner.annotate("warning", "a: 50%, b", "100% of p99::slower")
    (command,) = commands_in(log_of(runner))
    assert command == ("warning", {"title": "a: 50%, b"}, "100% of p99::slower")


@pytest.mark.parametrize("text", ATTACKS)
def test_untrusted_output_commands_nothing(runner: Runner, text: str) -> None:
    with runner.untrusted_output("the gate"):
        runner.log.write(f"::error::{text}\n{text}\n::endgroup::\nno end of line")
    names = [command.name for command in commands_in(log_of(runner))]
    assert names == ["group", "stop-commands", "endgroup"]


def test_commands_count_again_after_an_error(runner: Runner) -> None:
    with pytest.raises(RuntimeError), runner.untrusted_output("the gate"):
        raise RuntimeError
    runner.annotate("notice", "t", "m")
    assert commands_in(log_of(runner))[-1].name == "notice"


def test_the_token_that_ends_a_stop_is_never_the_same(runner: Runner) -> None:
    for _ in range(2):
        with runner.untrusted_output("x"):
            pass
    tokens = {c.message for c in commands_in(log_of(runner)) if c.name == "stop-commands"}
    assert len(tokens) == 2


def test_the_room_of_a_summary_shrinks_with_what_is_there(runner: Runner) -> None:
    assert runner.summary_room() == MAX_SUMMARY_BYTES
    runner.add_summary("ä" * 1000)
    assert runner.summary_room() == MAX_SUMMARY_BYTES - 2000


def test_without_a_runner_nothing_is_written_but_the_log() -> None:
    runner = Runner.of({}, io.StringIO())
    runner.set_outputs({"a": "1"})
    runner.add_summary("x")
    runner.annotate("notice", "t", "m")
    assert log_of(runner) == "::notice title=t::m\n"


def test_files_that_cannot_be_written_are_a_usage_error(tmp_path: Path) -> None:
    runner = Runner.of({"GITHUB_OUTPUT": str(tmp_path / "no" / "where")}, io.StringIO())
    with pytest.raises(UsageError) as caught:
        runner.set_outputs({"a": "1"})
    assert caught.value.reason is Reason.OUTPUT_NOT_WRITABLE
