"""Kinds of fault of the network: the caller gets its library's own error."""
