"""The rate that ``load.rate = "auto"`` had before: campaigns of other rates are not compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from socklat_gate.baseline.calibrations import studies
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.environment import RATE, this_machine
from socklat_gate.job.find_rate import MOST_RPS
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.scenario import Scenario

__all__ = ["rate_of_campaigns", "stored_rate"]


def stored_rate(store: BaselineStore, scenario: Scenario) -> float | None:
    """That of the newest stored campaign of this scenario and machine, else of the newest study.

    None without one, and where the scenario has a rate of its own: then nothing is read.  Raises
    `NoUsableBaseline` when the place or a campaign cannot be read.
    """
    if scenario.load.rate != "auto":
        return None
    campaigns = [stored.campaign for stored in store.campaigns(scenario.name)]
    found = rate_of_campaigns(campaigns, scenario)
    if found is not None:
        return found
    known = ((s.scenario_hash, s.fingerprint) for s in studies(store.place, scenario.name))
    return _newest(known, scenario.hashes())


def rate_of_campaigns(campaigns: Iterable[Campaign], scenario: Scenario) -> float | None:
    """The rate of the last of them that is of this scenario and machine and has one."""
    hashes = scenario.hashes()
    return _newest(((hashes[0], one.fingerprint) for one in campaigns if one.is_of(hashes)), hashes)


def _newest(known: Iterable[tuple[str, Fingerprint]], hashes: Collection[str]) -> float | None:
    machine = this_machine().items()
    found = [
        rate
        for scenario_hash, fingerprint in known
        if scenario_hash in hashes
        and machine <= fingerprint.must_match.items()
        and (rate := _rate(fingerprint.must_match.get(RATE, ""))) is not None
    ]
    return found[-1] if found else None


def _rate(text: str) -> float | None:
    """None for what no job has found: files of a store come from other machines."""
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 1.0 <= rate <= MOST_RPS else None
