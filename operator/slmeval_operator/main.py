"""kopf's part: watches that feed the controller, and the process' start and end.

Only on.event handlers: kopf then puts no annotation, no finalizer and no status of its own on any
object. Their exceptions would be logged and dropped, so they do nothing but note and wake.
"""

import logging
from typing import Any

import kopf
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from slmeval_api import GROUP, VERSION

from .cluster import RESOURCES, Cluster, connect
from .controller import Controller
from .metrics import OperatorMetrics
from .reconcile import Reconciler
from .series.exposition import Exposition
from .server import Health, Server
from .settings import Settings
from .store import KINDS, PODS, RAYJOBS, Store

log = logging.getLogger(__name__)


class Operator:
    """Holds what lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.health = Health()
        self.store = Store()
        self.exposition = Exposition(self.store)
        self.server = Server(self.registry, self.health, settings.port, text=self.exposition)
        self.cluster: Cluster | None = None
        self.controller: Controller | None = None

    async def start(self) -> None:
        """Serve probes, list everything, begin to work."""
        port = await self.server.start()
        log.info("Serving /metrics, /healthz and /readyz on port %d", port)
        metrics = OperatorMetrics(self.registry)
        self.cluster = await connect(metrics.observe_call)
        self.controller = Controller(
            settings=self.settings,
            lists=self.cluster,
            store=self.store,
            reconciler=Reconciler(self.store, self.cluster, self.settings),
            metrics=metrics,
            exposition=self.exposition,
            health=self.health,
        )
        await self.controller.prime()
        self.controller.start()

    async def stop(self) -> None:
        """End in order."""
        if self.controller is not None:
            await self.controller.stop()
        if self.cluster is not None:
            await self.cluster.close()
        await self.server.stop()

    def saw(self, kind: str, event: kopf.RawEvent) -> None:
        """Pass a watch's event on."""
        if self.controller is not None:
            is_gone = event["type"] == "DELETED"
            self.controller.saw(kind, dict(event["object"]), is_gone=is_gone)


def registry_of(operator: Operator) -> kopf.OperatorRegistry:
    """Return kopf's registry with our handlers."""
    registry = kopf.OperatorRegistry()

    # A start that failed ends the process: repeated here, it would find its own port taken.
    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def started(settings: kopf.OperatorSettings, **_: Any) -> None:  # noqa: ANN401
        configure(settings)
        try:
            await operator.start()
        except BaseException:
            await operator.stop()
            raise

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.cleanup(registry=registry)
    async def stopped(**_: Any) -> None:  # noqa: ANN401
        await operator.stop()

    def watch(group: str, version: str, plural: str) -> None:
        @kopf.on.event(group, version, plural, registry=registry, id=f"saw-{plural}")
        async def saw(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401
            operator.saw(plural, event)

    for plural in KINDS:
        watch(GROUP, VERSION, plural)
    for plural in (RAYJOBS, PODS):
        watch(RESOURCES[plural].group, RESOURCES[plural].version, plural)
    return registry


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up: no traces on objects, watches that end before the network forgets them."""
    settings.posting.enabled = False
    settings.scanning.disabled = True  # our kinds are installed before us: no CRD permissions
    settings.watching.server_timeout = 270
    settings.watching.client_timeout = 300
    settings.queueing.idle_timeout = 1
    for plural in (RAYJOBS, PODS):
        resource = RESOURCES[plural]
        key = (resource.group, resource.version, resource.plural)
        settings.watching.label_selectors[key] = resource.selector


def run(settings: Settings) -> None:
    """Run until a signal ends the process."""
    operator = Operator(settings)
    kopf.run(
        registry=registry_of(operator),
        standalone=True,  # no peering: the Deployment keeps us alone
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )
