"""Writes everything that follows from the models: CRDs, the chart's parts, the reference."""
