"""Draws how the rooms of the package depend on each other, from their imports.

python ci/architecture.py

It writes docs/explanation/architecture.md; ``tests/unit/test_architecture.py`` holds the page
against what this generates.  A room is a folder of the package, or a module beside them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gate" / "socklat_gate"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"

Imports = Mapping[str, frozenset[str]]
"""Room -> the other rooms that it imports."""


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those below it, without what only a type checker reads."""
    yield node
    for inner in ast.iter_child_nodes(node):
        if not (isinstance(inner, ast.If) and ast.unparse(inner.test) == "TYPE_CHECKING"):
            yield from executed(inner)


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports, at its top or inside of a function."""
    for node in executed(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            top, _, inner = name.partition(".")
            room = inner.partition(".")[0]
            if top == PACKAGE.name and room in ROOMS:
                yield room


ROOMS = frozenset(
    path.stem
    for path in PACKAGE.iterdir()
    if (path.is_dir() and any(path.rglob("*.py"))) or path.suffix == ".py"
) - {"__init__", "__main__", "__pycache__"}


def imports() -> Imports:
    """What each room imports."""
    found: dict[str, set[str]] = {room: set() for room in sorted(ROOMS)}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ROOMS:
            found[room].update(imported(path))
    return {room: frozenset(inner - {room}) for room, inner in found.items()}


def reachable(rooms: Imports, start: str) -> set[str]:
    """Every room that ``start`` depends on, directly or not."""
    seen: set[str] = set()
    open_ = [start]
    while open_:
        for room in rooms[open_.pop()] - seen:
            seen.add(room)
            open_.append(room)
    return seen


def drawn(rooms: Imports) -> list[tuple[str, str]]:
    """The arrows that no longer way implies: what is left is enough to see who is above whom."""
    return [
        (room, inner)
        for room in rooms
        for inner in sorted(rooms[room])
        if not any(
            inner in reachable(rooms, other) and room not in reachable(rooms, other)
            for other in rooms[room] - {inner}
        )
    ]


def circles(rooms: Imports) -> list[str]:
    """Rooms that depend on themselves."""
    return [room for room in rooms if room in reachable(rooms, room)]


def page() -> str:
    """The page as it has to be."""
    rooms = imports()
    count = sum(map(len, rooms.values()))
    around = ", ".join(f"`{room}`" for room in circles(rooms)) or "none"
    lines = [
        "# How the rooms depend on each other\n",
        "Written by `ci/architecture.py` from the imports of `gate/socklat_gate`.\n",
        "An arrow leads from a room to one that it imports. Arrows that a longer way implies are",
        "left out of the picture; the table has all of them.\n",
        "```mermaid",
        "flowchart TD",
        *(f"  {room} --> {inner}" for room, inner in drawn(rooms)),
        "```\n",
        f"{len(rooms)} rooms, {count} arrows; rooms in a circle of imports: {around}.\n",
        "| room | imports |",
        "|:--|:--|",
        *(
            f"| `{room}` | {', '.join(f'`{one}`' for one in sorted(inner)) or '-'} |"
            for room, inner in rooms.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
