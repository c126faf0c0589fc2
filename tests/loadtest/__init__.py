"""The load test against a product of its own."""
