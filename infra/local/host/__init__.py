"""What really happens on the host. The Pulumi provider and the start without an engine both call these functions."""
