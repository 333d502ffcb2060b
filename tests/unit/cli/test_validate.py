"""`slmeval validate`: every fault of every file, with its place and the cure."""

from pathlib import Path

import pytest
from cli_builders import slmeval
from manifests import applicable_files
from slmeval_cli.checking import KINDS, faults_of
from slmeval_cli.documents import documents_of
from slmeval_cli.exits import ExitCode
from slmeval_cli.faults import FORMS, Fault
from slmeval_cli.shapes import ConfigMapFiles, Metadata
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
        answer = slmeval("validate", *map(str, applicable_files()))
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
        assert "document 1 Pod: only its metadata was checked: v1 is not slmeval's" in answer.output

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
            place + "spec.seed: found '4': a whole number is needed, without quotes",
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
        bad.write_text(f"{VALID}---\n{HEAD}spec: {{}}\n".replace("{name: a}", "{name: b}", 1))
        answer = slmeval("validate", str(bad), str(tmp_path / "none.yaml"), str(good))
        assert answer.exit_code == ExitCode.USAGE
        lines = answer.output.splitlines()
        assert lines[0] == f"{bad} document 1 SLMEvaluation b: valid"
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
            ("a: &a [*a]\n", "line 1, column 4 is not YAML: an anchor holds itself."),
            ("? [a]\n: b\n", "line 1, column 3 is not YAML: a key is a mapping or a list.\n"),
            ("- 1\n", "document 1 is no object but list."),
            ("", "it holds no object."),
            ("---\n---\n", "it holds no object."),
            ("kind: SLMPool\n", "document 1 SLMPool: apiVersion: add it"),
            ("apiVersion: slmeval.dev/v1alpha1\n", "document 1: kind: add it"),
            ("kind: SLMPool\napiVersion: slmevals.dev/v1alpha1\n", "slmeval knows slmeval.dev/v1a"),
            ("kind: X\napiVersion: slmeval.dev/v1alpha1\n", "found 'X': the kinds are SLMEval"),
            ("kind: SLMPool\napiVersion: slmeval.dev/v9\n", "this slmeval knows slmeval.dev/v1a"),
        ],
    )  # fmt: skip
    def test_what_is_no_object_of_ours(self, text: str, says: str) -> None:
        answer = slmeval("validate", "-", stdin=text)
        assert answer.exit_code == ExitCode.FAILED
        assert says in answer.output

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("metadata:\n  name: {{ .Values.name }}\n", 2),
            ("a: {{ .Values.name }}-x\n", 1),
            ("{{- if .Values.enabled }}\na: 1\n{{- end }}\n", 1),
        ],
    )
    def test_a_template_that_was_not_rendered_is_told_as_one(self, text: str, line: int) -> None:
        answer = slmeval("validate", "-", stdin=text)
        assert f"standard input, line {line}, column" in answer.output
        assert "a template that was not rendered: give what `helm template` or" in answer.output

    def test_deep_nesting_is_no_traceback(self) -> None:
        answer = slmeval("validate", "-", stdin="[" * 5_000)
        assert (answer.exit_code, answer.output.startswith("standard input")) == (1, True)

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "x.yaml"
        file.write_bytes(b"\xff\xfe\x00")
        answer = slmeval("validate", str(file))
        assert answer.output == f"{file} cannot be read: it is not UTF-8 text.\n"


