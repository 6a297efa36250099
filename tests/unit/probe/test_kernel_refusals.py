from __future__ import annotations

import pytest

from socklat_gate.errors import Exit, Reason, UnfitEnvironment
from socklat_gate.probe.kernel_refusals import asks_kernel


@asks_kernel
def ask(error: Exception | None) -> int:
    if error is not None:
        raise error
    return 7


@pytest.mark.parametrize("error", [OSError(1, "Operation not permitted"), Exception("table full")])
def test_a_refusal_is_an_error_of_the_machine(error: Exception) -> None:
    with pytest.raises(UnfitEnvironment, match=r"not permitted|table full") as caught:
        ask(error)
    assert caught.value.reason is Reason.NO_RESOURCES
    assert caught.value.exit_code is Exit.UNFIT_ENVIRONMENT


@pytest.mark.parametrize("error", [ValueError("slot 9"), KeyError("x"), AssertionError()])
def test_a_defect_stays_one(error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(error)


def test_what_it_returns() -> None:
    assert ask(None) == 7
