from __future__ import annotations

import json
import lzma
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from socklat_gate.errors import NoUsableBaseline
from socklat_gate.scenario import Gate
from tests.benchmarks.recorded import MAX_SPIKES, Facts, load, names, save, slim
from tests.unit.factories import make_pair
from tests.unit.recordings import recorded_pair

FACTS = Facts("echo-same", "a machine", "the same image twice", "same", 10.5)


def differing(a: object, b: object, path: str = "") -> list[str]:
    """Members in which two objects differ; bands hold arrays, which have no single ==."""
    if is_dataclass(a) and type(a) is type(b):
        return [
            found
            for f in fields(a)
            for found in differing(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")
        ]
    return [] if np.array_equal(a, b) else [path]  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", [make_pair(1, 1.2), recorded_pair(3)], ids=["raw", "corrected"])
def test_a_set_reads_back_as_it_was_written(pair, tmp_path):
    path = tmp_path / "echo-same.json.xz"
    save(path, [pair, pair], FACTS)
    recorded = load(path)
    assert recorded.facts == FACTS
    assert [differing(pair, read) for read in recorded.pairs] == [[], []]


def test_a_slim_pair_keeps_what_is_judged_and_the_slowest_spikes():
    pair = recorded_pair(0)
    run = slim(pair).candidate
    assert set(run.histograms) == {"response", "service", "recv_wait", "app", "respond"}
    assert run.bands.stages == pair.candidate.bands.stages
    assert np.array_equal(run.bands.sums_ns, pair.candidate.bands.sums_ns)
    assert run.corrected is not None
    assert set(run.corrected.histograms) == set(run.corrected.used) == set(run.histograms)
    assert run.load.client == pair.candidate.load.client
    assert len(pair.candidate.spikes) > len(run.spikes) == MAX_SPIKES
    kept = {spike.stages_ns["service"] for spike in run.spikes}
    left_out = {spike.stages_ns["service"] for spike in pair.candidate.spikes} - kept
    assert min(kept) > max(left_out)
    times = [spike.rx_first_ns for spike in run.spikes]
    assert times == sorted(times)


def test_a_pair_takes_at_most_24_kb(tmp_path):
    pairs = [slim(recorded_pair(index, exchanges=45_000)) for index in range(3)]
    size = save(tmp_path / "a.json.xz", pairs, FACTS)
    assert size == (tmp_path / "a.json.xz").stat().st_size
    assert size <= 24_000 * len(pairs)


def test_a_set_is_found_by_name_and_saved_again_in_place(tmp_path):
    for times in (1, 2):
        save(tmp_path / "b.json.xz", [make_pair()] * times, FACTS)
    save(tmp_path / "a.json.xz", [make_pair()], FACTS)
    assert names(tmp_path) == ["a", "b"]
    assert len(load(tmp_path / "b.json.xz").pairs) == 2


def test_facts_carry_the_rules_of_the_set():
    assert FACTS.rules() == Gate()
    own = Facts("s", "m", "w", "effect", 9.0, "app", gate={"max_pairs": 12})
    assert own.rules().max_pairs == 12


def test_a_damaged_set_is_refused(tmp_path):
    path = tmp_path / "c.json.xz"
    save(path, [make_pair()], FACTS)
    body = json.loads(lzma.decompress(path.read_bytes()))
    body["pairs"][0]["pair"]["seed"] = "many"
    path.write_bytes(lzma.compress(json.dumps(body).encode()))
    with pytest.raises(NoUsableBaseline, match="seed"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(Path(tmp_path / "none.json.xz"))
