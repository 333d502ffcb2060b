"""How accuracy is measured, one module a type of task. `type_of` finds a task's."""

from typing import Any

from slmeval_api.task import Task

from .base import TaskType
from .classification import Classification
from .entity_matching import EntityMatching
from .extraction import Extraction
from .multilabel import Multilabel
from .multiple_choice import MultipleChoice
from .numeric import Numeric
from .question_answering import QuestionAnswering
from .summarization import Summarization


def type_of(task: Task) -> TaskType[Any, Any]:
    """Return what carries out `task`. A new type adds its module and a line here."""
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
