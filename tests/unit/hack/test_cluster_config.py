"""The embedded cluster's configuration, command lines and build inputs."""

import json
from pathlib import Path

import pytest
import yaml

from hack.cluster.embedded import golang, pki, services
from hack.cluster.embedded.layout import CONFIG, GO_MODULES, NODE_IP, Layout, layout_of
from hack.cluster.embedded.templates import filled, rendered, values_of

LAYOUT = Layout(state=Path("/state"), cache=Path("/cache"))
VALUES = {
    **values_of(LAYOUT),
    "image": "localhost/x:1",
    "pause_image": "localhost/pause:1",
    "forward": "forward . /etc/resolv.conf",
    "config_digest": "abc",
    "masquerade_all": "false",
}


class TestTemplates:
    @pytest.mark.parametrize("path", sorted(CONFIG.rglob("*.yaml")), ids=lambda p: p.name)
    def test_each_yaml_file_can_be_filled_and_read(self, path: Path) -> None:
        documents = list(yaml.safe_load_all(rendered(str(path.relative_to(CONFIG)), VALUES)))
        assert all(isinstance(document, dict) for document in documents)

    def test_the_network_is_json(self) -> None:
        (bridge,) = json.loads(rendered("cni.json", VALUES))["plugins"]
        assert bridge["ipam"]["ranges"][0][0]["gateway"] == NODE_IP

    def test_a_name_without_a_value_is_an_error_and_other_braces_are_not(self) -> None:
        assert filled('{a} {"b": {}}', {"a": "1"}) == '1 {"b": {}}'
        with pytest.raises(KeyError):
            filled("{missing}", {})

    def test_no_image_is_ever_collected(self) -> None:
        kubelet = yaml.safe_load(rendered("kubelet.yaml", VALUES))
        assert kubelet["imageGCHighThresholdPercent"] == 100


class TestNothingListensOnTheNetwork:
    def test_the_control_plane_is_on_the_bridge_or_on_loopback(self) -> None:
        plane = services.control_plane_of(LAYOUT)
        binary = Path("x")
        apiserver = services.apiserver(binary, plane)
        manager = services.controller_manager(binary, LAYOUT)
        scheduler = services.scheduler(binary, LAYOUT)
        assert f"--bind-address={NODE_IP}" in apiserver
        assert "--bind-address=127.0.0.1" in manager
        assert "--bind-address=127.0.0.1" in scheduler
        listening = [flag for flag in services.etcd(plane) if "--listen" in flag]
        assert len(listening) == 2
        assert all("//127.0.0.1:" in flag for flag in listening)

    def test_the_node_is_too(self) -> None:
        kubelet = yaml.safe_load(rendered("kubelet.yaml", VALUES))
        proxy = yaml.safe_load(rendered("kube-proxy.yaml", VALUES))
        assert kubelet["address"] == proxy["bindAddress"] == NODE_IP
        assert kubelet["healthzBindAddress"] == "127.0.0.1"
        assert proxy["metricsBindAddress"].startswith("127.0.0.1:")


class TestBuildsAreKeyedByTheirInputs:
    def test_each_input_changes_the_digest(self, tmp_path: Path) -> None:
        program = golang.PROGRAMS["helm"]
        (tmp_path / "go.mod").write_text("module x")
        first = golang.build_digest(program, source=tmp_path, go="go1.26.1")
        assert first == golang.build_digest(program, source=tmp_path, go="go1.26.1")
        assert first != golang.build_digest(program, source=tmp_path, go="go1.26.2")
        (tmp_path / "go.mod").write_text("module y")
        assert first != golang.build_digest(program, source=tmp_path, go="go1.26.1")

    @pytest.mark.parametrize("name", sorted(golang.PROGRAMS))
    def test_each_program_has_a_locked_module(self, name: str) -> None:
        assert (GO_MODULES / name / "go.mod").is_file()
        assert (GO_MODULES / name / "go.sum").is_file()

    @pytest.mark.parametrize(
        ("name", "version"),
        [
            ("kubernetes", golang.KUBERNETES_VERSION),
            ("kuberay", golang.KUBERAY_VERSION),
            ("coredns", golang.COREDNS_VERSION),
            ("helm", golang.HELM_VERSION),
        ],
    )
    def test_the_versions_that_are_named_are_those_that_are_built(
        self, name: str, version: str
    ) -> None:
        assert f" v{version}\n" in (GO_MODULES / name / "go.mod").read_text()

    def test_go_s_version_is_read(self) -> None:
        assert golang.parse_go_version("go1.26.8") == (1, 26)
        with pytest.raises(ValueError, match="devel"):
            golang.parse_go_version("devel")


class TestWhereThingsLie:
    def test_the_environment_and_an_argument_move_them(self) -> None:
        environ = {"SLMEVAL_CLUSTER_STATE": "/a", "SLMEVAL_CACHE": "/b", "HOME": "/h"}
        assert layout_of(environ).state == Path("/a")
        assert layout_of(environ, state=Path("/c")).state == Path("/c")
        assert layout_of({"HOME": "/h"}).cache == Path("/h/.cache/slmeval")

    def test_a_kubeconfig_carries_its_credentials(self) -> None:
        text = pki.kubeconfig(server="https://x", ca=b"a", cert=b"b", key=b"c")
        (user,) = yaml.safe_load(text)["users"]
        assert user["user"] == {"client-certificate-data": "Yg==", "client-key-data": "Yw=="}
