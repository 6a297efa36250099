"""Writes docs/reference from the code: scenario keys, reason codes, commands and stages.

python ci/reference.py

``tests/unit/test_reference.py`` holds the pages against what this generates.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.renamed import RENAMED_KEYS
from socklat_gate.wording.reason_codes import REASON_TEXTS
from socklat_gate.wording.stage_texts import STAGE_TEXTS

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = "Written by `ci/reference.py` from {}.\n"

TABLES: Mapping[str, str] = {
    "service": "[service]",
    "service.build": "[service.build]",
    "service.ready": "[service.ready]",
    "load": "[load]",
    "load.request": "[[load.request]]",
    "load.setup": "[[load.setup]]",
    "load.expect": "[load.expect]",
    "load.tls": "[load.tls]",
    "load.grpc": "[load.grpc]",
    "load.command": "[load.command]",
    "probe": "[probe]",
    "gate": "[gate]",
    "gate.metrics": "[[gate.metrics]]",
    "gate.spikes": "[gate.spikes]",
    "gate.watch": "[gate.watch]",
    "waiver": "[[waiver]]",
    "baseline": "[baseline]",
}
REFERRED = {"SecretRef": "secret"}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minItems": "at least {} of them",
    "minLength": "not empty",
    "pattern": "`{}`",
}
TYPES = {
    "integer": "integer",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "object": "table",
}


def row(*cells: str) -> str:
    """A line of a table; a bar inside of code does not end its cell."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


# --- socklat.toml -------------------------------------------------------------------------------