class TestAFaultSaysTheCure:
    TASK = "{name: t, data: {test: 'builtin://x/test'}, numeric: {}}"
    GATE = "{name: fast, speed: {workload: w, figure: requestsPerSecond}, atLeast: '1'}"

    def said(self, *changes: tuple[str, str]) -> str:
        """Return what is wrong with a good evaluation once that was changed in it."""
        text = VALID.replace(
            "workloads:", f"tasks: [{self.TASK}], gates: [{self.GATE}], workloads:"
        )
        assert slmeval("validate", "-", stdin=text).exit_code == ExitCode.OK
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        answer = slmeval("validate", "-", stdin=text)
        assert answer.exit_code == ExitCode.FAILED, answer.output
        return answer.output

    @pytest.mark.parametrize("source", ["Qwen/Qwen3-1.7B@main", "hf://a/b", "a/b", "./m"])
    def test_of_a_source_that_has_no_form_of_one(self, source: str) -> None:
        said = self.said(("'file:///m'", source))
        assert f"spec.models[0].source: found '{source}': Where the model's folder is: " in said
        assert all(f"`{form}`" in said for form in ("hf://org/name@revision", "file:///folder"))
        assert "pattern" not in said

    def test_of_data_that_have_none(self) -> None:
        said = self.said(("builtin://x/test", "./test.jsonl"))
        assert "data.test: found './test.jsonl': The items to be scored. One of builtin://" in said

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("atLeast: '1'", "atLeast: 1", "atLeast: found 1: a text is needed: quote it, as '1'"),
            ("atLeast: '1'", "atLeast: 1%", "atLeast: found '1%': A decimal number that is not"),
            ("name: w,", "name: W,", "name: found 'W': Small letters, digits and '-'"),
            ("pools: [p]", "pools: p", "spec.pools: found 'p': a list is needed, as [p]"),
            ("pools: [p]", "pools: {p: 1}", "spec.pools: found {'p': 1}: a list is needed\n"),
            ("requests: 1", "requests: '1'", "found '1': a whole number is needed, without quotes"),
            ("name: t,", "name: t, heldOut: 'no',", "true or false is needed, without quotes"),
            ("name: t,", "name: t, fewShot: 3,", "a mapping is needed, such as {count: 3}"),
            ("name: t,", "name: t, fewShot: Fixed,", "a mapping is needed, such as {strategy: Fix"),
            ("name: t,", "name: t, fewShot: many,", "is needed, of count, strategy, embeddingM"),
            (
                "numeric: {}",
                "classification: {labels: [yes, no]}",
                "labels[0]: found True: a text is needed: quote it, as 'yes'. Without quotes YAML",
            ),
            ("numeric: {}", "classification: {labels: [1, 2]}", "quote it, as '2'"),
            (
                "workload: w",
                "workload: chat",
                "spec.gates[0].speed.workload: found 'chat': gate fast names it, and "
                "spec.workloads has: w\n",
            ),
            (
                "speed: {workload: w, figure: requestsPerSecond}",
                "score: {task: faq}",
                "score.task: found 'faq': gate fast names it, and spec.tasks has: t\n",
            ),
            (
                "name: fast,",
                "name: fast, models: [m, n], pools: [q],",
                "spec.gates[0].models[1]: found 'n': gate fast names it, and spec.models has: m\n",
            ),
            (
                "name: fast,",
                "name: fast, models: [m, n], pools: [q],",
                "spec.gates[0].pools[0]: found 'q': gate fast names it, and spec.pools has: p\n",
            ),
        ],
    )  # fmt: skip
    def test_of_other_common_mistakes(self, old: str, new: str, says: str) -> None:
        assert says in self.said((old, new))

    def test_of_bytes_in_another_notation(self) -> None:
        spec = {"workerResources": {"cpu": 1, "memory": "8GB"}}
        body = {"apiVersion": "slmeval.dev/v1alpha1", "kind": "SLMPool", "metadata": {"name": "p"}}
        (fault,) = faults_of(body | {"spec": spec})
        assert str(fault).startswith("spec.workerResources.memory: found '8GB': Memory with its")
        assert "8Gi or 8G." in fault.advice

    def test_each_shared_pattern_is_one_of_the_apis(self) -> None:
        told = "".join(str(kind.spec_type.model_json_schema()) for kind in KINDS.values())
        told += str(Metadata.model_json_schema()) + str(ConfigMapFiles.model_json_schema())
        assert [form for form in FORMS if repr(form)[1:-1] not in told] == []


class TestAnObjectThatStandsTwice:
    OTHER = VALID.replace("requests: 1", "requests: 2")
    SAYS = "document 1 SLMEvaluation a is the same object with other content: rename or remove"

    def test_is_a_fault_that_names_both(self) -> None:
        answer = slmeval("validate", "-", stdin=f"{VALID}---\n{self.OTHER}")
        assert answer.exit_code == ExitCode.FAILED
        assert (
            f"document 2 SLMEvaluation a: metadata.name: found 'a': standard input {self.SAYS}"
            in (answer.output)
        )

    @pytest.mark.parametrize("command", ["plan", "apply", "run"])
    def test_stops_every_command_that_reads_files(self, command: str) -> None:
        answer = slmeval(command, "-", stdin=f"{VALID}---\n{self.OTHER}")
        assert (answer.exit_code, self.SAYS in answer.stderr) == (ExitCode.FAILED, True)

    @pytest.mark.parametrize(
        "other",
        [
            VALID,
            OTHER.replace("name: a", "name: b", 1),
            OTHER.replace("name: a", "namespace: b, name: a", 1),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ],
        ids=["equal", "another name", "another namespace", "another kind"],
    )
    def test_is_none_unless_it_differs_in_content_alone(self, other: str) -> None:
        answer = slmeval("validate", "-", stdin=f"{VALID}---\n{other}")
        assert answer.exit_code == ExitCode.OK, answer.output


