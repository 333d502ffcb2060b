"""The chart's alerts and trends, by Prometheus' own promtool: syntax, firing, silence, pages."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm import CHART, Helm
from slmeval_operator.series.families import FAMILIES
from tools import ROOT, tool

Json = dict[str, Any]
RULES = sorted((CHART / "files/rules").glob("*.yaml"))
CASES = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"
ON = {"monitoring": {"prometheusRule": {"enabled": True}}}
SECTIONS = ("## What it means", "## What to look at", "## What to do")


def rules() -> list[Json]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[Json]:
    return [rule for rule in rules() if "alert" in rule]


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = tool("promtool")
    if not found:
        pytest.skip("promtool is nowhere: `python3 -m hack.debian prometheus`, or put it on PATH")
    return found


class TestRules:
    def test_can_be_read_by_prometheus(self, promtool: Path) -> None:
        subprocess.run([promtool, "check", "rules", "--lint-fatal", *RULES], check=True)

    @pytest.mark.parametrize("case", CASES, ids=[path.stem for path in CASES])
    def test_fire_and_are_silent_as_their_cases_say(
        self, promtool: Path, tmp_path: Path, case: Path
    ) -> None:
        for path in (*RULES, case):
            shutil.copy(path, tmp_path)
        done = subprocess.run(
            [promtool, "test", "rules", case.name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_each_alert_has_a_case_that_fires_and_one_that_does_not(self) -> None:
        fires, is_silent = set[str](), set[str]()
        for path in CASES:
            for test in yaml.safe_load(path.read_text())["tests"]:
                for case in test.get("alert_rule_test", ()):
                    (fires if case["exp_alerts"] else is_silent).add(case["alertname"])
        assert fires == is_silent == {alert["alert"] for alert in alerts()}

    def test_each_record_is_asked_for_in_a_case(self) -> None:
        asked = {
            case["expr"]
            for path in CASES
            for test in yaml.safe_load(path.read_text())["tests"]
            for case in test.get("promql_expr_test", ())
        }
        assert asked == {rule["record"] for rule in rules() if "record" in rule}

    @pytest.mark.parametrize("alert", alerts(), ids=[alert["alert"] for alert in alerts()])
    def test_each_alert_says_what_is_wrong_how_bad_and_what_to_do(self, alert: Json) -> None:
        assert alert["labels"]["severity"] in ("info", "warning", "critical")
        assert alert["for"]
        assert set(alert["annotations"]) == {"summary", "description"}
        page = (RUNBOOKS / f"{alert['alert']}.md").read_text()
        assert page.startswith(f"# {alert['alert']}\n")
        assert [line for line in page.splitlines() if line.startswith("## ")] == list(SECTIONS)

    def test_there_is_no_page_of_an_alert_that_is_none(self) -> None:
        pages = {path.stem for path in RUNBOOKS.glob("SLM*.md")}
        assert pages == {alert["alert"] for alert in alerts()}


class TestThePrometheusRule:
    def test_holds_all_rules_as_they_are(self, helm: Helm) -> None:
        (made,) = helm.render(ON).all("PrometheusRule")
        found = [rule for group in made["spec"]["groups"] for rule in group["rules"]]
        assert found == rules()

    def test_is_not_made_by_default(self, helm: Helm) -> None:
        assert not helm.render().all("PrometheusRule")

    def test_links_to_the_pages_where_it_is_told_where_they_are(self, helm: Helm) -> None:
        values = {"monitoring": {"prometheusRule": {"enabled": True, "runbookUrl": "https://x/r/"}}}
        (made,) = helm.render(values).all("PrometheusRule")
        links = {
            rule["alert"]: rule["annotations"]["runbook_url"]
            for group in made["spec"]["groups"]
            for rule in group["rules"]
            if "alert" in rule
        }
        assert links == {a["alert"]: f"https://x/r/{a['alert']}.md" for a in alerts()}

    def test_leaves_out_what_is_not_wanted(self, helm: Helm) -> None:
        unwanted = [alert["alert"] for alert in alerts()]
        values = {"monitoring": {"prometheusRule": {"enabled": True, "disabledAlerts": unwanted}}}
        (made,) = helm.render(values).all("PrometheusRule")
        assert [group["name"] for group in made["spec"]["groups"]] == ["slmeval-trends"]


class TestSeriesThatRulesAskFor:
    def test_are_those_of_the_operator(self) -> None:
        known = {family.full_name for family in FAMILIES} | {r.get("record") for r in rules()}
        for rule in rules():
            for name in _series(rule["expr"]):
                assert name in known or name.startswith("slmeval_operator_"), (name, rule)


def _series(expression: str) -> set[str]:
    separated = "".join(c if c.isalnum() or c in "_:" else " " for c in expression)
    return {word for word in separated.split() if "slmeval_" in word}
