"""The command line as a whole: help, version, exit codes, colours, and what never happens."""

import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import yaml
from cli_builders import BROKEN, FakeCluster, a_stored_trial, measured, slmeval, stored
from hypothesis import given
from hypothesis import strategies as st
from slmeval_cli.calls import Listed
from slmeval_cli.exits import ExitCode, UserError
from slmeval_cli.main import app, main
from slmeval_cli.screen import plain
from typer.main import get_command

COMMANDS = list(get_command(app).commands)  # type: ignore[attr-defined]


class TestHelp:
    def test_of_all_names_every_command_and_exit_code(self) -> None:
        text = slmeval("--help").stdout
        for code in ExitCode:
            assert re.search(rf"^ +{code.value} +{re.escape(code.meaning)}$", text, re.MULTILINE)
        assert all(re.search(rf"^  {name}\b", text, re.MULTILINE) for name in COMMANDS)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_of_each_command_has_examples_of_options_that_it_has(self, name: str) -> None:
        text = slmeval(name, "--help").stdout
        examples = [line for line in text.splitlines() if f"slmeval {name}" in line][1:]
        assert examples
        for example in examples:
            own = example[example.index(f"slmeval {name}") :].partition("|")[0].partition("&&")[0]
            for option in re.findall(r" (--?[a-zA-Z-]+)", own):
                assert re.search(rf"(^|[ ,]){option}[ ,]", text, re.MULTILINE), option

    def test_is_what_no_command_at_all_gives(self) -> None:
        answer = slmeval()
        assert (answer.exit_code, "Exit codes:" in answer.output) == (ExitCode.USAGE, True)

    def test_calls_itself_as_it_was_called(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for called, name in (("/bin/kubectl-slmeval", "kubectl slmeval"), ("slmeval", "slmeval")):
            monkeypatch.setattr(sys, "argv", [called, "--help"])
            with pytest.raises(SystemExit):
                main()
            assert capsys.readouterr().out.startswith(f"Usage: {name} ")

    def test_completion_is_offered(self) -> None:
        assert "--install-completion" in slmeval("--help").stdout

    def test_the_version_is_the_distributions(self) -> None:
        assert re.fullmatch(r"slmeval \d+\.\d+\.\d+\n", slmeval("--version").stdout)


class TestAnOutputThatIsNotTaken:
    def ended(self, stdout: int, form: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        saved = folder / "saved.yaml"
        saved.write_text(yaml.safe_dump_all(stored(measured("small"))))
        code = "from slmeval_cli.main import main; main()"
        command = [sys.executable, "-c", code, "results", "demo", "-f", str(saved), "-o", form]
        return subprocess.run(command, stdout=stdout, stderr=PIPE, text=True, check=False)

    @pytest.mark.parametrize("form", ["table", "yaml"])
    def test_is_2_with_the_reason_on_a_full_disk(self, form: str, tmp_path: Path) -> None:
        with Path("/dev/full").open("w") as full:
            done = self.ended(full.fileno(), form, tmp_path)
        assert done.returncode == ExitCode.USAGE
        assert done.stderr == "Error: The output cannot be written: No space left on device.\n"

    @pytest.mark.parametrize("form", ["table", "yaml"])
    def test_is_141_without_a_word_where_nobody_reads(self, form: str, tmp_path: Path) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = self.ended(writing, form, tmp_path)
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (ExitCode.UNREAD, "")


class TestATerminalOfUnknownSize:
    def test_is_written_to(self) -> None:
        bodies = stored(measured("small"))
        for env in ({"COLUMNS": "0"}, {"COLUMNS": "80"}):
            text = slmeval("results", "demo", cluster=FakeCluster(bodies=bodies), env=env).stdout
            assert text.startswith("team/demo, run demo-1\n")
        assert slmeval("validate", "/no/such", env={"COLUMNS": "0"}).output.startswith("/no/such")


class TestExitCodes:
    @pytest.mark.parametrize("args", [["nope"], ["results"], ["results", "a", "-o", "xml"], ["-x"]])
    def test_a_command_line_that_is_wrong_is_2(self, args: list[str]) -> None:
        assert slmeval(*args).exit_code == ExitCode.USAGE

    def test_a_choice_that_there_is_not_is_told_without_pythons_words(self) -> None:
        said = slmeval("results", "a", "-o", "xml").output
        assert "Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'wide'" in said

    @pytest.mark.parametrize("command", ["validate", "plan", "apply", "run"])
    def test_a_file_that_is_not_there_is_2_and_one_with_faults_1(self, command: str) -> None:
        assert slmeval(command, "/no/such.yaml").exit_code == ExitCode.USAGE
        for text in ("a: [", "- 1", "a: 1\na: 2", "kind: SLMPool"):
            assert slmeval(command, "-", stdin=text).exit_code == ExitCode.FAILED, text

    def test_of_several_files_the_worse_counts(self) -> None:
        answer = slmeval("validate", "/no/such.yaml", "-", stdin="a: [")
        assert (answer.exit_code, len(answer.output.splitlines())) == (ExitCode.USAGE, 2)

    def test_ctrl_c_is_130(self) -> None:
        class Impatient(FakeCluster):
            def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
                raise KeyboardInterrupt

        answer = slmeval("watch", "demo", cluster=Impatient())
        assert (answer.exit_code, answer.output) == (ExitCode.INTERRUPTED, "")

    def test_a_fault_of_our_own_is_not_hidden(self) -> None:
        class Broken(FakeCluster):
            def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            slmeval("list", cluster=Broken())

    def test_each_has_one_meaning(self) -> None:
        assert len({code.meaning for code in ExitCode}) == len(ExitCode) == 8
        assert UserError("a", "b").code == ExitCode.USAGE


class TestColours:
    BODIES = (*stored(a_stored_trial("small", states=BROKEN), measured("large")),)
    TERMINAL = (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "120"))

    def show(self, **env: str) -> str:
        cluster = FakeCluster(bodies=list(self.BODIES))
        return slmeval("results", "demo", cluster=cluster, env=env).stdout

    def test_a_terminal_has_them(self) -> None:
        assert "\x1b[33m" in self.show(**dict(self.TERMINAL))

    def test_no_color_switches_them_off(self) -> None:
        text = self.show(**dict(self.TERMINAL), NO_COLOR="1")
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", text)

    def test_a_pipe_has_none_and_no_line_is_folded(self) -> None:
        assert "\x1b" not in self.show(COLUMNS="20")
        assert self.show(COLUMNS="20") == self.show()

    def test_on_a_narrow_terminal_no_row_is_folded_or_cut(self) -> None:
        narrow = self.show(**dict(self.TERMINAL) | {"COLUMNS": "30"})
        assert re.sub(r"\x1b\[[0-9;]*m", "", narrow) == self.show()


class TestTextThatIsSafeToPrint:
    @given(st.text(max_size=60))
    def test_holds_nothing_that_steers_a_terminal(self, text: str) -> None:
        assert not re.search(
            r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", plain(text)
        )

    @given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=60))
    def test_leaves_every_readable_text_as_it_is(self, text: str) -> None:
        assert plain(text) == text
