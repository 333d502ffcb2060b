"""Text from the cluster as a reader may safely see it. Pure."""

import unicodedata

KEPT = "\n\t"
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Controls, formats (among them those that turn the direction of text), surrogates, separators."""


def plain(text: str) -> str:
    """Return `text` with every character that is not seen, or moves others, written as U+XXXX.

    A message could otherwise show as something that it is not. Line feeds and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_plain(c) for c in text)


def _plain(character: str) -> str:
    if character in KEPT or unicodedata.category(character) not in HIDDEN:
        return character
    return f"[U+{ord(character):04X}]"
