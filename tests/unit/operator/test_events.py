"""Events as kubectl shows them, and the names that tell each of them once."""

import re

from builders import an_evaluation
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import Meta
from slmeval_decisions.event_reasons import EVENT_KINDS, EventReason
from slmeval_decisions.story import News
from slmeval_operator.events import event
from unit.operator.worlds import NOW, ago

META = an_evaluation().meta


def news(
    reason: EventReason = EventReason.RUN_CREATED, message: str = "it begins", key: str = "1"
) -> News:
    """Return news of the evaluation."""
    subjects = ((Evaluation.info, META),)
    return News(reason=reason, message=message, subjects=subjects, key=key, where={})


def name_of(told: News, meta: Meta = META) -> str:
    """Return the name of the event that tells it."""
    name: str = event(told, Evaluation.info, meta, NOW)["metadata"]["name"]
    return name


class TestEqualNewsHasAnEqualName:
    def test_whenever_and_in_whatever_words_it_is_told(self) -> None:
        stored = META.model_copy(update={"resource_version": "99", "generation": 7})
        later = event(news(message="other"), Evaluation.info, stored, NOW.replace(hour=13))
        assert later["metadata"]["name"] == name_of(news())

    def test_and_other_news_another(self) -> None:
        told = [
            name_of(news()),
            name_of(news(EventReason.RUN_FAILED)),
            name_of(news(key="2")),
            name_of(news(), META.model_copy(update={"uid": "uid-of-its-successor"})),
        ]
        assert len(set(told)) == len(told)

    def test_in_the_storys_order_for_those_of_the_same_second(self) -> None:
        told = [name_of(news(reason)) for reason in EventReason]
        assert told == sorted(told)


class TestAnEventIsWhatKubectlShows:
    def test_under_its_subject(self) -> None:
        made = event(news(), Evaluation.info, META, NOW)
        assert made["involvedObject"] == {
            "apiVersion": "slmeval.dev/v1alpha1",
            "kind": "SLMEvaluation",
            "name": "demo",
            "namespace": "team",
            "uid": "uid-demo",
            "resourceVersion": "1",
        }
        assert (made["type"], made["reason"], made["message"]) == (
            "Normal",
            "RunCreated",
            "it begins",
        )
        assert made["firstTimestamp"] == made["lastTimestamp"] == ago(0)

    def test_a_warning_is_one(self) -> None:
        told = news(EventReason.RUN_FAILED)
        assert event(told, Evaluation.info, META, NOW)["type"] == "Warning"

    def test_a_long_message_is_cut_at_the_servers_limit(self) -> None:
        made = event(news(message="x" * 2000), Evaluation.info, META, NOW)
        assert made["message"] == "x" * 1023 + "…"


class TestReasons:
    def test_all_say_what_they_are(self) -> None:
        assert list(EVENT_KINDS) == list(EventReason)

    def test_are_in_camel_case(self) -> None:
        assert [
            r for r in EventReason if not re.fullmatch(r"([A-Z][a-z]+)+|RayJobRefused", r)
        ] == []
