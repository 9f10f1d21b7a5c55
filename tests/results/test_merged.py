"""The bugs, warnings and weaknesses of many tests in one list."""

from __future__ import annotations

import doctest

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.pytest_plugin.all_tests import words
from flask_filibuster.pytest_plugin.all_tests.words import by_kind
from flask_filibuster.results import merged
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.merged import MergedFinding, merged_findings


def finding(url: str, line: int = 7, service: str = "shop") -> Finding:
    site = CallSite("clients.py", line, "get")
    said = f"{service} calls GET {url} without a timeout"
    return Finding("no timeout", said, service, site, FaultSet(), (1,), "warning")


class TestWarnings:
    def test_one_line_is_one_warning(self) -> None:
        # A test module with an app of its own gives the service another name.
        found = [
            ("test_b", finding("/b")),
            ("test_a", finding("/a")),
            ("test_c", finding("/a", service="other")),
        ]
        assert merged_findings(found) == (
            MergedFinding(finding("/a"), ("test_a", "test_b", "test_c"), others=2),
        )

    def test_other_lines_are_other_warnings(self) -> None:
        found = [("test_a", finding("/a", line)) for line in (7, 8)]
        assert [each.others for each in merged_findings(found)] == [0, 0]


class TestWeaknesses:
    def test_many_of_a_kind_are_counted(self) -> None:
        said = {f"Refused: GET /{number}": [f"test_{number}"] for number in range(7)}
        ((note, tests),) = by_kind(said)
        assert note == "Refused: GET /0; GET /1; GET /2; GET /3; GET /4; … and 2 more"
        assert tests == [f"test_{number}" for number in range(7)]

    def test_examples_run(self) -> None:
        for module in (words, merged):
            assert doctest.testmod(module, raise_on_error=True).attempted
