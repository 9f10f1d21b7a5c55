"""The table as text: help texts, the mark's line, the rows of the README."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from flask_filibuster.options.option import Option
from flask_filibuster.options.table import rows


def default_words(option: Option) -> str:
    """The end of a help text with the default; empty if there is no default to name."""
    words = option.default_words or ("" if option.kind.flag else _plain(option.default))
    if option.kind.flag and option.default:
        words = "yes"
    return f"  [default: {words.replace('`', '')}]" if words else ""


OFF = "Switch this oracle off; can be repeated."
ON = "Add the oracle at MODULE:NAME; can be repeated."


def mark_words() -> str:
    """The arguments and the description of the mark, as pytest lists them."""
    arguments = ", ".join(f"{each.name}=None" for each in rows("mark"))
    told = " ".join(f"{each.name}: {each.help}" for each in rows("mark"))
    return (
        f"({arguments}): Run the test repeatedly while the remote calls that it causes fail, "
        f"alone and in combination. {told}"
    ).replace("`", "")


def explore_words() -> str:
    """The options of ``explore()``, as lines of its docstring."""
    return "\n".join(
        f"    :param {each.name}: {each.help.replace('`', '``')}" for each in rows("python")
    )


def _plain(value: object) -> str:
    return "" if value in (None, ()) else str(value)


def _in_python(option: Option) -> str:
    if option.default is None and option.default_words:
        return option.default_words
    value = repr(option.default).replace("'", '"')
    return f"`{value}`"


def _spellings(option: Option) -> Iterator[str]:
    """The spelling of the option in each place."""
    off = f"/`--no-{option.words}`" if option.kind.many else ""
    if "pytest" in option.places:
        yield f"`--filibuster-{option.words}`{off.replace('--no-', '--no-filibuster-')}"
    commands = [each for each in ("explore", "test", "serve") if each in option.places]
    if commands:
        yield f"`--{option.words}`{off} ({', '.join(commands)})"
    if "mark" in option.places:
        yield "mark"
    if "python" in option.places:
        yield "`explore()`"


def config_table() -> str:
    """The keys of ``app.config``."""
    lines = ["| key | type, default | |", "| --- | --- | --- |"]
    for each in sorted(rows("config"), key=lambda each: len(each.places) > 1):
        also = " Also an environment variable." if each.environment else ""
        lines.append(
            f"| `{each.key}` | {each.kind.words}; {_in_python(each)} | {each.help}{also} |"
        )
    return "\n".join(lines)


def option_table() -> str:
    """The options of an exploration, and the places that accept them."""
    lines = ["| option | where | |", "| --- | --- | --- |"]
    lines.extend(
        f"| `{each.name}`{' *' if 'project' in each.places else ''} "
        f"| {', '.join(_spellings(each))} | {each.help} |"
        for each in rows()
        if each.places != ("config",)
    )
    return "\n".join(lines)


TABLES: Mapping[str, Callable[[], str]] = {"config": config_table, "options": option_table}
_PART = re.compile(r"(<!-- (\w+) table -->\n).*?(<!-- end -->)", re.DOTALL)


def updated(text: str) -> str:
    """A document with up-to-date tables of options.

    :param text: the document; its tables are between ``<!-- options table -->`` and
        ``<!-- end -->``.
    """
    return _PART.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", text)
