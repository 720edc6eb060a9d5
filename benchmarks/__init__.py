"""Measurements that take longer than a test, each a script: ``python -m benchmarks.NAME``."""
