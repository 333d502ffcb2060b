"""Shapes of Kubernetes' own that files of ours have: an object's metadata, and ConfigMaps."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from slmeval_api.base import DNS_LABEL, ApiModel, Count, Generation
from slmeval_api.pool import LabelKey, LabelValue

KEY_OF_DATA = r"^([-_a-zA-Z0-9]|\.[-_a-zA-Z0-9])[-._a-zA-Z0-9]*$"
KeyOfData = Annotated[str, StringConstraints(pattern=KEY_OF_DATA, max_length=253)]
Namespace = Annotated[str, StringConstraints(pattern=DNS_LABEL, max_length=63)]


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("bytes in base64 are needed; texts stand in data") from None
    return text


class OwnerReference(ApiModel):
    """What an object belongs to."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Metadata(ApiModel):
    """The metadata of any object. Whether a name is needed, and what it may be, its kind says."""

    name: str | None = None
    generate_name: str | None = None
    namespace: Namespace | None = None
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: list[OwnerReference] = Field(default_factory=list)
    finalizers: list[str] = Field(default_factory=list)
    uid: str | None = None
    resource_version: str | None = None
    generation: Generation | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: Count | None = None
    managed_fields: list[dict[str, Any]] = Field(default_factory=list)
    self_link: str | None = None


class ConfigMapFiles(ApiModel):
    """What a ConfigMap holds beside its metadata."""

    data: dict[KeyOfData, str] = Field(default_factory=dict)
    binary_data: dict[KeyOfData, Annotated[str, AfterValidator(_base64)]] = Field(
        default_factory=dict
    )
    immutable: bool | None = None
