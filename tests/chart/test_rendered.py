"""What the chart installs, with its defaults and with each value that changes it."""

from typing import Any

import pytest
import yaml
from builders import pool_spec
from helm import CHART, NAMESPACE, OUR_API, REGISTRY, Helm, Rendered
from manifests import examples
from slmeval_api.plan import LIVE_PORT_NAME
from tools import ROOT

Json = dict[str, Any]
CRDS = sorted((ROOT / "crds").glob("*.yaml"))
POOLS: Json = {"pools": [{"name": "a10", "spec": pool_spec(workers=2)}]}
VARIANTS: dict[str, Json] = {
    "defaults": {},
    "everything": {
        "image": {"pullSecrets": ["registry"], "tag": "1.2.3"},
        "operator": {
            "watchNamespaces": ["team-a", "team-b"],
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "a", "operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}},
            "priorityClassName": "high",
            "podAnnotations": {"a": "b"},
            "podLabels": {"team": "ml"},
            "port": 9090,
        },
        "logs": {"format": "json", "level": "debug"},
        "serviceAccount": {"annotations": {"a": "b"}},
        "monitoring": {
            "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "dashboards": {"enabled": True, "annotations": {"grafana_folder": "SLM"}},
        },
        **POOLS,
    },
    "little": {"crds": {"enabled": False}, "rbac": {"aggregateToUserRoles": False}},
}


@pytest.fixture(scope="module")
def default(helm: Helm) -> Rendered:
    return helm.render()


@pytest.fixture(scope="module")
def everything(helm: Helm) -> Rendered:
    return helm.render(VARIANTS["everything"], apis=(OUR_API,))


class TestEveryVariant:
    @pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
    def test_passes_helm_lint(self, helm: Helm, values: Json) -> None:
        helm.run("lint", "--strict", str(CHART), values={**REGISTRY, **values})

    @pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
    def test_no_two_objects_share_kind_and_name(self, helm: Helm, values: Json) -> None:
        ids = [
            (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
            for o in helm.render(values, apis=(OUR_API,)).objects
        ]
        assert len(ids) == len(set(ids))

    @pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
    def test_holds_no_secret(self, helm: Helm, values: Json) -> None:
        assert helm.render(values).all("Secret") == []


class TestThePodIsRestricted:
    def test_as_the_restricted_pod_security_standard_demands(self, default: Rendered) -> None:
        assert default.pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert default.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }

    def test_it_can_write_to_tmp_and_nowhere_else(self, default: Rendered) -> None:
        assert default.container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
        assert default.pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]

    def test_the_account_gives_its_token_to_this_pod_only(self, default: Rendered) -> None:
        assert default.one("ServiceAccount")["automountServiceAccountToken"] is False
        assert default.pod["automountServiceAccountToken"] is True


class TestOnePodWorks:
    def test_a_new_one_starts_only_when_the_old_one_is_gone(self, default: Rendered) -> None:
        spec = default.one("Deployment")["spec"]
        assert spec["replicas"] == 1
        assert spec["strategy"] == {"type": "Recreate"}
        assert default.pod["terminationGracePeriodSeconds"] == 10

    def test_it_is_probed_on_the_port_that_it_is_told(self, everything: Rendered) -> None:
        assert everything.env["SLMEVAL_PORT"] == "9090"
        assert everything.env["SLMEVAL_LOG_FORMAT"] == "json"
        assert everything.env["SLMEVAL_LOG_LEVEL"] == "debug"
        assert everything.container["ports"] == [{"name": "http", "containerPort": 9090}]
        probes = {
            name: everything.container[name]["httpGet"]
            for name in ("livenessProbe", "readinessProbe", "startupProbe")
        }
        assert probes == {
            "livenessProbe": {"path": "/healthz", "port": "http"},
            "readinessProbe": {"path": "/readyz", "port": "http"},
            "startupProbe": {"path": "/healthz", "port": "http"},
        }

    def test_the_service_finds_it(self, everything: Rendered) -> None:
        service = everything.one("Service")
        assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
        labels = everything.one("Deployment")["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()

    def test_its_own_labels_win_over_the_users(self, helm: Helm) -> None:
        mine = {"operator": {"podLabels": {"app.kubernetes.io/name": "other", "team": "ml"}}}
        deployment = helm.render(mine).one("Deployment")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert labels["team"] == "ml"
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()

    def test_where_it_runs_is_the_users_choice(self, everything: Rendered) -> None:
        pod = everything.pod
        assert pod["nodeSelector"] == {"disk": "ssd"}
        assert pod["tolerations"] == [{"key": "a", "operator": "Exists"}]
        assert pod["affinity"] == {"podAntiAffinity": {}}
        assert pod["priorityClassName"] == "high"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]


