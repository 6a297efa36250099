from __future__ import annotations

import os
import subprocess
import sys

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.load.cpuset import parse_cpuset, run_on_cpus


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", {0}), ("0-2", {0, 1, 2}), ("0-1,3,5-5", {0, 1, 3, 5})]
)
def test_lists_and_ranges(text, cpus):
    assert parse_cpuset(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,", "-1"])
def test_what_is_no_list(text):
    with pytest.raises(UsageError, match="not a list"):
        parse_cpuset(text)


def test_children_inherit_the_set_and_the_parent_gets_its_own_back():
    before = os.sched_getaffinity(0)
    cpu = max(before)
    with run_on_cpus(str(cpu)):
        shown = subprocess.check_output(
            [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"], text=True
        )
    assert shown.strip() == str({cpu})
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("cpuset", ["1023", "999999"])
def test_a_cpu_that_does_not_exist_is_a_usage_error(cpuset):
    with pytest.raises(UsageError, match=cpuset) as caught, run_on_cpus(cpuset):
        pass
    assert "usable" in (caught.value.remedy or "")
