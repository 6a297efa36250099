"""Rows of markdown tables."""

from __future__ import annotations

__all__ = ["head", "row"]


def row(*cells: str) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def head(*titles: str) -> list[str]:
    """The title row and the line below it."""
    return [row(*titles), row(*["---"] * len(titles))]
