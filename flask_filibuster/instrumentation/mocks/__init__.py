"""The ways in which tests replace a library that makes calls, one file each."""
