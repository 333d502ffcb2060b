"""The SVG that Vega made, fit for a page: named, in its colours, the same every time."""

import re
from xml.etree import ElementTree

from slmeval_cli.report.plain import plain

from .palette import ALL, FONT

NAMESPACE = "http://www.w3.org/2000/svg"
COLOURED = ("fill", "stroke")
DROPPED = ("role", "class", "pointer-events")
"""Vega describes each single mark to screen readers; a picture has one description instead."""
VARIABLES = {colour.light: colour.variable for colour in ALL}


class UnknownColour(ValueError):
    """A picture has a colour that the page could not turn for a dark ground."""


def standalone(svg: str, *, name: str, title: str, description: str) -> str:
    """Return the SVG as a file of its own, on white."""
    root = _read(svg, name=name, title=title, description=description)
    root.set("xmlns", NAMESPACE)
    return _written(root) + "\n"


def inline(svg: str, *, name: str, title: str, description: str) -> str:
    """Return the SVG as a part of a page, whose colours it takes; it has no ground of its own.

    Raises:
        UnknownColour: a colour is not of the palette.

    """
    root = _read(svg, name=name, title=title, description=description)
    for child in root.findall("rect"):  # the ground
        root.remove(child)
    for element in root.iter():
        for attribute in COLOURED:
            value = element.get(attribute)
            if value is not None:
                element.set(attribute, _turned(value))
    return _written(root)


def _turned(value: str) -> str:
    if value in ("none", "transparent") or value.startswith("url("):
        return value
    if value.lower() not in VARIABLES:
        raise UnknownColour(f"{value} is not a colour of the palette: name it in palette.py")
    return VARIABLES[value.lower()]


def _read(svg: str, *, name: str, title: str, description: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    _clean(root)
    _number_ids(root, name)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, id=f"{name}-{tag}")
        element.text = plain(text)
        root.insert(place, element)
    return root


def _clean(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        parent.tag = parent.tag.partition("}")[2]
        for attribute in list(parent.attrib):
            if attribute in DROPPED or attribute.startswith(("aria-", "{")):
                del parent.attrib[attribute]
        if parent.get("font-family"):
            parent.set("font-family", FONT)
        for child in list(parent):
            if _is_invisible(child):
                parent.remove(child)


def _is_invisible(element: ElementTree.Element) -> bool:
    """Whether it is one of the empty paths that Vega puts before and behind each group."""
    is_path = element.tag.endswith("}path")
    return is_path and (element.get("d") in ("", "M0,0h0v0h0Z") or "background" in _class(element))


def _class(element: ElementTree.Element) -> str:
    return element.get("class") or ""


def _number_ids(root: ElementTree.Element, name: str) -> None:
    """Rename ids: Vega counts them on from picture to picture, and a page holds many pictures."""
    found = [element.get("id") or "" for element in root.iter() if element.get("id")]
    names = {old: f"{name}-part-{number}" for number, old in enumerate(found)}
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute == "id":
                element.set("id", names[value])
            elif "url(#" in value:
                element.set(
                    attribute, re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names[m[1]]})", value)
                )


def _written(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")
