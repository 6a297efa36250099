"""A few of the faults of `ci/faults`, one of each kind; the page of all is docs/lab/faults.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.bench import make_images
from tests.faults.table import FAULTS, SMOKE
from tests.faults.trial import Means, try_out

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]


@pytest.fixture(scope="module")
def means(docker_client: Any) -> Means:
    make_images(docker_client)
    # Other tests run beside it.
    return Means(docker_client, Path("/nowhere"), Path("/nowhere"), slowness=4.0)


# What a killed gate leaves, the next one of any worker says that it has removed.
@pytest.mark.parametrize(
    ("name", "phase"),
    [pytest.param(*one, marks=() if one[0] == "SIGKILL" else pytest.mark.beside) for one in SMOKE],
)
def test_a_fault_is_no_pass_and_leaves_nothing(means: Means, name: str, phase: str) -> None:
    (fault,) = [one for one in FAULTS if one.name == name and phase in one.phases]
    found = try_out(means, fault, phase)
    assert found.wrong == [], found.said
