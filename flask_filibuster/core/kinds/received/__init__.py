"""Kinds of fault that give the caller the callee's real answer, remade."""
