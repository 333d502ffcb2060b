"""kopf's part: it leaves no trace on objects, and hands events on."""

import kopf
from builders import pool_body
from slmeval_decisions.names import MANAGED_BY, OURS
from slmeval_operator.main import Operator, configure, registry_of
from unit.operator.worlds import SETTINGS


class TestKopfLeavesNoTrace:
    def test_no_events_no_finalizers_and_watches_that_end_in_time(self) -> None:
        settings = kopf.OperatorSettings()
        configure(settings)
        assert settings.posting.enabled is False
        assert settings.scanning.disabled is True
        assert settings.watching.server_timeout == 270
        assert settings.watching.client_timeout == 300
        assert settings.queueing.idle_timeout == 1
        assert settings.queueing.worker_limit is None

    def test_only_our_rayjobs_and_pods_are_watched(self) -> None:
        settings = kopf.OperatorSettings()
        configure(settings)
        ours = f"{MANAGED_BY}={OURS}"
        assert len(settings.watching.label_selectors) == 2
        for resource in (("ray.io", "v1", "rayjobs"), ("", "v1", "pods")):
            assert (resource, ours) in settings.watching.label_selectors.items()


class TestEventsBeforeTheStartAreLeftToTheFirstList:
    def test_they_break_nothing(self) -> None:
        operator = Operator(SETTINGS)
        registry_of(operator)
        event: kopf.RawEvent = {"type": "ADDED", "object": pool_body()}  # type: ignore[typeddict-item]
        operator.saw("slmpools", event)
        assert operator.controller is None
