"""The summary of all tests: how many were explored, and what was found.

Nothing of this file's imports is slow: a suite without calls has a summary, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from flask_filibuster.core.vocabulary import EXIT_CODES, ExplorationVerdict, counted
from flask_filibuster.pytest_plugin.all_tests.words import MOST_TESTS, by_kind, by_words, in_tests

if TYPE_CHECKING:
    from flask_filibuster.pytest_plugin.all_tests.found import Found


class Summary:
    """The summary.

    :param config: pytest's.
    :param told: what is known of each test, as plain data, by node id.
    :ivar changes_exit_code: whether pytest exits with this summary's code, as all tests passed.
    """

    def __init__(self, config: pytest.Config, told: Mapping[str, Mapping[str, Any]]) -> None:
        self.changes_exit_code = False
        self._config = config
        self._told = told

    @cached_property
    def _found(self) -> Found | None:
        """What was found, if anything was."""
        if not any("bugs" in each or "findings" in each for each in self._told.values()):
            return None
        from flask_filibuster.pytest_plugin.all_tests.found import Found

        return Found(self._config, self._told)

    @property
    def verdict(self) -> ExplorationVerdict:
        """Bugs; no proof, if no test could be explored; or ok."""
        if self._found is not None and self._found.bugs:
            return "bugs"
        return "ok" if self._in_state("explored", "marked") else "no proof"

    @property
    def exit_code(self) -> int:
        """That of pytest, if all tests passed: 0, 1 (bugs) or 2 (it proves nothing)."""
        return EXIT_CODES[self.verdict]

    def write(self, terminal: Any) -> None:
        """Write it to pytest's terminal."""
        for line, markup in self._lines():
            terminal.write_line(line, **markup)

    def _lines(self) -> Iterator[tuple[str, dict[str, bool]]]:
        """The lines, each with pytest's markup."""
        plain = dict[str, bool]()
        if self._found is not None:
            yield from self._found.lines()
        yield from ((line, plain) for line in self._weak_lines())
        yield from ((line, plain) for line in self._unexplored_calls())
        yield from ((line, plain) for line in self._not_explored_lines())
        is_good = self.verdict == "ok" and not self._sum("failures")
        yield self.last_line, {"green" if is_good else "red": True, "bold": True}

    def _weak_lines(self) -> Iterator[str]:
        """What makes the explorations prove less."""
        notes = by_words(
            (note, test) for test, each in self._told.items() for note in each.get("weakens", ())
        )
        for note, tests in by_kind(notes):
            yield f"Weak: {note} ({in_tests(tests)})"
        cut = by_words((each["cut"], test) for test, each in self._told.items() if "cut" in each)
        for words, tests in cut.items():
            yield f"Incomplete: {words} ({in_tests(tests)})"

    def _unexplored_calls(self) -> Iterator[str]:
        """What left the process, and could not be made to fail."""
        if any("unexplored" in each for each in self._told.values()):
            from flask_filibuster.pytest_plugin.all_tests.unexplored import unexplored_lines

            yield from unexplored_lines(self._told)

    def _not_explored_lines(self) -> Iterator[str]:
        """The tests that were not explored, by reason."""
        told = [(test, each) for test, each in self._told.items() if _is_not_explored(each)]
        for reason, tests in by_words((each["reason"], test) for test, each in told).items():
            yield f"Not explored, {reason}: {in_tests(tests)}"
            same = [(test, each) for test, each in told if each["reason"] == reason]
            whys = list(by_words((each["why"], test) for test, each in same if each.get("why")))
            yield from (f"  {why}" for why in whys[:MOST_TESTS])

    @property
    def last_line(self) -> str:
        """The verdict, and the number of tests of each state."""
        explored, marked = self._in_state("explored"), self._in_state("marked")
        executions = counted(self._sum("executions"), "execution")
        recalled = self._sum("recalled")
        journal = f", {recalled} from the journal" if recalled else ""
        parts = [
            f"{counted(len(explored), 'test')} explored ({executions}{journal})",
            *([f"{len(marked)} by the mark"] if marked else []),
            f"{len(self._in_state('without calls'))} without calls",
        ]
        reasons = Counter(each["reason"] for each in self._told.values() if _is_not_explored(each))
        not_explored = f"{sum(reasons.values())} not explored"
        if reasons:
            told = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
            not_explored += f" ({told})"
        code = f", so the exit code is {self.exit_code}" if self.changes_exit_code else ""
        return f"{self._verdict_words}{code}: {', '.join((*parts, not_explored))}"

    @property
    def _verdict_words(self) -> str:
        failures = self._sum("failures")
        if self.verdict == "no proof" and not failures:
            return "nothing proved, no test could be explored"
        found = [
            "" if self._found is None else self._found.words,
            f"{counted(failures, 'failure')} of marked tests" if failures else "",
        ]
        nothing = f"nothing found{' so far' if self._is_cut else ''}"
        return ", ".join(filter(None, found)) or nothing

    @property
    def _is_cut(self) -> bool:
        """Whether a limit or an interruption excluded fault sets."""
        each_told = self._told.values()
        return any("cut" in each or each.get("reason") == "interrupted" for each in each_told)

    def _sum(self, key: str) -> int:
        return sum(each.get(key, 0) for each in self._told.values())

    def _in_state(self, *states: str) -> list[str]:
        return [test for test, each in self._told.items() if each["state"] in states]


def _is_not_explored(told: Mapping[str, Any]) -> bool:
    return bool(told["state"] == "not explored")
