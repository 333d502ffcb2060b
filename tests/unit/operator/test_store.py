"""The copy of everything that is watched."""

from typing import Any

import pytest
from builders import Json, evaluation_body, pool_body, run_body, trial_body
from slmeval_decisions import names
from slmeval_operator.store import Store, Unreadable, evaluation_of, namespace_of
from unit.operator.worlds import NOW, pod_body, rayjob_body

KEY = "team/uid-demo"
EVALUATIONS, RUNS, TRIALS, POOLS = "slmevaluations", "slmruns", "slmtrials", "slmpools"


def version(body: Json, number: int) -> Json:
    """Return a body at a version."""
    return body | {"metadata": body["metadata"] | {"resourceVersion": str(number)}}


def labelled(body: Json, uid: str | None = "uid-demo", *, own_uid: str | None = None) -> Json:
    """Return a body that belongs to an evaluation, or to none."""
    labels = dict(body["metadata"].get("labels") or {})
    labels.pop(names.EVALUATION_UID, None)
    if uid is not None:
        labels[names.EVALUATION_UID] = uid
    meta = body["metadata"] | {"labels": labels}
    meta["uid"] = own_uid or meta.get("uid") or f"uid-{meta['name']}"
    return body | {"metadata": {"namespace": "team", **meta}}


def world_of(store: Store, key: str = KEY) -> Any:
    """Return the world of an evaluation."""
    return store.world(key, now=NOW, refusals={})


class TestANewerVersionStays:
    def test_older_and_equal_ones_are_not_taken(self) -> None:
        store = Store()
        assert store.put(POOLS, version(pool_body(), 5))
        assert not store.put(POOLS, version(pool_body(), 4))
        assert not store.put(POOLS, version(pool_body(workers=2), 5))
        assert store.put(POOLS, version(pool_body(workers=3), 6))
        assert store.objects[POOLS]["uid-pool"]["spec"]["workers"] == 3

    def test_versions_are_compared_as_numbers(self) -> None:
        store = Store()
        store.put(POOLS, version(pool_body(), 99))
        assert store.put(POOLS, version(pool_body(), 100))


class TestWhatIsGoneStaysGone:
    def test_for_an_answer_or_a_list_that_is_older(self) -> None:
        store = Store()
        store.put(POOLS, version(pool_body(), 5))
        assert store.drop(POOLS, version(pool_body(), 9))
        assert not store.put(POOLS, version(pool_body(), 8))
        assert store.replace(POOLS, [version(pool_body(), 7)], known=set()) == []
        assert store.uids(POOLS) == set()

    def test_until_it_is_selected_again(self) -> None:
        store = Store()
        store.drop(POOLS, version(pool_body(), 9))
        assert store.put(POOLS, version(pool_body(), 10))

    def test_dropping_what_is_not_here_is_no_news(self) -> None:
        assert not Store().drop(POOLS, pool_body())

    def test_the_memory_of_it_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("slmeval_operator.store.REMEMBERED", 10)
        store = Store()
        for n in range(50):
            store.drop(POOLS, pool_body(uid=f"u{n}"))
        assert list(store._gone) == [f"u{n}" for n in range(40, 50)]


class TestAListRepairsWhatAWatchLost:
    def test_what_vanished_is_dropped_and_what_changed_is_told(self) -> None:
        store = Store()
        for uid in ("same", "changed", "vanished"):
            store.put(POOLS, version(pool_body(uid, uid), 5))
        known = store.uids(POOLS)
        newer = version(pool_body("changed", "changed"), 6)
        new = version(pool_body("new", "new"), 6)
        listed = [version(pool_body("same", "same"), 5), newer, new]
        told = store.replace(POOLS, listed, known=known)
        assert [b["metadata"]["uid"] for b in told] == ["changed", "new", "vanished"]
        assert store.uids(POOLS) == {"same", "changed", "new"}

    def test_what_came_by_an_event_while_it_was_read_is_kept(self) -> None:
        store = Store()
        known = store.uids(POOLS)
        store.put(POOLS, version(pool_body(), 7))
        assert store.replace(POOLS, [], known=known) == []
        assert store.uids(POOLS) == {"uid-pool"}

    def test_what_vanished_by_an_event_meanwhile_is_told_once(self) -> None:
        store = Store()
        store.put(POOLS, pool_body())
        known = store.uids(POOLS)
        store.drop(POOLS, pool_body())
        assert store.replace(POOLS, [], known=known) == []


class TestAnObjectBelongsToOneEvaluationOfItsNamespace:
    def test_the_evaluation_itself_by_its_uid(self) -> None:
        assert evaluation_of(EVALUATIONS, evaluation_body()) == KEY
        assert namespace_of(KEY) == "team"

    def test_others_by_their_label(self) -> None:
        assert evaluation_of(RUNS, labelled(run_body())) == KEY

    def test_a_label_reaches_no_other_namespace(self) -> None:
        body = labelled(run_body(namespace="elsewhere"))
        assert evaluation_of(RUNS, body) == "elsewhere/uid-demo"

    @pytest.mark.parametrize(
        ("kind", "body"),
        [(POOLS, pool_body()), (RUNS, run_body()), (TRIALS, labelled(trial_body(), None))],
        ids=["pool", "no labels", "no label of ours"],
    )
    def test_without_one_it_belongs_to_none(self, kind: str, body: Json) -> None:
        assert evaluation_of(kind, body) is None


