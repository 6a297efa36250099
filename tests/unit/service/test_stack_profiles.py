from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.service.stack_profiles import enabled_stack

STACK: dict[str, Any] = {
    "services": {
        "api": {"depends_on": {"db": {"condition": "service_started"}}},
        "db": {},
        "tool": {"profiles": ["debug", "tools"], "depends_on": ["db"]},
        "bench": {"profiles": ["bench"]},
    }
}


@pytest.mark.parametrize(
    ("active", "runs"),
    [
        ("", {"api", "db"}),
        ("debug", {"api", "db", "tool"}),
        ("bench, tools", {"api", "db", "tool", "bench"}),
        ("*", {"api", "db", "tool", "bench"}),
    ],
)
def test_what_runs(active: str, runs: set[str]) -> None:
    made = enabled_stack(STACK, "api", active)
    assert set(made["services"]) == runs
    # Else compose would leave them out of the arm's own file.
    assert not any("profiles" in definition for definition in made["services"].values())


def test_the_service_under_test_runs_whatever_its_profile() -> None:
    assert set(enabled_stack(STACK, "bench", "")["services"]) == {"api", "db", "bench"}


def test_what_it_needs_has_to_run() -> None:
    for needing in (
        {"network_mode": "service:vpn"},
        {"links": ["vpn:outside"]},
        {"volumes_from": ["container:vpn:rw", "service:vpn:ro"]},
        {"volumes_from": ["vpn"]},
    ):
        needs = {"services": {"api": needing, "vpn": {"profiles": ["x"]}}}
        with pytest.raises(UsageError, match="'api' needs 'vpn', which only runs in the profile x"):
            enabled_stack(needs, "api", "")
    depends = {"db": {"condition": "service_started", "required": False}}
    rather = {"services": {"api": {"depends_on": depends}, "db": {"profiles": ["x"]}}}
    assert enabled_stack(rather, "api", "")["services"] == {"api": {"depends_on": {}}}
