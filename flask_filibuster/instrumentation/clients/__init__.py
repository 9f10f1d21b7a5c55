"""One room for each library that makes calls."""
