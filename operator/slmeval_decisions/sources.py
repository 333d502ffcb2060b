"""Which claims, ConfigMaps and files the sources of a question name. Pure."""

from collections.abc import Iterator

from slmeval_api.evaluation import Question


def _sources(question: Question) -> Iterator[str]:
    for model in question.models:
        yield model.source
    for workload in question.workloads:
        if workload.load.prompts is not None:
            yield workload.load.prompts.source
    for task in question.tasks:
        if task.data is not None:
            yield task.data.test
            if task.data.train is not None:
                yield task.data.train
        if task.few_shot.embedding_model is not None:
            yield task.few_shot.embedding_model


def _named(question: Question, scheme: str) -> list[str]:
    found = {
        source.removeprefix(scheme).split("/", 1)[0]
        for source in _sources(question)
        if source.startswith(scheme)
    }
    return sorted(found)


def claims_of(question: Question) -> list[str]:
    """Return the PersistentVolumeClaims that models, prompts and tasks are read from, sorted."""
    return _named(question, "pvc://")


def configmaps_of(question: Question) -> list[str]:
    """Return the ConfigMaps that prompts and tasks are read from, sorted."""
    return _named(question, "configmap://")


def files_of(question: Question) -> list[str]:
    """Return the paths of the image that models, prompts and tasks are read from, sorted."""
    scheme = "file://"
    return sorted({s.removeprefix(scheme) for s in _sources(question) if s.startswith(scheme)})
