"""Runs and trials as they are made."""

from typing import Any

from slmeval_api import API_VERSION
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import owner_reference
from slmeval_api.pool import Pool
from slmeval_api.run import Run, RunPool, RunSpec
from slmeval_api.trial import TrialSpec

from . import names
from .runs import NextRun


def desired_run(evaluation: Evaluation, pools: dict[str, Pool], due: NextRun) -> dict[str, Any]:
    """Return the run that asks the evaluation's question, on the pools as they are now."""
    meta, question = evaluation.meta, evaluation.spec.question
    name = names.run_name(meta.name, meta.uid, due.number)
    spec = RunSpec(
        evaluation=meta.name,
        number=due.number,
        trigger=due.trigger,
        replaces=due.replaces,
        evaluation_generation=meta.generation,
        question=question,
        pools=[RunPool(name=p, spec=pools[p].spec) for p in question.pools],
    )
    return {
        "apiVersion": API_VERSION,
        "kind": Run.info.kind,
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": {
                names.MANAGED_BY: names.OURS,
                names.EVALUATION: meta.name,
                names.EVALUATION_UID: meta.uid,
            },
            "ownerReferences": [owner_reference(Evaluation.info.kind, meta)],
        },
        "spec": spec.to_json_data(),
    }


def run_labels(run: Run, evaluation_uid: str) -> dict[str, str]:
    """Return the labels that everything of a run carries."""
    return {
        names.MANAGED_BY: names.OURS,
        names.EVALUATION: run.spec.evaluation,
        names.EVALUATION_UID: evaluation_uid,
        names.RUN: run.meta.name,
    }


def desired_trials(run: Run, evaluation_uid: str) -> dict[str, dict[str, Any]]:
    """Return every trial of `run` by name: models × pools."""
    trials = dict[str, dict[str, Any]]()
    for pool in run.spec.pools:
        for model in run.spec.question.models:
            name = names.trial_name(run.meta.name, model.name, pool.name)
            if name in trials:  # a-b on c, and a on b-c
                name = names.trial_name(run.meta.name, model.name, pool.name, is_marked=True)
            spec = TrialSpec(
                evaluation=run.spec.evaluation, run=run.meta.name, model=model, pool=pool.name
            )
            labels = run_labels(run, evaluation_uid)
            labels |= {names.POOL: pool.name, names.MODEL: model.name}
            trials[name] = {
                "apiVersion": API_VERSION,
                "kind": "SLMTrial",
                "metadata": {
                    "name": name,
                    "namespace": run.meta.namespace,
                    "labels": labels,
                    "ownerReferences": [owner_reference(Run.info.kind, run.meta)],
                },
                "spec": spec.to_json_data(),
            }
    return trials
