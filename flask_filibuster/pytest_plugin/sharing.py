"""What the tests of one session share: sources that were read, and fault models made of them.

Nothing of it changes while pytest runs, as the code is imported already.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from flask_filibuster.core.vocabulary import ProfileName
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.faultmodel.static_analysis import signature_of
from flask_filibuster.sources.dependencies import ReadSources

MOST_MODELS = 8
"""More would keep the apps of more tests in memory, of suites that make one for each test."""

_WORK: pytest.StashKey[SharedWork] = pytest.StashKey()


class SharedWork:
    """The work that is done once for all tests.

    :ivar sources: the sources that were read.
    """

    def __init__(self) -> None:
        self.sources = ReadSources()
        self._models: OrderedDict[Any, tuple[Mapping[str, Any], FaultModel]] = OrderedDict()

    def model_of(self, services: Mapping[str, Any], profile: ProfileName) -> FaultModel:
        """The fault model of these services, made once for the same apps with the same routes.

        :param services: apps by base URL.
        :param profile: the profile.
        """
        key = profile, *_parts(services)
        if key not in self._models:
            # With the services: no other app can get the identity of one of these meanwhile.
            self._models[key] = (
                dict(services),
                FaultModel.from_services(services, profile),
            )
            while len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
        return self._models[key][1]


def _parts(services: Mapping[str, Any]) -> Iterator[Any]:
    for url, app in services.items():
        yield url, id(app), signature_of(app)


def work_of(config: pytest.Config) -> SharedWork:
    """The work that the tests of a session share.

    :param config: pytest's.
    """
    return config.stash.setdefault(_WORK, SharedWork())
