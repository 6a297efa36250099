"""Links are stored beside campaigns, never changed, and read as anyone's data."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.baseline.links import link_of, save_link, stored_links
from socklat_gate.baseline.places.location import open_place
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.documents.envelope import checksum_of
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.decide import decide
from tests.unit.factories import make_result
from tests.unit.job.fakes import run
from tests.unit.verdict.builders import pair_of
from tests.unit.verdict.test_link_series import GATE, commit, link


def gated(**changes: Any) -> GateResult:
    steps = (0.011, 0.009, 0.01, 0.012, 0.008, 0.01)
    pairs = [pair_of(run(), run(change), index) for index, change in enumerate(steps)]
    made = make_result(outcome=Outcome.PASS)
    verdict = replace(decide(pairs, GATE, budget_spent=None), outcome=Outcome.PASS)
    known = {"commit": commit(2), "baseline_commit": commit(1), "pairs": tuple(pairs)}
    return replace(made, **{**known, "verdict": verdict, **changes})


def test_saved_and_read_again_in_order_of_time(tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    links = [link(n, n + 1, 0.001 * n, day=n) for n in range(3)]
    names = [save_link(place, one) for one in reversed(links)]
    assert names[0].startswith("_links/demo/20260103T000000Z-")
    assert save_link(place, links[2]) == names[0]
    assert stored_links(place, "demo") == tuple(links)
    assert stored_links(place, "other") == ()
    assert BaselineStore(place).scenarios() == ()  # no campaign of any scenario


def test_only_those_of_the_same_load_and_branch(tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    other = replace(link(0, 1, 0.0), scenario_hash="f" * 16)
    lab = replace(link(1, 2, 0.0, day=1), branch="lab")
    unknown = replace(link(2, 3, 0.0, day=2), branch="")
    for one in (other, lab, unknown):
        save_link(place, one)
    assert stored_links(place, "demo", frozenset({"0" * 16})) == (lab, unknown)
    assert stored_links(place, "demo") == (lab, unknown)  # the newest one's load
    assert stored_links(place, "demo", branch="main") == (unknown,)


def test_a_gate_between_two_commits_is_a_link() -> None:
    found = link_of(gated())
    assert found is not None
    assert (found.base_commit, found.commit, found.nightly) == (commit(1), commit(2), False)
    assert [metric.name for metric in found.metrics] == ["response_p50"]


@pytest.mark.parametrize(
    ("changes", "night"),
    [
        ({"commit": "unknown"}, False),
        ({"commit": f"{commit(2)}-dirty"}, False),
        ({"baseline_commit": ""}, True),  # an image alone can be a release
        ({"baseline_commit": f"{commit(1)}-dirty"}, True),
        ({"baseline_commit": commit(2)}, False),
        ({"pairs": ()}, False),
    ],
)
def test_what_is_none(changes: dict[str, Any], night: bool) -> None:
    assert link_of(gated(**changes)) is None
    assert (link_of(gated(**changes), nightly=True) is not None) is night


@pytest.mark.parametrize("outcome", [Outcome.INVALID, Outcome.NO_BASELINE])
def test_an_invalid_measurement_is_no_link(outcome: Outcome) -> None:
    made = gated()
    broken = replace(made, verdict=replace(made.verdict, outcome=outcome))
    assert link_of(broken, nightly=True) is None
    red = replace(made, verdict=replace(made.verdict, outcome=Outcome.REGRESSION))
    assert link_of(red, nightly=True) is not None


def rewritten(path: Path, change: Any) -> None:
    """A document that was changed by somebody who knows how checksums are made."""
    document = json.loads(path.read_text("utf-8"))
    change(document["body"])
    document["checksum"] = checksum_of(document["body"])
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(metrics=[]),
        lambda body: body.update(scenario_name="other"),
        lambda body: body.update(base_commit="--upload-pack=x"),
        lambda body: body.update(commit=""),
        lambda body: body.update(created="yesterday"),
        lambda body: body["metrics"][0].update(log_change=1e300),
        lambda body: body["metrics"][0].update(log_change=None),
        lambda body: body["metrics"][0].update(standard_error=-1.0),
        lambda body: body["metrics"][0].update(dof=0),
        lambda body: body["metrics"][0].update(slower=[]),
        lambda body: body["metrics"][0].update(slower=[3.0]),  # of which no two can be added up
        lambda body: body["metrics"][0].update(slower=[0.0] * 1000),
        lambda body: body["metrics"][0].update(above=[1e9]),
        lambda body: body["metrics"][0].update(name="\u001b[31m"),
        lambda body: body["metrics"][0].update(tolerance=-0.5),
    ],
)
def test_what_no_gate_measured_is_refused(tmp_path: Path, change: Any) -> None:
    place = open_place(str(tmp_path))
    name = save_link(place, link(0, 1, 0.01))
    rewritten(tmp_path / name, change)
    with pytest.raises(NoUsableBaseline) as caught:
        stored_links(place, "demo")
    assert caught.value.reason is Reason.BASELINE_CORRUPT
    assert "\u001b" not in caught.value.message


def test_lanes_of_different_lengths_are_added_up_all_the_same(tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    one = link(0, 1, 0.01)
    short = replace(one.metrics[0], slower=(0.1,) * 6, faster=(0.1,) * 6, above=(0.1,) * 6)
    save_link(place, one)
    save_link(place, replace(link(1, 2, 0.0, day=1), metrics=(short,)))
    assert len(stored_links(place, "demo")) == 2
    assert math.isfinite(stored_links(place, "demo")[1].metrics[0].slower[0])