def resolve(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with what it refers to laid under its own members."""
    if "$ref" not in schema:
        return schema
    return {**definitions[schema["$ref"].rpartition("/")[2]], **schema}


def table_of(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The table that a key holds, or those of its array; None for a value."""
    inner: list[Mapping[str, Any]] = [field, field.get("items", {}), *field.get("anyOf", ())]
    for one in inner:
        if "properties" in resolve(one, definitions):
            return resolve(one, definitions)
    return None


def table_in(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same for a key that may hold a value as well."""
    choices = [inner for one in field.get("anyOf", ()) for inner in one.get("oneOf", ())]
    return table_of({**field, "anyOf": [*field.get("anyOf", ()), *choices]}, definitions) or {}


def type_of(field: Mapping[str, Any]) -> str:
    """The type of a value, its bounds included, in words."""
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        kinds = (type_of(one) for one in choices if one.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in field:
        return REFERRED.get(field["$ref"].rpartition("/")[2], "table")
    if "enum" in field or "const" in field:
        values = field.get("enum", [field.get("const")])
        return ", ".join(f"`{json.dumps(value)}`" for value in values)
    if field.get("type") == "array":
        kind = f"array of {plural(type_of(field['items']))}"
    elif field.get("type") == "object":
        kind = f"table of {plural(type_of(field['additionalProperties']))}"
    else:
        kind = "date" if field.get("format") == "date" else TYPES[field["type"]]
    bounds = [text.format(field[name]) for name, text in BOUNDS.items() if name in field]
    return ", ".join((kind, *bounds))


def plural(kind: str) -> str:
    """Values of a type."""
    return re.sub("string|secret", r"\g<0>s", kind)


def toml(value: Any) -> str:
    """A value as TOML writes it; dates come as JSON's strings."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return value
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value)


def example_of(field: Mapping[str, Any]) -> Any:
    """The first example of a key, else its default."""
    return field["examples"][0] if "examples" in field else field["default"]


def fields_of(table: str) -> dict[str, Mapping[str, Any]]:
    """The keys of a table of socklat.toml that hold values ("": its top), with their schemas."""
    schema: Mapping[str, Any] = Scenario.model_json_schema()
    definitions = schema["$defs"]
    for name in filter(None, table.split(".")):
        schema = table_in(schema["properties"][name], definitions)
    required = schema.get("required", ())
    return {
        name: {**field, "required": name in required}
        for name, field in schema["properties"].items()
        if table_of(field, definitions) is None
    }


def scenario_page() -> str:
    """Every key of socklat.toml with type, default, bounds and an example."""
    lines = [
        "# socklat.toml, key by key\n",
        WRITTEN.format("the models in `gate/socklat_gate/scenario/`"),
        "Unknown keys are errors that name the nearest key. In `pyproject.toml` the same keys",
        "stand under `[tool.socklat-gate]`. `socklat-gate schema` prints the JSON schema.\n",
        "Defaults are those of the file; `-` marks a key that must be given, `none` one that may",
        "be left out. The examples show one key each: not every combination of them is valid.\n",
        'A secret is a table that says where a text is: `{ env = "API_TOKEN" }` or',
        '`{ file = "token.txt" }`, with a `prefix` if need be ([secrets](../howto/secrets.md)).\n',
    ]
    for table, heading in {"": "Top", **TABLES}.items():
        fields = fields_of(table)
        lines += [f"## {heading if not table else f'`{heading}`'}\n"]
        lines += [row("key", "type and bounds", "default", "meaning"), "|:--|:--|:--|:--|"]
        for name, field in fields.items():
            default = field.get("default")
            known = f"`{toml(default)}`" if default not in (None, [], {}) else "none"
            given = "-" if field["required"] else known
            lines.append(row(f"`{name}`", type_of(field), given, field["description"]))
        lines += ["\n```toml", *([heading] if table else [])]
        lines += [f"{name} = {toml(example_of(field))}" for name, field in fields.items()]
        lines += ["```\n"]
    lines += ["## Earlier names\n", "Read with a warning until 0.3:\n"]
    lines += [row("earlier", "now"), "|:--|:--|"]
    for place, (old, new) in RENAMED_KEYS.items():
        lines.append(row(f"`{'.'.join((*place, old))}`", f"`{'.'.join((*place, new))}`"))
    return "\n".join(lines) + "\n"


# --- reason codes, stages -----------------------------------------------------------------------


def reasons_page() -> str:
    """Every reason code with its cause and what to do."""
    lines = [
        "# Reason codes\n",
        WRITTEN.format("`gate/socklat_gate/wording/verdict_codes.py` and `error_codes.py`"),
        "Every verdict and every error carries at least one. The list is closed within a version",
        "of `verdict.json`; a later version may add codes ([formats](formats.md)).\n",
    ]
    for heading, codes in REASON_TEXTS.items():
        lines += [f"## {heading}\n", row("code", "cause", "what to do"), "|:--|:--|:--|"]
        lines += [row(f"`{code.value}`", text.cause, text.remedy) for code, text in codes.items()]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def stages_page() -> str:
    """Every stage with its ends and events, every event with its hooks."""
    events = {event.name: event for event in EVENTS}
    lines = [
        "# Stages and their hooks\n",
        WRITTEN.format("`wording/stage_texts.py` and `probe/hook_table.py`"),
        "[What is measured](../explanation/measurement.md) draws them and says what they can and",
        "cannot see. `probe.detail` asks for the stages of detail `full`.\n",
        "## Stages\n",
        row("stage", "meaning", "from", "to", "detail", "per", "events"),
        "|:--|:--|:--|:--|:--|:--|:--|",
    ]
    for stage, text in STAGE_TEXTS.items():
        needed = {events[name].detail for name in STAGE_NEEDS.get(stage, ())}
        detail = "full" if "full" in needed else "headline"
        names = ", ".join(f"`{name}`" for name in text.events) or "none: it is no hook's"
        lines.append(row(f"`{stage}`", text.meaning, text.start, text.end, detail, text.per, names))
    lines += [
        "\n## Events\n",
        "Each kernel gets the first hook that attaches. All parts of a hook must attach. An event",
        "without a hook is an error, unless it is optional: then its stages are *not measured*.\n",
        row("event", "asked for by", "optional", "hooks, best first"),
        "|:--|:--|:--|:--|",
    ]
    for event in EVENTS:
        hooks = "; ".join(" + ".join(f"`{part}`" for part in hook) for hook in event.hooks)
        only = f" (only on kernels with `{event.only_on}`)" if event.only_on else ""
        optional = "yes" if event.optional else "no"
        lines.append(row(f"`{event.name}`", event.detail, optional, hooks + only))
    return "\n".join(lines) + "\n"


# --- commands -----------------------------------------------------------------------------------


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, without hidden ones."""
    found = command.load() if isinstance(command, LazyCommand) else command
    yield path, found
    if isinstance(found, click.Group):
        for name, inner in found.commands.items():
            if not inner.hidden:
                yield from commands(inner, f"{path} {name}")


def help_text(command: click.Command) -> str:
    """The help of a command; its indented examples become blocks."""
    text = inspect.cleandoc(command.help or "")
    return re.sub(
        r"(?:^ {4}.*\n?)+",
        lambda found: f"```sh\n{inspect.cleandoc(found[0])}\n```\n",
        text,
        flags=re.MULTILINE,
    ).rstrip()


def option_row(option: click.Option, context: click.Context) -> str:
    """A line for an option."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    taken = "" if option.is_flag else f" {option.make_metavar(context)}"
    extra = option.get_help_extra(context)
    default = f"`{extra['default']}`" if "default" in extra else ""
    return row(names + taken.replace("|", " or "), option.help or "", default)


def cli_page() -> str:
    """Every command with its usage, help and options."""
    lines = [
        "# Commands\n",
        WRITTEN.format("the help of each command"),
        "`socklat-gate COMMAND --help` prints the same. Data goes to stdout, progress to stderr;",
        "[exit codes](exit-codes.md) are the same for all commands.\n",
    ]
    for path, command in commands(cli, "socklat-gate"):
        context = click.Context(command, info_name=path)
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## {path}\n", f"```text\n{path} {usage}\n```\n", help_text(command), ""]
        options = [one for one in command.params if isinstance(one, click.Option)]
        if options:
            lines += [row("option", "meaning", "default"), "|:--|:--|:--|"]
            lines += [option_row(one, context) for one in options if not one.hidden]
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def pages() -> dict[Path, str]:
    """Every generated page with what it has to hold."""
    reference = ROOT / "docs" / "reference"
    return {
        reference / "scenario.md": scenario_page(),
        reference / "reason-codes.md": reasons_page(),
        reference / "stages.md": stages_page(),
        reference / "cli.md": cli_page(),
    }


def main() -> None:
    """Write what has changed, and name it."""
    for path, text in pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
