"""Executions beside one another."""
