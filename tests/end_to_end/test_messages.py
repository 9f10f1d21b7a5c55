"""What users read: every message and help text, reviewed, in the words of the glossary."""

from __future__ import annotations

import pytest

from tests.support import messages


@pytest.mark.slow
def test_every_room_is_reviewed() -> None:
    assert sorted(messages.reviewed_rooms()) == messages.rooms()


@pytest.mark.slow
@pytest.mark.parametrize("room", messages.reviewed_rooms())
def test_texts_are_as_reviewed(room: str) -> None:
    reviewed = messages.snapshot_file(room).read_text(encoding="utf-8")
    assert messages.snapshot(room) == reviewed, (
        "review the texts, then write them down: python -m tests.support.messages"
    )


@pytest.mark.slow
def test_texts_use_the_glossary() -> None:
    assert messages.offences() == []
