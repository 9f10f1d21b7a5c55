"""Judgements of retries."""
