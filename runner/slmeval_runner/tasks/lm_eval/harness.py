"""lm-evaluation-harness: its tasks, their prompts and their scores. `encoding` has the rest of it.

Its `evaluate()` is not used but followed step by step: it could neither leave out the items that
do not fit, without other examples for those that do, nor share one set of requests with our own
tasks. That both give the same is tested.
"""

import functools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, NamedTuple

from slmeval_runner.engines.base import Tokenizer
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.tasks.outcomes import dealt

from .encoding import Answer, Continuation, Wanted, check_options, wanted_of
from .leaks import Guard

KNOWN_REQUESTS = ("loglikelihood", "generate_until")
SHOWN_NAMES = 5
TEMPLATES = 1024
"""Templates kept compiled: a task has a handful."""
SHOWN_CHARACTERS = 300
METRIC_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One item, and what the harness asks about it. `number` is its place in the data."""

    number: int
    doc: Any
    right: Any
    """The right answer, as the task says it: a place among its choices, or a text."""
    instances: list[Any]

    @property
    def identity(self) -> list[str]:
        """What tells it apart from all others."""
        return [str(self.number), json.dumps(self.doc, sort_keys=True, default=str)]

    @property
    def asked(self) -> list[Any]:
        """All that the harness would send, and what is right."""
        return [[[one.request_type, one.args] for one in self.instances], self.right]


class Scores(NamedTuple):
    """The values of a metric for each item, in the order they were given."""

    name: str
    """With its filter: `acc,none`."""
    values: list[float]


@functools.cache
def _manager() -> Any:  # noqa: ANN401 - the harness has no types for us
    """Return the list of all tasks; it takes 5 s to read, and nothing of a run is kept in it."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise TaskUnusable(
            f"lmEval needs lm-evaluation-harness, which the runner's image does not have "
            f"({_words(error)}): name an image in the pool that does, or drop the task"
        ) from error
    return TaskManager()


@functools.cache
def _compile_templates_once() -> None:
    """Keep what the harness compiles anew for every item and example: most of its time goes there.

    A template's text says all about it, and rendering leaves nothing behind in it.
    """
    from lm_eval.utils import env

    env.from_string = functools.lru_cache(maxsize=TEMPLATES)(env.from_string)


@functools.cache
def _harness_errors() -> tuple[type[Exception], ...]:
    """Return what a task's own code and templates are seen to raise; all else is a bug of ours."""
    from jinja2 import TemplateError

    return (
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        TemplateError,
        TypeError,
        ValueError,
    )


