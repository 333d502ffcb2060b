"""Which trials of a run may be compared, from what each was measured with. Pure.

Models and pools are what a run compares, so a speed may differ for these two causes only. What else
moves a speed must be equal:

- engine: simulated figures are invented.
- runnerVersion: it makes the prompts and reads the clock.
- vllm, torch, transformers: scheduler, kernels, and the code of models that vLLM has not.
- ray: the engine's process is one of its workers; it may also carry tensors between GPUs.
- python, to the minor version: the engine's loop on the host is Python, and bounds small models.
  Patches mend faults, and images for CPUs and for GPUs seldom have the same one.
- cuda, driver: among trials on GPUs. A trial on CPUs has neither, and that is no difference.
- image: among trials on GPUs and among trials on CPUs, for no image serves both. By digest where
  its name has one, else by name: a tag that was moved between attempts cannot be seen.
- device: within a pool. Pools differ in it on purpose, but one pool is one kind of node. Figures of
  the simulated engine do not depend on it.

Of vllm, torch, transformers and ray the part after '+' is the build for a kind of device (+cpu,
+cu128): it is left out between CPUs and GPUs, and compared among either.

Model, engine arguments and the number of GPUs belong to the candidate and are not compared; the
seed is the run's. What is not known of a trial is no difference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from slmeval_api.conditions import Reason
from slmeval_api.result import Provenance
from slmeval_api.run import Run, RunPool
from slmeval_api.trial import Trial

LIBRARIES = ("vllm", "torch", "transformers", "ray")
OF_GPUS = ("cuda", "driver")
UNKNOWN_VERSION = "unknown"
"""The runner's own version where it was not installed as a package."""
MAX_NAMED = 3
"""Trials that a message names: enough to look at, and a late result seldom changes them."""


class Key(NamedTuple):
    """What must be equal, and among which trials."""

    field: str
    among: str  # trials that have the same word here; "" is all of them


Facts = dict[Key, str]
"""What is known of a trial, in the order in which differences are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether figures may be put beside the others of the run."""

    is_comparable: bool
    reason: Reason
    message: str


def comparisons(run: Run, trials: Sequence[Trial]) -> dict[str, Comparison]:
    """Return for each trial with provenance, by name, whether it agrees with the others.

    The reference is the largest group of trials of which no two differ, and of equally large ones
    that with the earliest trial; trials outside it are not comparable.

    Args:
        run: whose pools say which trials ran on GPUs.
        trials: of that run, in its order.

    Returns:
        Empty for fewer than two trials with provenance: there is nothing to compare.

    """
    pools = {p.name: p for p in run.spec.pools}
    known = dict[str, Facts]()
    for trial in trials:
        result, pool = trial.status.result, pools.get(trial.spec.pool)
        if result is not None and result.provenance is not None and pool is not None:
            known[trial.meta.name] = facts_of(result.provenance, pool)
    if len(known) <= 1:
        return {}
    pool_of = {t.meta.name: t.spec.pool for t in trials}
    reference = _reference(known)
    return {
        name: _agrees()
        if name in reference
        else _differs(facts, {n: known[n] for n in reference}, run=run, pool=pool_of[name])
        for name, facts in known.items()
    }


def run_comparison(compared: Mapping[str, Comparison]) -> Comparison | None:
    """Return the sum of a run's comparisons by trial; None: there is nothing to compare."""
    if not compared:
        return None
    marked = {name: c for name, c in compared.items() if not c.is_comparable}
    if not marked:
        return Comparison(
            is_comparable=True,
            reason=Reason.SAME_PROVENANCE,
            message="All trials with results agree in engine, versions, image and device.",
        )
    name, first = next(iter(marked.items()))
    return Comparison(
        is_comparable=False,
        reason=first.reason,
        message=f"{marked_of(compared)} trials differ from the rest; {name}: {first.message}",
    )


def marked_of(compared: Mapping[str, Comparison]) -> str:
    """Return how many trials are not comparable, of how many, or "" for none."""
    marked = sum(not c.is_comparable for c in compared.values())
    return f"{marked} of {len(compared)}" if marked else ""


