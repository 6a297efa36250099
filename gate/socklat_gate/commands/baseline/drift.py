"""``socklat-gate baseline drift``: the stored history of a scenario."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.baseline_place import location_option
from socklat_gate.commands.help import command
from socklat_gate.commands.named_scenario import branch_option
from socklat_gate.commands.output import emit
from socklat_gate.errors import Exit, NoUsableBaseline, Reason, UsageError
from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["drift"]


@command()
@click.argument("scenario", type=click.Path(path_type=Path))
@location_option
@branch_option
@click.option(
    "--release",
    metavar="COMMIT|IMAGE",
    help="A pinned release: compare the latest campaigns with those of this commit or image.",
)
@click.pass_context
def drift(
    context: click.Context, scenario: Path, baselines: str, branch: str, release: str | None
) -> None:
    """Find changes in the stored campaigns of SCENARIO, and slow drift since a release.

    Pull requests are compared with their base, so many small steps can pass one by one; here their
    sum shows: by what gates measured side by side from merge to merge and in nights beside the
    pinned release (`baseline promote`, `gate --nightly`), and by the stored values. Exits with 1
    when a metric is slower than the release by more than its tolerance.

    For instance:

        socklat-gate baseline drift socklat.toml --release v1.4.0
    """
    from socklat_gate.baseline.comparability import is_of_release, latest_kind
    from socklat_gate.baseline.links import stored_links
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.scenario.loader import load_scenario
    from socklat_gate.verdict.link_series import link_history
    from socklat_gate.verdict.series import metric_history
    from socklat_gate.wording.history_text import history_lines
    from socklat_gate.wording.link_text import link_lines

    planned = load_scenario(scenario)
    with open_store(baselines) as store:
        stored = [one.campaign for one in store.campaigns(planned.name)]
        links = stored_links(store.place, planned.name, frozenset(planned.hashes()), branch)
    campaigns = latest_kind(stored, planned.measured_hash(), branch, planned.former_hashes())
    if not (campaigns or links):
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"{baselines} holds no campaign of {planned.name!r} with this service and load",
            remedy="store one on the main branch with `socklat-gate baseline save RESULT`",
        )
    pinned = [c for c in campaigns if release and is_of_release(c, release)]
    if release and not pinned:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"none of the {len(campaigns)} comparable campaigns is of release {release[:80]!r}",
            remedy="give a commit (or its beginning) or an image that `socklat-gate baseline list` "
            "shows",
        )
    metrics = planned.gate.compared
    paired = [link_history(links, metric.name, len(metrics)) for metric in metrics]
    found = [metric_history(campaigns, metric, pinned) for metric in metrics if campaigns]
    lines = [line for history in paired for line in link_lines(history)]
    lines += [line for one in found for line in history_lines(one)]
    for sentence in lines:
        emit(strip_control_characters(sentence))
    by_nights = any(history.drifted for history in paired)
    if by_nights or any(history.drifted for history in found):
        context.exit(int(Exit.REGRESSION))
