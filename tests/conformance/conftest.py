"""The laboratory and the probe, once for all tests, and what was measured written down.

``SOCKLAT_HOOKS`` (``tracepoint``, ``kprobe``, ``kfunc``, or several with commas) asks for hook
sets and fails where the kernel does not give one; every test that takes the probe then runs once
for each.  ``SOCKLAT_MEASURED`` names a JSON file for the measurements, which ``ci/vm/table.py``
reads: a list with one document a hook set.  ``SOCKLAT_RUN`` says in it where and when that was.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.probe.hook_table import Detail
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.hook_sets import DEFAULT, Compiled, wanted_sets
from tests.conformance.lab import Lab
from tests.conformance.outcomes import Outcomes
from tests.conformance.record import recording
from tests.conformance.stand import EMULATED, SLACK_NS

HERE = Path(__file__).parent

_documents: dict[str, dict[str, Any]] = {}
_outcomes = Outcomes()
_fixtures: set[str] = set()  # that any of the tests to be run takes


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hook_set" in metafunc.fixturenames and os.environ.get("SOCKLAT_HOOKS"):
        metafunc.parametrize("hook_set", wanted_sets(), indirect=True, scope="session")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("the laboratory makes a network namespace: root is needed")
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def hook_set(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", DEFAULT))


@pytest.fixture(scope="session")
def compiled() -> Iterator[Compiled]:
    with Compiled() as compiled:
        yield compiled


def hook_set_of(item: pytest.Item) -> str:
    params = getattr(getattr(item, "callspec", None), "params", {})
    return str(params.get("hook_set", wanted_sets()[0]))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        for name in wanted_sets():
            _outcomes.left_out(name, report.nodeid, report.longrepr)


def pytest_collection_finish(session: pytest.Session) -> None:
    for item in session.items:
        _fixtures.update(getattr(item, "fixturenames", ()))
        if item.path.is_relative_to(HERE):
            _outcomes.expect(hook_set_of(item))


def detail_of(hook_set: str) -> Detail:
    """What the session's probe is compiled with.

    One compilation is enough for an emulated CPU: of all stages, where any test wants them.  The
    headline's stages alone are measured with tracepoints.
    """
    one = EMULATED and hook_set in {"kprobe", "kfunc"} and "full_probe" in _fixtures
    return "full" if one else "headline"


def targets_of(detail: Detail) -> int | None:
    """For how many targets a probe is compiled: of all stages, under emulation, for the most."""
    if not EMULATED or detail != "full" or "stack_probe" not in _fixtures:
        return None
    from socklat_gate.job.probe_room import STACK_TARGETS  # noqa: PLC0415 - imported by that test

    return STACK_TARGETS


@pytest.fixture(scope="session")
def probe(compiled: Compiled, hook_set: str) -> Iterator[SocketProbe]:
    detail = detail_of(hook_set)
    with compiled.probe(hook_set, detail, targets_of(detail)) as probe, recording() as cases:
        document = _documents.setdefault(hook_set, {"stages": [], "hooks": {}, "costs": {}})
        at_start = probe.costs(), probe.missed()  # programs outlive the probe, so do their counts
        yield probe
        document.update(margin_ns=SLACK_NS, cases=cases)
        _describe(document, probe, at_start)


@pytest.fixture(scope="module")
def full_probe(compiled: Compiled, probe: SocketProbe, hook_set: str) -> Iterator[SocketProbe]:
    """A second probe, of full detail; attached during one module, since its hooks cost more."""
    if detail_of(hook_set) == "full":
        yield probe
        return
    with compiled.probe(hook_set, "full", targets_of("full")) as full:
        at_start = full.costs(), full.missed()
        yield full
        _describe(_documents[hook_set], full, at_start)


def _describe(
    document: dict[str, Any],
    probe: SocketProbe,
    at_start: tuple[dict[str, tuple[int, int]], int],
) -> None:
    """Adds a probe's stages, hooks, costs (ns and runs of each event) and misses to a document."""
    costs, missed = at_start
    document["missed"] = document.get("missed", 0) + probe.missed() - missed
    document["stages"] = sorted({*document["stages"], *probe.stages})
    for event, spent in probe.costs().items():
        before = document["costs"].get(event, (0, 0))
        document["hooks"][event] = probe.hooks[event]
        document["costs"][event] = [
            known + now - then for known, now, then in zip(before, spent, costs[event], strict=True)
        ]


@pytest.fixture
def netem(lab: Lab) -> Iterator[Callable[..., None]]:
    """Impairs what enters the namespace (``inwards``) or leaves it."""
    with ExitStack() as undo:

        def impair(*rule: str, inwards: bool) -> None:
            where = ["tc"] if inwards else ["tc", "-n", lab.namespace]
            device = lab.device if inwards else "eth0"
            command = [*where, "qdisc", "add", "dev", device, "root", "netem", *rule]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no netem on this kernel: {done.stderr.strip()}")
            undone = [*where, "qdisc", "delete", "dev", device, "root"]
            undo.callback(subprocess.run, undone, capture_output=True, check=False)

        yield impair


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Counts what became of the tests of each hook set."""
    report = yield
    _outcomes.add(hook_set_of(item), report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if target := os.environ.get("SOCKLAT_MEASURED"):
        documents = [
            {
                "kernel": os.uname().release,
                "emulated": EMULATED,
                "run": os.environ.get("SOCKLAT_RUN", ""),
                "hook_set": name,
                **_outcomes.of(name),
                "failed_elsewhere": session.testsfailed - _outcomes.failed,
                **_documents.get(name, {}),
            }
            for name in wanted_sets()
        ]
        Path(target).write_text(json.dumps(documents, indent=1) + "\n", "utf-8")
