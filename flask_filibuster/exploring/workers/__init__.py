"""Parallel executions."""
