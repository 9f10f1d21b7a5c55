"""Execution indexes: the form on the wire, and the ways through it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex

PAIRS = st.lists(st.tuples(st.text(), st.integers(1, 10**6)), min_size=1, max_size=4)
AWKWARD = [("x, [", 1), ('a "b"', 2), ("back\\slash", 3), ('", ["', 4), ("é\n", 5)]


@given(PAIRS)
def test_an_index_is_the_json_text_of_its_pairs(pairs: list[tuple[str, int]]) -> None:
    index = ROOT
    for signature, count in pairs:
        index = index.child(signature, count)
    assert index == json.dumps([list(pair) for pair in pairs])
    assert index.pairs == tuple(pairs)
    assert index.depth == len(pairs)
    assert ExecutionIndex.parse(index) == index


@given(PAIRS, st.sampled_from(AWKWARD))
def test_the_parent_of_a_child_is_where_it_came_from(
    pairs: list[tuple[str, int]], last: tuple[str, int]
) -> None:
    for path in (pairs, [*pairs, last], [last]):
        index = ExecutionIndex.from_pairs(path)
        assert index.child("next", 1).parent == index
        assert index.parent == ExecutionIndex.from_pairs(path[:-1])


def test_another_spacing_of_the_same_pairs_is_the_same_index() -> None:
    assert ExecutionIndex.parse('[["a",1] , ["b",2]]') == '[["a", 1], ["b", 2]]'


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[[]]", '[["a"]]', '[["a", 0]]', '[["a", 1.5]]', '[["a", true]]', "[" * 9999],
)
def test_what_is_no_list_of_pairs_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"execution index|Expecting|nested"):
        ExecutionIndex.parse(text)


def test_the_root_has_no_parent() -> None:
    with pytest.raises(ValueError, match="root"):
        _ = ROOT.parent
