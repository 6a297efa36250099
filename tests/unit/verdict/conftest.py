from __future__ import annotations

from collections.abc import Iterator

import pytest

from socklat_gate.verdict import change_models, change_points
from socklat_gate.verdict.change_models import null_gains


@pytest.fixture(
    scope="module", params=[1000, pytest.param(change_models.SIMULATED, marks=pytest.mark.slow)]
)
def simulated(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many series without a change are simulated: fewer, unless slow tests are asked for."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (change_models, change_points):
            patch.setattr(module, "SIMULATED", request.param)
        null_gains.cache_clear()
        yield request.param
        null_gains.cache_clear()
