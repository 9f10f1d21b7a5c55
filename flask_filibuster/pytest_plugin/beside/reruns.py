"""Plugins that rerun failed tests: pytest-rerunfailures, pytest-retry, flaky.

Of an explored test, only a fault-free execution that fails is rerun. Under faults, a failure is
what is looked for.
"""

from __future__ import annotations

from typing import Any

_MARK = "flaky"
_RERUNS = ("reruns", "retries")
_RUNS = "max_runs"


def reruns_of(item: Any) -> int:
    """How many times the plugins at hand would rerun a test that keeps failing.

    :param item: the test.
    """
    given = (_by_mark(item), _by_decorator(item), _by_option(item.config))
    return max(0, next((each for each in given if each is not None), 0))


def _by_mark(item: Any) -> int | None:
    mark = item.get_closest_marker(_MARK)
    if mark is None:
        return None
    if mark.kwargs.get("condition", True) is False:
        return 0
    if _RUNS in mark.kwargs:
        return int(mark.kwargs[_RUNS]) - 1
    named = [mark.kwargs[name] for name in _RERUNS if name in mark.kwargs]
    return int((*named, *mark.args, 1)[0])


def _by_decorator(item: Any) -> int | None:
    """The number of flaky's ``@flaky``, on the function or its class."""
    for place in (getattr(item, "obj", None), getattr(item, "cls", None)):
        runs = getattr(place, f"_flaky_{_RUNS}", None)
        if runs is not None:
            return int(runs) - 1
    return None


def _by_option(config: Any) -> int | None:
    for name in ("force_reruns", *_RERUNS):
        given = config.getoption(name, None) or _ini(config, name)
        if given:
            return int(given)
    if config.getoption("force_flaky", False):
        return int(config.getoption(_RUNS) or 2) - 1
    return None


def _ini(config: Any, name: str) -> Any:
    try:
        return config.getini(name)
    except ValueError:  # No plugin at hand has this key.
        return None
