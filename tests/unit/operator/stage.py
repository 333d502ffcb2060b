"""A cluster in memory with our operator in it: users, KubeRay, the runner, and time."""

from datetime import datetime, timedelta
from typing import Any

from builders import Json, evaluation_body, pool_body
from slmeval_api.conditions import ConditionType, condition
from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_operator.cluster import ApiError
from slmeval_operator.reconcile import Reconciler
from slmeval_operator.store import WATCHED, Store
from unit.operator.fake_api import Died, FakeApi, Place
from unit.operator.fake_kuberay import FakeKuberay
from unit.operator.worlds import NOW, SETTINGS, result_json

DEMO: Place = ("slmevaluations", "team", "demo")
KEY = "team/uid-demo"
ROUNDS = 60
"""More rounds than anything here needs to come to rest."""


class Stage:
    """Starts with one pool, one evaluation, and an operator that has listed both."""

    def __init__(self, *, with_pool: bool = True, **spec: Any) -> None:
        self.clock = NOW
        self.api = FakeApi(lambda: self.clock)
        self.kuberay = FakeKuberay(self.api)
        if with_pool:
            self.api.put("slmpools", pool_body())
        self.api.put("slmevaluations", evaluation_body(**spec))
        self.boot()

    def now(self) -> datetime:
        """Return the time on this stage."""
        return self.clock

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock += timedelta(seconds=seconds)

    def boot(self) -> None:
        """Start the operator anew: it knows nothing but what it lists."""
        self.store = Store()
        self.api.news.clear()
        for kind in WATCHED:
            self.store.replace(kind, self.api.of(kind), known=set())
        self.reconciler = Reconciler(self.store, self.api, SETTINGS, self.now)

    def hear(self) -> bool:
        """Take what the watches tell; return whether they told anything."""
        news, self.api.news = self.api.news, []
        for kind, body, is_gone in news:
            if kind in WATCHED:
                if is_gone:
                    self.store.drop(kind, body)
                else:
                    self.store.put(kind, body)
        return bool(news)

    async def reconcile(self) -> list[str]:
        """Make one pass over every evaluation; return what it wrote."""
        self.api.writes.clear()
        for key in sorted(self.store.evaluations()):
            await self.reconciler.evaluation(key)
        return list(self.api.writes)

    async def settle(self) -> None:
        """Let everybody act until nobody does; a process that dies is started again."""
        for _ in range(ROUNDS):
            try:
                writes = await self.reconcile()
            except Died:
                self.boot()
                continue
            except ApiError:  # the queue would try again
                continue
            self.kuberay.step()
            if not self.hear() and not writes:
                return
        raise AssertionError(f"no rest after {ROUNDS} rounds; the last writes: {writes}")

    def measure(self, trial: str, **result: Any) -> None:
        """Let the runner write a trial's result."""
        self.api.set_status(("slmtrials", "team", trial), result=result_json(**result))

    def edit(self, **spec: Any) -> None:
        """Let the user edit the evaluation."""
        self.api.edit(DEMO, **spec)

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation as stored."""
        return Evaluation.from_body(self.api.objects[DEMO])

    @property
    def reason(self) -> str:
        """What `kubectl get slmeval` prints."""
        ready = condition(self.evaluation.status.conditions, ConditionType.READY)
        return ready.reason if ready else ""

    @property
    def message(self) -> str:
        """What it says to people."""
        ready = condition(self.evaluation.status.conditions, ConditionType.READY)
        return ready.message if ready else ""

    @property
    def runs(self) -> list[Run]:
        """All runs, oldest question first."""
        runs = [Run.from_body(b) for b in self.api.of("slmruns")]
        return sorted(runs, key=lambda r: r.spec.number)

    def events(self, reason: str) -> list[Json]:
        """Return the evaluation's events of a reason."""
        return [
            e
            for e in self.api.of("events")
            if e["reason"] == reason and e["involvedObject"]["kind"] == Evaluation.info.kind
        ]

    @property
    def trials(self) -> dict[str, Trial]:
        """All trials by name."""
        made = [Trial.from_body(b) for b in self.api.of("slmtrials")]
        return {t.meta.name: t for t in made}

    @property
    def rayjobs(self) -> list[str]:
        """The names of all RayJobs."""
        return self.api.names_of("rayjobs")

    def everything(self) -> list[Json]:
        """Return all objects without what two stories of the same end may differ in."""
        uids = {b["metadata"]["uid"]: p[2] for p, b in self.api.objects.items()}

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {k: plain(v) for k, v in value.items() if k != "resourceVersion"}
            if isinstance(value, list):
                return [plain(v) for v in value]
            return uids.get(value, value) if isinstance(value, str) else value

        return [plain(self.api.objects[p]) for p in sorted(self.api.objects, key=str)]
