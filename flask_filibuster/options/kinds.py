"""The types of option values: how to check, read and describe them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from flask_filibuster.core.vocabulary import ProfileName, ReductionName
from flask_filibuster.errors import ConfigError
from flask_filibuster.nearest import did_you_mean

if TYPE_CHECKING:
    from flask_filibuster.core.url_patterns import UrlPattern

PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
REDUCTIONS: tuple[ReductionName, ...] = get_args(ReductionName)

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def _as_it_is(text: str) -> Any:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of value.

    :ivar words: its name in the documentation.
    :ivar check: called with a key and a value; returns the value in its final form, or raises
        :class:`ConfigError`.
    :ivar read: converts a text to a value; returns an invalid text unchanged, so that ``check``
        rejects it.
    :ivar metavar: placeholder of the value in a command line's help.
    :ivar choices: all values, if they are few.
    :ivar flag: whether it is ``True`` or ``False``.
    :ivar many: whether it is a list of texts.
    :ivar path: whether it is the path of a file.
    :ivar names: values that are no paths, if others are.
    """

    words: str
    check: Callable[[str, Any], Any]
    read: Callable[[str], Any] = _as_it_is
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    flag: bool = False
    many: bool = False
    path: bool = False
    names: tuple[str, ...] = ()

    def from_text(self, key: str, text: str) -> Any:
        """Read and check a value that is given as text.

        :param key: its name in an error message.
        :raises ConfigError: the text is not a value of this type.
        """
        return self.check(key, self.read(text))

    def beside(self, value: Any, directory: Path) -> Any:
        """A value that a file in this directory gives: paths are relative to the file."""
        is_path = self.path and isinstance(value, str) and value not in self.names
        return str(directory / value) if is_path else value


def _read_flag(text: str) -> Any:
    return _BOOLEANS.get(text.strip().lower(), text)


def _read_number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _read_list(text: str) -> Any:
    return [each.strip() for each in re.split(r"[\n,]", text) if each.strip()]


def _read_journal(text: str) -> Any:
    # "1" and "on" are names of files here.
    return False if text.strip().lower() in {"", "false", "none"} else text


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(key, value, "True or False")
    return value


