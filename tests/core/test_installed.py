"""The entry points of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_filibuster.installed import entry_points_of


def test_added_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert entry_points_of("filibuster.test_group") == ()
    info = tmp_path / "added-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[filibuster.test_group]\nname = module:value\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = entry_points_of("filibuster.test_group")
    assert found.value == "module:value"
