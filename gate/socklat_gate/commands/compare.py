"""``socklat-gate compare``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.options import OUT_DIR
from socklat_gate.commands.output import emit_markdown, emit_utf8

__all__ = ["compare"]


@command()
@click.argument("base")
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--scenario",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take metrics and error rates from this socklat.toml [the defaults].",
)
@click.option("--out", metavar="DIR", type=OUT_DIR, help="Also write the reports there.")
@click.option("--json", "as_json", is_flag=True, help="Print verdict.json instead of markdown.")
def compare(
    base: str, candidate: Path, scenario: Path | None, out: Path | None, as_json: bool
) -> int:
    """Compare stored results, anywhere: no root, no Docker, no BPF.

    BASE is a directory of campaigns (`baselines/NAME`), one file, or a location such as
    git+branch:NAME; CANDIDATE a campaign or a result.json.  At least 5 base campaigns are needed
    to know how much campaigns differ by themselves; with fewer the verdict is "inconclusive".  The
    candidate's own campaign and copies in BASE are left out; other scenarios are never compared.

    For instance:

        socklat-gate compare baselines/checkout socklat-out/result.json
    """
    from socklat_gate.job.comparison import compare as stored_comparison
    from socklat_gate.report.formats.registry import FORMATS
    from socklat_gate.report.report import report_of
    from socklat_gate.wording.sentence import plain

    if out is not None:
        from socklat_gate.report.writer import check_writable

        check_writable(out)
    result = stored_comparison(base, candidate, scenario=scenario)
    if out is None:
        report = report_of(result)
    else:
        from socklat_gate.report.writer import write_reports

        report = write_reports(result, out)
    if as_json:
        emit_utf8(FORMATS["json"].render(report).removesuffix("\n"))
    else:
        emit_markdown(FORMATS["markdown"].render(report))
        click.echo(plain(report.head.headline), err=True)
    return int(result.verdict.outcome.exit_code)
