"""The driver: the RayJob's entrypoint. It hands trials to workers and writes what they report."""
