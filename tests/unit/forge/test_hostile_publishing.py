"""Every text of a result, hostile, through everything that is published: nothing comes of it."""

from __future__ import annotations

import io
import json
import re
from functools import cache
from pathlib import Path

import pytest

from socklat_gate.forge.body import Source, comment_body, marker_of
from socklat_gate.forge.exit_policy import FailOn, outcome_exit
from socklat_gate.forge.finding import Finding
from socklat_gate.forge.github.check_run import MAX_SUMMARY, Check, create_check
from socklat_gate.forge.github.publishing import Wanted, publish
from socklat_gate.forge.github.runner import Runner
from socklat_gate.forge.github.workflow_job import Job, job_of
from socklat_gate.forge.shortening import characters
from socklat_gate.forge.sticky_note import MAX_NOTE
from socklat_gate.forge.verdict_history import Entry, entry_of, history_in
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.report import report_of
from socklat_gate.wording.markdown_escape import one_line
from tests.unit.factories import (
    make_result,
)
from tests.unit.forge.github.events import environment, pull_request
from tests.unit.forge.github.runner_files import commands_in, outputs_of
from tests.unit.hostile_texts import HOSTILE, batches
from tests.unit.poisoned import full_result, poisoned
from tests.unit.report.markdown_judge import column_counts, filter_hits, inline_tokens, parsed
from tests.unit.report.rendered import render_markdown

BATCH = 25
ARTIFACT = "https://github.com/octo/shop/actions/runs/1234/artifacts/9"
OURS = re.compile(r"https://github\.com/octo/shop/actions/runs/\d+(?:/artifacts/\d+)?")
TAGS = {"<details>", "</details>", "<summary>", "</summary>"}
HIDDEN = re.compile(r"<!-- socklat-gate (?:comment [a-z0-9._-]+|history \[[^<>]*\]) -->")
OLD = Entry(
    commit="a" * 40, at_s=1_700_000_000, verdict=Outcome.PASS, p50=0.0, p99=0.1, run=5, attempt=1
)


RESULTS = [make_result("run"), *(full_result("gate", outcome) for outcome in Outcome)]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    directory = tmp_path_factory.mktemp("event")
    return job_of(environment(directory, "pull_request", {"pull_request": pull_request()}))


def structure(markdown: str) -> list[str]:
    return [token.type for token in parsed(markdown)]


@cache
def expected_structure(at: int, texts: int) -> list[str]:
    words = [f"word{number}" for number in range(texts)]
    return structure(render_markdown(poisoned(RESULTS[at], *words, kept=())))


def assert_only_ours(markdown: str, links: int) -> None:
    """No link, image, HTML, mention, reference, command or broken table but what we made."""
    tokens = [*parsed(markdown), *inline_tokens(markdown)]
    hrefs = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert len(hrefs) == links
    assert all(OURS.fullmatch(href) for href in hrefs)
    assert not [token for token in tokens if token.type in {"image", "em_open", "s_open"}]
    html = [token.content for token in tokens if token.type.startswith("html_")]
    pieces = {piece for block in html for piece in re.findall(r"<!--.*?-->|<[^>]*>", block)}
    assert not {piece for piece in pieces - TAGS if not HIDDEN.fullmatch(piece)}
    assert filter_hits(markdown, OURS) == []
    assert all(rows == {width} for width, rows in column_counts(markdown))
    assert commands_in(markdown) == []
    assert not [line for line in markdown.splitlines() if line.lstrip().startswith("::")]
    markdown.encode("utf-8")


@batches(BATCH)
def test_nothing_comes_of_it(batch: list[tuple[str, ...]], job: Job, tmp_path: Path) -> None:
    for at, texts in enumerate(batch):
        directory = tmp_path / str(at)
        directory.mkdir()
        check_what_is_published(at, texts, job, directory)


def check_what_is_published(at: int, texts: tuple[str, ...], job: Job, directory: Path) -> None:
    which = at % len(RESULTS)
    hostile = poisoned(RESULTS[which], *texts, kept=())
    report = render_markdown(hostile)
    assert_only_ours(report, links=0)
    if all(one_line(text, 10) for text in texts):
        assert structure(report) == expected_structure(which, len(texts))

    source = Source(job.runs_url, "b" * 40, 1234, ARTIFACT)
    entry = entry_of(hostile, "b" * 40, 1234, 1)
    old = comment_body(report_of(hostile), source, OLD, "", MAX_NOTE)
    room = MAX_NOTE if at % 2 else 6_000
    body = comment_body(report_of(hostile), source, entry, old, room)
    assert characters(body) <= room
    assert_only_ours(f"{marker_of(hostile.scenario_name)}\n{body}", links=3)
    assert history_in(body) == ((OLD, entry) if entry else (OLD,))

    exit_code = outcome_exit(hostile)
    assert exit_code == (0 if hostile.kind == "run" else hostile.verdict.outcome.exit_code)
    log = io.StringIO()
    output, summary = directory / "output", directory / "summary"
    finding = Finding(exit_code, hostile.scenario_name, hostile, "", ())
    wanted = Wanted(FailOn.REGRESSION, False, False, "x")
    publish(Runner(log, output, summary), job, None, finding, Path("out"), wanted, ARTIFACT)
    assert_only_ours(summary.read_text("utf-8"), links=2)
    (command,) = commands_in(log.getvalue())
    assert command.name in {"error", "warning", "notice"}
    assert command.properties.keys() == {"title"}
    outputs = outputs_of(output)
    assert outputs["verdict"] == ("" if hostile.kind == "run" else hostile.verdict.outcome.value)
    assert len(outputs) == 6


@pytest.mark.parametrize("text", HOSTILE[::5], ids=range(0, len(HOSTILE), 5))
def test_nothing_comes_of_the_output_of_a_gate_without_a_result(
    text: str, job: Job, tmp_path: Path
) -> None:
    finding = Finding(3, text, None, f"it ended: {text}", (text, *text[:5000].splitlines()[:20]))
    runner = Runner(io.StringIO(), tmp_path / "output", tmp_path / "summary")
    wanted = Wanted(FailOn.REGRESSION, False, False, "x")
    publish(runner, job, None, finding, Path("out"), wanted, "")
    assert_only_ours((tmp_path / "summary").read_text("utf-8"), links=1)
    assert isinstance(runner.log, io.StringIO)
    (command,) = commands_in(runner.log.getvalue())
    assert command.name == "error"


def test_a_check_of_any_text_is_within_githubs_limits() -> None:
    sent: list[dict[str, object]] = []

    class Api:
        def send(self, method: str, path: str, body: dict[str, object], **_: object) -> None:
            sent.append(body)

    for text in HOSTILE[::7]:
        report = "x\n" + "line\n" * 20_000
        create_check(Api(), "o/r", Check(text, "a" * 40, "neutral", text, report, ARTIFACT))  # type: ignore[arg-type]
        content = json.loads(json.dumps(sent[-1]))
        assert len(content["name"]) <= 100
        assert 0 < len(content["output"]["summary"]) <= MAX_SUMMARY
        assert "\n" not in content["name"] + content["output"]["title"]
