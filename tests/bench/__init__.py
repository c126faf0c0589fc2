"""Measures the product against its budgets: `python -m tests.bench`, or `make bench`."""
