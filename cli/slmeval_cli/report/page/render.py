"""The page from the view and the pictures."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from slmeval_cli.report.pictures import Picture
from slmeval_cli.report.pictures.palette import FONT, style_variables
from slmeval_cli.report.plain import plain
from slmeval_cli.report.views.report import ReportView


def page(view: ReportView, pictures: Mapping[str, Picture]) -> str:
    """Return the report as HTML; equal arguments give equal text.

    Args:
        view: what it says.
        pictures: by the name of their chart; every chart of the view has one.

    """
    style = _style()
    template = _environment().get_template("page.html.jinja")
    html: str = template.render(
        view=view,
        pictures=pictures,
        style=Markup(style),  # our own file
        policy=_policy(style),
    )
    return html


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("slmeval_cli.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters["svg"] = Markup
    return environment


def _shown(value: object) -> object:
    """Return any text but our own markup without characters that nobody sees."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _style() -> str:
    """Return the style sheet, with the palette's colours and the pictures' font."""
    text = (files("slmeval_cli.report.page") / "style.css").read_text(encoding="utf-8")
    return (
        text.replace("/* LIGHT */", style_variables(is_dark=False))
        .replace("/* DARK */", style_variables(is_dark=True))
        .replace("/* FONT */", f"font-family: {FONT};")
    )


def _policy(style: str) -> str:
    """Return a Content-Security-Policy under which only this style sheet does anything."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
