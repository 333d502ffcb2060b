"""A dashboard as a page of rows: ids, variables, links and defaults that all of them share."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableModel,
    VariableRefresh,
    VariableSort,
)

from .colours import BLUE, ORANGE
from .expressions import LAST_SUCCESS, newest
from .panels import DATASOURCE, About, AnyPanel, Json, Query, number

TAG = "slmeval"
Variable = dashboard.QueryVariable | dashboard.DatasourceVariable | dashboard.CustomVariable


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under a title; a row without one stands at the top of its page."""

    title: str = ""
    panels: Sequence[AnyPanel]
    is_collapsed: bool = False
    """Its queries run when somebody opens it, not before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A dashboard."""

    name: str
    """Of its file; its uid is slmeval-<name>, and stays, for people link to it."""
    title: str
    text: str
    since: str
    """Start of the time range, as now-6h."""
    refresh: str
    variables: Sequence[Variable]
    rows: Sequence[Row]
    annotations: Sequence[Json] = field(default=())

    @property
    def uid(self) -> str:
        """Grafana's stable name for it, in URLs."""
        return uid(self.name)


def uid(name: str) -> str:
    """Return the uid of the dashboard of a name."""
    return f"{TAG}-{name}"


def text_of(page: Page) -> str:
    """Return the page as JSON of Grafana's dashboard schema."""
    made = dashboard.Dashboard(page.title).uid(page.uid).description(page.text)
    made.tags([TAG]).time(page.since, "now").timezone("browser").refresh(page.refresh)
    made.tooltip(DashboardCursorSync.CROSSHAIR).editable().with_variable(_datasource())
    for variable in page.variables:
        made.with_variable(variable)
    made.link(
        dashboard.DashboardLink("slmeval").type(DashboardLinkType.DASHBOARDS).tags([TAG])
        .as_dropdown(True).include_vars(True).keep_time(True).icon("external link")
    )  # fmt: skip
    ids = iter(range(1, 1000))
    for row in page.rows:
        _add(made, row, ids)
    body: Json = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    # The kit's annotations cannot take their time from a value.
    body["annotations"] = {"list": list(page.annotations)}
    return json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _add(made: dashboard.Dashboard, row: Row, ids: Iterator[int]) -> None:
    """Put the row's panels on the dashboard; a panel inside a row is hidden while it is closed."""
    heading = dashboard.Row(row.title).id(next(ids)) if row.title else None
    numbered = [panel.id(next(ids)) for panel in row.panels]
    if heading is not None and row.is_collapsed:
        for panel in numbered:
            heading.with_panel(panel)
        made.with_row(heading)
        return
    if heading is not None:
        made.with_row(heading)
    for panel in numbered:
        made.with_panel(panel)


def _datasource() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def variable(
    name: str, label: str, series: str, *, is_many: bool = False, says: str = ""
) -> dashboard.QueryVariable:
    """Return a variable of the values that the label `name` has in `series`.

    Args:
        name: of the label, and of the variable.
        label: what stands before it.
        series: a selector; earlier variables may stand in it.
        is_many: several values may be chosen, and all of them are at first.
        says: what it is for.

    """
    query: dict[str, Any] = {
        "qryType": 1,  # label values
        "query": f"label_values({series}, {name})",
        "refId": "PrometheusVariableQueryEditor-VariableQuery",
    }
    made = dashboard.QueryVariable(name).label(label).query(query).datasource(DATASOURCE)
    made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    if says:
        made.description(says)
    if is_many:
        # No value for all: Grafana then writes those that there are, and nothing beside matches.
        made.multi(True).include_all(True).current(_all())
    return made


def _all() -> Any:  # noqa: ANN401 - an option of the kit
    return VariableModel.from_json(
        {"type": "query", "name": "", "current": {"text": ["All"], "value": ["$__all"]}}
    ).current


def asked(*, is_many: bool) -> list[Variable]:
    """Return the variables that say which evaluations are looked at."""
    known = "slmeval_evaluation_suspended"  # one series each, whatever has come of it
    chosen = f'{known}{{namespace=~"$namespace"}}'
    return [
        variable("namespace", "Namespace", known, is_many=is_many),
        variable("evaluation", "Evaluation", chosen, is_many=is_many),
    ]


def banner(where: str, width: int = 6) -> AnyPanel:
    """Return the panel that says whether any figure on the page was invented."""
    simulated = newest(LAST_SUCCESS, f'{where},engine="simulated"')
    every = newest(LAST_SUCCESS, where)
    return number(
        About(
            title="Are these figures measured?",
            text="Trials whose newest good figures come from the simulated engine, which invents "
            "them. They bear engine = simulated wherever they are shown. No figures yet: no trial "
            "has succeeded.",
            unit="none",
            width=width,
            height=4,
        ),
        Query(f"count({simulated}) or 0 * count({every})", "simulated trials"),
        steps=((None, BLUE), (1, ORANGE)),
        mappings=[
            {"type": "value", "options": {"0": {"text": "All measured", "color": BLUE}}},
            {
                "type": "range",
                "options": {
                    "from": 1,
                    "to": 1_000_000,
                    "result": {"text": "Some are SIMULATED", "color": ORANGE},
                },
            },
            {
                "type": "special",
                "options": {"match": "null", "result": {"text": "No figures yet"}},
            },
        ],
    )


def link_to(name: str, title: str, *columns: str) -> Json:
    """Return a data link to another dashboard; `columns` become its variables of those names."""
    values = "&".join(f"var-{c.lower()}=${{__data.fields.{c}}}" for c in columns)
    return {"title": title, "url": f"/d/{uid(name)}?{values}&${{__url_time_range}}"}