def facts_of(provenance: Provenance, pool: RunPool) -> Facts:
    """Return what must be equal between a trial of `pool` and others, as far as it is known."""
    versions = {v.name: v.value for v in provenance.versions}
    kind = "GPU" if pool.spec.gpus is not None else "CPU"
    if provenance.engine == "simulated":
        kind = "simulated"
    found: Facts = {Key("engine", ""): provenance.engine}
    if provenance.runner_version != UNKNOWN_VERSION:
        found[Key("runnerVersion", "")] = provenance.runner_version
    for name in LIBRARIES:
        if name in versions:
            found[Key(name, "")] = versions[name].partition("+")[0]
            found[Key(name, kind)] = versions[name]
    if "python" in versions:
        found[Key("python", "")] = ".".join(versions["python"].split(".")[:2])
    for name in OF_GPUS if kind == "GPU" else ():
        if name in versions:
            found[Key(name, kind)] = versions[name]
    if provenance.image:
        name, _, digest = provenance.image.partition("@")
        among = f"{kind}, by {'digest' if digest else 'name'}"
        found[Key("image", among)] = digest or name
    if provenance.device and kind != "simulated":
        product = re.sub(r"^\d+ × ", "", provenance.device)  # the number is the candidate's
        found[Key("device", pool.name)] = product
    return found


def differences(a: Facts, b: Facts) -> list[Key]:
    """Return what is known of both and not equal, in the order of `a`; each field once."""
    first = dict[str, Key]()
    for key, value in a.items():
        if value != b.get(key, value):
            first.setdefault(key.field, key)
    return list(first.values())


def _reference(known: Mapping[str, Facts]) -> list[str]:
    """Return the names of the reference group, in the run's order.

    A group is grown from every set of equal trials, by the others from the commonest on: so a trial
    of which little is known joins the group that is larger, and never decides which one that is.
    """
    order = list(known)
    alike = dict[frozenset[tuple[Key, str]], list[int]]()
    for place, name in enumerate(order):
        alike.setdefault(frozenset(known[name].items()), []).append(place)
    sets = sorted(alike.values(), key=lambda places: (-len(places), places))
    groups = list[list[int]]()
    for first in sets:
        group, facts = list(first), dict(known[order[first[0]]])
        for other in sets:
            theirs = known[order[other[0]]]
            if other is not first and not differences(facts, theirs):
                group += other
                facts |= theirs
        groups.append(sorted(group))
    best = min(groups, key=lambda places: (-len(places), places))
    return [order[place] for place in best]


def _agrees() -> Comparison:
    # The same words whatever the others do: a result that comes in writes no other trial.
    return Comparison(
        is_comparable=True,
        reason=Reason.SAME_PROVENANCE,
        message="Agrees in engine, versions, image and device with all trials of the run whose "
        "Comparable is True.",
    )


def _differs(facts: Facts, reference: Mapping[str, Facts], *, run: Run, pool: str) -> Comparison:
    theirs = {key: value for other in reference.values() for key, value in other.items()}
    keys = differences(facts, theirs)
    others = [name for name, other in reference.items() if differences(facts, other)]
    named = ", ".join(others[:MAX_NAMED]) + (" and more" if len(others) > MAX_NAMED else "")
    told = ", ".join(f"{key.field} is {facts[key]} here, {theirs[key]} there" for key in keys)
    fields = [key.field for key in keys]
    return Comparison(
        is_comparable=False,
        reason=_reason_of(fields),
        message=f"Not comparable with {named}: {told}. {_cure(fields, run=run, pool=pool)}",
    )


def _reason_of(fields: Sequence[str]) -> Reason:
    """Return the gravest of several differences: an image follows from its versions."""
    if "engine" in fields:
        return Reason.ENGINES_DIFFER
    if set(fields) - {"image", "device"}:
        return Reason.VERSIONS_DIFFER
    return Reason.IMAGES_DIFFER if "image" in fields else Reason.DEVICES_DIFFER


def _cure(fields: Sequence[str], *, run: Run, pool: str) -> str:
    """Return what to do about differences in `fields`."""
    if "engine" in fields:
        return f"Measure on SLMPool {pool} in an SLMEvaluation of its own."
    cures = list[str]()
    if set(fields) - {"driver", "device"}:
        cures.append("pin images of the same versions by digest in spec.image of the run's pools")
    if "driver" in fields:
        cures.append("bring the pools' nodes to one GPU driver")
    if "device" in fields:
        cures.append(f"narrow spec.nodeSelector of SLMPool {pool} to one product")
    cures.append(f"then delete SLMRun {run.meta.name}: it is made and measured anew.")
    whole = ", ".join(cures)
    return whole[0].upper() + whole[1:]
