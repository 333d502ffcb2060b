"""Draws dashboards as pictures for docs/, from their own queries and without Grafana.

What is drawn is what Prometheus answers: an empty panel is an empty panel. Layout, colours and
units follow the dashboards' JSON; the look is not Grafana's, and the pictures say so. They are SVG:
sharp at any size, and a tenth of the same picture as PNG.
"""
