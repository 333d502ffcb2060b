"""Settings of the operator, read once from the environment. Defaults equal the chart's."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every variable has the prefix SLMEVAL_."""

    model_config = SettingsConfigDict(
        env_prefix="SLMEVAL_", frozen=True, use_attribute_docstrings=True
    )

    runner_image: Annotated[str, Field(min_length=1)]
    """Image of Ray's pods where a pool names none."""
    runner_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """imagePullPolicy of Ray's pods."""
    ray_version: str = "2.60.0"
    """What KubeRay is told; must be the version in the runner image."""
    run_as_user: Annotated[int, Field(ge=1)] = 1000
    """User and group id of Ray's pods."""
    watch_namespaces: str = ""
    """Comma-separated; empty: all namespaces."""
    resync_seconds: Annotated[int, Field(ge=10, le=3600)] = 300
    """Period at which everything is listed again, in case a watch lost something."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port of /metrics, /healthz and /readyz; 0 picks a free one."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged, here and in the pods of runs."""
    log_format: Literal["json", "text"] = "text"
    """A line an event for people, or a JSON object for collectors, here and in those pods."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to watch; empty means all."""
        return tuple(n.strip() for n in self.watch_namespaces.split(",") if n.strip())
