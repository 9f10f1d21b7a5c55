"""The precedence of the places that give an option.

From the strongest to the weakest:

1. the command line (``--max-faults 2``, ``--filibuster-max-faults 2``) or an argument of
   ``explore()``;
2. the mark, ``@pytest.mark.filibuster(max_faults=2)``;
3. pytest's ini key, ``filibuster_max_faults = 2``;
4. ``[tool.filibuster]`` in ``pyproject.toml`` (not read by ``explore()``);
5. ``FILIBUSTER_MAX_FAULTS`` in ``app.config``, of the first service that has any setting;
6. the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_filibuster.errors import SetupError

Layer = Mapping[str, Any]
"""Options by name; ``None`` is "not given"."""

MODELS = ("faults", "slow", "analysis_file")
"""Options that each give a fault model, so a layer can have only one of them."""


def merged(*layers: Layer) -> dict[str, Any]:
    """The options of several layers, strongest first.

    >>> merged({"max_faults": 1, "audit": None}, {"max_faults": 2, "audit": 3})
    {'max_faults': 1, 'audit': 3}

    A fault model replaces those of weaker layers, whichever option gives it:

    >>> merged({"slow": True}, {"analysis_file": "a.json"})
    {'slow': True}
    """
    result: dict[str, Any] = {}
    for layer in layers:
        modelled = any(result.get(name) for name in MODELS)
        for name, value in layer.items():
            if value is not None and name not in result and not (modelled and name in MODELS):
                result[name] = value
    return result


def check_together(layer: Layer, spelt: Callable[[str], str] = str) -> None:
    """Check that the options of one layer do not contradict each other.

    :param spelt: returns the user's spelling of an option, for the message.
    :raises SetupError: two options contradict each other.
    """
    models = [name for name in MODELS if layer.get(name)]
    if len(models) > 1:
        first, second = map(spelt, models[:2])
        raise SetupError(f"{first} and {second} both set the fault model; choose one")
    if layer.get("resume") and layer.get("changed"):
        raise SetupError(
            f"{spelt('resume')} continues the last exploration, {spelt('changed')} begins a new "
            "one; choose one"
        )
    for name in ("resume", "changed"):
        if layer.get(name) and layer.get("journal") is False:
            raise SetupError(f"{spelt(name)} needs the journal, but the journal is switched off")
