"""Which sources a question names: all of them, claims, ConfigMaps, files. Pure."""

from collections.abc import Iterator

from slmeval_api.evaluation import Question


def sources_of(question: Question) -> Iterator[str]:
    """Yield where models, prompts, tasks' data and embedding models come from, in order."""
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
        for source in sources_of(question)
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
    return sorted({s.removeprefix(scheme) for s in sources_of(question) if s.startswith(scheme)})
