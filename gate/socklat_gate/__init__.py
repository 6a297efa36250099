"""A CI gate for latency regressions, measured per socket in the kernel.

The public surface is what ``__all__`` names; everything below is the command's own and may change.
Each name is imported when it is first used, so that ``import socklat_gate`` costs nothing.

- `gate_job` measures two images side by side until the verdict is in; it returns a `Result`.
- `compare` holds a stored result against a stored baseline; it returns a `Result` too.
- `Run` is what one container did under load, with a `Histogram` of each stage in nanoseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from socklat_gate.version import __version__

if TYPE_CHECKING:
    from socklat_gate.job.comparison import compare
    from socklat_gate.job.entry import gate_job
    from socklat_gate.measured.histogram import Histogram
    from socklat_gate.measured.result import Result
    from socklat_gate.measured.run import Run

__all__ = ["Histogram", "Result", "Run", "__version__", "compare", "gate_job"]

_MODULES = {
    "Histogram": "measured.histogram",
    "Result": "measured.result",
    "Run": "measured.run",
    "compare": "job.comparison",
    "gate_job": "job.entry",
}
"""Public name -> the module of this package that has it."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
