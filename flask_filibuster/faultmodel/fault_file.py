"""Files that list faults: which calls can fail how, in TOML."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.vocabulary import ProfileName
from flask_filibuster.errors import FaultModelError, SetupError
from flask_filibuster.faultmodel.profiles import PROFILES
from flask_filibuster.faultmodel.selection import FaultsOf, Selection, fault_of
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.toml import parsed

_KEYS = ("profile", "calls")
_OF_CALLS = (*(each.name for each in fields(Selection)), "instead", "faults")


@dataclass(frozen=True, slots=True)
class FaultFile:
    """The content of a file that lists faults.

    :ivar profile: the profile that it adds to; ``None``: to none.
    :ivar faults: its faults, in order.
    """

    profile: ProfileName | None
    faults: tuple[FaultsOf, ...]


def read_fault_file(path: str | PathLike[str]) -> FaultFile:
    """Read a file that lists faults.

    Its key ``profile`` names the profile that it adds to. Each table ``[[calls]]`` has the
    arguments of :class:`FaultsOf`; its ``faults`` are a list of statuses, of names of exceptions
    and kinds, and of tables with ``kind`` and its parameters.

    :param path: the file.
    :raises FaultModelError: it cannot be read, or a fault in it cannot be injected.
    """
    shown = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            content = parsed(file.read(), f"the fault file {shown}")
        return _content(content)
    except FaultModelError as error:
        raise FaultModelError(f"fault file {shown}: {error}") from error
    except SetupError as error:
        raise FaultModelError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FaultModelError(f"cannot read the fault file {shown}: {error}") from error


def _content(content: Mapping[str, Any]) -> FaultFile:
    _check_keys(content, _KEYS, "a fault file")
    profile = content.get("profile")
    if profile is not None and profile not in PROFILES:
        hint = suggestion(str(profile), PROFILES)
        raise FaultModelError(f"no such profile: {profile!r}; {hint}")
    calls = content.get("calls", [])
    if not isinstance(calls, list) or not all(isinstance(each, dict) for each in calls):
        raise FaultModelError("calls must be tables: write [[calls]] above each")
    if profile is None and not calls:
        raise FaultModelError("it names neither a profile nor calls")
    return FaultFile(profile, tuple(map(_faults_of, calls)))


def _faults_of(entry: Mapping[str, Any]) -> FaultsOf:
    _check_keys(entry, _OF_CALLS, "[[calls]]")
    given = dict(entry)
    faults = given.pop("faults", [])
    if not isinstance(faults, list):
        raise FaultModelError(f"faults is {faults!r}; it must be a list, even for one value")
    return FaultsOf(*_faults(faults), **given)


def _faults(listed: list[Any]) -> Iterator[Fault]:
    for each in listed:
        if not isinstance(each, dict):
            yield fault_of(each)
        elif not isinstance(each.get("abort", True), bool):
            raise FaultModelError(f"abort is {each['abort']!r}; it must be true or false")
        elif isinstance(each.get("kind"), str):
            yield Fault.of(**each)
        else:
            raise FaultModelError(f"{each!r} is no fault: it needs the name of a kind")


def _check_keys(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse unknown keys.

    :raises FaultModelError: there is one.
    """
    for key in given:
        if key not in known:
            raise FaultModelError(f"{where} has no key {key!r}; {suggestion(key, known)}")
