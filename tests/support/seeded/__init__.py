"""Seeded systems: small services with one known bug each, and the same without it.

Each module has the seeds of one group; :func:`tests.support.seeded.seed.all_seeds` finds them.
"""
