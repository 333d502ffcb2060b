"""Where everything that was asked and answered is kept, item by item."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Rule, demand, rules
from .data import IN_BUCKET

ARTIFACT_URL = rf"^(pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9._-]+)*|{IN_BUCKET})$"
ArtifactUrl = Annotated[str, StringConstraints(pattern=ARTIFACT_URL, min_length=6, max_length=512)]
NO_PARENT = Rule(
    "!self.url.contains('..')",
    "url must not contain '..': name the folder itself",
    lambda a: ".." not in a.url,
)


class Artifacts(ApiModel):
    """A place that workers write to: a claim of this namespace, or a bucket."""

    model_config = ConfigDict(json_schema_extra=rules(NO_PARENT))

    url: ArtifactUrl = Field(
        description=(
            "Folder: pvc://claim/folder of this namespace, or s3://bucket/folder, gs://... or "
            "abfs://..., logged in as for data (docs/guides/data-sources.md). A trial writes "
            "below NAMESPACE/RUN/TRIAL/ATTEMPT, one file a task: gzipped JSON lines "
            "with prompt, output, answer and score of each item; and its whole result below "
            "history/namespace=NAMESPACE/evaluation=NAME, one file with a line of JSON, for ever."
        )
    )

    @model_validator(mode="after")
    def _rules(self) -> "Artifacts":
        return demand(self, NO_PARENT)

    @property
    def claim(self) -> str | None:
        """The claim that is written to; None: it is none."""
        scheme, _, rest = self.url.partition("://")
        return rest.partition("/")[0] if scheme == "pvc" else None
