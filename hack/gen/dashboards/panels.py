"""Panels in Grafana's own schema: one function a kind, so that all of a kind are read alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as schema
from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    FieldColorSeriesByMode,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from .colours import BLUE, QUANTILES
from .expressions import called

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
FIGURE = "figure"
"""The label that names a column; `called` writes it."""
SCRAPED = "30s"
"""How often the chart's PodMonitor asks: a shorter step draws nothing more."""
NOT_MEASURED = "not measured"
AnyPanel = (
    barchart.Panel
    | stat.Panel
    | statetimeline.Panel
    | table.Panel
    | timeseries.Panel
    | xychart.Panel
)
P = TypeVar(
    "P",
    barchart.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
    xychart.Panel,
)
Override = Builder[DashboardFieldConfigSourceOverrides]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What every panel says about itself."""

    title: str
    text: str
    """How to read it, and what it means when something is absent."""
    unit: str
    """Grafana's id of a unit."""
    decimals: int | None = None
    width: int = 12
    """Of 24."""
    height: int = 8


class Query(NamedTuple):
    """PromQL and what its series are called; {{label}} stands for a label's value."""

    expression: str
    legend: str


class Column(NamedTuple):
    """A column of figures."""

    name: str
    expression: str
    unit: str = "short"
    decimals: int | None = None
    look: tuple[tuple[str, Any], ...] = ()
    """Further properties of Grafana's field config."""


YES_NO = (
    (
        "mappings",
        [{"type": "value", "options": {"0": {"text": "no"}, "1": {"text": "yes", "color": BLUE}}}],
    ),
)
"""Look of a column that holds 1 or 0."""


def _dressed(panel: P, about: About) -> P:
    panel.title(about.title).description(about.text).datasource(DATASOURCE).interval(SCRAPED)
    panel.unit(about.unit).span(about.width).height(about.height).no_value(NOT_MEASURED)
    if about.decimals is not None:
        panel.decimals(about.decimals)
    return panel


def _asked(panel: P, queries: Sequence[Query], *, is_instant: bool) -> P:
    for ref, query in zip("ABCDEFGHIJKLMNOP", queries, strict=False):
        made = prometheus.Dataquery().expr(query.expression).legend_format(query.legend)
        made.ref_id(ref).datasource(DATASOURCE).format(PromQueryFormat.TIME_SERIES)
        panel.with_target(made.instant() if is_instant else made.range())
    return panel


def _legend(*, is_table: bool = False) -> common.VizLegendOptions:
    mode = schema.LegendDisplayMode.TABLE if is_table else schema.LegendDisplayMode.LIST
    legend = common.VizLegendOptions().show_legend(True).display_mode(mode)
    legend.placement(schema.LegendPlacement.BOTTOM)
    return legend.calcs(["lastNotNull"] if is_table else [])


def _tooltip() -> common.VizTooltipOptions:
    made = common.VizTooltipOptions().mode(schema.TooltipDisplayMode.MULTI)
    return made.sort(schema.SortOrder.DESCENDING)


def _override(name: str, **properties: object) -> Override:
    made = dashboard.DashboardFieldConfigSourceOverrides()
    made.matcher(MatcherConfig(id_val="byName", options=name))
    values = [DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]
    return made.properties(values)


def _coloured(colours: Mapping[str, str]) -> list[Override]:
    return [_override(name, color=_fixed(colour)) for name, colour in colours.items()]


def _fixed(colour: str) -> Json:
    return {"mode": "fixed", "fixedColor": colour}


def _transformed(panel: P, **steps: Json) -> P:
    for name, options in steps.items():
        panel.with_transformation(DataTransformerConfig(id_val=name, options=options))
    return panel


def _by_value() -> dashboard.FieldColor:
    made = dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_YL_RD)
    return made.series_by(FieldColorSeriesByMode.LAST)


