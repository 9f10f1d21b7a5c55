"""The kinds of fault, one file each.

Every module of this package is looked through for classes of
:class:`~flask_filibuster.core.kinds.base.Kind`, so that a new kind is one new file.
"""
