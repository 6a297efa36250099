"""Which stored campaigns a place can do without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from socklat_gate.baseline.comparability import is_of_release
from socklat_gate.baseline.store import StoredCampaign

__all__ = ["prunable"]


def prunable(
    stored: Iterable[StoredCampaign], keep: int, releases: Sequence[str] = ()
) -> tuple[str, ...]:
    """Names of all but the newest ``keep`` campaigns of each scenario, machine, mode and branch.

    ``stored`` is in order of time.  Campaigns of ``releases`` (commits or images) always stay, and
    are not counted.  Raises `ValueError` for ``keep`` below 1.
    """
    if keep < 1:
        raise ValueError("at least one campaign is kept")
    alike: dict[object, list[str]] = defaultdict(list)
    for one in stored:
        campaign = one.campaign
        if any(is_of_release(campaign, release) for release in releases):
            continue
        machine = tuple(sorted(campaign.fingerprint.must_match.items()))
        alike[campaign.scenario_name, machine, campaign.mode, campaign.branch].append(one.name)
    return tuple(name for names in alike.values() for name in names[:-keep])
