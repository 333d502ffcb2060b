"""Where everything that was asked and answered is kept, item by item."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Rule, demand, rules

ARTIFACT_URL = (
    r"^(pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9._-]+)*"
    r"|(s3|gs|abfs)://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*)$"
)
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
            "Folder: pvc://claim/folder, or s3://, gs:// or abfs://bucket/folder (the pool's "
            "image must have the package of that scheme, its env the credentials). A trial "
            "writes below NAMESPACE/RUN/TRIAL/ATTEMPT, one file a task: gzipped JSON lines "
            "with prompt, output, answer and score of each item."
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
