"""The directory of journals and counterexamples, and what Git sees of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flask_filibuster import Counterexample
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import JournalError
from flask_filibuster.journal.journal import Journal

Write = Callable[..., None]
COUNTEREXAMPLE = Counterexample("a test", FaultSet(()), "nothing")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_counterexample(directory: str = ".filibuster") -> None:
    COUNTEREXAMPLE.write(directory)


def write_journal(directory: str = ".filibuster") -> None:
    Journal(Path(directory) / "journal.sqlite3").close()


@pytest.mark.parametrize("write", [write_counterexample, write_journal])
class TestGit:
    def test_ignores_a_new_directory(self, write: Write) -> None:
        write()
        ignored = Path(".filibuster", ".gitignore")
        assert ignored.read_text() == "*\n"
        assert not list(ignored.parent.glob("*.tmp"))

    def test_ignores_it_below_others(self, write: Write) -> None:
        write("a/b/.filibuster")
        assert Path("a/b/.filibuster/.gitignore").read_text() == "*\n"
        assert not Path("a/.gitignore").exists()

    def test_keeps_the_file_of_before(self, write: Write) -> None:
        Path(".filibuster").mkdir()
        Path(".filibuster", ".gitignore").write_text("!*.json\n")
        write()
        assert Path(".filibuster", ".gitignore").read_text() == "!*.json\n"

    def test_sees_a_directory_of_before(self, write: Write) -> None:
        Path(".filibuster").mkdir()
        write()
        assert not Path(".filibuster", ".gitignore").exists()

    def test_sees_a_directory_of_another_name(self, write: Write) -> None:
        write("mine")
        assert not Path("mine", ".gitignore").exists()


def test_file_in_its_place_is_refused() -> None:
    Path(".filibuster").write_text("")
    with pytest.raises(FileExistsError):
        write_counterexample()
    with pytest.raises(JournalError):
        write_journal()
