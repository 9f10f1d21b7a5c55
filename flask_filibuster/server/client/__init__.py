"""The caller's side of the wire protocol."""
