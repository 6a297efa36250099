from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.fleet_check import check_recorded
from tests.unit.factories import make_load

COUNTS = replace(make_load(), planned=1010, responded=1000)


@pytest.mark.parametrize("exchanges", [995, 1000, 1200])
def test_all_that_the_driver_got_was_seen(exchanges: int) -> None:
    check_recorded("candidate-3", exchanges, COUNTS)


def test_a_few_of_a_light_load_are_no_blindness() -> None:
    check_recorded("candidate-3", 48, replace(COUNTS, planned=50, responded=50))


@pytest.mark.parametrize("exchanges", [994, 0])
def test_responses_that_the_probe_did_not_see(exchanges: int) -> None:
    with pytest.raises(InvalidMeasurement, match=f"candidate-3 .* saw {exchanges} of") as caught:
        check_recorded("candidate-3", exchanges, COUNTS)
    assert caught.value.reason is Reason.EVENTS_LOST
