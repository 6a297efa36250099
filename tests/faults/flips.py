"""Every bit of a stored document flipped, and every length that it can be cut to.

What is read must be refused, or be the very same: then the flip changed how it is written (``1e3``
for ``1E3``) or what stands behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from socklat_gate.baseline import calibrations, links
from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.envelope import (
    CAMPAIGN_SCHEMA,
    RESULT_SCHEMA,
    encode_document,
    parse_document,
)
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.link import Link
from socklat_gate.measured.run import Bands, Run
from tests.faults.trial import Found, Means
from tests.unit import factories
from tests.unit.baseline.test_calibrations import calibration
from tests.unit.verdict.test_link_series import link

__all__ = ["DOCUMENTS", "Damage", "damages", "trials"]

EDGE = 300
"""Bytes at each end of a document of which every bit is flipped, whatever the stride."""


@dataclass(frozen=True)
class Stored:
    """The bytes of a document, and how they are read: the body once more, or an error."""

    data: bytes
    read: Callable[[bytes], object]


@dataclass(frozen=True)
class Damage:
    """One flip or cut: ``bit`` is None for a cut before byte ``at``."""

    at: int
    bit: int | None

    def of(self, data: bytes) -> bytes:
        """The damaged bytes."""
        if self.bit is None:
            return data[: self.at]
        flipped = data[self.at] ^ 1 << self.bit
        return data[: self.at] + bytes([flipped]) + data[self.at + 1 :]


def damages(data: bytes, stride: int = 1) -> Iterator[Damage]:
    """Of both ends all, between them at every ``stride``-th byte."""
    for at in range(len(data)):
        if at % stride and EDGE <= at < len(data) - EDGE:
            continue
        yield Damage(at, None)
        for bit in range(8):
            yield Damage(at, bit)


def unnoticed(stored: Stored, damage: Damage) -> str:
    """What is wrong with how it was read; empty when it was refused or is the same."""
    try:
        again = stored.read(damage.of(stored.data))
    except NoUsableBaseline:
        return ""
    except Exception as error:
        return f"{damage}: {error!r}"
    return "" if again == stored.read(stored.data) else f"{damage}: read as something else"


def _small(run: Run) -> Run:
    """With little in its distributions: each of its bytes is read thousands of times."""
    tiny = Histogram.of([1_000_000, 2_000_000])
    bands = replace(run.bands, count=run.bands.count * 0, sums_ns=run.bands.sums_ns * 0)
    assert isinstance(bands, Bands)
    load = replace(run.load, client=tiny)
    histograms = dict.fromkeys(run.histograms, tiny)
    return replace(run, histograms=histograms, bands=bands, load=load)


def _campaign() -> Stored:
    campaign = factories.make_campaign(1)
    campaign = replace(campaign, runs=tuple(map(_small, campaign.runs)))
    data = encode_document("it", CAMPAIGN_SCHEMA, to_body(campaign))
    return Stored(data, lambda raw: _again(Campaign, raw, CAMPAIGN_SCHEMA))


def _calibration() -> Stored:
    data = encode_document("it", calibrations.SCHEMA, to_body(calibration()))
    return Stored(data, lambda raw: _again(Calibration, raw, calibrations.SCHEMA))


def _link() -> Stored:
    data = encode_document("it", links.SCHEMA, to_body(link(0, 1, 0.01)))
    return Stored(data, lambda raw: _again(Link, raw, links.SCHEMA))


def _result() -> Stored:
    pair = factories.make_pair()
    pair = replace(pair, baseline=_small(pair.baseline), candidate=_small(pair.candidate))
    result = replace(factories.make_result(), pairs=(pair,))
    data = encode_document("it", RESULT_SCHEMA, to_body(result))

    def read(raw: bytes) -> object:
        return to_body(result_from_body(parse_document("it", raw, RESULT_SCHEMA)))

    return Stored(data, read)


def _again(kind: type[Campaign | Calibration | Link], raw: bytes, schema: str) -> object:
    return to_body(from_body(kind, parse_document("it", raw, schema)))


DOCUMENTS: Mapping[str, Callable[[], Stored]] = {
    "campaign": _campaign,
    "calibration": _calibration,
    "link": _link,
    "result": _result,
}


def trials() -> Mapping[str, Callable[[Means], Found]]:
    """By name / phase."""
    return {f"flipped bits and cuts / {name}": partial(_every, name=name) for name in DOCUMENTS}


def _every(means: Means, name: str) -> Found:
    begun_s = time.monotonic()
    stored = DOCUMENTS[name]()
    wrong, count = [], 0
    for damage in damages(stored.data):
        count += 1
        found = unnoticed(stored, damage)
        if found:
            wrong.append(found)
    said = f"{count} flips and cuts of {len(stored.data)} bytes"
    seconds = time.monotonic() - begun_s
    return Found("flipped bits and cuts", name, 0, "", said, seconds, wrong[:20])
