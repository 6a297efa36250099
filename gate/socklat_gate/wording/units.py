"""Numbers as people read them.  What is not known reads "n/a", what has no bound reads with ∞."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

__all__ = [
    "beside_threshold",
    "change",
    "commit_id",
    "container_minutes",
    "count",
    "duration_s",
    "evidence",
    "image_id",
    "interval",
    "mebibytes",
    "moment",
    "ns",
    "ns_change",
    "ns_interval",
    "p_value",
    "per_second",
    "per_time",
    "share",
    "size",
    "times",
]

NOT_AVAILABLE = "n/a"
UNBOUNDED = "unbounded"
HUGE_EVIDENCE = 1e15
NARROW_SPACE = "\u202f"
DIGITS = 3
COMMIT_DIGITS = 12
IMAGE = "sha256:"
COMMIT = re.compile(r"[0-9a-f]{13,64}")


def ns(value_ns: float) -> str:
    """A duration with 3 significant digits: ``850 ns``, ``1.23 ms``, ``12.0 s``."""
    if not math.isfinite(value_ns):
        return _not_finite(value_ns)
    sign, size = "-" if value_ns < 0 else "", abs(value_ns)
    for unit, factor in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6)):
        text = _significant(size / factor)
        # Rounding may carry into the next unit: 999.7 µs reads 1.00 ms.
        if float(text) < 1000:
            return f"{sign}{text} {unit}"
    return f"{sign}{_significant(size / 1e9)} s"


def ns_change(delta_ns: float) -> str:
    """A difference of durations with its sign: ``+225 µs``, ``-1.2 ms``."""
    return f"{'+' if delta_ns > 0 else ''}{ns(delta_ns)}"


def ns_interval(low_ns: float, high_ns: float) -> str:
    """A confidence interval of a difference of durations: ``-54.6 ns to +1.20 µs``."""
    if math.isnan(low_ns) or math.isnan(high_ns):
        return NOT_AVAILABLE
    if math.isinf(low_ns) and math.isinf(high_ns):
        return UNBOUNDED
    return f"{ns_change(low_ns)} to {ns_change(high_ns)}"


def change(relative: float) -> str:
    """A relative change, always with its sign: ``+3.14%``, ``-12.0%``, ``0%`` for none."""
    if not math.isfinite(relative):
        return _not_finite(relative, plus="+")
    size = _percent(abs(relative))
    return "0%" if size == "0.00%" else f"{'-' if relative < 0 else '+'}{size}"


def interval(low: float, high: float) -> str:
    """A confidence interval of relative changes: ``-1.02% to +4.20%``; nothing is below -100%."""
    if math.isnan(low) or math.isnan(high):
        return NOT_AVAILABLE
    if low <= -1.0 and math.isinf(high):
        return UNBOUNDED
    return f"{change(low)} to {change(high)}"


def share(part: float) -> str:
    """A share of a whole: ``0.40%``, ``1.20%``, ``93.0%``; ``0%`` only for none at all."""
    if not math.isfinite(part):
        return _not_finite(part)
    size = _percent(abs(part))
    if size == "0.00%":
        return "<0.01%" if part else "0%"
    return f"{'-' if part < 0 else ''}{size}"


def evidence(value: float) -> str:
    """An e-value: ``0.03``, ``41``, ``3.2e4``, ``∞`` when beyond any use."""
    if math.isnan(value):
        return NOT_AVAILABLE
    if value >= HUGE_EVIDENCE:
        return "∞"
    if value < 0.01:
        return "<0.01"
    if value < 10:
        return f"{value:.2g}"
    if value < 9_999.5:
        return f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def p_value(value: float) -> str:
    """A p-value that bounds the chance, never 0: ``0.031``, ``1.2e-05``, ``<1e-15``."""
    if math.isnan(value):
        return NOT_AVAILABLE
    return f"{value:.2g}" if value >= 1 / HUGE_EVIDENCE else f"<{1 / HUGE_EVIDENCE:.0e}"


def times(ratio: float) -> str:
    """A ratio of rates: ``0.50 times``, ``21 times``, ``1,900 times``."""
    if not math.isfinite(ratio):
        return f"{_not_finite(ratio)} times"
    return f"{ratio:.2f} times" if ratio < 9.995 else f"{ratio:,.0f} times"


def per_time(events: int, exposure_s: float) -> str:
    """A rate of rare events: ``1.5/min``, ``0.42/h``; of none, ``0``."""
    if not exposure_s > 0:
        return NOT_AVAILABLE
    per_min = 60 * events / exposure_s
    if not per_min:
        return "0"
    return f"{_significant(per_min)}/min" if per_min >= 1 else f"{_significant(60 * per_min)}/h"


def per_second(rate: float) -> str:
    """A rate of requests with 3 significant digits: ``12.5/s``, ``987/s``, ``10,000/s``."""
    if not math.isfinite(rate):
        return _not_finite(rate)
    return f"{_significant(rate)}/s" if rate < 999.5 else f"{float(f'{rate:.2e}'):,.0f}/s"


def beside_threshold(value: float, threshold: float) -> str:
    """Evidence beside the threshold it is held against: ``41 / 20``."""
    if math.isnan(value):
        return NOT_AVAILABLE
    return f"{evidence(value)} / {evidence(threshold)}"


def count(number: int) -> str:
    """An integer in groups of three: ``12 345`` (narrow no-break space)."""
    return f"{number:,}".replace(",", NARROW_SPACE)


def size(value_bytes: float) -> str:
    """Bytes with 3 significant digits: ``180 B``, ``3.01 kB``, ``12.0 MB``."""
    if not math.isfinite(value_bytes):
        return _not_finite(value_bytes)
    for unit, factor in (("B", 1.0), ("kB", 1e3), ("MB", 1e6)):
        text = _significant(round(value_bytes) / factor)
        if float(text) < 1000:
            return f"{text.split('.')[0] if unit == 'B' else text} {unit}"
    return f"{_significant(value_bytes / 1e9)} GB"


def mebibytes(value_bytes: float) -> str:
    """Memory in MiB (1,048,576 bytes) with 3 significant digits: ``48.2 MiB``, ``1,520 MiB``."""
    if not math.isfinite(value_bytes):
        return _not_finite(value_bytes)
    size = value_bytes / (1 << 20)
    return f"{_significant(size)} MiB" if size < 999.5 else f"{float(f'{size:.2e}'):,.0f} MiB"


def duration_s(seconds: float) -> str:
    """A wall-clock time: ``8.0 s``, ``1 min 11 s``, ``1 h 02 min``."""
    if not math.isfinite(seconds):
        return _not_finite(seconds)
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def container_minutes(seconds: float) -> str:
    """Exposure of several containers together, in minutes with 3 significant digits: ``32.0``."""
    return _significant(seconds / 60) if 0 <= seconds < math.inf else _not_finite(seconds)


def moment(iso: str) -> str:
    """A moment in UTC to the second: ``2026-03-04 05:06:07 UTC``; other text stays as it is."""
    try:
        when = datetime.fromisoformat(iso.replace("Z", "+00:00"))
        return f"{when.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return iso


def commit_id(commit: str) -> str:
    """The first 12 digits of a commit; other text stays as it is."""
    return commit[:COMMIT_DIGITS] if COMMIT.fullmatch(commit) else commit


def image_id(image: str) -> str:
    """An image's id with the first 12 digits of its hash; other text stays as it is."""
    return image[: len(IMAGE) + COMMIT_DIGITS] if image.startswith(IMAGE) else image


def _percent(size: float) -> str:
    """Three significant digits, at most two decimals."""
    percent = 100 * size
    if percent < 9.995:
        return f"{percent:.2f}%"
    return f"{percent:.1f}%" if percent < 99.95 else f"{percent:,.0f}%"


def _significant(size: float) -> str:
    if size == 0:
        return "0"
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(size)))
    text = f"{size:.{decimals}f}"
    # 9.996 rounds to 10.00, one digit too many.
    if decimals and len(text.replace(".", "").lstrip("0")) > DIGITS:
        text = f"{size:.{decimals - 1}f}"
    return text


def _not_finite(value: float, plus: str = "") -> str:
    if math.isnan(value):
        return NOT_AVAILABLE
    return f"{plus}∞" if value > 0 else "-∞"
