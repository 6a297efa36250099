"""What null and a negative number mean in stored documents, by the name of the field.

Strict JSON has no NaN and no infinity.  NaN is written as null.  A null number is read as the value
in `NULL_NUMBER` (the unbounded ends of an interval, an effect that nothing could have detected, a
wait that never ends) and as NaN elsewhere; infinity is written as null where null means it, else as
the largest float.
"""

from __future__ import annotations

import math

__all__ = ["MAY_BE_NEGATIVE", "NULL_NUMBER"]

NULL_NUMBER = {
    "ci_low": -math.inf,
    "ci_high": math.inf,
    "low_ns": -math.inf,
    "high_ns": math.inf,
    "ci_low_ns": 0.0,
    "ci_high_ns": math.inf,
    "mde": math.inf,
    "mde_ratio": math.inf,
    "missing_s": math.inf,
}
MAY_BE_NEGATIVE = {
    "change",
    "baseline_change",
    "candidate_change",
    "raw_change",
    "expected_low",
    "expected_high",
    "ci_low",
    "ci_high",
    "low_ns",
    "high_ns",
    "delta_ns",
    "share",
    "stall_evidence",
    "log_change",
    "slower",
    "faster",
    "above",
}
