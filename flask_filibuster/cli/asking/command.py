"""The command that explains fault sets; what it does is imported when it runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("why")
@click.argument("faults", nargs=-1, required=True, metavar="FAULTS...")
@click.option(
    "--exploration",
    metavar="TEXT",
    help="Part of the name of the exploration: its test, request or command.  "
    "[default: that of the counterexample, else the newest one]",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File in which the exploration is recorded.  "
    "[default: journal in pyproject.toml, else .filibuster/journal.sqlite3]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def why(
    faults: tuple[str, ...], exploration: str | None, journal: Path | None, *, as_json: bool
) -> None:
    """Explain whether a set of faults was executed, and if not, why.

    FAULTS are names as reports print them, like 'reviews Timeout' or 'shop -> reviews 503', or the
    file of a counterexample. 'reviews 503 #2' is the second call that has that name. The answer
    comes from the journal: nothing is executed. Exit code 0: explained, 2: wrong usage.
    """
    from flask_filibuster.cli.asking.why import run

    run(faults, exploration, journal, as_json=as_json)
