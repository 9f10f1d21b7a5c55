"""The settings of one app: its ``FILIBUSTER_*`` configuration keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask_filibuster.errors import UnknownKeyError
from flask_filibuster.nearest import suggestion
from flask_filibuster.options.app import APP_ROWS, AppOptions

PREFIX = "FILIBUSTER_"


# Not a dataclass: it adds no fields, and creating a dataclass is slow.
class Config(AppOptions):
    """The settings of one app, read once when the extension is set up.

    Each field is the key ``FILIBUSTER_`` plus its name in capitals; the option table declares its
    type, meaning and check (:mod:`flask_filibuster.options.table`). ``None`` for an option of an
    exploration is its default, and ``journal`` is ``False`` for none.

    >>> Config.read({"FILIBUSTER_MAX_FAULTS": 2}).max_faults
    2
    """

    __slots__ = ()

    @classmethod
    def read(cls, app_config: Mapping[str, Any], **overrides: Any) -> Config:
        """Read and check the keys of an app's configuration.

        :param app_config: ``app.config``.
        :param overrides: values by field name that override the configuration; ``None`` is absent.
        :raises ConfigError: a key has an invalid value, or is unknown.
        """
        known = {each.key: each for each in APP_ROWS}
        given = {
            key: os.environ[key]
            for key, each in known.items()
            if each.environment and os.environ.get(key)
        }
        given.update({key: app_config[key] for key in app_config if key.startswith(PREFIX)})
        for key in given:
            if key not in known:
                raise UnknownKeyError(key, "the app's config", suggestion(key, known))
        values = {known[key].name: known[key].check(value, key) for key, value in given.items()}
        for name, value in overrides.items():
            if value is not None:
                values[name] = known[PREFIX + name.upper()].check(value, name)
        return cls(**values)
