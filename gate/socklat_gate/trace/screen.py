"""The live view: one picture on the terminal of stderr, drawn over and taken away at the end."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from socklat_gate.interrupt import defer_signals
from socklat_gate.trace.rendering import as_tables
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target

__all__ = ["Screen"]


class Screen:
    """A context manager; where stderr is no terminal it only prints the status.

    ``full``: the full detail is measured; ``silent`` shows nothing at all.
    A signal waits until a picture is drawn: half of one would be drawn over the lines above it.
    """

    def __init__(self, target: Target, *, full: bool, silent: bool = False) -> None:
        self._target = target
        self._full = full
        self._console = Console(stderr=True, highlight=False, quiet=silent, emoji=False)
        terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._draws = terminal and not silent
        self._display = Display(console=self._console, transient=True, auto_refresh=False)

    def __enter__(self) -> Screen:
        if self._draws:
            with defer_signals():
                self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the picture away; harmless when called twice."""
        with defer_signals():
            self._display.stop()

    def show_status(self, text: str) -> None:
        """Instead of the picture, until there is one."""
        with defer_signals():
            if self._draws:
                self._display.update(Text(text), refresh=True)
            else:
                self._console.print(Text(text), soft_wrap=True)

    def draw(self, snapshot: Snapshot) -> bool:
        """Draws the picture of a snapshot as large as the terminal is now; always true."""
        if self._draws:
            # The last line stays free, for the cursor.
            height, width = self._console.height - 1, self._console.width
            picture = as_tables(self._target, snapshot, full=self._full, height=height, width=width)
            with defer_signals():
                self._display.update(picture, refresh=True)
        return True
