"""Grafana's dashboards: every query is of series that exist, and every panel explains itself."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHART, NAMESPACE, Helm
from prometheus_client import CollectorRegistry
from slmeval_operator.metrics import OperatorMetrics
from slmeval_operator.series.families import FAMILIES
from tools import tool

from hack.gen.dashboards import dashboards
from hack.gen.dashboards.live import RAY, TITLE, VLLM
from hack.gen.dashboards.queries import (
    AskedQuery,
    panels,
    queries,
    substituted,
    variables_in,
)

Json = dict[str, Any]
BOARDS: dict[str, Json] = {name: json.loads(text) for name, text in dashboards().items()}
NAMES = ("overview", "compare", "run", "trend", "operator")
VALUES: dict[str, str | list[str]] = {
    "namespace": "team",
    "evaluation": "demo",
    "pool": ["a10", "a6000"],
    "model": ["small", "large"],
    "workload": "chat",
    "tasks": "all",
    "job": "slmeval",
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in panels(board)]
QUERIES = [query for board in BOARDS.values() for query in queries(board, VALUES)]
PROCESS = {
    f"process_{name}"
    for name in (
        "cpu_seconds_total",
        "open_fds",
        "resident_memory_bytes",
        "start_time_seconds",
    )
}
WITH_LEGEND = {"timeseries", "barchart", "xychart", "state-timeline"}
MIB = 1024 * 1024
ON = {"monitoring": {"dashboards": {"enabled": True}}}


def each_panel() -> pytest.MarkDecorator:
    ids = [f"{name}-{panel['id']}" for name, panel in PANELS]
    return pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=ids)


def each_board() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def operators_series() -> set[str]:
    registry = CollectorRegistry()
    OperatorMetrics(registry)
    names = set()
    for family in registry.collect():
        ends = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count"),
        }.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


def recorded() -> set[str]:
    return {
        rule["record"]
        for path in (CHART / "files/rules").glob("*.yaml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def series_in(expression: str) -> set[str]:
    """Return the names that stand where PromQL has a metric: before a brace, or alone."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}", "{}", bare)
    bare = re.sub(r"\b(by|on|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    return {word for word in words if "_" in word and not re.search(rf"\b{word}\s*\(", bare)}


class TestTheDashboards:
    def test_are_these(self) -> None:
        assert set(BOARDS) == {f"{name}.json" for name in NAMES}

    def test_have_names_that_stay(self) -> None:
        assert {board["uid"] for board in BOARDS.values()} == {f"slmeval-{n}" for n in NAMES}
        assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)

    @each_board()
    def test_say_what_they_are_and_know_their_time(self, board: Json) -> None:
        assert board["tags"] == ["slmeval"]
        assert board["description"].endswith(".")
        assert board["time"]["from"].startswith("now-")
        assert board["refresh"]
        assert board["schemaVersion"] >= 36

    @each_board()
    def test_link_to_each_other_with_variables_and_time(self, board: Json) -> None:
        (link,) = board["links"]
        assert link["type"] == "dashboards"
        assert (link["tags"], link["includeVars"], link["keepTime"]) == (["slmeval"], True, True)

    @each_board()
    def test_links_in_tables_lead_to_one_of_them(self, board: Json) -> None:
        uids = {other["uid"] for other in BOARDS.values()}
        for target in re.findall(r"/d/([\w-]+)\?", json.dumps(board)):
            assert target in uids

    @each_board()
    def test_panels_fill_the_width_and_lie_on_none_other(self, board: Json) -> None:
        taken = set[tuple[int, int]]()
        for panel in panels(board):
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert at["x"] + at["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells

    @each_board()
    def test_ids_and_titles_are_given_once(self, board: Json) -> None:
        found = [p["id"] for p in board["panels"] if p["type"] == "row"]
        found += [p["id"] for p in panels(board)]
        assert len(set(found)) == len(found)
        titles = [p["title"] for p in panels(board)]
        assert len(set(titles)) == len(titles)

    @each_board()
    def test_say_on_top_whether_figures_are_invented(self, board: Json) -> None:
        if board["uid"] != "slmeval-operator":
            (banner,) = queries({**board, "panels": board["panels"][:1]}, VALUES)[:1]
            assert 'engine="simulated"' in banner.expression


class TestEveryPanel:
    @each_panel()
    def test_says_what_is_seen_and_how_to_read_it(self, panel: Json) -> None:
        assert panel["title"]
        assert len(panel["description"]) > 15
        assert panel["description"].endswith(".")

    @each_panel()
    def test_has_a_unit_and_a_word_for_what_is_absent(self, panel: Json) -> None:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"]

    @each_panel()
    def test_names_its_series(self, panel: Json) -> None:
        assert all(target["legendFormat"] for target in panel["targets"])
        if panel["type"] in WITH_LEGEND:
            assert panel["options"]["legend"]["showLegend"] is True

    @each_panel()
    def test_asks_the_data_source_that_is_chosen_and_not_too_often(self, panel: Json) -> None:
        assert panel["interval"]
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}

    @each_panel()
    def test_has_ref_ids_of_its_own(self, panel: Json) -> None:
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)

    @each_panel()
    def test_never_tells_good_from_bad_by_green_and_red(self, panel: Json) -> None:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        assert not {step["color"] for step in steps} & {"green", "red", "dark-red", "semi-dark-red"}

    @each_panel()
    def test_columns_that_are_dressed_are_asked_for(self, panel: Json) -> None:
        joined = [t for t in panel.get("transformations", ()) if t["id"] == "joinByLabels"]
        if not joined or joined[0]["options"]["value"] != "figure":
            return
        shown = {target["legendFormat"] for target in panel["targets"]}
        labels = joined[0]["options"]["join"]
        shown |= {*labels, *(label.capitalize() for label in labels)}
        for override in panel["fieldConfig"]["overrides"]:
            assert override["matcher"]["options"] in shown

    @each_panel()
    def test_of_points_has_names_and_colours_that_grafana_keeps(self, panel: Json) -> None:
        """It cuts words that all series share, and draws without colour for other palettes."""
        if panel["type"] == "xychart":
            defaults = panel["fieldConfig"]["defaults"]
            assert " " not in defaults["displayName"]
            assert defaults["color"]["mode"] == "palette-classic"

    def test_in_the_live_row_is_asked_only_when_it_is_opened(self) -> None:
        (row,) = [p for p in BOARDS["run.json"]["panels"] if p.get("title") == TITLE]
        assert row["collapsed"] is True
        asked = {q.expression for q in QUERIES if "vllm:" in q.expression or "ray_" in q.expression}
        inside = queries({**BOARDS["run.json"], "panels": [row]}, VALUES)
        assert {q.expression for q in inside} == asked


