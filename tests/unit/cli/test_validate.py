"""`slmeval validate`: every fault of every file, with its place and the cure."""

from pathlib import Path

import pytest
from cli_builders import slmeval
from manifests import example_files
from slmeval_cli.checking import Fault, faults_of
from slmeval_cli.exits import ExitCode
from verdicts import BAD
from verdicts.cases import Bad, Good
from verdicts.good import GOOD

HEAD = "apiVersion: slmeval.dev/v1alpha1\nkind: SLMEvaluation\nmetadata: {name: a}\n"
SPEC = "{models: [{name: m, source: 'file:///m'}], pools: [p], workloads: [{name: w, batch: {requests: 1, inputTokens: 1, outputTokens: 1}}]}"  # noqa: E501
VALID = f"{HEAD}spec: {SPEC}\n"


class TestItsVerdictIsTheApiServers:
    @pytest.mark.parametrize("case", GOOD, ids=str)
    def test_what_is_good_has_no_fault(self, case: Good) -> None:
        assert faults_of(case.body) == []

    @pytest.mark.parametrize("case", BAD, ids=str)
    def test_what_is_bad_has_one(self, case: Bad) -> None:
        assert faults_of(case.body)


class TestGoodFiles:
    def test_all_examples_are_valid(self) -> None:
        answer = slmeval("validate", *map(str, example_files()))
        assert answer.exit_code == ExitCode.OK, answer.output

    def test_standard_input_is_read(self) -> None:
        answer = slmeval("validate", "-", stdin=VALID)
        assert (answer.exit_code, answer.output) == (
            ExitCode.OK,
            "standard input document 1 SLMEvaluation a: valid\n",
        )

    def test_objects_of_others_are_named_and_not_judged(self) -> None:
        answer = slmeval("validate", "-", stdin="apiVersion: v1\nkind: Pod\nspec: 7\n")
        assert answer.exit_code == ExitCode.OK
        assert "document 1 Pod: not checked: apiVersion v1 is not slmeval's" in answer.output

    def test_a_list_is_taken_apart(self) -> None:
        text = f"apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: slmeval.dev/v1alpha1, kind: SLMEvaluation, metadata: {{name: in-list}}, spec: {SPEC}}}\n"  # noqa: E501
        answer = slmeval("validate", "-", stdin=text)
        assert answer.output == "standard input document 1 SLMEvaluation in-list: valid\n"


class TestEveryFaultIsShown:
    def test_of_one_document(self) -> None:
        text = HEAD + "spec: {models: [{name: m, sorce: x}], pools: [p, p], seed: '4'}\nextra: 1\n"
        answer = slmeval("validate", "-", stdin=text)
        assert answer.exit_code == ExitCode.FAILED
        place = "standard input document 1 SLMEvaluation a: "
        assert answer.output.splitlines() == [
            place + "extra: there is no such field here: correct its name or remove it",
            place + "spec.models[0].source: add it",
            place
            + "spec.models[0].sorce: there is no such field here: correct its name or remove it",
            place + "spec.pools: found ['p', 'p']: Duplicate value: 'p'",
            place + "spec.seed: found '4': Input should be a valid integer",
        ]

    def test_of_a_schedule_that_names_no_time(self) -> None:
        spec = "models: [{name: m, source: 'hf://a/b'}], pools: [p], tasks: [], "
        spec += "workloads: [{name: w, batch: {requests: 1, inputTokens: 8, outputTokens: 8}}]"
        text = HEAD + f"spec: {{{spec}, schedule: {{cron: 0 0 31 2 *}}}}\n"
        answer = slmeval("validate", "-", stdin=text)
        assert answer.exit_code == ExitCode.FAILED
        assert "SLMEvaluation a: spec.schedule.cron: '0 0 31 2 *' names no time" in answer.output

    def test_of_several_files(self, tmp_path: Path) -> None:
        good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
        good.write_text(VALID)
        bad.write_text(f"{VALID}---\n{HEAD}spec: {{}}\n")
        answer = slmeval("validate", str(bad), str(tmp_path / "none.yaml"), str(good))
        assert answer.exit_code == ExitCode.FAILED
        lines = answer.output.splitlines()
        assert lines[0] == f"{bad} document 1 SLMEvaluation a: valid"
        assert f"{bad} document 2 SLMEvaluation a: spec.models: add it" in lines
        assert f"{tmp_path / 'none.yaml'} cannot be read: No such file or directory." in lines
        assert lines[-1] == f"{good} document 1 SLMEvaluation a: valid"

    def test_a_broken_rule_of_several_fields_names_them(self) -> None:
        spec = "spec: {models: [{name: m, source: 'file:///m'}], pools: [p]}\n"
        answer = slmeval("validate", "-", stdin=HEAD + spec)
        assert "spec: nothing to measure: name at least one entry in workloads" in answer.output

    def test_a_name_that_the_api_server_refuses(self) -> None:
        answer = slmeval("validate", "-", stdin=VALID.replace("name: a}", "name: 9Z}"))
        assert "metadata.name: found '9Z': must be at most 40" in answer.output

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("a: [", "line 1, column 5 is not YAML"),
            ("a: 1\na: 2\n", "line 2, column 1 is not YAML: the key 'a' stands twice."),
            ("- 1\n", "document 1 is no object but list."),
            ("", "it holds no object."),
            ("---\n---\n", "it holds no object."),
            ("a: 2026-99-99\n", "cannot be understood: month must be in 1..12."),
            ("kind: X\napiVersion: slmeval.dev/v1alpha1\n", "found 'X': the kinds are SLMEval"),
            ("kind: SLMPool\napiVersion: slmeval.dev/v9\n", "this slmeval knows slmeval.dev/v1a"),
        ],
    )  # fmt: skip
    def test_what_is_no_object_of_ours(self, text: str, says: str) -> None:
        answer = slmeval("validate", "-", stdin=text)
        assert answer.exit_code == ExitCode.FAILED
        assert says in answer.output

    def test_deep_nesting_is_no_traceback(self) -> None:
        answer = slmeval("validate", "-", stdin="[" * 5_000)
        assert (answer.exit_code, answer.output.startswith("standard input")) == (1, True)

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "x.yaml"
        file.write_bytes(b"\xff\xfe\x00")
        answer = slmeval("validate", str(file))
        assert answer.output == f"{file} cannot be read: it is not UTF-8 text.\n"


class TestNothingOfAFileReachesTheTerminalRaw:
    def test_an_escape_in_a_name(self) -> None:
        text = 'apiVersion: slmeval.dev/v1alpha1\nkind: "SLM\\e[2JEvaluation"\n'
        answer = slmeval("validate", "-", stdin=text)
        assert "\x1b" not in answer.output

    def test_a_long_value_is_cut(self) -> None:
        fault = faults_of({"apiVersion": "slmeval.dev/v1alpha1", "kind": "x" * 5_000})
        assert fault == [
            Fault(
                field="kind",
                found="'" + "x" * 79 + "…",
                advice="the kinds are SLMEvaluation, SLMRun, SLMTrial, SLMPool",
            )
        ]
