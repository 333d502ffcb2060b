"""Charts as pictures: drawn by Vega-Lite, as SVG that follows the page's colours, and as PNG."""

from .draw import Picture, pictures_of

__all__ = ["Picture", "pictures_of"]
