"""A task: items with known answers, put to the model to measure how often it is right."""

from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from .base import ApiModel, Name, Rule, demand, rules
from .data import TaskData
from .model import ModelSource
from .task_types import (
    ClassificationTask,
    EntityMatchingTask,
    ExtractionTask,
    LmEvalTask,
    MultilabelTask,
    MultipleChoiceTask,
    NumericTask,
    QuestionAnsweringTask,
    SummarizationTask,
)

TaskKind = Literal[
    "classification",
    "multilabel",
    "entityMatching",
    "extraction",
    "questionAnswering",
    "multipleChoice",
    "numeric",
    "summarization",
    "lmEval",
]
TASK_KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
LABELLED: tuple[TaskKind, ...] = ("classification", "entityMatching", "multipleChoice")
"""Types whose items have one label of few: what examples can be balanced by."""

ONE_TYPE = Rule(
    f"[{', '.join(f'has(self.{kind})' for kind in TASK_KINDS)}].filter(x, x).size() == 1",
    f"exactly one of {', '.join(TASK_KINDS)} must be set: they are the types of task",
    lambda t: len(t.types) == 1,
)
TRAIN_FOR_FEW_SHOT = Rule(
    "self.fewShot.count == 0 || !has(self.data) || has(self.data.train)",
    "fewShot.count needs data.train: examples are never taken from the test set",
    lambda t: t.few_shot.count == 0 or t.data is None or t.data.train is not None,
)
DATA_UNLESS_LM_EVAL = Rule(
    "has(self.data) != has(self.lmEval)",
    "data must be set: it names the items; only lmEval brings its own, and must not have it",
    lambda t: (t.data is None) == (t.lm_eval is not None),
)
LM_EVAL_ASKS_BY_ITSELF = Rule(
    "!has(self.lmEval) || (self.fewShot.count == 0 && !has(self.fewShot.strategy) && "
    "!has(self.maxOutputTokens))",
    "lmEval has no fewShot and no maxOutputTokens: set lmEval.numFewShot; the task itself says how "
    "long an answer may be",
    lambda t: t.lm_eval is None or (t.few_shot == FewShot() and t.max_output_tokens is None),
)
BALANCED_HAS_LABELS = Rule(
    "!has(self.fewShot.strategy) || self.fewShot.strategy != 'LabelBalanced' || "
    + " || ".join(f"has(self.{kind})" for kind in LABELLED),
    f"fewShot.strategy: LabelBalanced is for {', '.join(LABELLED)}: take Random or Fixed",
    lambda t: t.few_shot.strategy != "LabelBalanced" or any(k in LABELLED for k in t.types),
)


def _roles(reads: tuple[str, ...]) -> tuple[str, ...]:
    return (*(role.removesuffix("?") for role in reads), "id")


def _fields_of(kind: TaskKind, reads: tuple[str, ...]) -> Rule:
    """Return the rule that `data.fields` names nothing that this type does not read."""
    known = _roles(reads)
    return Rule(
        f"!has(self.{kind}) || !has(self.data) || "
        f"self.data.fields.all(f, f in [{', '.join(map(repr, known))}])",
        f"data.fields of {kind} may name {', '.join(known)}: it reads nothing else",
        lambda t: (
            getattr(t, t.attribute_of(kind)) is None
            or t.data is None
            or set(t.data.fields) <= set(known)
        ),
    )


EMBEDDED_IF_SIMILAR = Rule(
    "has(self.embeddingModel) == (has(self.strategy) && self.strategy == 'Similar')",
    "embeddingModel goes with strategy: Similar, which needs it to find examples like the item, "
    "and with no other strategy",
    lambda f: (f.embedding_model is not None) == (f.strategy == "Similar"),
)
NO_PARENT = Rule(
    "!has(self.embeddingModel) || !self.embeddingModel.contains('..')",
    "embeddingModel must not contain '..': name the folder itself",
    lambda f: ".." not in (f.embedding_model or ""),
)


