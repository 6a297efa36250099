from __future__ import annotations

import json
from dataclasses import replace

import pytest

from socklat_gate.baseline import named_parts as module
from socklat_gate.baseline.named_parts import storable_body
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.limits import CAMPAIGN, decoded_bytes
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.run import RequestStages
from tests.unit.factories import make_campaign, make_run
from tests.unit.named_results import MANY, NAMES, with_names


def campaign(runs: int, names: dict[str, float]) -> Campaign:
    named = with_names(make_run(1), names)
    return replace(make_campaign(runs), runs=(named,) * runs)


def test_a_few_names_are_kept_whole() -> None:
    few = campaign(2, dict(NAMES))
    assert storable_body(few) == to_body(few)


def test_of_more_than_has_room_the_responses_are_kept(tmp_path) -> None:
    many = campaign(4, dict(MANY))
    store = BaselineStore.at(tmp_path)
    store.save(many)
    (stored,) = store.campaigns("checkout")
    for run, kept in zip(many.runs, stored.campaign.runs, strict=True):
        assert kept.histograms == run.histograms
        assert kept.join == run.join
        assert kept.requests.keys() == run.requests.keys()
        for name, stages in run.requests.items():
            found, corrected = kept.requests[name], stages.corrected
            assert list(found.histograms) == ["response"]
            assert found.histograms["response"] == stages.histograms["response"]
            assert (found.weight, found.exchanges) == (stages.weight, stages.exchanges)
            assert found.corrected.used["response"] == corrected.used["response"]
            assert found.corrected.histograms["response"] == corrected.histograms["response"]
    assert store.save(many) == stored.name


def test_a_name_without_its_response_is_kept_without() -> None:
    many = campaign(4, dict(MANY))
    name = next(iter(MANY))
    runs = [
        replace(run, requests={**run.requests, name: RequestStages(0.5, 10, {})})
        for run in many.runs
    ]
    kept = from_body(Campaign, storable_body(replace(many, runs=tuple(runs))))
    assert kept.runs[0].requests[name].histograms == {}
    others = [kept.runs[0].requests[one].histograms for one in MANY if one != name]
    assert all(list(found) == ["response"] for found in others)


def test_where_even_those_have_no_room_the_whole_is_kept_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = replace(CAMPAIGN, decoded=2 * decoded_bytes(to_body(make_campaign(2))))
    monkeypatch.setattr(module, "CAMPAIGN", room)
    body = storable_body(campaign(2, dict(MANY)))
    kept = from_body(Campaign, json.loads(json.dumps(body)))
    assert len(kept.runs) == 2
    assert all(run.requests == run.load.requests == {} for run in kept.runs)
    assert all(run.join is None for run in kept.runs)


def test_without_names_nothing_is_looked_at() -> None:
    plain = make_campaign()
    assert storable_body(plain) == to_body(plain)
