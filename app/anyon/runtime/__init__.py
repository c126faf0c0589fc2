"""Where workspaces run: adapters that only start and stop them (`protocol.py` is their contract)."""
