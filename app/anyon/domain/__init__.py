"""What the product does: projects, tasks, attempts, workspaces, idleness. No HTTP, no SQL."""
