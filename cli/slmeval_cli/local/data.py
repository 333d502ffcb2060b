"""Files of data, of models and of prompts that are known to be missing on this machine."""

import base64
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path

from slmeval_api.evaluation import Question
from slmeval_decisions.sources import sources_of

from slmeval_cli.answer import Body

from .here import Here, Site

MOST_NAMED = 10
"""Names of what is there instead; more would hide the problem."""


def files_in(configmap: Body) -> dict[str, bytes]:
    """Return the files that a ConfigMap holds."""
    texts = {name: str(text or "").encode() for name, text in (configmap.get("data") or {}).items()}
    binary = configmap.get("binaryData") or {}
    return texts | {name: base64.b64decode(data) for name, data in binary.items()}


def missing_files(
    question: Question, *, site: Site, configmaps: Mapping[str, Body], here: Here
) -> Iterator[str]:
    """Yield each source of `question` that names a file which is not there, with what is.

    Of claims and ConfigMaps that are there at all. What is on the network is not looked for.
    """
    for source in dict.fromkeys(sources_of(question)):
        scheme, _, rest = source.partition("://")
        name, _, path = rest.partition("/")
        if scheme == "configmap" and name in configmaps:
            files = files_in(configmaps[name])
            if path not in files:
                yield f"{source}: the ConfigMap has no key {path}; it has: {_named(files)}"
        elif scheme == "builtin":
            samples = here.samples()
            if name not in samples:
                yield f"{source}: the runner has no sample {name}; it has: {', '.join(samples)}"
        elif scheme == "pvc" and name in site.claims and site.claims[name].is_dir():
            file = site.claims[name] / path
            if not file.exists():
                yield f"{source}: {file} is not there; beside it: {_beside(file)}"


def _beside(file: Path) -> str:
    folder = file.parent
    return _named(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else "nothing"


def _named(names: Collection[str]) -> str:
    rest = len(names) - MOST_NAMED
    named = ", ".join(islice(names, MOST_NAMED)) + (f" and {rest} more" if rest > 0 else "")
    return named or "nothing"
