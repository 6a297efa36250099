from __future__ import annotations

from typing import get_args

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job.gated_stages import missing_hooks, unmeasured_names, unmeasured_stages
from socklat_gate.scenario import Gate, Stage
from socklat_gate.wording.shared_facts import no_hook_text

HEADLINE = ("service", "recv_wait", "app", "respond", "accept_wait")
FULL = {"rx_stack", "bridge", "tx_stack", "runq", "rx_process"}


def test_what_is_measured_is_no_problem() -> None:
    assert unmeasured_stages(["service", "app"], HEADLINE, "headline") == ()
    assert unmeasured_stages(["runq"], (*HEADLINE, "runq"), "full") == ()


@pytest.mark.parametrize("stage", get_args(Stage))
def test_more_detail_is_asked_for_where_it_can_help_and_only_there(stage: str) -> None:
    if stage in HEADLINE:
        return
    if stage not in FULL:
        assert unmeasured_stages([stage], HEADLINE, "headline") == (stage,)
        return
    with pytest.raises(UsageError) as error:
        unmeasured_stages(["service", stage, stage], HEADLINE, "headline")
    assert (error.value.exit_code, error.value.reason) == (Exit.USAGE, Reason.BAD_SCENARIO)
    assert f"the scenario gates {stage}, which" in error.value.message


def test_at_full_detail_it_is_the_kernel_that_cannot() -> None:
    missing = unmeasured_stages(
        ["rx_process", "app", "respond", "depend", "depend"], HEADLINE, "full"
    )
    assert missing == ("rx_process", "depend")
    text = no_hook_text(missing_hooks(missing))
    assert "rx_process is not measured: no hook for process attaches" in text
    assert "depend is not measured: no hook for it attaches" in text


def test_without_a_log_no_request_can_be_told_by_its_name() -> None:
    zone = {"quantile": 0.99, "tolerance": 0.05, "regression_threshold": 0.15}
    gate = Gate.model_validate({"metrics": [zone, {**zone, "request": "checkout"}]})
    assert unmeasured_names(gate, logged=True) == ()
    missing = unmeasured_names(gate, logged=False)
    assert missing == ("response_p99[checkout]",)
    text = no_hook_text(missing_hooks(missing))
    assert "response_p99[checkout] is not measured: no hook for stall attaches" in text