class FewShot(ApiModel):
    """Worked examples that are put before each item."""

    model_config = ConfigDict(json_schema_extra=rules(EMBEDDED_IF_SIMILAR, NO_PARENT))

    count: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Examples in each prompt. Default 0."
    )
    strategy: Literal["Fixed", "Random", "LabelBalanced", "Similar"] | None = Field(
        default=None,
        description=(
            "Fixed: the first ones, the same for every item. Random: drawn for each item. "
            "LabelBalanced: drawn for each item, labels in turn. Similar: those whose input is "
            "most like the item's, the most similar last. Left out: LabelBalanced where an item "
            "has one label (classification, entityMatching, multipleChoice), else Random."
        ),
    )
    embedding_model: ModelSource | None = Field(
        default=None,
        description=(
            "What Similar measures likeness by: a static embedding model (of model2vec, or a "
            "StaticEmbedding of sentence-transformers), as `hf://minishlab/potion-base-8M@main`, "
            "`pvc://claim/folder` or `file:///folder`. It runs on the CPU."
        ),
    )

    @model_validator(mode="after")
    def _rules(self) -> "FewShot":
        return demand(self, EMBEDDED_IF_SIMILAR, NO_PARENT)


_TYPES: dict[TaskKind, Any] = {
    "classification": ClassificationTask,
    "multilabel": MultilabelTask,
    "entityMatching": EntityMatchingTask,
    "extraction": ExtractionTask,
    "questionAnswering": QuestionAnsweringTask,
    "multipleChoice": MultipleChoiceTask,
    "numeric": NumericTask,
    "summarization": SummarizationTask,
}
_RULES = (
    ONE_TYPE,
    DATA_UNLESS_LM_EVAL,
    LM_EVAL_ASKS_BY_ITSELF,
    TRAIN_FOR_FEW_SHOT,
    BALANCED_HAS_LABELS,
    *(_fields_of(kind, model.reads) for kind, model in _TYPES.items()),
)


class Task(ApiModel):
    """A named task of exactly one type."""

    model_config = ConfigDict(json_schema_extra=rules(*_RULES))

    name: Name = Field(description="Your name for it; results and metrics carry it.")
    classification: ClassificationTask | None = Field(
        default=None, description="Pick one label of a known set."
    )
    multilabel: MultilabelTask | None = Field(
        default=None, description="Pick any number of labels of a known set."
    )
    entity_matching: EntityMatchingTask | None = Field(
        default=None, description="Say whether two records are about the same thing."
    )
    extraction: ExtractionTask | None = Field(
        default=None, description="Find the values of known keys in a text."
    )
    question_answering: QuestionAnsweringTask | None = Field(
        default=None, description="Answer a question, from a context or without one."
    )
    multiple_choice: MultipleChoiceTask | None = Field(
        default=None, description="Pick one of an item's own choices."
    )
    numeric: NumericTask | None = Field(default=None, description="Answer with a number.")
    summarization: SummarizationTask | None = Field(default=None, description="Sum a text up.")
    lm_eval: LmEvalTask | None = Field(
        default=None, description="A task of lm-evaluation-harness, by its name."
    )
    data: TaskData | None = Field(
        default=None, description="The items. Of every type but lmEval, which brings its own."
    )
    few_shot: FewShot = Field(
        default_factory=FewShot,
        json_schema_extra={"default": {}},
        description="Worked examples in the prompt.",
    )
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description=(
            "Most items to score, drawn by spec.seed; of lmEval the first ones, as there. Left "
            "out: all of them."
        ),
    )
    max_output_tokens: Annotated[int, Field(ge=1, le=32_768)] | None = Field(
        default=None,
        description=(
            "Longest answer. One that reaches it counts as it stands if it can be read, and as "
            "unanswered if not. Left out: what the type needs."
        ),
    )
    held_out: bool = Field(
        default=False,
        description=(
            "True: kept aside while models were chosen or tuned, so that the score over these "
            "tasks alone says what to expect of new ones. Default false."
        ),
    )

    @model_validator(mode="after")
    def _rules(self) -> "Task":
        return demand(self, *_RULES)

    @staticmethod
    def attribute_of(kind: TaskKind) -> str:
        """Return the name in Python of the field `kind`."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind)

    @property
    def types(self) -> list[TaskKind]:
        """The types that are set: exactly one once it is valid."""
        return [kind for kind in TASK_KINDS if getattr(self, self.attribute_of(kind)) is not None]

    @property
    def kind(self) -> TaskKind:
        """Its type."""
        return self.types[0]

    @property
    def is_labelled(self) -> bool:
        """Whether an item has one label of few."""
        return self.kind in LABELLED
