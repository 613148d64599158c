"""Makes `tests/small.py` importable by the tests of every room (pytest puts this file's folder on the path)."""
