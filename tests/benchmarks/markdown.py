"""Rows of markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["head", "row", "table"]


def row(*cells: str) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def head(*titles: str) -> list[str]:
    """The title row and the line below it."""
    return [row(*titles), row(*["---"] * len(titles))]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A whole table."""
    return "\n".join([*head(*titles), *(row(*cells) for cells in rows)])
