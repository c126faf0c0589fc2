"""The provider as the engine starts it: a folder with `PulumiPlugin.yaml`."""
