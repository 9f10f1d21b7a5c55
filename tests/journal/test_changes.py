"""What a journal knows of sources, and what of it is used once they have changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from flask_filibuster.journal.journal import Journal, JournalRun
from flask_filibuster.sources.digests import Digests, digest_of
from tests.support import journals
from tests.support.journals import query, recalled, record, under

path = journals.path


def test_digests_follow_content_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_bytes(b"a = 1\n")
    other.write_bytes(b"a = 1\n")
    assert digest_of(one) == digest_of(str(other)) == hashlib.md5(b"a = 1\n").hexdigest()
    other.write_bytes(b"a = 2\n")
    assert digest_of(one) != digest_of(other)


@pytest.mark.parametrize("name", ["absent.py", "one.py/inside.py", "nul\0.py"])
def test_missing_file_has_empty_digest(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.py").touch()
    assert digest_of(tmp_path / name) == ""


def test_each_source_is_read_once(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("1")
    before, digests = digest_of(source), Digests()
    assert digests.of(str(source)) == before
    source.write_text("2")
    assert digests.of(str(source)) == before
    assert digests.unchanged(str(source), before)
    assert Digests().of(str(source)) == digest_of(source) != before


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Source files, the digests of which are known."""
    for name in ("same.py", "edited.py", "gone.py"):
        (tmp_path / name).write_text(name)
    names = [str(tmp_path / name) for name in ("same.py", "edited.py", "gone.py", "never.py")]
    return {name: digest_of(name) for name in names}


def only(files: dict[str, str], *names: str) -> dict[str, str]:
    return {file: digest for file, digest in files.items() if Path(file).stem in names}


def edit(files: dict[str, str]) -> None:
    for name in files:
        if name.endswith("edited.py"):
            Path(name).write_text("something else")
        elif name.endswith("gone.py"):
            Path(name).unlink()


def record_with_sources(run: JournalRun, files: dict[str, str]) -> None:
    record(run, 0)
    record(run, 1, sources={})
    record(run, 2, sources=only(files, "same", "never"))
    record(run, 3, sources=only(files, "same", "edited"))
    record(run, 4, sources=only(files, "gone"))
    record(run, 5, sources=only(files, "same"), verdict="failed")
    record(run, 6, sources={str(Path(next(iter(files))).parent): ""})


def test_resuming_needs_unchanged_sources(path: Path, files: dict[str, str]) -> None:
    """Unknown ones count as unchanged."""
    with Journal(path) as journal:
        record_with_sources(journal.begin("a test"), files)
    edit(files)
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert run.resumed == 4
        assert recalled(run, 8) == [0, 1, 2, 5]
        record(run, 3, sources={file: digest_of(file) for file in only(files, "edited")})
        assert recalled(run, 8) == [0, 1, 2, 3, 5]


def test_changed_takes_over_what_passed(path: Path, files: dict[str, str]) -> None:
    """Where its sources are known and unchanged."""
    with Journal(path) as journal:
        run = journal.begin("a test")
        record_with_sources(run, files)
        left_out = [(under((0, 599)), "predicted", "passed")]
        record(run, 2, sources=only(files, "same", "never"), pruned=left_out)
    edit(files)
    with Journal(path) as journal:
        run = journal.begin("a test", changed=True)
        assert run.resumed == 2
        assert recalled(run, 8) == [1, 2]
        record(run, 7, sources=only(files, "same"))
    with Journal(path) as journal:
        run = journal.begin("a test", changed=True)
        assert recalled(run, 8) == [1, 2, 7]
    assert query(path, "SELECT COUNT(*) FROM explorations") == [(3,)]
    assert query(path, "SELECT COUNT(*) FROM executions GROUP BY exploration") == [(7,), (3,), (3,)]
    assert query(path, "SELECT DISTINCT reason, answer FROM left_out") == [("predicted", "passed")]
    assert query(path, "SELECT COUNT(*) FROM left_out") == [(3,)]


def test_changed_skips_running_explorations(path: Path) -> None:
    with Journal(path) as journal:
        for number in (0, 1):
            run = journal.begin("a test")
            record(run, number, sources={})
            run.finish("interrupted")
        live = journal.begin("a test")
        record(live, 2, sources={})
        assert recalled(journal.begin("a test", changed=True), 3) == [1]
        assert journal.begin("another", changed=True).resumed == 0
