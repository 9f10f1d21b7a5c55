"""The shape of a JSON answer, for the faults of its keys."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from flask import Flask

from flask_filibuster.core.documents.shape import Shape, may_be_json, shape_of
from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.instrumentation.keys.reader import modules_on_stack, words_behind
from flask_filibuster.instrumentation.keys.words import plain
from flask_filibuster.instrumentation.outgoing import AnyCall


def described(content: bytes | None, app: Flask, call: AnyCall[Any]) -> Shape | None:
    """The shape of an answer, with the keys that the source behind its call names.

    :param content: the decoded body; ``None`` if it is unknown.
    :param app: the app that makes the call.
    :param call: the call.
    :returns: the shape; ``None`` if the body is no JSON object or list, or is too long.
    """
    if content is None or not may_be_json(content):
        return None
    modules = modules_on_stack((call.client.name, *call.client.built_on))
    scope = current_scope()
    network = scope.network if scope is not None else None
    service = network.service_at(call.url) if network is not None and call.url else None
    callee = service.app if service is not None else None
    return _described(content, words_behind(app, modules, callee))


# The same answers come in most executions.
@lru_cache(maxsize=256)
def _described(content: bytes, words: frozenset[str]) -> Shape | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return shape_of(document, (lambda key: plain(key) in words) if words else None)
