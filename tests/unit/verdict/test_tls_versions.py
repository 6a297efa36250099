"""A candidate that speaks an older TLS is no improvement, whatever its times say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.answers import answer_differences
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.tls_versions import versions_of
from tests.unit.factories import make_answers

from .builders import pair_of, scaled_run

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
REFERENCE = scaled_run(0.0)
OLD, OLDER = "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.1 AES128-SHA"
NEW, CHEAPER = "TLSv1.3 TLS_AES_256_GCM_SHA384", "TLSv1.3 TLS_AES_128_GCM_SHA256"


def speaking(**connections: int) -> Run:
    return of({globals()[name.upper()]: count for name, count in connections.items()})


def of(tls: Mapping[str, int]) -> Run:
    answers = replace(make_answers(), tls=tls)
    return replace(REFERENCE, load=replace(REFERENCE.load, answers=answers))


@pytest.mark.parametrize(
    ("baseline", "candidate", "share"),
    [
        (speaking(new=16), speaking(old=16), 1.0),
        (speaking(new=16), speaking(new=12, old=4), 0.25),
        (speaking(new=8, old=8), speaking(new=4, old=12), 0.25),
        (speaking(old=16), speaking(older=16), 1.0),
        # What some gained makes up for nothing that others lost.
        (speaking(old=16), speaking(new=8, older=8), 0.5),
        (speaking(new=16), of({"SSLv3 RC4": 16}), 1.0),
    ],
)
def test_an_older_version_keeps_a_pass_away(baseline: Run, candidate: Run, share: float) -> None:
    pairs = [pair_of(baseline, candidate, i) for i in range(6)]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (fact,) = verdict.reasons
    assert (fact.code, fact.subject) == (Reason.ANSWERS_DIFFER, "tls")
    assert fact.numbers["share"] == pytest.approx(share)
    accepted = GATE.model_copy(update={"accept_answers": ["tls"]})
    assert decide(pairs, accepted).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        (speaking(new=16), speaking(new=16)),
        (speaking(old=16), speaking(new=16)),
        (speaking(new=16), speaking(cheaper=16)),  # a note of the report says so
        (speaking(new=16), speaking(new=400)),
        (speaking(new=16), of({})),  # an older file does not know
        (of({}), speaking(old=16)),
        (of({}), of({})),
        (speaking(new=16), of({"TLSv1.4 SOMETHING": 16})),
    ],
)
def test_no_older_version_says_nothing(baseline: Run, candidate: Run) -> None:
    assert answer_differences([baseline] * 3, [candidate] * 3, GATE) == []


def test_ciphers_are_one_version() -> None:
    answers = [speaking(new=3, cheaper=4).load.answers, speaking(old=1).load.answers]
    assert versions_of(one for one in answers if one) == {"TLSv1.3": 7, "TLSv1.2": 1}
