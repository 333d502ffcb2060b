"""Evaluations as Prometheus series, made from the stored objects alone.

After a restart the same objects give the same series, a deleted evaluation has none, and what was
not measured is absent. A failed run leaves the last good figures standing; their time stands beside
them.
"""
