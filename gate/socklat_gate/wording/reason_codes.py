"""What each reason code means and what to do about it: the page docs/reference/reason-codes.md.

A report's own sentence (`wording.reasons`) has the numbers of the case, an error its own remedy;
these texts are for the reader of a code alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.errors import Reason
from socklat_gate.wording.error_codes import ERROR_CODES
from socklat_gate.wording.reason_text import ReasonText
from socklat_gate.wording.verdict_codes import VERDICT_CODES

__all__ = ["REASON_TEXTS"]

REASON_TEXTS: Mapping[str, Mapping[Reason, ReasonText]] = {
    "Verdicts": VERDICT_CODES,
    **ERROR_CODES,
}
"""Every code, under the heading that the page gives it."""
