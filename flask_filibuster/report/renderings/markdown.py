"""The report as Markdown, for a comment on a pull request or a summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask_filibuster.report.document import BugEntry, CallEntry, Document
from flask_filibuster.report.text import fault_set_lines, site_text
from flask_filibuster.results.findings import Finding

MOST_OUTPUT = 30


def render(document: Document) -> str:
    """The report."""
    return "\n".join(_lines(document))


def _lines(document: Document) -> Iterator[str]:
    yield f"## {_plain(document.about.title or 'Filibuster')}: {_plain(document.verdict)}"
    yield from ("", _plain(document.counts))
    for gap in document.gaps:
        yield from ("", f"> **Incomplete:** {_plain(gap)}")
    for each in document.weakens:
        yield from ("", f"> **Weak:** {_plain(each)}")
    for advice in document.about.advice:
        yield from ("", _plain(advice))
    for bug in document.bugs:
        yield from _bug(bug, len(document.executions))
    yield from _findings("Warnings", document.of_severity("warning"))
    yield from _findings("Notes", document.of_severity("note"))
    for note in document.notes:
        yield from ("", f"*Note:* {_plain(note)}")
    yield from _calls(document.calls)


def _bug(bug: BugEntry, executions: int) -> Iterator[str]:
    first, *others = bug.symptoms
    yield from ("", f"### {bug.number}. {_plain(first.kind)}", "", _plain(first.message))
    if first.site is not None:
        yield from ("", f"at {_code(site_text(first.site))}")
    for each in others:
        yield from ("", f"{_plain(each.kind)}: {_plain(each.message)}")
    yield from ("", "```text", *fault_set_lines(bug.faults), "```")
    yield from ("", f"Shown by {len(bug.executions)} of {executions} executions.")
    if bug.replay is not None:
        yield from ("", f"Replay: {_code(bug.replay)}")
    if bug.output.strip():
        lines = bug.output.rstrip().splitlines()[-MOST_OUTPUT:]
        yield from ("", "Output of the command:", "", *(f"    {line}" for line in lines))


def _findings(title: str, findings: Iterable[Finding]) -> Iterator[str]:
    listed = list(findings)
    if listed:
        yield from ("", f"### {title}", "")
    for each in listed:
        at = "" if each.site is None else f", at {_code(site_text(each.site))}"
        yield f"- **{_plain(each.kind)}**: {_plain(each.message)}{at}"


def _calls(calls: Iterable[CallEntry]) -> Iterator[str]:
    """A table of the calls and their faults; the attempts of a call share a row."""
    faults: dict[str, dict[str, None]] = {}
    for each in calls:
        faults.setdefault(each.call.describe(), {}).update(dict.fromkeys(each.faults))
    rows = [f"| {_cell(call)} | {_cell('; '.join(each))} |" for call, each in faults.items()]
    if rows:
        yield from ("", "<details><summary>Calls and faults</summary>", "")
        yield from ("| call | faults |", "| --- | --- |", *rows, "", "</details>")


def _plain(text: str) -> str:
    """Text in one line, with the characters of Markdown and HTML escaped."""
    for each in "\\`*_[]<>":
        text = text.replace(each, f"\\{each}")
    return " ".join(text.split())


def _code(text: str) -> str:
    """Text as code, even with backticks in it."""
    fence = "`"
    while fence in text:
        fence += "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
