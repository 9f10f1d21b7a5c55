"""Faults as keys."""

from __future__ import annotations

import pickle

from flask_filibuster.core.fault import Fault


def test_copies_have_no_hash() -> None:
    fault = Fault(status=503)
    hash(fault)
    copy = pickle.loads(pickle.dumps(fault))
    assert not hasattr(copy, "_hash")
    assert {fault: 1}[copy] == 1
