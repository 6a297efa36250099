"""Markers that need something of the machine: skipped with the reason, or failed when required.

``SOCKLAT_REQUIRE=kernel,docker,vm,browser,actionlint`` names the markers whose tests must run.
``tests/slow.py`` leaves slow tests out, ``tests/durations.py`` shows where the time went,
``tests/scheduling.py`` and ``tests/xdist.py`` order tests and give them to workers.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator
from functools import lru_cache
from typing import Any

import pytest

from socklat_gate.errors import GateError
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario.powers import Power
from tests.actionlint import actionlint_problem
from tests.browser.browsers import BROWSERS, browser_path
from tests.durations import Durations
from tests.scheduling import longest_first
from tests.slow import Slow


def _required() -> set[str]:
    return {name for name in os.environ.get("SOCKLAT_REQUIRE", "").split(",") if name}


@lru_cache(maxsize=1)
def _kernel_problem() -> str:
    try:
        with SocketProbe():
            return ""
    except GateError as error:
        return error.message


@lru_cache(maxsize=1)
def _docker_problem() -> str:
    from socklat_gate.service.client import connect  # noqa: PLC0415 - slow to import

    try:
        connect().close()
    except GateError as error:
        return error.message
    return ""


@lru_cache(maxsize=1)
def _vm_problem() -> str:
    if os.geteuid() != 0:
        return "root is needed: packages are installed, a root file system is built"
    if os.uname().machine != "x86_64":
        return f"the kernels are built for x86_64; this machine is {os.uname().machine}"
    if shutil.which("apt-get") is None:
        return "Debian's root file system and kernels are fetched with apt-get"
    return "" if "vm" in _required() else "takes minutes, so SOCKLAT_REQUIRE=vm asks for it"


@lru_cache(maxsize=1)
def _browser_problem() -> str:
    return "" if browser_path() else f"none of {', '.join(BROWSERS)} is installed"


_PROBLEMS = {
    "kernel": _kernel_problem,
    "docker": _docker_problem,
    "vm": _vm_problem,
    "browser": _browser_problem,
    "actionlint": actionlint_problem,
}


def pytest_configure(config: pytest.Config) -> None:
    # Tests run in jobs of pull requests too, and their scenarios are the project's own.
    os.environ.setdefault("SOCKLAT_ALLOW", " ".join(one.value for one in Power))
    unknown = _required() - set(_PROBLEMS)
    if unknown:
        raise pytest.UsageError(
            f"SOCKLAT_REQUIRE names {sorted(unknown)}; known: {sorted(_PROBLEMS)}"
        )
    # CI runs the machine's tests through sudo. Load commands would then run as who called it, whom
    # pytest's directories are shut to; git needs to know the user, and nothing else the group.
    os.environ.pop("SUDO_GID", None)
    slow = Slow()
    config.pluginmanager.register(slow)
    if durations := Durations.from_environment(slow):
        config.pluginmanager.register(durations)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are objects that stay: nobody looks for garbage among them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)  # the virtual machines have no xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    from tests.xdist import Together, TwoRows  # noqa: PLC0415

    schedulers = {"loadgroup": Together, "loadscope": TwoRows}
    found = schedulers.get(config.getvalue("dist"))
    return found and found(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, look in _PROBLEMS.items():
        if item.get_closest_marker(name) is None:
            continue
        # A required probe is not tried beforehand: the test's own says what is wrong with it.
        if name == "kernel" and name in _required():
            continue
        problem = look()
        if problem and name in _required():
            pytest.fail(f"{name} tests are required here, but: {problem}", pytrace=False)
        if problem:
            pytest.skip(f"{name}: {problem}")
