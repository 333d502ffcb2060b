"""Tasks of lm-evaluation-harness, asked of our engine.

`harness` and `encoding` know the library; `leaks` keeps an item out of its own prompt; `prepared`
asks and judges.
"""

from .prepared import load

__all__ = ["load"]
