"""What is generated is up to date, complete, and the same to every reader."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tools import ROOT

from hack.gen.__main__ import CHART_CRDS, generated
from hack.gen.chart import Value, chart_readme, documented, json_schema
from hack.gen.crd import KINDS, Kind, crd
from hack.gen.yaml_text import yaml_text

Json = dict[str, Any]


def schema_of(kind: Kind) -> Json:
    return dict(crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def nodes(node: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every node of a schema with its path."""
    yield path, node
    for key, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{key}")
    for key, at in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}{at}")


class TestGeneratedFilesAreUpToDate:
    def test_the_check_that_ci_makes_passes(self) -> None:
        command = [sys.executable, "-m", "hack.gen", "--check"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_writing_what_is_written_changes_nothing(self) -> None:
        assert all(path.read_text() == text for path, text in generated().items())

    def test_the_chart_holds_the_very_crds(self) -> None:
        for kind in KINDS:
            name = f"{kind.info.plural}.yaml"
            assert (CHART_CRDS / name).read_text() == (ROOT / "crds" / name).read_text()

    def test_no_crd_is_left_from_a_kind_that_is_gone(self) -> None:
        files = {path.name for path in (ROOT / "crds").iterdir()}
        assert files == {f"{kind.info.plural}.yaml" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.info.kind)
class TestEveryKind:
    def test_each_field_says_what_it_means(self, kind: Kind) -> None:
        silent = [
            path
            for part in ("spec", "status")
            for path, node in nodes(schema_of(kind)["properties"][part], part)
            if not path.endswith(("[]", ".*")) and not node.get("description")
        ]
        assert silent == []

    def test_each_default_is_told_to_people(self, kind: Kind) -> None:
        """A description that says a default must not outlive a change of the default."""
        untold = [
            path
            for path, node in nodes(schema_of(kind)["properties"]["spec"], "spec")
            if isinstance(node.get("default"), str | int | bool)
            and "Default" not in node["description"]
        ]
        assert untold == []

    def test_each_printer_column_points_at_a_field(self, kind: Kind) -> None:
        paths = {path for path, _ in nodes(schema_of(kind))}
        for column in kind.info.columns:
            path = column.path.split("[?", 1)[0]
            assert path in paths or path.startswith(".metadata."), column.name

    def test_it_can_be_found_by_the_category_slm(self, kind: Kind) -> None:
        assert "slm" in crd(kind)["spec"]["names"]["categories"]


class TestYamlIsReadTheSameByPythonAndByKubectl:
    @pytest.mark.parametrize("word", ["n", "y", "N", "no", "Yes", "off", "on"])
    def test_a_word_that_some_take_for_a_boolean_is_quoted(self, word: str) -> None:
        assert yaml_text({word: word}) == f"'{word}': '{word}'\n"

    def test_other_words_stay_bare(self) -> None:
        assert yaml_text({"name": "north"}) == "name: north\n"

    def test_no_boolean_is_a_key_of_a_crd(self) -> None:
        for kind in KINDS:
            assert "\n                      n:" not in yaml_text(crd(kind))

    def test_what_occurs_twice_is_written_twice(self) -> None:
        shared = {"a": [1]}
        assert yaml.safe_load(yaml_text([shared, shared])) == [shared, shared]
        assert "&" not in yaml_text([shared, shared])


class TestThePartsOfTheChart:
    def test_a_schema_for_helm_refuses_unknown_keys_and_repeated_set_members(self) -> None:
        structural = {
            "type": "object",
            "x-kubernetes-validations": [{"rule": "true", "message": "m"}],
            "properties": {
                "names": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "object", "properties": {}},
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
        assert json_schema(structural) == {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "names": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"type": "object", "properties": {}, "additionalProperties": False},
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }

    def test_values_are_listed_with_default_and_comment(self) -> None:
        values = """
# A word about the file.
a:
  # -- First,
  # in two lines.
  one: 1
  # -- A whole tree.
  tree:
    deep: {}
  # -- Last.
  two: []
"""
        assert documented(values) == [
            Value("a.one", 1, "First, in two lines."),
            Value("a.tree", {"deep": {}}, "A whole tree."),
            Value("a.two", [], "Last."),
        ]

    def test_a_value_without_a_comment_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"a\.two has no"):
            documented("a:\n  # -- One.\n  one: 1\n  two: 2\n")

    def test_the_readme_keeps_what_stands_around_the_table(self) -> None:
        values = "# -- One.\none: 1\n"
        before = "head\n\n<!-- values: written by `make gen` from values.yaml -->\nold\n"
        text = chart_readme(before + "<!-- end of values -->\ntail\n", values)
        assert text.startswith("head\n\n<!-- values")
        assert text.endswith("<!-- end of values -->\ntail\n")
        assert "| `one` | `1` | One. |" in text
        assert "old" not in text
        assert chart_readme(text, values) == text
