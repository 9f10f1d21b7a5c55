"""``[tool.filibuster]`` in ``pyproject.toml``: the options of a project."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_filibuster.errors import ConfigError, SetupError, UnknownKeyError
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.table import rows
from flask_filibuster.options.toml import NoParserError, parsed

NAME = "pyproject.toml"
TABLE = "[tool.filibuster]"
_HEADER = re.compile(
    r"""^\s*\[\s*["']?tool["']?\s*\.\s*["']?filibuster["']?\s*[.\]]""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Project:
    """The options of a project.

    :ivar file: the file; ``None``: the project has none.
    :ivar values: checked options by name; paths are absolute.
    """

    file: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def read_project(start: Path) -> Project:
    """The options of the project that a directory belongs to.

    :param start: the directory to search for ``pyproject.toml``, and after it those above. Only
        the first file counts.
    :raises ConfigError: a key is unknown, or its value is invalid.
    :raises SetupError: the file cannot be read.
    """
    file = next((each for each in _candidates(start) if each.is_file()), None)
    if file is None:
        return Project()
    content = _table(file)
    where = f"{TABLE} of {file}"
    known = {each.name: each for each in rows("project")}
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in known:
            raise UnknownKeyError(key, where, _advice(key, known))
        checked = known[key].check(value, f"{key} in {where}")
        values[key] = known[key].kind.beside(checked, file.parent)
    return Project(file, values)


def import_from(directory: Path) -> None:
    """Add a project's directory to the end of the import path."""
    if str(directory) not in sys.path:
        sys.path.append(str(directory))


def _candidates(start: Path) -> Iterator[Path]:
    start = start.absolute()
    yield from (directory / NAME for directory in (start, *start.parents))


def _advice(key: str, known: Mapping[str, object]) -> str:
    name = key.lower().replace("-", "_").removeprefix("filibuster_")
    for each in rows("config"):
        if each.name == name and name not in known:
            return f"set {each.key} in the app's config instead"
    return suggestion(key, known)


def _table(file: Path) -> Mapping[str, Any]:
    """The content of the table ``[tool.filibuster]``."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"cannot read {file}: {error}") from error
    if "filibuster" not in text:
        return {}  # Most projects; this avoids the import of the parser.
    try:
        tools = parsed(text, str(file)).get("tool")
    except NoParserError:
        if _HEADER.search(text) is None:
            return {}
        raise
    content = tools.get("filibuster", {}) if isinstance(tools, dict) else {}
    if not isinstance(content, dict):
        raise ConfigError(f"tool.filibuster of {file}", content, "a table")
    return content
