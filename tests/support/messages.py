"""Every text of the package that a user may see: messages, help, log lines.

A text is any string with words in it that is no docstring and no type: what is raised, echoed,
logged, noted, or given as help. Docstrings count where click shows them: those of commands and
groups. Parts that are known only at run time stand as ``{}``.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "flask_filibuster"
SNAPSHOTS = Path(__file__).parents[1] / "end_to_end" / "messages"
WORDS = re.compile(r"[A-Za-z]{2,}[,;:.]? +[A-Za-z{]{1,}")
# Text for machines: SQL, regular expressions and code.
NO_TEXT = re.compile(
    r"^\s*(CREATE|SELECT|INSERT|UPDATE|DELETE|PRAGMA|DROP|BEGIN|ALTER)\b|\(\?[:<!=]"
)


@functools.cache
def texts() -> dict[str, list[str]]:
    """The texts of each module, in the order of its source, by its path below the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        listed = list(dict.fromkeys(_texts_in(ast.parse(path.read_text(encoding="utf-8")))))
        if listed:
            found[path.relative_to(PACKAGE).as_posix()] = listed
    return found


def _texts_in(tree: ast.Module) -> Iterator[str]:
    docstrings = {id(node) for node in _docstrings(tree)}
    for node in _outermost_strings(tree):
        if id(node) in docstrings:
            continue
        text = " ".join(_text_of(node).split())
        if WORDS.search(text) and not NO_TEXT.search(text):
            yield text
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and _is_command(function):
            yield from filter(None, [" ".join((ast.get_docstring(function) or "").split())])


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """What documents a module, class, function or constant: a string that stands for itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _outermost_strings(tree: ast.AST) -> Iterator[ast.expr]:
    """Strings, each with its formatted parts as one."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield node
        if isinstance(node, ast.AnnAssign):
            pending[:0] = [node.target, *([node.value] if node.value else [])]
        elif not isinstance(node, ast.JoinedStr):
            pending[:0] = list(ast.iter_child_nodes(node))


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in parts)


def _is_command(function: ast.FunctionDef) -> bool:
    """Whether click shows the docstring of a function: it makes a command or a group of it."""
    called = [each.func for each in function.decorator_list if isinstance(each, ast.Call)]
    return any(
        isinstance(each, ast.Attribute) and each.attr in ("command", "group") for each in called
    )


NOT_OURS = re.compile(
    r"\b("
    # Words for which the glossary has another one.
    r"invocations?|peers?|ways? (for|to|of)|failure modes?|occurrences?|turns?|spots?|lint|things?"
    r"|leave[sd]? out|left out|left undone|pass(es|ed|ing)? (over|by)|stands? for|stood for"
    r"|conducted|keepings?"
    # Persons that are none, clefts, and prose where a noun would do.
    r"|whoever|nobody|somebody|anybody|everybody|(is|are|was|were) to [a-z]+"
    r"|(is|are|was|were) told|told of|tells? of|in vain|what (is|was|were|are|has|have|had)"
    r"|all that|its (own )?affair|puts? right|broken off|breaks? off|broke off"
    r")\b",
    re.IGNORECASE,
)
"""Words that the glossary has another word for, and turns of phrase that plain English avoids."""

ALLOWED = frozenset(
    {
        # Of the wire protocol, whose word it is.
        "invocation",
        "invocation_complete",
        # An error of httpcore, in its own words.
        "peer closed connection without sending complete message body",
    }
)


def offences() -> list[tuple[str, str, str]]:
    """Module, word and text of each text with a word that is not ours."""
    return [
        (module, match[0], text)
        for module, listed in texts().items()
        for text in listed
        if text not in ALLOWED
        for match in NOT_OURS.finditer(text)
    ]


def snapshot(room: str) -> str:
    """The texts of a room (``""``: of modules in none), as they are reviewed."""
    lines = []
    for module, listed in texts().items():
        first, slash, _ = module.partition("/")
        if (first if slash else "") == room:
            lines += [f"# {module}", *listed, ""]
    return "\n".join(lines)


def rooms() -> list[str]:
    """The rooms with texts."""
    return sorted({module.partition("/")[0] if "/" in module else "" for module in texts()})


def snapshot_file(room: str) -> Path:
    """Where the reviewed texts of a room are."""
    return SNAPSHOTS / f"{room or 'package'}.txt"


def reviewed_rooms() -> list[str]:
    """The rooms whose texts are reviewed; to list them, no source is read."""
    names = sorted(file.stem for file in SNAPSHOTS.glob("*.txt"))
    return ["" if name == "package" else name for name in names]


def main() -> None:
    """``python -m tests.support.messages``: write the snapshots anew, and list what offends."""
    for room in rooms():
        file = snapshot_file(room)
        file.parent.mkdir(exist_ok=True)
        file.write_text(snapshot(room), encoding="utf-8")
    for module, word, text in offences():
        sys.stdout.write(f"{module}: {word!r} in {text}\n")


if __name__ == "__main__":
    main()
