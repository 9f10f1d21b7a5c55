"""Judgements built in, one file each; see :mod:`flask_filibuster.results.oracles.base`."""