class TestAWorldIsOfOneEvaluation:
    def test_with_all_that_is_its_own(self) -> None:
        store = Store()
        store.put(POOLS, pool_body())
        store.put(EVALUATIONS, evaluation_body())
        store.put(EVALUATIONS, evaluation_body("other", uid="uid-other"))
        store.put(RUNS, labelled(run_body()))
        store.put(RUNS, labelled(run_body(uid="uid-r2"), "uid-other"))
        store.put(TRIALS, labelled(trial_body()))
        store.put("rayjobs", labelled(rayjob_body()))
        store.put("pods", labelled(pod_body("job"), own_uid="p1"))
        store.put("pods", labelled(pod_body("job", "b", phase="Succeeded"), own_uid="p2"))
        world = world_of(store)
        assert world.evaluation.meta.name == "demo"
        assert list(world.pools) == ["gpu"]
        assert [r.meta.uid for r in world.runs] == ["uid-run"]
        assert [t.meta.uid for t in world.trials] == ["uid-trial"]
        assert [j.attempt for j in world.rayjobs] == [1]
        assert [p.name for p in world.pods] == ["job-head"]

    def test_also_when_only_leftovers_are_there(self) -> None:
        store = Store()
        store.put("pods", labelled(pod_body("job"), own_uid="p1"))
        assert store.evaluations() == {KEY}
        assert world_of(store).evaluation is None
        assert len(world_of(store).pods) == 1

    def test_an_object_is_read_once_a_version(self) -> None:
        store = Store()
        store.put(EVALUATIONS, version(evaluation_body(), 1))
        first = world_of(store).evaluation
        assert world_of(store).evaluation is first
        store.put(EVALUATIONS, version(evaluation_body(seed=2), 2))
        assert world_of(store).evaluation.spec.seed == 2

    def test_and_then_kept_in_one_form_only(self) -> None:
        store = Store()
        body = labelled(trial_body())
        body["metadata"]["managedFields"] = [{"manager": "kubectl"}]
        store.put(TRIALS, body)
        (trial,) = world_of(store).trials
        assert world_of(store).trials == (trial,)
        (kept,) = store.objects[TRIALS].values()
        assert set(kept) == {"metadata"}
        assert "managedFields" not in kept["metadata"]
        assert "managedFields" in body["metadata"]


class TestNothingIsKeptOfWhatIsGone:
    def test_neither_members_nor_typed_copies(self) -> None:
        store = Store()
        bodies = [(EVALUATIONS, evaluation_body()), (RUNS, labelled(run_body()))]
        for kind, body in bodies:
            store.put(kind, body)
        world_of(store)
        for kind, body in bodies:
            store.drop(kind, body)
        assert (store.evaluations(), store._members, store._typed) == (set(), {}, {})
        assert not store.has(KEY)

    def test_an_object_that_moves_to_another_evaluation_leaves_the_first(self) -> None:
        store = Store()
        store.put(RUNS, version(labelled(run_body()), 1))
        store.put(RUNS, version(labelled(run_body(), "uid-other"), 2))
        assert store.evaluations() == {"team/uid-other"}
        store.put(RUNS, version(labelled(run_body(), None), 3))
        assert store.evaluations() == set()


class TestAnUnreadableObjectHarmsNobodyElse:
    def broken(self, body: Json) -> Json:
        """Return a body of another version's form."""
        return body | {"spec": body["spec"] | {"fromTheFuture": 1}}

    def test_its_own_evaluation_fails_with_its_name(self) -> None:
        store = Store()
        store.put(EVALUATIONS, self.broken(evaluation_body()))
        with pytest.raises(Unreadable, match=r"(?s)slmevaluations demo: .*fromTheFuture"):
            world_of(store)

    def test_a_pool_fails_only_those_who_ask_for_it(self) -> None:
        store = Store()
        store.put(POOLS, self.broken(pool_body()))
        store.put(POOLS, pool_body("cpu", "uid-cpu"))
        store.put(EVALUATIONS, evaluation_body())
        store.put(EVALUATIONS, evaluation_body("other", uid="uid-other", pools=["cpu"]))
        assert list(world_of(store, "team/uid-other").pools) == ["cpu"]
        with pytest.raises(Unreadable, match="slmpools gpu"):
            world_of(store)

    def test_reading_all_leaves_it_out(self) -> None:
        store = Store()
        store.put(POOLS, self.broken(pool_body()))
        store.put(POOLS, pool_body("cpu", "uid-cpu"))
        assert [p.meta.name for p in store.readable(POOLS)] == ["cpu"]
