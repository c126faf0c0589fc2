"""What `pulumi up` declares, and the tools around it. Imports nothing of the application but `anyon.settings`."""
