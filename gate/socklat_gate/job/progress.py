"""What people see while a measurement runs: on stderr, in place on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from socklat_gate.masking import mask
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording.progress_lines import pair_line

__all__ = ["Progress"]


class Progress:
    """Context manager; `phase` names what is under way, `pair_done` reports after each pair."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, quiet=quiet, emoji=False)
        self._status: Status | None = None
        self._prefix = ""
        self._phase = "starting"
        self._started_s = time.monotonic()

    def __enter__(self) -> Progress:
        # Rich also takes FORCE_COLOR for a terminal; CI logs set it and cannot redraw a line.
        if self._console.is_terminal and sys.stderr.isatty():
            self._status = self._console.status(self)
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __rich__(self) -> Text:
        """The line in place: drawn again several times a second, so the seconds go on."""
        elapsed_s = time.monotonic() - self._started_s
        return Text.assemble(mask(self._prefix + self._phase), (f" {elapsed_s:.0f} s", "dim"))

    def step(self, prefix: str) -> None:
        """Sets what the following phases belong to, for instance ``pair 3``."""
        self._prefix = f"{prefix}: " if prefix else ""

    def phase(self, name: str) -> None:
        """Names the phase under way; transient on a terminal, silent elsewhere."""
        self._phase = name

    def line(self, text: str) -> None:
        """Leaves a line on stderr, without secrets."""
        self._console.print(escape(mask(text)), soft_wrap=True)

    def pair_done(self, done: int, max_pairs: int, verdict: Verdict, left_s: float) -> None:
        """The running estimate after a pair, and how long it can still take."""
        self.line(pair_line(done, max_pairs, verdict, left_s))
