"""Settings from the environment, and what the command says of wrong ones."""

import os

import pytest
from slmeval_operator.cli import main
from slmeval_operator.settings import Settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the shell may have set."""
    for name in [n for n in os.environ if n.startswith("SLMEVAL_")]:
        monkeypatch.delenv(name)


class TestSettingsComeFromTheEnvironment:
    def test_the_image_alone_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_RUNNER_IMAGE", "runner:1")
        assert Settings() == Settings(
            runner_image="runner:1",
            runner_image_pull_policy="IfNotPresent",
            ray_version="2.60.0",
            run_as_user=1000,
            watch_namespaces="",
            resync_seconds=300,
            port=8080,
            log_level="info",
            log_format="text",
        )

    @pytest.mark.parametrize(
        ("text", "namespaces"),
        [("", ()), ("a", ("a",)), (" a, b ,", ("a", "b")), (",", ())],
    )
    def test_namespaces_are_a_list(self, text: str, namespaces: tuple[str, ...]) -> None:
        assert Settings(runner_image="r", watch_namespaces=text).namespaces == namespaces


class TestAWrongSettingEndsTheStart:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("RUNNER_IMAGE", ""),
            ("RUNNER_IMAGE_PULL_POLICY", "Sometimes"),
            ("RUN_AS_USER", "0"),
            ("RESYNC_SECONDS", "9"),
            ("RESYNC_SECONDS", "soon"),
            ("PORT", "65536"),
            ("LOG_LEVEL", "loud"),
            ("LOG_FORMAT", "xml"),
        ],
    )
    def test_with_the_variables_name_and_exit_code_2(
        self,
        name: str,
        value: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("SLMEVAL_RUNNER_IMAGE", "runner:1")
        monkeypatch.setenv(f"SLMEVAL_{name}", value)
        assert main([]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"slmeval-operator: SLMEVAL_{name}: ")

    def test_a_missing_one_is_named_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "SLMEVAL_RUNNER_IMAGE: Field required" in capsys.readouterr().err


class TestHelp:
    def test_names_every_variable_and_needs_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        for name in Settings.model_fields:
            assert f"SLMEVAL_{name.upper()} " in text