class HarnessTask:
    """A task that is loaded, with the prompts of its items."""

    def __init__(
        self,
        name: str,
        *,
        num_few_shot: int | None,
        limit: int | None,
        seed: int,
        manager: Any = None,  # noqa: ANN401
    ) -> None:
        """Load the data and make all prompts.

        Args:
            name: the task.
            num_few_shot: examples in each prompt; None: as the task says.
            limit: only so many items, the first ones.
            seed: draws the examples.
            manager: a TaskManager; None: of all tasks that the harness ships. Another one is for
                tests: a task's YAML can name Python code to run.

        Raises:
            TaskUnusable: it cannot be loaded, or not be scored by us.

        """
        self.name = name
        self._task = _loaded(name, manager or _manager(), seed)
        self._set_examples(num_few_shot, seed)
        self.metric = self._first_metric()
        guard = Guard(self._task) if self.num_few_shot else None
        self.items = self._items(limit)
        self.leaks_prevented = guard.prevented if guard else 0
        self._check_requests()

    @property
    def version(self) -> str:
        """Version of the harness."""
        return version("lm_eval")

    @property
    def task_version(self) -> str:
        """Version of the task, as it says itself."""
        return str(getattr(self._task, "VERSION", "none"))

    @property
    def num_few_shot(self) -> int:
        """Examples in each prompt."""
        return int(self._task.get_config("num_fewshot") or 0)

    def wanted(self, items: Sequence[Item], tokenizer: Tokenizer) -> list[list[Wanted]]:
        """Return what is asked about each of `items`, one for each of its instances.

        Raises:
            TaskUnusable: a continuation has no token of its own with this tokenizer.

        """
        every = wanted_of([one for item in items for one in item.instances], tokenizer)
        wanted = list(map(list, dealt(every, (len(item.instances) for item in items))))
        for item, own in zip(items, wanted, strict=True):
            if any(
                isinstance(one, Continuation) and not (one.before_ids and one.ids) for one in own
            ):
                raise TaskUnusable(
                    f"{self.name}: with this model's tokenizer a continuation of item "
                    f"{item.number} melts into the text before it, so that the harness would take "
                    "it for certain: take another task"
                )
        return wanted

    def right_instance(self, item: Item) -> int | None:
        """Return which of the item's instances is right; None: there is no such."""
        is_choice = self._task.OUTPUT_TYPE == "multiple_choice"
        is_place = isinstance(item.right, int) and 0 <= item.right < len(item.instances)
        return item.right if is_choice and is_place else None

    def choices(self, item: Item) -> int | None:
        """Return how many answers a guess is drawn from; None: there is no list, or it is unknown.

        Only where accuracy is the metric.
        """
        if self.right_instance(item) is None or not self.metric.startswith("acc"):
            return None
        return len(self._task.doc_to_choice(item.doc))

    def scores(self, answers: Sequence[tuple[Item, Sequence[Answer]]]) -> list[Scores]:
        """Return all metrics that are a mean of numbers from 0 to 1, the task's own one first.

        Args:
            answers: at least one item, and the answers to its instances. Items that are not there
                have no part in any figure.

        Raises:
            TaskUnusable: the harness could not score them, or its metric is of another kind.

        """
        try:
            found = {name: values for name, values in self._scored(answers)}
        except _harness_errors() as error:
            raise TaskUnusable(
                f"{self.name}: lm-evaluation-harness could not score the answers: {_words(error)}. "
                "Take another task"
            ) from error
        first = next((name for name in found if name.rpartition(",")[0] == self.metric), None)
        if first is None or found[first] is None:
            raise TaskUnusable(
                f"{self.name}: its metric {self.metric} is no mean over items of numbers from 0 to "
                "1, so that it has no interval: take another task"
            )
        usable = [Scores(name, values) for name, values in found.items() if values is not None]
        return sorted(usable, key=lambda one: one.name != first)

    def _scored(
        self, answers: Sequence[tuple[Item, Sequence[Answer]]]
    ) -> Iterator[tuple[str, list[float] | None]]:
        """Yield each metric with the items' values; None: they are no score."""
        task = self._task
        for item, given in answers:
            for instance, answer in zip(item.instances, given, strict=True):
                instance.resps = [answer] * instance.repeats
        # Filters see all instances that there are.
        task.instances[:] = [instance for item, _ in answers for instance in item.instances]
        task.apply_filters()
        aggregations = task.aggregation()
        for filter_ in task.instances[0].filtered_resps:
            by_metric = dict[str, list[Any]]()
            for item, _ in answers:
                filtered = [instance.filtered_resps[filter_] for instance in item.instances]
                for metric, value in task.process_results(item.doc, filtered).items():
                    by_metric.setdefault(metric, []).append(value)
            for metric, values in by_metric.items():
                shares = _shares(values) if len(values) == len(answers) else None
                is_mean = _is_mean(aggregations.get(metric))
                yield _label(metric, filter_), shares if is_mean else None

    def _set_examples(self, num_few_shot: int | None, seed: int) -> None:
        """Do what its `simple_evaluate` does, but for what it ignores."""
        task = self._task
        pinned = task.get_config("num_fewshot") == 0
        if num_few_shot and pinned:
            raise TaskUnusable(
                f"lmEval.numFewShot is {num_few_shot}, but {self.name} is only ever asked without "
                "examples: drop it"
            )
        if num_few_shot is not None:
            task.set_config("num_fewshot", num_few_shot)
        if self.num_few_shot and not hasattr(task, "sampler"):
            raise TaskUnusable(
                f"{self.name} draws its examples by code of its own, so that nothing keeps an "
                "item out of its own prompt: set lmEval.numFewShot: 0"
            )
        task.set_fewshot_seed(seed)

    def _first_metric(self) -> str:
        """Return the task's first metric of which more is better and that is a mean over items."""
        task = self._task
        better = task.higher_is_better()
        for metric, aggregation in task.aggregation().items():
            if _is_mean(aggregation) and better.get(metric) is not False:
                return str(metric)
        raise TaskUnusable(
            f"{self.name}: none of its metrics ({', '.join(map(str, task.aggregation()))}) is a "
            "mean over items of which more is better: take another task"
        )

    def _items(self, limit: int | None) -> list[Item]:
        task = self._task
        try:
            task.build_all_requests(limit=limit, rank=0, world_size=1)
            by_number = dict[int, list[Any]]()
            for instance in task.instances:
                by_number.setdefault(instance.doc_id, []).append(instance)
            return [
                Item(
                    number,
                    instances[0].doc,
                    task.doc_to_target(instances[0].doc),
                    sorted(instances, key=lambda one: one.idx),
                )
                for number, instances in by_number.items()
            ]
        except _harness_errors() as error:
            raise TaskUnusable(
                f"{self.name}: lm-evaluation-harness could not make its prompts with "
                f"{self.num_few_shot} examples: {_words(error)}. Lower lmEval.numFewShot, or take "
                "another task"
            ) from error

    def _check_requests(self) -> None:
        """Raise TaskUnusable if something is asked that would be answered differently here."""
        for instance in (instance for item in self.items for instance in item.instances):
            if instance.request_type not in KNOWN_REQUESTS:
                raise TaskUnusable(
                    f"{self.name} asks for {instance.request_type}: only "
                    f"{' and '.join(KNOWN_REQUESTS)} can be asked of the engine; take another task"
                )
            if instance.request_type == "generate_until":
                check_options(self.name, instance.args[1])


