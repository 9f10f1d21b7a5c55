"""Execution indexes: the form on the wire, and the ways through it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex

PAIRS = st.lists(st.tuples(st.text(), st.integers(1, 10**6)), min_size=1, max_size=4)
AWKWARD = [("x, [", 1), ('a "b"', 2), ("back\\slash", 3), ('", ["', 4), ("é\n", 5)]


@given(PAIRS)
def test_index_is_json_of_its_pairs(pairs: list[tuple[str, int]]) -> None:
    index = ROOT
    for signature, count in pairs:
        index = index.child(signature, count)
    assert index == json.dumps([list(pair) for pair in pairs])
    assert index.pairs == tuple(pairs)
    assert index.depth == len(pairs)
    assert ExecutionIndex.parse(index) == index


@given(PAIRS, st.sampled_from(AWKWARD))
def test_parent_of_a_child(pairs: list[tuple[str, int]], last: tuple[str, int]) -> None:
    for path in (pairs, [*pairs, last], [last]):
        index = ExecutionIndex.from_pairs(path)
        assert index.child("next", 1).parent == index
        assert index.parent == ExecutionIndex.from_pairs(path[:-1])


def test_other_spacing_is_kept() -> None:
    text = '[["a",1] , ["b",2]]'
    index = ExecutionIndex.parse(text)
    assert index == text
    assert index.pairs == (("a", 1), ("b", 2))
    assert index.child("c", 1).pairs == (("a", 1), ("b", 2), ("c", 1))


@given(PAIRS)
def test_parents_keep_the_spacing(pairs: list[tuple[str, int]]) -> None:
    """An index without spaces has parents without spaces."""
    compact = [
        json.dumps([list(pair) for pair in pairs[:length]], separators=(",", ":"))
        for length in range(1, len(pairs) + 1)
    ]
    for above, below in pairwise(compact):
        assert ExecutionIndex.received(below).parent == above
    assert ExecutionIndex.received(compact[0]).parent == ROOT


@pytest.mark.parametrize("text", ["", "abc", "[[", "{}", "[1, 2]", "[" * 9999])
def test_received_nonsense_is_a_key(text: str) -> None:
    """It is one step below the test."""
    index = ExecutionIndex.received(text)
    assert index == text
    assert index.parent == ROOT
    assert index.pairs == ((text, 1),)


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[[]]", '[["a"]]', '[["a", 0]]', '[["a", 1.5]]', '[["a", true]]', "[" * 9999],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"execution index|Expecting|nested"):
        ExecutionIndex.parse(text)


def test_the_root_has_no_parent() -> None:
    with pytest.raises(ValueError, match="root"):
        _ = ROOT.parent
