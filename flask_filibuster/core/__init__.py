"""The nouns of service-level fault injection: pure Python, no Flask, no requests."""
