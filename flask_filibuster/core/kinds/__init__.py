"""The kinds of fault, one file each.

Every module of this package, and of those within it, is looked through for classes of
:class:`~flask_filibuster.core.kinds.base.Kind`, so that a new kind is one new file.
"""
