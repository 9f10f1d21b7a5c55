"""The options of the pytest plugin."""

from __future__ import annotations

import argparse

import pytest


def add_options(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("filibuster", "fault injection for tests marked with filibuster")
    group.addoption(
        "--filibuster-reduction",
        choices=("equivalence", "exact", "none"),
        help="which fault sets to leave out: of ways to fail that lead to the same, all but one "
        "(equivalence, the default); those that would show nothing new (exact); none. "
        "This and the next three win over the marker and over FILIBUSTER_* in the app's config.",
    )
    group.addoption(
        "--filibuster-max-faults",
        type=_count,
        metavar="N",
        help="inject at most N faults at a time, not counting those that it takes to reach a call.",
    )
    group.addoption(
        "--filibuster-max-executions",
        type=_count,
        metavar="N",
        help="run each marked test at most N times, not counting what is run a second time.",
    )
    group.addoption(
        "--filibuster-max-seconds",
        type=_seconds,
        metavar="SECONDS",
        help="begin no new execution of a marked test after this time.",
    )
    group.addoption(
        "--filibuster-exhaustive",
        action="store_true",
        help="run what reduction has left out, too, after the rest.",
    )
    group.addoption(
        "--filibuster-audit",
        type=_count,
        metavar="N",
        help="run N of the fault sets that reduction has left out, to see whether it was right.",
    )
    group.addoption(
        "--filibuster-audit-seed",
        type=int,
        metavar="N",
        help="choose other ones for --filibuster-audit.",
    )
    group.addoption(
        "--filibuster-resume",
        action="store_true",
        help="go on where the last run was interrupted or killed; what has been run is taken from "
        "the journal.",
    )
    group.addoption(
        "--filibuster-changed",
        action="store_true",
        help="do not run again what has passed as long as the source files of the services that "
        "took part in it, and of the test, are the same.",
    )
    group.addoption(
        "--filibuster-journal",
        metavar="FILE",
        help="keep every execution in this file, over FILIBUSTER_JOURNAL.  "
        "[default: .filibuster/journal.sqlite3]",
    )
    group.addoption(
        "--no-filibuster-journal", action="store_true", help="keep no executions at all."
    )
    group.addoption(
        "--filibuster-server",
        type=_url,
        metavar="URL",
        help="explore marked tests with the server there, as `flask filibuster serve` starts one, "
        "over FILIBUSTER_SERVER_URL; the services have to use it, too.",
    )
    group.addoption(
        "--no-filibuster", action="store_true", help="run marked tests once, without any fault."
    )
    group.addoption(
        "--filibuster-replay",
        metavar="FILE",
        help="run the test of this counterexample once, with its faults, and nothing else.",
    )


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text


def _count(text: str) -> int:
    # argparse shows the text of its own kind of error only.
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds over 0")
    return number


def check_journal_options(config: pytest.Config) -> None:
    """Refuse options that contradict each other.

    :raises pytest.UsageError: they do.
    """
    resume, changed = (
        config.getoption("filibuster_resume"),
        config.getoption("filibuster_changed"),
    )
    if resume and changed:
        raise pytest.UsageError(
            "--filibuster-resume goes on with the last run, --filibuster-changed begins a new one; "
            "choose one"
        )
    if config.getoption("no_filibuster_journal") and (
        resume or changed or config.getoption("filibuster_journal")
    ):
        raise pytest.UsageError("--no-filibuster-journal leaves nothing to be read or written")
