"""``pytest --filibuster-all``: every test that makes a call is explored, marked or not."""