class TestVariables:
    @each_board()
    def test_are_declared_before_they_are_used(self, board: Json) -> None:
        known = set[str]()
        for one in board["templating"]["list"]:
            assert variables_in(json.dumps(one)) <= known, one["name"]
            known.add(one["name"])
        links = re.findall(r"var-(\w+)=", json.dumps(board))
        used = variables_in(re.sub(r"\$\{__[^}]*\}", "", json.dumps(board["panels"])))
        assert used | variables_in(json.dumps(board["annotations"])) <= known
        assert set(links) <= {"namespace", "evaluation"}

    @each_board()
    def test_are_all_used(self, board: Json) -> None:
        rest = json.dumps([board["panels"], board["annotations"]])
        asked = " ".join(json.dumps(v.get("query")) for v in board["templating"]["list"])
        for one in board["templating"]["list"]:
            assert one["name"] in variables_in(rest + asked)

    @each_board()
    def test_take_their_values_from_our_series(self, board: Json) -> None:
        known = {f.full_name for f in FAMILIES} | operators_series()
        for one in board["templating"]["list"]:
            if one["type"] == "query":
                (series,) = re.findall(r"label_values\((\w+)", one["query"]["query"])
                assert series in known


class TestQueries:
    def test_put_variables_in(self) -> None:
        board: Json = {
            "uid": "u",
            "annotations": {"list": [{"name": "n", "expr": "z"}]},
            "panels": [
                {"type": "stat", "title": "$a", "targets": [{"refId": "A", "expr": 'x{a="$a"}'}]},
                {
                    "type": "row",
                    "panels": [
                        {
                            "type": "stat",
                            "title": "t",
                            "targets": [
                                {"refId": "B", "expr": 'rate(y{b=~"${b:regex}"}[$__range])'}
                            ],
                        }
                    ],
                },
            ],
        }
        assert queries(board, {"a": "1", "b": ["2", "3"], "__range": "5m"}) == [
            AskedQuery("u", "1", "A", 'x{a="1"}'),
            AskedQuery("u", "t", "B", 'rate(y{b=~"(2|3)"}[5m])'),
            AskedQuery("u", "n", "Annotation", "z"),
        ]

    def test_refuse_a_variable_that_nobody_gave(self) -> None:
        with pytest.raises(KeyError, match="b"):
            substituted("$b", {"a": "1"})

    def test_are_searched_for_all_their_series(self) -> None:
        expression = 'a_b{c_d="e_f"} and on (g_h) sum by (i_j) (rate(k:l_m[5m])) > n_o'
        assert series_in(expression) == {"a_b", "k:l_m", "n_o"}

    def test_are_of_series_that_exist(self) -> None:
        known = {f.full_name for f in FAMILIES} | operators_series() | recorded() | PROCESS
        known |= {*VLLM, *RAY}
        for query in QUERIES:
            assert series_in(query.expression), query
            assert series_in(query.expression) <= known, query

    def test_show_every_series_that_there_is(self) -> None:
        shown = {name for query in QUERIES for name in series_in(query.expression)}
        assert {f.full_name for f in FAMILIES} - shown == set()
        never_drawn = {n for n in operators_series() if n.endswith(("_sum", "_count"))}
        assert operators_series() - shown == never_drawn
        assert recorded() - shown == set()

    def test_join_on_named_labels_only(self) -> None:
        """A join of everything with everything would grow with what others scrape."""
        for query in QUERIES:
            without = re.sub(r"\b(and|unless) on \(\w[^)]*\)", "", query.expression)
            assert not re.search(r"\b(and|unless|ignoring)\b|on \(\)", without), query

    def test_can_be_read_by_prometheus(self, tmp_path: Path) -> None:
        promtool = tool("promtool")
        if not promtool:
            pytest.skip("promtool is nowhere: `python3 -m hack.debian prometheus`")
        rules = [
            {"record": f"dashboards:query:{n}", "expr": query.expression}
            for n, query in enumerate(QUERIES)
        ]
        path = tmp_path / "queries.yaml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
        done = subprocess.run(
            [promtool, "check", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


class TestTheConfigMaps:
    def test_are_not_made_by_default(self, helm: Helm) -> None:
        assert helm.render().all("ConfigMap") == []

    def test_hold_the_files_as_they_are(self, helm: Helm) -> None:
        made = helm.render(ON).all("ConfigMap")
        found = {name: text for one in made for name, text in one["data"].items()}
        files = sorted((CHART / "files/dashboards").glob("*.json"))
        assert found == {f"slmeval-{path.name}": path.read_text() for path in files}
        assert {path.name for path in files} == set(BOARDS)
        assert all(one["metadata"]["namespace"] == NAMESPACE for one in made)

    def test_are_small_enough(self, helm: Helm) -> None:
        for one in helm.render(ON).all("ConfigMap"):
            assert len(json.dumps(one)) < MIB / 2

    def test_bear_what_a_sidecar_looks_for(self, helm: Helm) -> None:
        values = {"enabled": True, "annotations": {"grafana_folder": "SLM"}}
        for one in helm.render({"monitoring": {"dashboards": values}}).all("ConfigMap"):
            assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
            assert one["metadata"]["annotations"] == {"grafana_folder": "SLM"}

    def test_can_bear_other_labels(self, helm: Helm) -> None:
        labels = {"grafana_dashboard": None, "board": "yes"}
        values = {"monitoring": {"dashboards": {"enabled": True, "labels": labels}}}
        for one in helm.render(values).all("ConfigMap"):
            assert one["metadata"]["labels"]["board"] == "yes"
            assert "grafana_dashboard" not in one["metadata"]["labels"]


def test_files_are_what_the_generator_writes() -> None:
    written = {p.name: p.read_text() for p in (CHART / "files/dashboards").glob("*.json")}
    assert written == dashboards()
