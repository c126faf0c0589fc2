"""One script per revision; file names are revision ids and sort in their order."""
