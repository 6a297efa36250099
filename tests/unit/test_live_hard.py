"""The page of live jobs is of what was built in, and jobs are not done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from tests.benchmarks import live_hard
from tests.benchmarks.hard_scenes import HARD
from tests.benchmarks.live import stored_verdict, write_scenario
from tests.benchmarks.live_hard import failed_by, found_it, page, row_of

BY_NAME = {hard.scene.name: hard for hard in HARD}


def verdict(name: str = "", change: float = 0.0, **parts: Any) -> dict[str, Any]:
    metrics = [
        {"name": "response_p50", "verdict": "regression" if name else "pass", "change": change}
    ]
    return {
        "verdict": "regression" if name or parts else "pass",
        "pairs": 10,
        "duration_s": 50.0,
        "metrics": metrics,
        **parts,
    }


def test_each_effect_has_a_scenario_of_its_own_and_what_must_fail(tmp_path: Path) -> None:
    assert len(BY_NAME) == len(HARD)
    for hard in HARD:
        scenario = hard.scene.scenario()
        assert isinstance(scenario, Scenario)
        assert (hard.scene.kind == "effect") == bool(hard.metric)
        assert hard.wanted_s or not hard.metric
        if hard.metric.startswith("response"):
            assert hard.metric in {metric.name for metric in scenario.gate.metrics}
        path = tmp_path / "socklat.toml"
        write_scenario(hard.scene, path)
        # The arms' images come with the command; what is written is the scene's own rule.
        text = path.read_text().replace("[service]", '[service]\nimage = "app:1"', 1)
        path.write_text(text)
        wanted = hard.scene.gate.get("watch", {"minutes": 0.0})["minutes"]
        loaded = load_scenario(path).gate
        assert loaded.watch.minutes == wanted
        assert loaded.metrics == scenario.gate.metrics
        assert loaded.containers == scenario.gate.containers


def test_what_fails_by_something_else_was_not_found() -> None:
    p50 = BY_NAME["p50-5"]
    assert found_it(p50, verdict("response_p50"))
    assert not found_it(p50, verdict(spikes={"failed": True}))
    assert found_it(BY_NAME["stop-60"], verdict(spikes={"failed": True}))
    assert failed_by(verdict(counts=[{"name": "errors", "failed": True}])) == ["errors"]


def test_a_row_says_what_was_measured_and_how_often_it_was_in_time() -> None:
    jobs = [verdict("response_p50", 0.05), verdict("", 0.04), verdict(spikes={"failed": True})]
    row = row_of(BY_NAME["p50-5"], jobs)
    assert row[2] == "+2.98%"
    assert row[3:5] == ["3", "1 pass, 2 regression"]
    assert row[5:] == ["50", "1 of 3 in 60 s", "spikes"]
    assert row_of(BY_NAME["same-p50"], [verdict()])[5:] == ["50", "-", "-"]


def test_the_page_has_what_is_stored_and_names_what_is_not(tmp_path: Path) -> None:
    place = tmp_path / "p50-1-0"
    place.mkdir()
    (place / "verdict.json").write_text(json.dumps(verdict("response_p50", 0.01)))
    text = page(tmp_path)
    assert "| p50-1 | +1% | +1.00% | 1 | 1 regression | 50 | 1 of 1 in 300 s | - |" in text
    assert "Not measured yet: redis-same," in text
    assert stored_verdict(BY_NAME["p50-1"].scene, 1, tmp_path) is None


def test_an_unknown_scene_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["live_hard", "p51"])
    with pytest.raises(SystemExit) as ended:
        live_hard.main()
    assert ended.value.code == 2
