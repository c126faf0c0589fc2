"""What Alembic runs: the environment, the template of new scripts, and the scripts."""
