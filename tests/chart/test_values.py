"""values.yaml, its schema and the README say the same, and wrong values are refused by name."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from builders import pool_body, pool_spec
from helm import CHART, ChartError, Helm, merged
from slmeval_operator.settings import Settings
from verdicts import BAD, GOOD
from verdicts.cases import Bad, Good

from hack.gen.chart import documented

Json = dict[str, Any]
VALUES_TEXT = (CHART / "values.yaml").read_text()
VALUES: Json = yaml.safe_load(VALUES_TEXT)
SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text())
HELMS_OWN = {"global"}
FREE = {"operator.affinity", "operator.resources", "monitoring.dashboards.labels"}
"""Kubernetes' own forms: the schema names keys that values.yaml leaves out, or takes any."""


def keys_of_schema(node: Json, path: str = "") -> Iterator[str]:
    for key, child in node.get("properties", {}).items():
        below = f"{path}.{key}" if path else key
        yield below
        if below not in FREE:
            yield from keys_of_schema(child, below)


def keys_of_values(node: Json, path: str = "") -> Iterator[str]:
    for key, child in node.items():
        below = f"{path}.{key}" if path else key
        yield below
        if isinstance(child, dict) and below not in FREE:
            yield from keys_of_values(child, below)


def a_pool(**overrides: object) -> Json:
    return {"pools": [{"name": "a10", "spec": pool_spec(**overrides)}]}


class TestValuesSchemaAndReadmeAgree:
    def test_the_schema_names_exactly_the_keys_of_the_values(self) -> None:
        assert set(keys_of_schema(SCHEMA)) - HELMS_OWN == set(keys_of_values(VALUES))

    def test_the_defaults_are_valid(self) -> None:
        jsonschema.validate(VALUES, SCHEMA)

    def test_no_object_of_the_schema_takes_unknown_keys(self) -> None:
        def open_objects(node: Any, path: str) -> Iterator[str]:
            if isinstance(node, dict):
                if "properties" in node and node.get("additionalProperties") is not False:
                    yield path
                for key, child in node.items():
                    yield from open_objects(child, f"{path}.{key}")

        assert list(open_objects(SCHEMA, "")) == []

    def test_the_readme_has_a_row_for_every_value(self) -> None:
        readme = (CHART / "README.md").read_text()
        assert [v.path for v in documented(VALUES_TEXT) if f"| `{v.path}` |" not in readme] == []


class TestTheOperatorsDefaultsAreTheCharts:
    def test_of_every_setting(self, helm: Helm) -> None:
        env = helm.render().env
        settings = Settings(runner_image="registry.example.com/slmeval/runner:0.1.0")
        said = {name: str(value) for name, value in settings.model_dump().items()}
        assert env == {f"SLMEVAL_{name.upper()}": value for name, value in said.items()}


