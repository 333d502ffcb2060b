"""The objects that should exist, as plain dicts. Pure: equal arguments give equal dicts."""
