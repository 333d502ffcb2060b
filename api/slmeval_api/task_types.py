"""The types of task: what is asked of the model about an item, and how its answer is judged.

Each says which columns it reads (`reads`; a `?` marks one that the data may lack). Scores are means
over the items, of numbers between 0 and 1.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import LIST_MAP, LIST_SET, ApiModel, Rule, Unique, UniqueNames, demand, rules

# The six ASCII blanks are spelt out: \s is wider in the pattern language of pydantic than in Go's.
_INK = r"[^ \t\n\r\f\v]"
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=rf"^{_INK}(.*{_INK})?$")
]
Instruction = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
Labels = Annotated[
    list[Label], Field(min_length=2, max_length=256, json_schema_extra=LIST_SET), Unique
]
MATCHES_DIFFER = Rule(
    "self.matchLabel != self.noMatchLabel",
    "matchLabel and noMatchLabel must differ",
    lambda t: t.match_label != t.no_match_label,
)
_TOLD = "What the model is told to do. Left out: a plain request."


class _Told(ApiModel):
    reads: ClassVar[tuple[str, ...]]
    """Columns, by what they hold; one with a `?` is optional."""

    instruction: Instruction | None = Field(default=None, description=_TOLD)


class ClassificationTask(_Told):
    """One label of a known set for each text. The metric is accuracy.

    Reads `text` and `label`.
    """

    reads = ("text", "label")

    labels: Labels = Field(
        description="Every label there is. A test item with another one is an error."
    )
    answer: Literal["Constrained", "Free", "LogProbability"] = Field(
        default="Constrained",
        description=(
            "Constrained: the engine can produce nothing but a label. Free: the model writes "
            "what it likes, and anything but a label counts as unanswered. LogProbability: "
            "nothing is written; the label that the model finds most probable is its answer, "
            "and how sure it is gives AUROC and calibration. Default Constrained."
        ),
    )


class MultilabelTask(_Told):
    """Any number of labels of a known set for each text. The metric is the mean F1 of the items.

    Reads `text` and `labels`, a list.
    """

    reads = ("text", "labels")

    labels: Labels = Field(
        description="Every label there is. A test item with another one is an error."
    )
    answer: Literal["Constrained", "Free"] = Field(
        default="Constrained",
        description=(
            "Constrained: the engine can produce nothing but a JSON list of labels. Free: a list "
            "of labels between commas, or a JSON list; anything else counts as unanswered. "
            "Default Constrained."
        ),
    )


class EntityMatchingTask(_Told):
    """Whether two records are about the same thing. The metric is accuracy, F1 stands beside it.

    Reads `left` and `right`, objects or texts, and `label`.
    """

    model_config = ConfigDict(json_schema_extra=rules(MATCHES_DIFFER))
    reads = ("left", "right", "label")

    match_label: Label = Field(
        default="match", description="The data's label of the same thing. Default match."
    )
    no_match_label: Label = Field(
        default="no match", description="The data's label of two things. Default no match."
    )
    answer: Literal["Constrained", "Free", "LogProbability"] = Field(
        default="Constrained", description="As for classification. Default Constrained."
    )

    @model_validator(mode="after")
    def _rules(self) -> "EntityMatchingTask":
        return demand(self, MATCHES_DIFFER)


class ExtractionKey(ApiModel):
    """A kind of thing to be found in a text."""

    name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", min_length=1, max_length=64)
    ] = Field(description="Its key in the data, and in the answer.")
    description: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = Field(
        default=None, description="What it is, for the model."
    )
    multiple: bool = Field(
        default=False,
        description=(
            "False: an attribute, with one value at most. True: spans, any number of them. "
            "Default false."
        ),
    )


class ExtractionTask(_Told):
    """Values of known keys found in a text. The metric is the mean F1 of the items.

    Reads `text` and `entities`, an object of a text or a list of texts for each key.
    """

    reads = ("text", "entities")

    keys: Annotated[
        list[ExtractionKey],
        Field(min_length=1, max_length=64, json_schema_extra=LIST_MAP),
        UniqueNames,
    ] = Field(description="Every key there is. A test item with another one is an error.")
    answer: Literal["Constrained", "Free"] = Field(
        default="Constrained",
        description=(
            "Constrained: the engine can produce nothing but a JSON object of these keys. Free: "
            "the answer must be one; anything else counts as unanswered. Default Constrained."
        ),
    )


class QuestionAnsweringTask(_Told):
    """A question with one or more right answers. The metric is token F1, as in SQuAD.

    Reads `question`, `answers` (a list; empty: unanswerable), and `context`, if there is one.
    """

    reads = ("context?", "question", "answers")

    unanswerable: bool = Field(
        default=False,
        description=(
            "True: some questions have no answer, and the model is told to say so. False: a test "
            "item without answers is an error. Default false."
        ),
    )


class MultipleChoiceTask(_Told):
    """One of an item's own choices. The metric is accuracy.

    Reads `question`, `choices` (a list), `label` (the right one's place, from 0), and `context`,
    if there is one. Choices are lettered; the letter is the answer.
    """

    reads = ("context?", "question", "choices", "label")

    answer: Literal["LogProbability", "Constrained", "Free"] = Field(
        default="LogProbability", description="As for classification. Default LogProbability."
    )


class NumericTask(_Told):
    """A question whose answer is a number. The metric is accuracy.

    Reads `question`, `answer` (a number, or a text such as 1,200 or 3/4), and, if they are there,
    `context` and `solution`: the way to the answer, for examples.
    """

    reads = ("context?", "question", "solution?", "answer")

    reasoning: bool = Field(
        default=False,
        description=(
            "True: the model may think aloud, and its last line that begins with `Answer:` "
            "counts. False: the whole answer must be the number. Default false."
        ),
    )
    tolerance_percent: Annotated[int, Field(ge=0, le=50)] = Field(
        default=0, description="How far off a right answer may be, of its size. Default 0."
    )


class SummarizationTask(_Told):
    """A summary of a text, compared with one of the data's. The metric is ROUGE-L.

    Reads `text` and `summary`.
    """

    reads = ("text", "summary")


LM_EVAL_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.+()-]*$"


class LmEvalTask(ApiModel):
    """A task of lm-evaluation-harness, with its own data, prompts and metric.

    Prompts are plain text, as its command line makes them unless it is told otherwise: no chat
    template. Answers are greedy.
    """

    task: Annotated[str, StringConstraints(pattern=LM_EVAL_NAME, min_length=1, max_length=128)] = (
        Field(
            description=(
                "Its name there: arc_easy, hellaswag, gsm8k. Of a group, name the tasks. Its data "
                "come from the Hugging Face hub."
            )
        )
    )
    num_few_shot: Annotated[int, Field(ge=0, le=64)] | None = Field(
        default=None,
        description=(
            "Examples in each prompt. Never the item itself, which the harness may draw. Left "
            "out: what the task says, or none."
        ),
    )
