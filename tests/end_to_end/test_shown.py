"""The README's outputs, which CI compares with real ones."""

from __future__ import annotations

import pytest

from tests.support.shown import missing

OUTPUT = ["1 bug", "a", "b", "c", "d", "replay .filibuster/0a1b.json", "the end"]
REPLAY = "replay .filibuster/ffff.json"


@pytest.mark.parametrize(
    "shown",
    [
        OUTPUT,
        ["1 bug", "…", "the end"],
        ["1 bug", "…", "c", "…", REPLAY, "the end"],
        ["1 bug", "a", "…", "d", REPLAY, "the end"],
    ],
)
def test_lines_may_be_left_out(shown: list[str]) -> None:
    assert missing(shown, OUTPUT) == []


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        (OUTPUT[:-1], OUTPUT[:-1]),
        (OUTPUT[1:], OUTPUT[1:]),
        (["1 bug", "…", "d", "e", "…", "the end"], ["d", "e"]),
        (["1 bug", "…", "c", "…", "b", "…", "the end"], ["b"]),
        (["1 bug", "…", "a", "…", "the end"], ["a"]),
        (["2 bugs", "…", "the end"], ["2 bugs"]),
        (["1 bug", "…", "d"], ["d"]),
    ],
)
def test_other_lines_are_noticed(shown: list[str], wrong: list[str]) -> None:
    assert missing(shown, OUTPUT) == wrong
