"""Kinds of fault in the place of the answer: the caller gets another one."""
