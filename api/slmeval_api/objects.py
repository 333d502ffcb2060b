"""What every stored object shares: identity, owner, and reading it from the API server's form."""

import hashlib
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from . import API_VERSION
from .base import ApiModel, KindInfo

RUN_REQUESTED_AT = "slmeval.dev/run-requested-at"
"""Annotation of an SLMEvaluation. Any new value of it asks for a run of the same question."""
MAX_REQUEST = 64

SpecT = TypeVar("SpecT", bound=ApiModel)
StatusT = TypeVar("StatusT", bound=ApiModel)


class Owner(BaseModel):
    """The owner reference that matters: the controller's."""

    model_config = ConfigDict(frozen=True)

    kind: str
    name: str
    uid: str


class Meta(BaseModel):
    """The part of metadata that we read. The server adds keys to it, so unknown ones pass."""

    model_config = ConfigDict(frozen=True)

    name: str
    namespace: str | None = None  # None: cluster-scoped
    uid: str = ""
    generation: int = 1
    resource_version: str = ""
    created: str = ""
    is_being_deleted: bool = False
    owner: Owner | None = None
    run_requested_at: str = ""
    """What `request_of` returns."""

    @classmethod
    def from_body(cls, metadata: dict[str, Any]) -> Self:
        """Return the identity that `metadata` of a stored object gives."""
        owners = metadata.get("ownerReferences") or []
        owner = next((o for o in owners if o.get("controller")), None)
        return cls(
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            uid=metadata.get("uid", ""),
            generation=metadata.get("generation", 1),
            resource_version=metadata.get("resourceVersion", ""),
            created=metadata.get("creationTimestamp", ""),
            is_being_deleted="deletionTimestamp" in metadata,
            run_requested_at=request_of(metadata),
            owner=Owner(**{k: owner[k] for k in ("kind", "name", "uid")}) if owner else None,
        )


class StoredObject(BaseModel, Generic[SpecT, StatusT]):
    """An object of one of our kinds, as stored. Each kind subclasses it with its two parts."""

    model_config = ConfigDict(frozen=True)

    info: ClassVar[KindInfo]
    spec_type: ClassVar[type[ApiModel]]
    status_type: ClassVar[type[ApiModel]]
    object_rules: ClassVar[dict[str, Any]] = {}
    """CEL rules on the whole object; the API server lets them see metadata.name."""

    meta: Annotated[Meta, Field()]
    spec: SpecT
    status: StatusT

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> Self:
        """Return the typed object of `body`, as the API server sent it.

        Raises:
            pydantic.ValidationError: the spec or the status is not of this kind's form.

        """
        made = cls.model_construct(
            meta=Meta.from_body(body["metadata"]),
            spec=cls.spec_type.from_json_data(body.get("spec") or {}),  # type: ignore[arg-type]
            status=cls.status_type.from_json_data(body.get("status") or {}),  # type: ignore[arg-type]
        )
        return cast(Self, made)


def request_of(metadata: dict[str, Any]) -> str:
    """Return the value of RUN_REQUESTED_AT, at most 64 characters; empty: nobody asked."""
    value = str((metadata.get("annotations") or {}).get(RUN_REQUESTED_AT, ""))
    if len(value) <= MAX_REQUEST:
        return value
    return hashlib.sha256(value.encode()).hexdigest()


def owner_reference(kind: str, meta: Meta) -> dict[str, Any]:
    """Return the reference that makes an object of ours the controller of what it is put on."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": meta.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
