"""Where data comes from: sources of items and prompts, and the names of their columns."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Rule, demand, rules

_PATH = r"(/[A-Za-z0-9._=+-]+)+"
_AZURE = r"\.dfs\.core\.windows\.net"
_HUB_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
HUB_DATASET = (
    rf"hf://datasets/({_HUB_NAME}/{_HUB_NAME})"
    rf"@({_HUB_NAME}|refs/pr/[0-9]+|refs/convert/parquet)"
    rf"(/{_HUB_NAME})?/([A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)"
)
"""Groups: repository, revision, configuration with its slash (or none), split."""
IN_BUCKET = (
    rf"s3://[a-z0-9][-.a-z0-9]{{1,61}}[a-z0-9]{_PATH}"
    rf"|gs://[a-z0-9][-._a-z0-9]{{1,61}}[a-z0-9]{_PATH}"
    rf"|abfs://[a-z0-9][-a-z0-9]{{1,61}}[a-z0-9]@[a-z0-9]{{3,24}}{_AZURE}{_PATH}"
)
DATA = (
    r"^(builtin://[a-z0-9][-a-z0-9]*/(train|test)"
    r"|configmap://[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9._-]+"
    r"|pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9._-]+)+"
    r"|file://(/[A-Za-z0-9._-]+)+"
    rf"|{IN_BUCKET}"
    rf"|https://[a-z0-9]([-.a-z0-9]*[a-z0-9])?(:[0-9]{{1,5}})?{_PATH}"
    rf"|{HUB_DATASET})$"
)
"""No URL may hold a user, a password, a query or a fragment: specs are no place for secrets."""
FORMS = (
    "One of builtin://sample/test, configmap://name/key, pvc://claim/file, file:///file, "
    "hf://datasets/org/name@revision/split, s3://, gs://, abfs:// and https://."
)
DataSource = Annotated[str, StringConstraints(pattern=DATA, min_length=8, max_length=512)]
FieldName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", min_length=1, max_length=64)
]
MAX_FIELDS = 8
Fields = Annotated[dict[str, FieldName], Field(max_length=MAX_FIELDS)]
"""Columns by what they hold."""

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
OVERLAP_IS_WITH_TRAIN = Rule(
    "self.overlap == 'Keep' || has(self.train)",
    "overlap: Drop needs train: it leaves out test items that are training items too",
    lambda d: d.overlap == "Keep" or d.train is not None,
)
DATA_RULES = (NO_PARENT, TRAIN_IS_NOT_TEST, OVERLAP_IS_WITH_TRAIN)


class TaskData(ApiModel):
    """Where the items come from.

    Files: `builtin://sample/test` (ships with the runner), `configmap://name/key` and
    `pvc://claim/file` (of this namespace), `file:///file` (in the pool's image),
    `s3://bucket/key`, `gs://bucket/key`, `abfs://container@account.dfs.core.windows.net/path`,
    `https://host/path`. The name tells the format: .csv, .parquet, and JSON lines for any other.

    Datasets of the Hugging Face hub: `hf://datasets/org/name@revision/split`, or
    `hf://datasets/org/name@revision/configuration/split`. Revision: a commit, tag or branch.
    """

    model_config = ConfigDict(json_schema_extra=rules(*DATA_RULES))

    test: DataSource = Field(description=f"The items to be scored. {FORMS}")
    train: DataSource | None = Field(
        default=None, description=f"The items few-shot examples are taken from. {FORMS}"
    )
    fields: Fields = Field(
        default_factory=dict,
        json_schema_extra={"default": {}},
        description=(
            "Names of columns, by what they hold: {text: utterance, label: intent}. What each type "
            "of task reads stands with it. A column that is not named has the name of what it "
            "holds; a dot goes into an object: answers.text. `id` names a column that tells items "
            "apart; left out, their place does."
        ),
    )
    overlap: Literal["Keep", "Drop"] = Field(
        default="Keep",
        description=(
            "What becomes of test items whose input is in train too; they are counted in any "
            "case, and never shown as examples. Keep scores them; Drop leaves them out. "
            "Default Keep."
        ),
    )

    @model_validator(mode="after")
    def _rules(self) -> "TaskData":
        return demand(self, *DATA_RULES)
