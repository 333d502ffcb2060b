"""The promotion script of examples/: what it asks of a cluster, what it lets through."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from slmeval_cli.exits import ExitCode
from tools import ROOT

PROMOTION = ROOT / "examples/gitops/promotion"
FILE = "evaluations/support.yaml"
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
[ "$1" = apply ] && cat "$(eval echo \\${$#} | sed s,^-$,/dev/stdin,)" >> "$APPLIED"
[ "$1" = wait ] && case "$*" in *complete*) exit 0 ;; *) exit "$VERDICT" ;; esac
exit 0
"""


class Repository:
    """A repository with an evaluation on main, and a cluster whose verdict is known."""

    def __init__(self, folder: Path) -> None:
        self.work, self._folder = folder / "work", folder
        self.git("init", "-q", "-b", "main", str(self.work), at=folder)
        (folder / "bin").mkdir()
        for name in ("kubectl", "slmeval"):
            program = folder / "bin" / name
            program.write_text(FAKE)
            program.chmod(0o755)

    def git(self, *args: str, at: Path | None = None) -> str:
        """Run git; return what it printed."""
        author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            ["git", *author, *args], cwd=at or self.work, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, text: str) -> None:
        """Commit a new text of the evaluation."""
        (self.work / FILE).parent.mkdir(exist_ok=True)
        (self.work / FILE).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def promote(self, verdict: int = 0) -> int:
        """Run the script from a change against main; return its exit code."""
        env = os.environ | {
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "LOG": str(self._folder / "log"),
            "APPLIED": str(self._folder / "applied"),
            "VERDICT": str(verdict),
        }
        command = [str(PROMOTION / "promote.sh"), "support", FILE, "main"]
        return subprocess.run(command, cwd=self.work, env=env, check=False).returncode

    def calls(self) -> list[str]:
        """Return the calls that were made, the namespace left out."""
        log = self._folder / "log"
        namespace = f"promote-{self.git('rev-parse', '--short', 'HEAD')}"
        text = log.read_text() if log.exists() else ""
        return text.replace(namespace, "NS").splitlines()

    def applied(self) -> str:
        """Return all that was applied."""
        return (self._folder / "applied").read_text()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit("old\n")
    made.git("switch", "-q", "-c", "change")
    return made


class TestAChange:
    def test_is_measured_after_what_was_asked_before_in_a_namespace_that_goes(
        self, repository: Repository
    ) -> None:
        repository.commit("new\n")
        assert repository.promote() == 0
        assert repository.applied() == "old\nnew\n"
        assert repository.calls() == [
            "kubectl create namespace NS",
            "kubectl apply --server-side -n NS -f -",
            "slmeval wait support -n NS --for complete --timeout 4h",
            f"kubectl apply --server-side -n NS -f {FILE}",
            "slmeval wait support -n NS --timeout 4h",
            "slmeval results support -n NS",
            "kubectl delete namespace NS --wait=false",
        ]

    @pytest.mark.parametrize("code", [ExitCode.FAILED, ExitCode.TIMED_OUT, ExitCode.UNSURE])
    def test_is_not_let_through_by_any_verdict_but_a_good_one(
        self, repository: Repository, code: ExitCode
    ) -> None:
        repository.commit("new\n")
        assert repository.promote(verdict=code) == code
        assert repository.calls()[-1] == "kubectl delete namespace NS --wait=false"

    def test_that_adds_the_file_has_nothing_to_be_held_against(
        self, repository: Repository
    ) -> None:
        repository.git("rm", "-q", FILE)
        repository.git("commit", "-q", "-m", "gone")
        repository.git("branch", "-f", "main")
        repository.commit("new\n")
        assert repository.promote() == 0
        assert repository.applied() == "new\n"

    def test_of_other_files_asks_nothing(self, repository: Repository) -> None:
        (repository.work / "README").write_text("words")
        repository.git("add", "-A")
        repository.git("commit", "-q", "-m", "words")
        assert repository.promote() == 0
        assert repository.calls() == []


class TestTheWorkflow:
    def test_runs_the_script_on_the_evaluation_that_is_an_example(self) -> None:
        workflow = yaml.safe_load((PROMOTION / "pull-request.yaml").read_text())
        *_, step = workflow["jobs"]["gates"]["steps"]
        script, name, file, base = step["run"].split()
        assert (PROMOTION.parent / script).is_file()
        body = yaml.safe_load((PROMOTION.parent / file).read_text())
        assert body["metadata"] == {"name": name}  # without a namespace
        assert base == '"origin/$GITHUB_BASE_REF"'
