"""A markdown report on a terminal: laid out for its width, without markup and entities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableDataElement, TableElement
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

__all__ = ["terminal_text"]

WIDTH = 80
"""Columns at most: longer lines are hard to read."""

GAP = 2
"""Columns between two columns of a table: numbers have narrow spaces of their own."""

BETWEEN = ", "

_FOLDED = re.compile(r"(?ms)^<details>\n<summary>(.*?)</summary>\n.*?^</details>\n?")
_THEME = Theme({"markdown.code": "cyan", "markdown.item.bullet": "none"})


def terminal_text(markdown: str) -> str:
    """The report as lines for this process's terminal, with colours where it takes them.

    What the markdown folds is left out, and named at the end.
    """
    console = Console(highlight=False, theme=_THEME, emoji=False)
    console.width = min(WIDTH, console.width)
    folded = _FOLDED.findall(markdown)
    with console.capture() as captured:
        console.print(_Report(_FOLDED.sub("", markdown)))
        if folded:
            names = f"Not shown here: {', '.join(folded)}."
            console.print(f"\n{names} Sent to a file, the report has all.", markup=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


class _Heading(Heading):
    """On the left, after an empty line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its line."""
        text = self.text.copy()
        text.justify = "left"
        text.stylize("bold")
        yield Text("")
        yield text


class _Drawing(CodeBlock):
    """As it is, without a frame and without another background."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines."""
        yield Text(str(self.text).rstrip("\n"), no_wrap=True, overflow="crop")


class _Table(TableElement):
    """Columns, where the widest words have room beside each other; else a record for each row."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table or the records."""
        parts = (self.header.row if self.header else None, *(self.body.rows if self.body else ()))
        rows = [row.cells for row in parts if row is not None]
        widths = _widths(rows, options.max_width)
        if widths:
            yield _columns(rows, widths)
        else:
            yield from _records(*rows, width=options.max_width)


class _Report(Markdown):
    """Rich's markdown with these parts in place of its own."""

    elements = {  # noqa: RUF012 - a class attribute there too
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Drawing,
        "code_block": _Drawing,
        "table_open": _Table,
    }


def _widths(rows: Sequence[Sequence[TableDataElement]], room: int) -> list[int] | None:
    """How wide each column may be, words and numbers kept whole; None when they have no room."""
    room -= GAP * (len(rows[0]) - 1)
    columns = list(zip(*rows, strict=True))
    widths = [max(cell_len(cell.content.plain) for cell in column) for column in columns]
    least = [
        max(_least(head), *(_least(cell, whole=cell.justify != "left") for cell in body))
        for head, *body in columns
    ]
    while sum(widths) > room:
        slack = [width - word for width, word in zip(widths, least, strict=True)]
        if not any(slack):
            return None
        widths[slack.index(max(slack))] -= 1
    return widths


def _least(cell: TableDataElement, *, whole: bool = False) -> int:
    """The width of its longest word; of a ``whole`` one, a number with its unit, its own."""
    text = cell.content.plain
    return max(map(cell_len, [text] if whole else text.split(" ")))


def _columns(rows: Sequence[Sequence[TableDataElement]], widths: Sequence[int]) -> Table:
    # The box adds a column between two others.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for cell, width in zip(rows[0], widths, strict=True):
        table.add_column(cell.content, justify=cell.justify, vertical="bottom", width=width)
    for row in rows[1:]:
        table.add_row(*(cell.content for cell in row))
    return table


def _records(
    header: Sequence[TableDataElement], *rows: Sequence[TableDataElement], width: int
) -> Iterator[Text]:
    """A row's first cell on a line of its own, under it the others with the names of columns."""
    for row in rows:
        first, *others = row
        if first.content.plain:
            yield Text.assemble(first.content, style="bold")
        line = Text()
        for name, cell in zip(header[1:], others, strict=True):
            if not cell.content.plain:
                continue
            part = Text.assemble((f"{name.content.plain} ", "dim"), cell.content)
            if line and line.cell_len + len(BETWEEN) + part.cell_len > width:
                yield line
                line = Text()
            line.append_text(Text.assemble(BETWEEN if line else "  ", part))
        yield line