def _name(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{1,200}", value):
        raise ConfigError(key, value, "a name of 1 to 200 ASCII characters without spaces, or None")
    return value


def _url(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.match(r"https?://[^/\s]+", value):
        raise ConfigError(key, value, "a URL that begins with http:// or https://, or None")
    return value


def _token(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 8 <= len(value) <= 1000:
        # Without the value, which is a secret.
        raise ConfigError(key, "unusable", "a secret of 8 to 1000 characters, or None")
    return value


def _path(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ConfigError(key, value, "the path of a file, or None")
    return str(value)


def _faults(key: str, value: Any) -> Any:
    # Python code may also give a fault model, which the options check.
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(path, str) and path not in PROFILES and not path.endswith(".toml"):
        fits = f"{', '.join(map(repr, PROFILES))}, or the path of a .toml file"
        raise ConfigError(key, value, f"{fits}; {did_you_mean(path, PROFILES)}".rstrip("; "))
    return path


def _journal(key: str, value: Any) -> str | bool:
    if value is None or value is False:
        return False
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ConfigError(key, value, "the path of a file, or None or False for no journal")
    return str(value)


def _seconds(least: float) -> Callable[[str, Any], float]:
    def check(key: str, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ConfigError(key, value, "a number of seconds")
        if value < least:
            raise ConfigError(key, value, f"at least {least} seconds")
        return float(value)

    return check


def _names(words: str) -> Callable[[str, Any], tuple[str, ...]]:
    def check(key: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ConfigError(key, value, f"a list of {words}")
        names = tuple(value)
        if not all(isinstance(each, str) and each for each in names):
            raise ConfigError(key, value, f"a list of {words}")
        return names

    return check


def _hosts(key: str, value: Any) -> tuple[str, ...]:
    return tuple(host.lower() for host in _names("host names")(key, value))


def _url_patterns(key: str, value: Any) -> tuple[UrlPattern, ...]:
    # Few apps have any, and every app imports this module.
    from flask_filibuster.core.url_patterns import NAMES, UrlPattern

    fits = (
        f"a list of {', '.join(map(repr, NAMES))}, regular expressions, and pairs of one of these "
        "and its replacement"
    )
    if not isinstance(value, list | tuple):
        raise ConfigError(key, value, fits)
    try:
        return tuple(map(UrlPattern.read, value))
    except ValueError as error:
        raise ConfigError(key, value, f"{fits}; {error}") from error


def _reduction(key: str, value: Any) -> str:
    if value not in REDUCTIONS:
        raise ConfigError(key, value, " or ".join(map(repr, REDUCTIONS)))
    return str(value)


def _count(least: int) -> Callable[[str, Any], int]:
    def check(key: str, value: Any) -> int:
        if type(value) is not int or value < least:
            raise ConfigError(key, value, f"a whole number from {least}")
        return value

    return check


def _limit(key: str, value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigError(key, value, "a whole number from 1, or None for no limit")
    return value


def _services(key: str, value: Any) -> Any:
    # Python code may also give a mapping, or a function that returns one.
    if isinstance(value, str) and not re.fullmatch(r"[^:\s]+:[^:\s]+", value):
        raise ConfigError(key, value, "'module:name' of a mapping of apps by base URL")
    return value


def _oracles(key: str, value: Any) -> tuple[Any, ...]:
    # The loader of the oracles checks the names.
    if isinstance(value, str) or not isinstance(value, Iterable) or "" in (value := [*value]):
        raise ConfigError(
            key,
            value,
            "a list of names of oracles to switch off, and of oracles to add, as 'module:name'",
        )
    return tuple(value)


def _unexplored(key: str, value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    fits = "'fail', 'warn', hosts and commands"
    words = tuple(each.lower() for each in _names(fits)(key, listed))
    for each in words:
        if any(_is_misspelt(each, known) for known in ("fail", "warn")):
            raise ConfigError(key, value, f"{fits}; {did_you_mean(each, ('fail', 'warn'))}")
    return words


def _is_misspelt(word: str, known: str) -> bool:
    """Whether a known word is meant: with another letter in it, it may be a command ("mail")."""
    if word == known:
        return False
    longer, shorter = sorted((word, known), key=len, reverse=True)
    rest = iter(longer)
    one_letter = len(longer) == len(shorter) + 1 and all(letter in rest for letter in shorter)
    ending = word.removeprefix(known) in ("ed", "ing", "ings", "ure", "ures")
    return one_letter or ending or sorted(word) == sorted(known)


def _optional(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda key, value: None if value is None else check(key, value)


FLAG = Kind(words="bool", check=_flag, read=_read_flag, flag=True)
NAME = Kind(words="str or None", check=_name, metavar="NAME")
ADDRESS = Kind(words="str", check=_name, metavar="ADDRESS")
URL = Kind(words="URL or None", check=_url, metavar="URL")
TOKEN = Kind(words="str or None", check=_token)
FILE = Kind(words="path or None", check=_path, metavar="FILE", path=True)
JOURNAL_FILE = Kind(
    words="path or None", check=_journal, read=_read_journal, metavar="FILE", path=True
)
SECONDS = Kind(words="seconds", check=_seconds(0.001), read=_read_number, metavar="SECONDS")
ANY_SECONDS = Kind(words="seconds", check=_seconds(0.0), read=_read_number, metavar="SECONDS")
TIME_LIMIT = Kind(
    words="seconds or None",
    check=_optional(_seconds(0.001)),
    read=_read_number,
    metavar="SECONDS",
)
COUNT = Kind(words="int", check=_count(0), read=_read_number, metavar="N")
LIMIT = Kind(words="int or None", check=_limit, read=_read_number, metavar="N")
HOSTS = Kind(words="list of str", check=_hosts, read=_read_list, many=True)
URL_PATTERNS = Kind(words="list", check=_url_patterns)
REDUCTION = Kind(
    words=" or ".join(f'`"{each}"`' for each in REDUCTIONS), check=_reduction, choices=REDUCTIONS
)
FAULTS = Kind(
    words="`quick`, `standard`, `thorough`, or path",
    check=_faults,
    metavar="PROFILE|FILE",
    path=True,
    names=PROFILES,
)
SERVICES = Kind(words="str", check=_services, metavar="MODULE:NAME")
ORACLES = Kind(words="list", check=_oracles, read=_read_list, metavar="NAME", many=True)
UNEXPLORED = Kind(
    words="`fail`, `warn`, or list of str",
    check=_unexplored,
    read=_read_list,
    metavar="WORDS",
)