REFUSED = [
    ({"images": {}}, "additional properties 'images'"),
    ({"operator": {"replicas": 2}}, "additional properties 'replicas'"),
    ({"logs": {"level": "verbose"}}, "/logs/level"),
    ({"logs": {"format": "xml"}}, "/logs/format"),
    ({"operator": {"port": 80}}, "/operator/port"),
    ({"operator": {"port": "8080"}}, "/operator/port"),
    ({"operator": {"resyncSeconds": 5}}, "/operator/resyncSeconds"),
    ({"operator": {"watchNamespaces": "team"}}, "/operator/watchNamespaces"),
    ({"operator": {"watchNamespaces": ["Team"]}}, "/operator/watchNamespaces/0"),
    ({"operator": {"watchNamespaces": ["a", "a"]}}, "/operator/watchNamespaces"),
    ({"operator": {"resources": {"request": {}}}}, "additional properties 'request'"),
    ({"operator": {"tolerations": [{"efect": "x"}]}}, "additional properties 'efect'"),
    ({"operator": {"podLabels": {"a": True}}}, "/operator/podLabels/a"),
    ({"runner": {"runAsUser": 0}}, "/runner/runAsUser"),
    ({"runner": {"rayVersion": 2.6}}, "/runner/rayVersion"),
    ({"runner": {"image": "has blank"}}, "/runner/image"),
    ({"image": {"registry": "https://x/"}}, "/image/registry"),
    ({"image": {"pullPolicy": "always"}}, "/image/pullPolicy"),
    ({"image": {"pullSecrets": [{"name": "a"}]}}, "/image/pullSecrets/0"),
    ({"crds": {"enabled": "yes"}}, "/crds/enabled"),
    ({"monitoring": {"podMonitor": {"interval": 30}}}, "/monitoring/podMonitor/interval"),
    ({"monitoring": {"dashboards": {"labels": {"a": 1}}}}, "/monitoring/dashboards/labels/a"),
    ({"pools": {}}, "/pools"),
    ({"pools": [{"name": "A10", "spec": pool_spec()}]}, "/pools/0/name"),
    ({"pools": [{"name": "a10"}]}, "missing property 'spec'"),
    ({"pools": [{"name": "a10", "spec": {}}]}, "missing property 'workerResources'"),
    (a_pool(worker=2), "additional properties 'worker'"),
    (a_pool(workers=65), "/pools/0/spec/workers"),
    (a_pool(gpus={"memoryGiB": "48Gi"}), "/pools/0/spec/gpus/memoryGiB"),
    (a_pool(workerResources={"cpu": "4Gi", "memory": "1Gi"}), "/pools/0/spec/workerResources/cpu"),
    (a_pool(pricePerHour=0.6), "/pools/0/spec/pricePerHour"),
]


class TestWrongValuesAreRefusedByName:
    @pytest.mark.parametrize(("values", "says"), REFUSED, ids=[says for _, says in REFUSED])
    def test_of(self, helm: Helm, values: Json, says: str) -> None:
        with pytest.raises(ChartError) as error:
            helm.render(values)
        assert says in str(error.value)

    def test_without_a_registry_it_says_what_to_do(self, helm: Helm) -> None:
        with pytest.raises(ChartError) as error:
            helm.run("template", "slmeval", str(CHART))
        assert "image.registry is required" in str(error.value)
        assert "make images REGISTRY=<registry>" in str(error.value)
        assert "--set image.registry=<registry>" in str(error.value)


def as_values(case: Bad | Good) -> Json:
    name, spec = case.body["metadata"]["name"], case.body["spec"]
    return merged(VALUES, {"pools": [{"name": name, "spec": spec}]})


def is_pool(case: Bad | Good) -> bool:
    return bool(case.body["kind"] == pool_body()["kind"])


ONLY_THE_API_SERVER_SEES = {
    "a label's key with a blank",
    "a label's key with two slashes",
    "a label's key with a long name",
    "a taint that must exist with a value",
    "a taint to be equal to without a key",
    "a variable of Ray's",
    "the hub's token",
    "a variable named twice",
    "a variable of Ray's from a Secret",
    "a variable with two values",
    "a variable without a value",
}
"""Rules between fields: JSON schema has no word for them, the API server refuses them."""
ONLY_THE_API_SERVER_TAKES = {"a label that is null", "a label whose value is null"}
"""JSON schema knows null as a value, the API server as an absent key."""


class TestAPoolInTheValuesIsJudgedAsTheApiServerJudgesIt:
    @pytest.mark.parametrize("case", [c for c in BAD if is_pool(c)], ids=str)
    def test_a_bad_one_is_refused_where_a_schema_can(self, case: Bad) -> None:
        is_valid = jsonschema.Draft7Validator(SCHEMA).is_valid(as_values(case))
        assert is_valid == (case.name in ONLY_THE_API_SERVER_SEES)

    @pytest.mark.parametrize("case", [c for c in GOOD if is_pool(c)], ids=str)
    def test_a_good_one_is_taken(self, case: Good) -> None:
        is_valid = jsonschema.Draft7Validator(SCHEMA).is_valid(as_values(case))
        assert is_valid != (case.name in ONLY_THE_API_SERVER_TAKES)
