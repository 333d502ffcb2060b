"""A task: items with known answers, put to the model to measure how often it is right."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import LIST_SET, ApiModel, Name, Rule, Unique, demand, rules

DATA = (
    r"^(builtin://[a-z0-9][-a-z0-9]*/(train|test)"
    r"|configmap://[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9._-]+"
    r"|pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9._-]+)+"
    r"|file://(/[A-Za-z0-9._-]+)+)$"
)
DataSource = Annotated[str, StringConstraints(pattern=DATA, min_length=8, max_length=512)]
FieldName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", min_length=1, max_length=64)
]
# The six ASCII blanks are spelt out: \s is wider in the pattern language of pydantic than in Go's.
_INK = r"[^ \t\n\r\f\v]"
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=rf"^{_INK}(.*{_INK})?$")
]

NO_PARENT = Rule(
    "!self.test.contains('..') && (!has(self.train) || !self.train.contains('..'))",
    "test and train must not contain '..': name the file itself",
    lambda d: ".." not in d.test and ".." not in (d.train or ""),
)
TRAIN_IS_NOT_TEST = Rule(
    "!has(self.train) || self.train != self.test",
    "train and test must differ: an example that is also a test item gives its answer away",
    lambda d: d.train != d.test,
)
TRAIN_FOR_FEW_SHOT = Rule(
    "self.fewShot.count == 0 || has(self.data.train)",
    "fewShot.count needs data.train: examples are never taken from the test set",
    lambda t: t.few_shot.count == 0 or t.data.train is not None,
)


class Fields(ApiModel):
    """The names that the data's own columns have."""

    text: FieldName = Field(default="text", description="Column of the input. Default text.")
    label: FieldName = Field(default="label", description="Column of the label. Default label.")


class TaskData(ApiModel):
    """Where the items come from: JSON lines, one object a line.

    Sources: `builtin://sample/test` (ships with the runner), `configmap://name/key` and
    `pvc://claim/file` (of this namespace), `file:///file` (in the pool's image).
    """

    model_config = ConfigDict(json_schema_extra=rules(NO_PARENT, TRAIN_IS_NOT_TEST))

    test: DataSource = Field(description="The items to be scored.")
    train: DataSource | None = Field(
        default=None, description="The items few-shot examples are taken from."
    )
    fields: Fields = Field(
        default_factory=Fields,
        json_schema_extra={"default": {}},
        description="Names of the columns.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "TaskData":
        return demand(self, NO_PARENT, TRAIN_IS_NOT_TEST)


class FewShot(ApiModel):
    """Worked examples that are put before each item."""

    count: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="Examples in each prompt. Default 0."
    )
    strategy: Literal["Fixed", "Random", "LabelBalanced"] = Field(
        default="LabelBalanced",
        description=(
            "Fixed: the first ones, the same for every item. Random: drawn for each item. "
            "LabelBalanced: drawn for each item, labels in turn. Default LabelBalanced."
        ),
    )


class ClassificationTask(ApiModel):
    """One label of a known set for each text. The metric is accuracy."""

    labels: Annotated[
        list[Label], Field(min_length=2, max_length=256, json_schema_extra=LIST_SET), Unique
    ] = Field(description="Every label there is. A test item with another one is an error.")
    instruction: Annotated[str, StringConstraints(min_length=1, max_length=8192)] | None = Field(
        default=None,
        description="What the model is told to do. Left out: a plain request to pick one label.",
    )
    answer: Literal["Constrained", "Free"] = Field(
        default="Constrained",
        description=(
            "Constrained: the engine can produce nothing but a label. Free: the model writes "
            "what it likes, and anything but a label counts as unanswered. Default Constrained."
        ),
    )


class Task(ApiModel):
    """A named task of exactly one type."""

    model_config = ConfigDict(json_schema_extra=rules(TRAIN_FOR_FEW_SHOT))

    name: Name = Field(description="Your name for it; results and metrics carry it.")
    classification: ClassificationTask = Field(description="Pick one label of a known set.")
    data: TaskData = Field(description="The items.")
    few_shot: FewShot = Field(
        default_factory=FewShot,
        json_schema_extra={"default": {}},
        description="Worked examples in the prompt.",
    )
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="Most items to score, drawn by spec.seed. Left out: all of them.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "Task":
        return demand(self, TRAIN_FOR_FEW_SHOT)