def _loaded(name: str, manager: Any, seed: int) -> Any:  # noqa: ANN401
    """Return the harness's own Task, with its data. Raises TaskUnusable."""
    _check_name(name, manager)
    _compile_templates_once()
    # As its command line: some tasks shuffle their data by these.
    random.seed(seed)
    _seed_numpy(seed)
    try:
        (task,) = manager.load([name])["tasks"].values()
    except ImportError as error:
        raise TaskUnusable(
            f"{name} needs a Python package that the runner's image does not have: "
            f"{_words(error)}. Take another task, or name an image that has it in the pool"
        ) from error
    except _harness_errors() as error:
        raise TaskUnusable(
            f"lm-evaluation-harness could not load {name}: {_words(error)}. Its data come from the "
            "Hugging Face hub: nodes must reach it (or set HF_ENDPOINT in the pool's env), and "
            "gated data need spec.huggingFace",
            may_pass=isinstance(error, ConnectionError | TimeoutError),
        ) from error
    if getattr(task, "UNSAFE_CODE", False):
        raise TaskUnusable(f"{name} runs code that the model wrote: take another task")
    if getattr(task, "MULTIMODAL", False):
        raise TaskUnusable(f"{name} shows pictures or sound, and models here read text: drop it")
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        raise TaskUnusable(
            f"{name} measures perplexity, which is no score from 0 to 1: take another task"
        )
    by_itself = callable(getattr(task.config, "process_results", None))
    missing = [m for m, f in getattr(task, "_metric_fn_list", {}).items() if f is None]
    if missing and not by_itself:
        raise TaskUnusable(
            f"{name} is scored by {', '.join(missing)}, which is a script of the Hugging Face hub; "
            "none is run here: take another task"
        )
    return task


def _check_name(name: str, manager: Any) -> None:  # noqa: ANN401
    index = manager.task_index
    entry = index.get(name)
    if entry is None:
        near = get_close_matches(name, index, n=SHOWN_NAMES)
        raise TaskUnusable(
            f"lmEval.task {name!r} is no task of lm-evaluation-harness {version('lm_eval')}"
            + (f": did you mean {', '.join(near)}?" if near else ": correct the name")
        )
    if entry.kind.name not in ("TASK", "PY_TASK"):
        raise TaskUnusable(
            f"lmEval.task {name!r} is a {entry.kind.name.lower()} of tasks: name those that you "
            "mean, each as a task of its own"
        )


def _seed_numpy(seed: int) -> None:
    import numpy as np

    np.random.seed(seed)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:SHOWN_CHARACTERS]}"


def _label(metric: str, filter_: str) -> str:
    text = f"{metric},{filter_}".encode("ascii", "replace").decode()
    return text[:METRIC_CHARACTERS]


def _is_mean(aggregation: Any) -> bool:  # noqa: ANN401
    """Return whether a metric is the mean over items; it is where the harness has no other."""
    from lm_eval.api.metrics import mean

    return aggregation is None or aggregation is mean


def _shares(values: Sequence[Any]) -> list[float] | None:
    """Return `values` as floats; None unless all are numbers from 0 to 1."""
    import numpy as np

    if not all(isinstance(value, int | float | np.number | np.bool_) for value in values):
        return None
    floats = [float(value) for value in values]
    return floats if all(0.0 <= value <= 1.0 for value in floats) else None