class TestImages:
    def test_both_come_from_the_registry_with_the_charts_version(self, default: Rendered) -> None:
        assert default.container["image"] == "registry.example.com/slmeval/operator:0.1.0"
        expected = "registry.example.com/slmeval/runner:0.1.0"
        assert default.env["SLMEVAL_RUNNER_IMAGE"] == expected

    def test_the_tag_is_for_both(self, everything: Rendered) -> None:
        assert everything.container["image"].endswith("/operator:1.2.3")
        assert everything.env["SLMEVAL_RUNNER_IMAGE"].endswith("/runner:1.2.3")

    def test_full_names_win_and_need_no_registry(self, helm: Helm) -> None:
        pinned = "example.com/op@sha256:" + "0" * 64
        values = {"operator": {"image": pinned}, "runner": {"image": "example.com/demo:dev"}}
        both = helm.render({**values, "image": {"registry": ""}})
        assert both.container["image"] == pinned
        assert both.env["SLMEVAL_RUNNER_IMAGE"] == "example.com/demo:dev"


class TestCrds:
    def test_are_the_generated_ones_and_kept(self, default: Rendered) -> None:
        expected = []
        for path in CRDS:
            crd = yaml.safe_load(path.read_text())
            crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
            expected.append(crd)
        assert default.all("CustomResourceDefinition") == expected

    def test_go_with_the_release_when_they_are_not_kept(self, helm: Helm) -> None:
        rendered = helm.render({"crds": {"keep": False}})
        expected = [yaml.safe_load(path.read_text()) for path in CRDS]
        assert rendered.all("CustomResourceDefinition") == expected

    def test_can_be_left_to_others(self, helm: Helm) -> None:
        rendered = helm.render({"crds": {"enabled": False}})
        assert rendered.all("CustomResourceDefinition") == []


class TestPools:
    def test_are_rendered_as_they_stand(self, helm: Helm) -> None:
        values = {
            "pools": [
                {"name": m.body["metadata"]["name"], "spec": m.body["spec"]}
                for m in examples()
                if m.body["kind"] == "SLMPool"
            ]
        }
        made = helm.render(values, apis=(OUR_API,)).all("SLMPool")
        assert [{"name": p["metadata"]["name"], "spec": p["spec"]} for p in made] == values["pools"]

    def test_belong_to_the_release_where_the_crds_are(self, helm: Helm) -> None:
        pool = helm.render(POOLS, apis=(OUR_API,)).one("SLMPool")
        assert "annotations" not in pool["metadata"]

    def test_come_after_the_crds_at_the_first_install_and_go_with_the_release(
        self, helm: Helm
    ) -> None:
        made, unmade = helm.render(POOLS).all("SLMPool")
        owner = {
            "meta.helm.sh/release-name": "slmeval",
            "meta.helm.sh/release-namespace": NAMESPACE,
        }
        assert made["spec"] == unmade["spec"] == POOLS["pools"][0]["spec"]
        assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert made["metadata"]["annotations"] == owner | {
            "helm.sh/hook": "post-install,post-upgrade",
            "helm.sh/hook-delete-policy": "hook-failed",
        }
        assert unmade["metadata"]["annotations"] == owner | {
            "helm.sh/hook": "pre-delete",
            "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
        }


class TestMonitoring:
    def test_no_podmonitor_unless_asked_for(self, default: Rendered) -> None:
        assert default.all("PodMonitor") == []

    def test_it_finds_the_operators_pod(self, everything: Rendered) -> None:
        monitor, _ = everything.all("PodMonitor")
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        # honorLabels: else the namespace of an evaluation would be the operator's.
        assert endpoint == {
            "port": "http", "path": "/metrics", "interval": "30s", "honorLabels": True,
            "metricRelabelings": [
                {"action": "labeldrop", "regex": "pod|container|instance|endpoint"}
            ],
        }  # fmt: skip
        labels = everything.one("Deployment")["spec"]["template"]["metadata"]["labels"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()

    def test_it_finds_the_pods_of_runs_in_the_namespaces_that_are_watched(
        self, helm: Helm, everything: Rendered
    ) -> None:
        """With the names that the pods' templates give: see tests/cluster/test_prometheus.py."""
        _, runs = everything.all("PodMonitor")
        assert runs["spec"]["namespaceSelector"] == {"matchNames": ["team-a", "team-b"]}
        ports = [endpoint["port"] for endpoint in runs["spec"]["podMetricsEndpoints"]]
        assert ports == ["metrics", LIVE_PORT_NAME]
        on = {"monitoring": {"podMonitor": {"enabled": True}}}
        _, runs = helm.render(on).all("PodMonitor")
        assert runs["spec"]["namespaceSelector"] == {"any": True}
        off = {"monitoring": {"podMonitor": {"enabled": True, "runs": False}}}
        assert len(helm.render(off).all("PodMonitor")) == 1


class TestNames:
    @pytest.mark.parametrize(
        ("release", "name"), [("slmeval", "slmeval"), ("ml", "ml-slmeval"), ("a" * 53, "a" * 50)]
    )
    def test_follow_the_release(self, helm: Helm, release: str, name: str) -> None:
        assert helm.render(release=release).one("Deployment")["metadata"]["name"] == name
