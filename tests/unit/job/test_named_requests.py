from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from socklat_gate.job.named_requests import NamedRequests, request_shares, traffic_of
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.records import EXCHANGE_STAGES, STALL, Records
from socklat_gate.measured.run import Run, Spike
from socklat_gate.probe.traffic import Traffic
from socklat_gate.scenario import Load
from socklat_gate.stalls.correction import correct_stalls
from tests.unit.job.fakes import run
from tests.unit.stalls.conversations import converse
from tests.unit.stalls.simulated import exchanges

WINDOW = Window(0, 0, 1 << 40)
STAGES = ("response", "service", "recv_wait", "app")
NAMES = ("browse", "search", "checkout")


def load(**changes: Any) -> Load:
    requests = [
        {"name": name, "weight": weight} for name, weight in zip(NAMES, (7, 2, 1), strict=True)
    ]
    return Load.model_validate({"driver": "http", "request": requests, **changes})


def test_shares_are_those_of_the_weights() -> None:
    assert request_shares(load()) == {"browse": 0.7, "search": 0.2, "checkout": 0.1}
    assert request_shares(load(request=[])) == {}
    assert request_shares(load(driver="command", command={"argv": ["wrk"]}, request=[])) == {}


@pytest.mark.parametrize(
    ("changes", "traffic"),
    [
        ({"request": []}, Traffic(one_outstanding=True, http=True)),
        ({}, Traffic(one_outstanding=True, http=True, named=True)),
        ({"tls": True}, Traffic(one_outstanding=True, named=True, marked=True)),
        ({"http": "2", "request": []}, Traffic(one_outstanding=True, marked=True)),
        (
            {"driver": "tcp", "payload": "PING", "request": []},
            Traffic(one_outstanding=True),
        ),
        (
            {"driver": "command", "command": {"argv": ["wrk"]}, "request": []},
            Traffic(http=True),
        ),
    ],
)
def test_the_probe_is_told_what_is_known_of_the_load(
    changes: dict[str, Any], traffic: Traffic
) -> None:
    assert traffic_of(load(**changes)) == traffic


def two_arms() -> tuple[list[Records], Records]:
    """Both arms from the same ports at the same time, each with kinds and latencies of its own."""
    logged, sent = [], []
    for arm in (0, 1):
        rng = np.random.default_rng(arm)
        kinds = rng.choice(3, 600, p=(0.7, 0.2, 0.1))
        talk = converse([(40_000 + port, 60) for port in range(10)], kinds, rng)
        talk.sent["arm"] = arm
        # A latency tells its kind, so that nothing can be mistaken.
        records = exchanges(
            talk.exchanges["rx_first_ns"].astype(np.int64),
            (100_000 * (1 + kinds) + 1000 * arm).astype(np.int64),
            target=arm,
        )
        for name in ("ordinal", "peer_port"):
            records[name] = talk.exchanges[name]
        logged.append(rng.permutation(records))
        sent.append(talk.sent)
    return logged, np.random.default_rng(9).permutation(np.concatenate(sent))


def joined_runs(spikes: tuple[Spike, ...] = ()) -> tuple[list[Run], Records]:
    logged, sent = two_arms()
    named = NamedRequests.of(request_shares(load()), logged, sent, WINDOW, sampled=False)
    correction = correct_stalls(
        logged, np.zeros(0, STALL), 0, 1 << 40, STAGES, named=named.for_correction()
    )
    whole = replace(run(), spikes=spikes)
    return [named.add_to(whole, arm, correction, STAGES) for arm in (0, 1)], sent


def test_each_arm_has_its_own_requests_under_their_names() -> None:
    runs, sent = joined_runs()
    for arm, found in enumerate(runs):
        assert list(found.requests) == list(NAMES)
        assert found.join is not None
        assert (found.join.logged, found.join.joined, found.join.mismatched) == (600, 600, 0)
        for kind, stages in enumerate(found.requests.values()):
            count = int(np.count_nonzero((sent["arm"] == arm) & (sent["kind"] == kind)))
            latency_ns = 100_000 * (1 + kind) + 1000 * arm
            assert stages.exchanges == count
            assert stages.weight == (0.7, 0.2, 0.1)[kind]
            assert stages.histograms["response"] == Histogram.of([latency_ns] * count)
            assert stages.bands is not None
            assert stages.bands.stages == STAGES
            assert stages.bands.count.sum() == count
            assert stages.bands.sums_ns[:, 0].sum() == count * latency_ns
            assert stages.corrected is not None
            assert stages.corrected.used["response"] == stages.histograms["response"]
            assert stages.corrected.logged == count


def test_a_name_without_an_exchange_is_there_and_empty() -> None:
    logged, sent = two_arms()
    kept = [
        records[records["ns"][:, EXCHANGE_STAGES.index("response")] < 300_000] for records in logged
    ]
    named = NamedRequests.of(request_shares(load()), kept, sent, WINDOW, sampled=True)
    correction = correct_stalls(
        kept, np.zeros(0, STALL), 0, 1 << 40, STAGES, named=named.for_correction()
    )
    found = named.add_to(run(), 1, correction, STAGES).requests["checkout"]
    assert found.exchanges == found.histograms["response"].total == 0
    assert found.corrected is not None
    assert found.corrected.logged == 0


def test_spikes_get_the_names_of_their_requests_also_where_the_log_has_them_not() -> None:
    _, sent = two_arms()
    row = sent[(sent["arm"] == 1) & (sent["kind"] == 2)][0]
    known = Spike(int(row["sent_ns"]) + 5, {"response": 9}, f"172.18.0.1:{row['port']}", 0)
    in_ipv6 = replace(known, peer=f"[fd00::1]:{row['port']}")
    strange = replace(known, peer="172.18.0.1:9")
    runs, _ = joined_runs((known, in_ipv6, strange))
    assert [spike.request for spike in runs[1].spikes] == ["checkout", "checkout", ""]
    assert [stages.spikes for stages in runs[1].requests.values()] == [0, 0, 2]
