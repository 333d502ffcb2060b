"""How accuracy is measured, one module a type of task. `prepared_of` makes a task ready."""

from typing import Any

from slmeval_api.result import TaskResult
from slmeval_api.task import Task

from slmeval_runner.failures import TrialError
from slmeval_runner.folders import Folders

from .base import PreparedTask, TaskType
from .classification import Classification
from .entity_matching import EntityMatching
from .extraction import Extraction
from .lm_eval import load
from .multilabel import Multilabel
from .multiple_choice import MultipleChoice
from .numeric import Numeric
from .prepared import prepare
from .question_answering import QuestionAnswering
from .summarization import Summarization


def prepared_of(task: Task, *, seed: int, folders: Folders) -> PreparedTask:
    """Return the task with its items, before any engine runs. Raises TaskUnusable."""
    if task.lm_eval:
        return load(task, task.lm_eval, seed=seed)
    return prepare(task, type_of(task), seed=seed, folders=folders)


def failed(task: Task, error: TrialError) -> TaskResult:
    """Return the result of a task that `error` ended."""
    return TaskResult(
        name=task.name,
        type=task.kind,
        metric=None if task.lm_eval else type_of(task).metric,
        held_out=task.held_out,
        failure=error.failure,
    )


def type_of(task: Task) -> TaskType[Any, Any]:
    """Return what carries out `task`, one of ours. A new type adds its module and a line here."""
    if task.classification:
        return Classification(task.classification)
    if task.multilabel:
        return Multilabel(task.multilabel)
    if task.entity_matching:
        return EntityMatching(task.entity_matching)
    if task.extraction:
        return Extraction(task.extraction)
    if task.question_answering:
        return QuestionAnswering(task.question_answering)
    if task.multiple_choice:
        return MultipleChoice(task.multiple_choice)
    if task.numeric:
        return Numeric(task.numeric)
    if task.summarization:
        return Summarization(task.summarization)
    raise RuntimeError(f"task {task.name} has no type: the API server lets none of these pass")
