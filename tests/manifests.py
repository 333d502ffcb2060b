"""Finds the manifests that users copy: examples/, and the YAML in README.md and docs/."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from slmeval_api import GROUP
from tools import ROOT
from verdicts.cases import KINDS, Json

FENCE = re.compile(r"^([ \t]*)```ya?ml\b[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file."""

    where: str
    body: Json

    def __str__(self) -> str:
        return f"{self.where} {self.body['kind']} {self.body['metadata']['name']}"

    @property
    def is_ours(self) -> bool:
        return self.body["kind"] in KINDS


def example_files() -> list[Path]:
    """Return every file of examples/."""
    return sorted((ROOT / "examples").rglob("*.yaml"))


def applicable_files() -> list[Path]:
    """Return the files of examples/ that a cluster takes in which slmeval is all that was added."""
    return [p for p in example_files() if all(map(_is_known, yaml.safe_load_all(p.read_text())))]


def _is_known(body: Json) -> bool:
    if "apiVersion" not in body:  # a pipeline
        return False
    group = body["apiVersion"].rpartition("/")[0]
    return group == GROUP or "." not in group  # of Kubernetes itself


def examples() -> list[Manifest]:
    """Return every object of examples/."""
    return [
        Manifest(path.relative_to(ROOT).as_posix(), body)
        for path in example_files()
        for body in yaml.safe_load_all(path.read_text())
        if "kind" in body
    ]


def documented() -> list[Manifest]:
    """Return every object of our kinds in a YAML block of README.md and docs/."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        Manifest(page.relative_to(ROOT).as_posix(), body)
        for page in pages
        if page.exists()
        for body in objects_of_markdown(page.read_text())
    ]


def objects_of_markdown(text: str) -> Iterator[Json]:
    """Yield the whole objects of our kinds in the YAML blocks of a page; fragments are passed."""
    for block in FENCE.finditer(text):
        indent = block.group(1)
        source = re.sub(rf"^{indent}", "", block.group(2), flags=re.MULTILINE)
        for body in yaml.safe_load_all(source):
            if isinstance(body, dict) and body.get("kind") in KINDS and "spec" in body:
                yield body
