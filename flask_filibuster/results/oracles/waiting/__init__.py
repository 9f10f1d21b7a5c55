"""Judgements on how long callers and users wait."""
