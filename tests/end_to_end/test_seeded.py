"""Seeded bugs are found where they are, and nothing is found in what is well written.

``python -m benchmarks.detection`` explores all of them with each profile.
"""

from __future__ import annotations

import pytest

from tests.support.cases import sample
from tests.support.seeded.judged import explored, found, model_of
from tests.support.seeded.seed import Seed, all_seeds
from tests.support.seeded.well_written import SYSTEMS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", sample(all_seeds()), ids=str)
def test_bugs_are_found_where_they_are(seed: Seed) -> None:
    assert found(seed, model_of(seed), careful=False).is_at(seed.lines)
    assert found(seed, model_of(seed), careful=True).lines == ()


@pytest.mark.parametrize("name", sample(SYSTEMS))
def test_well_written_systems_are_clean(name: str) -> None:
    result = explored(SYSTEMS[name](), "standard")
    assert result.ok, result
    assert not [each for each in result.warnings if "retr" in each.kind], result


def test_groups_are_large() -> None:
    assert len(all_seeds()) >= 60
    assert all(each.lines for each in all_seeds())
