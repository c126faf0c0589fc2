"""Typed configuration of the stacks."""
