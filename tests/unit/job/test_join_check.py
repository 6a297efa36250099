from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.completeness import STRAY_REQUESTS
from socklat_gate.job.join_check import check_joined
from socklat_gate.measured.run import Join, Mismatch, Run
from socklat_gate.stalls.join import Joined
from tests.unit.job.fakes import run
from tests.unit.named_results import with_names

AGREED = Join(logged=6000, joined=6000, connections=32)


def joined(miscounted: int = 0, unseen: int | None = 0, rare: int = 0, **join: object) -> Joined:
    """Of 6000 requests 300 are of a rare name; ``unseen`` ones are not, ``rare`` are."""
    lacking = (Mismatch(40_002, 180, 190),) if unseen or rare else ()
    by_kind = None if unseen is None else (unseen, rare)
    kinds = np.zeros(0, np.int64)
    return Joined(kinds, replace(AGREED, **join), miscounted, (5700, 300), by_kind, lacking)


def failing(failed: int = 0, grown: int = 0, **counters: int) -> Run:
    whole = run(**counters)
    named = with_names(whole, {"browse": 0.95, "checkout": 0.05})
    requests = {
        name: replace(own, sent=own.responded + failed) for name, own in named.load.requests.items()
    }
    counts = replace(
        named.load, errors=failed, no_response_total=failed, grown=grown, requests=requests
    )
    return replace(named, load=counts)


@pytest.mark.parametrize(
    ("whole", "found", "missed"),
    [
        (failing(), joined(), 0),
        # Two requests of somebody else's.
        (failing(), joined(STRAY_REQUESTS, mismatched=2), 0),
        (failing(), joined(joined=6000 - 30), 0),
        # An invocation of the probe that the kernel missed: one connection counts on from there.
        (failing(), joined(150, mismatched=1), 1),
        (failing(dropped_map_full=2), joined(100, mismatched=2), 0),
        # Requests without a response, records without room, connections that were refused.
        (failing(failed=200), joined(unseen=228), 0),
        (failing(log_lost=25), joined(unseen=50), 0),
        (failing(), joined(rare=STRAY_REQUESTS), 0),
        (failing(log_lost=25), joined(unseen=20, rare=7), 0),
        (failing(failed=30), joined(rare=32), 0),
        (failing(grown=60), joined(unseen=60), 0),
        (failing(failed=60, no_response=60), joined(unseen=60), 0),
        (failing(), joined(unseen=None), 0),
    ],
)
def test_what_is_allowed(whole: Run, found: Joined, missed: int) -> None:
    check_joined("candidate", whole, found, missed)


@pytest.mark.parametrize(
    ("whole", "found", "missed", "said"),
    [
        (
            failing(),
            joined(3, mismatched=1, mismatches=(Mismatch(40_001, 181, 180),)),
            0,
            "3 exchanges on 1 of 32 connections are not the request that they should be: "
            "181 exchanges and 180 requests from port 40001",
        ),
        (failing(), joined(300, mismatched=2), 1, "300 exchanges on 2 of 32 connections"),
        (
            failing(log_lost=20),
            joined(300, mismatched=1),
            0,
            "300 exchanges on 1 of 32 connections",
        ),
        (
            failing(),
            joined(joined=6000 - 31),
            0,
            "31 of 6000 exchanges belong to no request of the load driver",
        ),
        (
            failing(failed=10, log_lost=1),
            joined(unseen=42),
            0,
            "31 of 6000 requests of the load driver were seen as no exchange: "
            "180 exchanges and 190 requests from port 40002",
        ),
        (
            failing(),
            joined(rare=3),
            0,
            "3 of 300 requests checkout of the load driver were seen as no exchange",
        ),
    ],
)
def test_what_makes_a_measurement_invalid(
    whole: Run, found: Joined, missed: int, said: str
) -> None:
    with pytest.raises(InvalidMeasurement) as caught:
        check_joined("candidate", whole, found, missed)
    assert caught.value.reason is Reason.COUNT_MISMATCH
    assert caught.value.message.startswith(f"candidate: {said}")
    assert caught.value.remedy


def test_where_each_request_has_a_connection_none_can_be_refused_with_one() -> None:
    whole, found = failing(grown=60), joined(unseen=60)
    with pytest.raises(InvalidMeasurement, match="60 of 6000 requests"):
        check_joined("candidate", whole, found, 0, keep_alive=False)