class TestScalarsAreReadAsByKubectl:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1:30", "1:30"),
            ("1:30.5", "1:30.5"),
            ("2024-01-01", "2024-01-01"),
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
            ("2026-99-99", "2026-99-99"),
            ("yes", True),
            ("off", False),
            ("~", None),
            ("0", 0),
            ("-1_000", -1000),
            ("010", 8),
            ("0x1F", 31),
            ("0b11", 3),
            ("1.50", 1.5),
            (".5", 0.5),
            ("1.e+2", 100.0),
            ("-.inf", float("-inf")),
        ],
    )
    def test_of_each_kind(self, tmp_path: Path, text: str, value: object) -> None:
        file = tmp_path / "x.yaml"
        file.write_text(f"a: {text}\n")
        (document,) = documents_of(str(file))
        assert document.body == {"a": value}
        assert type(document.body["a"]) is type(value)


class TestMetadata:
    @pytest.mark.parametrize(
        ("metadata", "says"),
        [
            ("demo", "metadata: found 'demo'"),
            ("{name: a, namespace: 5}", "metadata.namespace: found 5"),
            ("{name: a, namespace: A_b}", "metadata.namespace: found 'A_b'"),
            ("{name: a, labels: {team: 5}}", "metadata.labels.team: found 5"),
            ("{name: a, labels: {team: a b}}", "metadata.labels.team: found 'a b'"),
            ("{name: a, labels: {-a: b}}", "metadata.labels.-a: found '-a'"),
            ("{name: a, labels: [b]}", "metadata.labels: found ['b']"),
            ("{name: a, annotations: {b: true}}", "metadata.annotations.b: found True"),
            ("{name: a, lables: {b: c}}", "metadata.lables: there is no such field"),
            ("{name: a, ownerReferences: [b]}", "metadata.ownerReferences[0]: found 'b'"),
            ("{name: a, uid: 5}", "metadata.uid: found 5"),
            ("{labels: {b: c}}", "metadata.name: a text is needed"),
        ],
    )
    def test_that_the_api_server_refuses_is_a_fault(self, metadata: str, says: str) -> None:
        answer = slmeval("validate", "-", stdin=VALID.replace("{name: a}", metadata))
        assert answer.exit_code == ExitCode.FAILED
        assert says in answer.output

    def test_of_a_stored_object_is_good(self) -> None:
        metadata = (
            "{name: a, namespace: team, uid: u, resourceVersion: '7', generation: 2, "
            "creationTimestamp: null, labels: {example.com/team: a, b: ''}, "
            "annotations: {note: 'a b'}, finalizers: [x/y], managedFields: [{manager: m}], "
            "ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u, controller: true}]}"
        )
        answer = slmeval("validate", "-", stdin=VALID.replace("{name: a}", metadata))
        assert answer.output.endswith("SLMEvaluation a: valid\n")

    def test_of_others_is_checked_too(self) -> None:
        text = "apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: 1}}\n"
        answer = slmeval("validate", "-", stdin=text)
        assert (answer.exit_code, "metadata.labels.a: found 1" in answer.output) == (1, True)


class TestConfigMaps:
    HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

    def test_are_checked_as_data_may_be_in_them(self) -> None:
        text = self.HEAD + "data: {a.jsonl: x}\nbinaryData: {b: AAA=}\nimmutable: true\n"
        answer = slmeval("validate", "-", stdin=text)
        assert answer.output == "standard input document 1 ConfigMap a: valid\n"

    @pytest.mark.parametrize(
        ("held", "says"),
        [
            ("data: text", "a: data: found 'text'"),
            ("data: {a: 5}", "a: data.a: found 5"),
            ("data: {../a: b}", "a: data.../a: found '../a'"),
            ("data: {..: b}", "a: data...: found '..'"),
            ("binaryData: {a: '?'}", "a: binaryData.a: found '?': bytes in base64 are needed"),
            ("date: {a: b}", "a: date: there is no such field"),
        ],
    )
    def test_that_the_api_server_refuses_have_faults(self, held: str, says: str) -> None:
        answer = slmeval("validate", "-", stdin=f"{self.HEAD}{held}\n")
        assert answer.exit_code == ExitCode.FAILED
        assert says in answer.output


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
