"""Which calls can fail how."""
