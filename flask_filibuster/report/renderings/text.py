"""The report as text, for the command line and ``str(result)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask_filibuster.report.document import BugEntry, Document
from flask_filibuster.report.text import (
    class_lines,
    counted,
    finding_lines,
    gaps_without_section,
    inconclusive_lines,
    site_text,
    under_lines,
    wait_lines,
)
from flask_filibuster.results.findings import Finding

MOST_OUTPUT = 30
BOLD, BOLD_RED, PLAIN = "\x1b[1m", "\x1b[31m\x1b[1m", "\x1b[0m"


def render(document: Document, *, colour: bool = False) -> str:
    """The report.

    :param document: the report.
    :param colour: whether headings are in bold and red, by escape sequences of terminals.
    """
    return "\n".join(_Text(colour=colour).lines(document))


class _Text:
    """Writes reports.

    :param colour: as for :func:`render`.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def lines(self, document: Document) -> Iterator[str]:
        """The report, line by line."""
        title = document.about.title
        yield f"{title}: {document.counts}" if title else document.counts
        yield from self._gaps(document)
        for each in document.weakens:
            yield from ("", f"Weak: {each}")
        for bug in document.bugs:
            yield from self._bug(bug, len(document.executions))
        if document.shows_classes:
            yield from self._section(
                "faults with the same observable effect", class_lines(document.classes), bad=False
            )
        yield from self._findings("warnings", document.of_severity("warning"))
        yield from self._section(
            "inconclusive executions", inconclusive_lines(document.inconclusive), bad=True
        )
        for problem in document.problems:
            yield from self._section(f"Incomplete: {problem}", (), bad=True, always=True)
        yield from self._section("longest waits", wait_lines(document.waits), bad=False)
        yield from self._findings("notes", document.of_severity("note"))
        for note in document.notes:
            yield from ("", f"note: {note}")
        yield from ("", document.verdict)

    def _heading(self, text: str, *, bad: bool) -> str:
        if not self._colour:
            return text
        return f"{BOLD_RED if bad else BOLD}{text}{PLAIN}"

    def _section(
        self, title: str, lines: Iterable[str], *, bad: bool, always: bool = False
    ) -> Iterator[str]:
        content = [f"  {line}" for line in lines]
        if content or always:
            yield ""
            yield self._heading(title, bad=bad)
            yield from content

    def _gaps(self, document: Document) -> Iterator[str]:
        """The gaps without a section of their own."""
        gaps = gaps_without_section(document)
        for gap in gaps:
            yield from self._section(f"Incomplete: {gap}", (), bad=True, always=True)
        if gaps:
            yield from (f"  {line}" for line in document.about.advice)

    def _bug(self, bug: BugEntry, executions: int) -> Iterator[str]:
        return self._section(
            f"{bug.number}. {bug.symptoms[0].kind}", _bug_lines(bug, executions), bad=True
        )

    def _findings(self, title: str, findings: Iterable[Finding]) -> Iterator[str]:
        lines = [line for each in findings for line in finding_lines(each)]
        return self._section(title, lines, bad=False)


def _bug_lines(bug: BugEntry, executions: int) -> Iterator[str]:
    first, *others = bug.symptoms
    yield first.message
    if first.site is not None:
        yield f"  at {site_text(first.site)}"
    for each in others:
        yield f"{each.kind}: {each.message}"
    yield from under_lines(bug.faults)
    yield f"shown by {len(bug.executions)} of {counted(executions, 'execution')}"
    if bug.replay is not None:
        yield f"replay: {bug.replay}"
    yield from _output_lines(bug.output)


def _output_lines(output: str) -> Iterator[str]:
    """The end of a command's output."""
    lines = output.rstrip().splitlines()
    if not lines:
        return
    yield "output of the command:"
    if len(lines) > MOST_OUTPUT:
        yield f"  … {len(lines) - MOST_OUTPUT} lines omitted"
    yield from (f"  {line}" for line in lines[-MOST_OUTPUT:])