def _steps(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def number(
    about: About,
    query: Query,
    *,
    steps: Sequence[tuple[float | None, str]] = ((None, BLUE),),
    mappings: Sequence[Json] = (),
    is_named: bool = False,
) -> stat.Panel:
    """Return one figure as it is at the end of the time range.

    Args:
        about: title, text, unit.
        query: it should give one series.
        steps: lower bounds with the colours from there on, the first without a bound.
        mappings: values that are shown as texts.
        is_named: show the series' legend beside the value.

    """
    panel = _asked(_dressed(stat.Panel(), about), [query], is_instant=True)
    panel.thresholds(_steps(*steps)).graph_mode(schema.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.text_mode(
        schema.BigValueTextMode.VALUE_AND_NAME if is_named else schema.BigValueTextMode.VALUE
    )
    if mappings:
        own: list[Any] = list(mappings)  # the schema's own classes say no more than the dicts
        panel.mappings(own)
    return panel


def lines(
    about: About,
    queries: Sequence[Query],
    *,
    colours: Mapping[str, str] | None = None,
    minimum: float | None = 0,
    is_stepped: bool = False,
) -> timeseries.Panel:
    """Return figures over time; with `colours`, a closed set of series, by their legends."""
    panel = _asked(_dressed(timeseries.Panel(), about), queries, is_instant=False)
    panel.legend(_legend(is_table=True)).tooltip(_tooltip()).line_width(2).fill_opacity(0)
    panel.show_points(schema.VisibilityMode.AUTO).color_scheme(_by_value())
    panel.overrides(_coloured(colours or {}))
    # A gap is a gap: what was not measured is not drawn through.
    panel.span_nulls(False)
    if is_stepped:
        panel.line_interpolation(schema.LineInterpolation.STEP_AFTER)
    return panel.min(minimum) if minimum is not None else panel


def bars(
    about: About,
    queries: Sequence[Query],
    *,
    series: str = FIGURE,
    by: str = "trial",
    names: Mapping[str, tuple[str, str]],
    is_stacked: bool = False,
) -> barchart.Panel:
    """Return one group of bars for each value of a label.

    Args:
        about: title, text, unit.
        queries: what is drawn.
        series: the label whose values are the bars of a group.
        by: the label whose values are the groups.
        names: what the values of `series` are called, and their colours.
        is_stacked: bars of a group on top of each other.

    """
    panel = _asked(_dressed(barchart.Panel(), about), queries, is_instant=True)
    _transformed(panel, joinByLabels={"value": series, "join": [by]})
    panel.x_field(by).legend(_legend()).tooltip(_tooltip()).fill_opacity(90).min(0)
    panel.show_value(schema.VisibilityMode.AUTO).x_tick_label_max_length(40)
    panel.orientation(schema.VizOrientation.HORIZONTAL).group_width(0.8).bar_width(0.9)
    panel.stacking(schema.StackingMode.NORMAL if is_stacked else schema.StackingMode.NONE)
    return panel.overrides(
        [
            _override(value, displayName=name, color=_fixed(colour))
            for value, (name, colour) in names.items()
        ]
    )


def one_bar_each(about: About, name: str, expression: str, by: str = "trial") -> barchart.Panel:
    """Return one bar for each value of a label."""
    query = Query(called(name, expression), name)
    return bars(about, [query], by=by, names={name: (name, BLUE)})


def quantile_bars(about: About, expression: str, wanted: Sequence[str] = ()) -> barchart.Panel:
    """Return bars of quantiles; `expression` has them in the label `quantile`."""
    names = {value: QUANTILES[value] for value in wanted or QUANTILES}
    return bars(about, [Query(expression, "{{quantile}}")], series="quantile", names=names)


def rows_of(
    about: About,
    by: Sequence[str],
    columns: Sequence[Column],
    *,
    first: str | None = None,
    link: Json | None = None,
) -> table.Panel:
    """Return a table: a row for each combination of the labels `by`.

    Args:
        about: title, text, unit of columns that have none of their own.
        by: labels, from the left.
        columns: figures, after them.
        first: the column that sorts the rows, highest first.
        link: a data link of the first column.

    """
    queries = [Query(called(c.name, c.expression), c.name) for c in columns]
    panel = _asked(_dressed(table.Panel(), about), queries, is_instant=True)
    _transformed(
        panel,
        joinByLabels={"value": FIGURE, "join": list(by)},
        organize={
            "indexByName": {name: at for at, name in enumerate([*by, *(c.name for c in columns)])},
            "renameByName": {label: label.capitalize() for label in by},
        },
    )
    overrides = [
        _override(
            c.name,
            unit=c.unit,
            **({} if c.decimals is None else {"decimals": c.decimals}),
            **dict(c.look),
        )
        for c in columns
    ]
    if link is not None:
        overrides.append(_override(by[-1].capitalize(), links=[link]))
    panel.overrides(overrides).filterable(True).show_header(True)
    if first is not None:
        panel.sort_by([common.TableSortByFieldState().display_name(first).desc(True)])
    return panel


def points(
    about: About, x: Column, y: Column, by: Sequence[str], *, is_joined: bool = False
) -> xychart.Panel:
    """Return y against x, a series for each combination of the labels `by`.

    With `is_joined` x is no expression but a label of y that holds a number, and the points of a
    series are joined by a line.
    """
    shown = [y] if is_joined else [x, y]
    queries = [Query(called(c.name, c.expression), c.name) for c in shown]
    panel = _asked(_dressed(xychart.Panel(), about), queries, is_instant=True)
    label = x.expression
    join = [*by, label] if is_joined else list(by)
    _transformed(panel, joinByLabels={"value": FIGURE, "join": join})
    if is_joined:
        as_number = {"targetField": label, "destinationType": "number"}
        _transformed(
            panel,
            convertFieldType={"conversions": [as_number], "fields": {}},
            sortBy={"fields": {}, "sort": [{"field": label, "desc": False}]},
        )
    _transformed(
        panel,
        # Else both axes and all series would bear the same name.
        partitionByValues={"fields": list(by), "keepFields": False, "naming": {"asLabels": True}},
    )
    panel.mapping(SeriesMapping.AUTO).series([]).legend(_legend())
    panel.tooltip(common.VizTooltipOptions().mode(schema.TooltipDisplayMode.SINGLE))
    panel.show(XYShowMode.POINTS_AND_LINES if is_joined else XYShowMode.POINTS)
    panel.point_size(xychart.XychartFieldConfigPointSize().fixed(9)).line_width(2)
    # The only palette that this kind of panel knows; and it takes words that all names share, such
    # as the engine, out of them, so that a name must be one word.
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel.display_name("·".join(f"${{__field.labels.{name}}}" for name in by))
    # Points are called by their model; x has a name of its own. A label is renamed here and not by
    # a transformation: partitionByValues would add the model to it.
    x_field = label if is_joined else x.name
    return panel.overrides(
        [
            _override(x_field, unit=x.unit, displayName=x.name, **{"custom.axisLabel": x.name}),
            _override(y.name, unit=y.unit, **{"custom.axisLabel": y.name}),
        ]
    )


def timeline(
    about: About, query: Query, states: Mapping[int, tuple[str, str]]
) -> statetimeline.Panel:
    """Return states over time: `states` has the text and the colour of each value."""
    panel = _asked(_dressed(statetimeline.Panel(), about), [query], is_instant=False)
    options = {str(v): {"text": text, "color": colour} for v, (text, colour) in states.items()}
    own: list[Any] = [{"type": "value", "options": options}]
    panel.mappings(own).legend(_legend()).tooltip(_tooltip()).merge_values(True)
    panel.show_value(schema.VisibilityMode.AUTO).row_height(0.9)
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(
        _steps(*((None if at == 0 else v, c) for at, (v, (_, c)) in enumerate(states.items())))
    )
