from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli


def loaded(command: click.Command) -> click.Command:
    return command.load() if isinstance(command, LazyCommand) else command


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, listed in group.commands.items():
        command = loaded(listed)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


def help_of(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*path, "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.output


def examples(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith(("socklat-gate ", "sudo socklat-gate "))]


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_help_has_an_example_on_a_line_of_its_own_that_parses(path: tuple[str, ...]) -> None:
    text = help_of(path)
    if path in {("baseline",), ("github",)}:
        return  # their commands have them
    found = examples(text)
    assert found, text
    for line in found:
        _, _, rest = line.partition("socklat-gate ")
        words = shlex.split(rest.partition(" > ")[0].partition(" | ")[0])
        assert tuple(words[: len(path)]) == path
        with cli.make_context("socklat-gate", words) as context:
            _parse(context)


def _parse(context: click.Context) -> None:
    """Resolve and parse down to the last command, running none of them."""
    command = context.command
    while isinstance(command, click.Group):
        arguments = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, arguments)
        assert found is not None
        command = loaded(found)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_help_explains_every_option(path: tuple[str, ...]) -> None:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = loaded(command.commands[name])
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


@pytest.mark.parametrize(
    "group",
    [cli, loaded(cli.commands["baseline"]), loaded(cli.commands["github"])],
    ids=["", "baseline", "github"],
)
def test_the_list_says_what_each_command_says_of_itself(group: click.Group) -> None:
    for name, listed in group.commands.items():
        assert isinstance(listed, LazyCommand)
        command = listed.load()
        assert (command.name, command.get_short_help_str(200)) == (name, listed.short_help)


def test_the_exit_codes_are_in_the_help() -> None:
    text = " ".join(help_of(()).split())
    for said in ("0 pass", "1 regression", "2 usage", "3 this machine", "4 inconclusive"):
        assert said in text
    assert "6 invalid" in text
