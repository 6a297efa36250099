"""Links beside the baselines: ``_links/<scenario>/<created, UTC>-<12 hex>.json`` in the same place.

What gates measured side by side from merge to merge, and nights beside a pinned release: a few
hundred bytes a metric, added and never changed, as campaigns are.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress

from socklat_gate.baseline.creation_time import compact_time, creation_time
from socklat_gate.baseline.places.place import Place
from socklat_gate.documents.codec import JSON, from_body, to_body
from socklat_gate.documents.envelope import checksum_of, encode_document, parse_document
from socklat_gate.documents.reading import refuse_document
from socklat_gate.errors import NoUsableBaseline
from socklat_gate.git import COMMIT
from socklat_gate.measured.link import Link, MetricLink
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.evidence import RATES
from socklat_gate.verdict.links import metric_links

__all__ = ["link_of", "link_problems", "save_link", "stored_links"]

SCHEMA = "socklat-gate/link"
FOLDER = "_links"

METRIC_NAME = re.compile(r"[a-z0-9_.]{1,80}(?:\[[A-Za-z0-9_.-]{1,63}\])?")
MOST_LANES = 64
LARGEST = 1e6
"""No logarithm of an e-value and no log change of a gate comes near it."""

JUDGED = {Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE}


def link_of(result: GateResult, *, nightly: bool = False) -> Link | None:
    """What the result is as a link; None where it measured nothing between two known ends.

    Both must be commits as they are in the history; only a release may be an image alone.
    """
    base = result.baseline_commit if COMMIT.fullmatch(result.baseline_commit) else ""
    known = bool(COMMIT.fullmatch(result.commit)) and bool(base or nightly)
    judged = result.verdict.outcome in JUDGED and bool(result.pairs)
    if not known or not judged or result.commit == base:
        return None
    metrics = metric_links(result.pairs, result.verdict.metrics)
    if not metrics:
        return None
    return Link(
        scenario_name=result.scenario_name,
        scenario_hash=result.scenario_hash,
        former_hashes=result.former_hashes,
        created=result.created,
        branch=result.branch,
        base_commit=base,
        base_image=result.baseline_image,
        commit=result.commit,
        image=result.candidate_image,
        nightly=nightly,
        outcome=result.verdict.outcome,
        pairs=result.verdict.pairs,
        metrics=metrics,
    )


def save_link(place: Place, link: Link) -> str:
    """Add a link; its name.  Saving the same one again changes nothing.

    Raises `UsageError` when the place cannot be written.
    """
    body = to_body(link)
    _check("the link", from_body(Link, body))  # never store what could not be read again
    file = f"{compact_time(link.created)}-{checksum_of(body)[7:19]}.json"
    name = f"{FOLDER}/{link.scenario_name}/{file}"
    with suppress(FileExistsError):  # the name holds the content's checksum
        place.add(name, encode_document(place.display_name(name), SCHEMA, body))
    return name


def stored_links(
    place: Place, scenario_name: str, hashes: frozenset[str] = frozenset(), branch: str = ""
) -> tuple[Link, ...]:
    """The links of a scenario, oldest first; of its ``hashes``, else of the newest one's.

    With a ``branch`` only those of that one; links of no known branch belong to every branch.
    Raises `NoUsableBaseline` for one that is damaged or holds what no gate measured.
    """
    found = []
    for name in place.names(f"{FOLDER}/{scenario_name}"):
        link = _read(place, name, scenario_name)
        if not branch or link.branch in ("", branch):
            found.append((creation_time(link.created), name, link))
    links = [link for _, _, link in sorted(found, key=lambda one: one[:2])]
    wanted = hashes or (links[-1].hashes if links else hashes)
    return tuple(link for link in links if link.is_of(wanted))


def link_problems(place: Place, scenario_name: str) -> tuple[tuple[str, str], ...]:
    """The name of every link of a scenario with what is wrong with it, or with an empty text."""
    found = []
    for name in place.names(f"{FOLDER}/{scenario_name}"):
        try:
            _read(place, name, scenario_name)
        except NoUsableBaseline as error:
            found.append((name, error.message))
        else:
            found.append((name, ""))
    return tuple(found)


def _read(place: Place, name: str, scenario_name: str) -> Link:
    where = place.display_name(name)
    link = _decode(where, parse_document(where, place.read(name), SCHEMA))
    if link.scenario_name != scenario_name:
        refuse_document(where, f"holds a link of scenario {link.scenario_name[:80]!r}")
    return link


def _decode(where: str, body: JSON) -> Link:
    try:
        link = from_body(Link, body)
    except NoUsableBaseline as error:
        refuse_document(f"{where}:", error.message)
    _check(where, link)
    return link


def _check(where: str, link: Link) -> None:
    """What is added up must make sense, whoever wrote the file."""
    lanes = {len(kind) for one in link.metrics for kind in (one.slower, one.faster, one.above)}
    if not link.metrics or not lanes <= set(range(len(RATES), MOST_LANES)):
        refuse_document(where, "holds no metrics, or evidence that no gate has")
    if not all(map(_is_sound, link.metrics)):
        refuse_document(where, "holds a number that no gate has measured")
    if not all(METRIC_NAME.fullmatch(one.name) for one in link.metrics):
        refuse_document(where, "holds a name that no metric has")
    base = link.base_commit or (link.nightly and link.base_image and link.commit)
    if not all(COMMIT.fullmatch(str(end)) for end in (base, link.commit)):
        refuse_document(where, "holds commits that are none")
    creation_time(link.created)


def _is_sound(one: MetricLink) -> bool:
    numbers = [one.log_change, one.standard_error, one.tolerance]
    numbers += [*one.slower, *one.faster, *one.above]
    bounded = all(math.isfinite(x) and abs(x) < LARGEST for x in numbers)
    return bounded and one.standard_error >= 0 and one.dof >= 1 and one.tolerance > 0
