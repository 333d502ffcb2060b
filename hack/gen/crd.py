"""Build the CustomResourceDefinition of a kind from its models."""

from typing import Any

from slmeval_api import GROUP, VERSION
from slmeval_api.base import ApiModel, KindInfo
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from .structural import structural_schema

Kind = type[StoredObject[Any, Any]]
KINDS: tuple[Kind, ...] = (Evaluation, Run, Trial, Pool)


def crd(kind: Kind) -> dict[str, Any]:
    """Return the CRD of `kind`, without anything that a chart would add."""
    info = kind.info
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{info.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": info.scope,
            "names": _names(info),
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_column(c) for c in info.columns],
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def _names(info: KindInfo) -> dict[str, Any]:
    return {
        "kind": info.kind,
        "listKind": f"{info.kind}List",
        "plural": info.plural,
        "singular": info.kind.lower(),
        **({"shortNames": [info.short]} if info.short != info.kind.lower() else {}),
        "categories": ["slm", "all"] if info.scope == "Namespaced" else ["slm"],
    }


def _column(column: Any) -> dict[str, Any]:  # noqa: ANN401
    shown = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return shown | {"description": column.description} | ({"priority": 1} if column.wide else {})


def _part(model: type[ApiModel]) -> dict[str, Any]:
    schema = structural_schema(model)
    schema["description"] = " ".join((model.__doc__ or "").split("\n\n", 1)[0].split())
    return schema


def _status(model: type[ApiModel]) -> dict[str, Any]:
    """Return the schema of a status; where it has defaults, a new object has them at once.

    kstatus takes an object without observedGeneration and Ready for one that is as it should be:
    until the operator has seen it, nothing would tell Flux to wait.
    """
    schema = _part(model)
    has_defaults = any("default" in field for field in schema["properties"].values())
    return schema | ({"default": {}} if has_defaults else {})


def _root(kind: Kind) -> dict[str, Any]:
    return {
        "description": kind.info.description,
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _part(kind.spec_type),
            "status": _status(kind.status_type),
        },
        "required": ["spec"],
        **kind.object_rules,
    }
