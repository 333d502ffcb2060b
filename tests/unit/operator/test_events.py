"""Events on evaluations."""

from builders import an_evaluation
from slmeval_decisions.decide import Announcement
from slmeval_operator.events import event
from unit.operator.worlds import NOW, ago

META = an_evaluation().meta
NEWS = Announcement(reason="Running", message="it runs", is_warning=False)


def name_of(news: Announcement = NEWS, *, run: str = "demo-1", generation: int = 1) -> str:
    """Return the name of the event that tells news."""
    meta = META.model_copy(update={"generation": generation})
    name: str = event(meta, news, run=run, now=NOW)["metadata"]["name"]
    return name


def other(
    reason: str = "Running", message: str = "it runs", *, is_warning: bool = False
) -> Announcement:
    """Return other news."""
    return Announcement(reason=reason, message=message, is_warning=is_warning)


class TestEqualNewsHasAnEqualName:
    def test_whenever_it_is_told(self) -> None:
        stored = META.model_copy(update={"resource_version": "99"})
        later = event(stored, NEWS, run="demo-1", now=NOW.replace(hour=13))
        assert later["metadata"]["name"] == name_of()

    def test_and_other_news_another(self) -> None:
        told = [
            name_of(),
            name_of(other(reason="Starting")),
            name_of(other(message="it runs on")),
            name_of(run="demo-2"),
            name_of(generation=2),
        ]
        assert len(set(told)) == len(told)


class TestAnEventIsWhatKubectlShows:
    def test_under_the_evaluation(self) -> None:
        made = event(META, NEWS, run="demo-1", now=NOW)
        assert made["involvedObject"] == {
            "apiVersion": "slmeval.dev/v1alpha1",
            "kind": "SLMEvaluation",
            "name": "demo",
            "namespace": "team",
            "uid": "uid-demo",
            "resourceVersion": "1",
        }
        assert (made["type"], made["reason"], made["message"]) == ("Normal", "Running", "it runs")
        assert made["firstTimestamp"] == made["lastTimestamp"] == ago(0)

    def test_a_warning_is_one(self) -> None:
        assert event(META, other(is_warning=True), run="", now=NOW)["type"] == "Warning"

    def test_a_long_message_is_cut_at_the_servers_limit(self) -> None:
        made = event(META, other(message="x" * 2000), run="", now=NOW)
        assert made["message"] == "x" * 1023 + "…"
