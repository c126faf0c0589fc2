"""The stand-in agent."""
