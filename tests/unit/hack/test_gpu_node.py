"""What the GPU node lends to pods, and what its pack holds."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml
from tools import ROOT

from benchmarks.shapes import SHAPES
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.layout import Layout, Runtime
from hack.cluster.embedded.templates import rendered, values_of
from hack.gpu_node import debian, host, pack, specs, stand_in, unpacked_images, up

GPU = host.Device(path="/dev/nvidia0", major=195, minor=0)
CONTROL = host.Device(path="/dev/nvidiactl", major=195, minor=255)
SPEC = {"mounts": [{"destination": "/proc"}], "linux": {"resources": {}}}


def machine(**changes: object) -> host.Host:
    facts = {
        "python": Path("/opt/torch/bin/python3"),
        "prefixes": (Path("/opt/torch"), Path("/usr")),
        "versions": {"ray": "2.57.1", "vllm": "0.25.1"},
        "site": Path("/tmp/site"),
        "models": Path("/var/models"),
        "environment": {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64"},
        "devices": (GPU, CONTROL),
    }
    return host.Host(**(facts | changes))  # type: ignore[arg-type]


class TestPodsBorrowTheMachinesPython:
    def test_from_below_a_folder_that_hides_nothing_of_an_image(self) -> None:
        targets = [str(mount.target) for mount in machine().mounts]
        assert all(target.startswith(("/host/", "/models")) for target in targets)
        assert {"/host/usr", "/host/site", "/models"} <= set(targets)

    def test_wherever_it_was_installed_but_each_folder_once(self) -> None:
        folders = machine(prefixes=(Path("/root/venv"), Path("/usr/local"))).folders
        assert Path("/root/venv") in folders
        assert Path("/usr/local") not in folders

    def test_what_the_machine_says_of_cuda_goes_with_it_but_not_which_gpu(self) -> None:
        environ = {"NCCL_NVLS_ENABLE": "0", "CUDA_VISIBLE_DEVICES": "3", "EDITOR": "vi"}
        assert host.kept_environment(environ) == {"NCCL_NVLS_ENABLE": "0"}

    def test_one_without_ray_is_refused(self) -> None:
        with pytest.raises(ClusterError, match="no Ray"):
            _ = machine(versions={"ray": None}).ray

    def test_only_numbered_device_nodes_are_gpus(self) -> None:
        assert host.gpu_count([GPU, CONTROL]) == 1


class TestTheSpecificationsOfContainers:
    def test_folders_are_read_only(self) -> None:
        changed = specs.with_mounts(SPEC, machine().mounts)
        lent = changed["mounts"][1:]
        assert [mount["destination"] for mount in changed["mounts"][:1]] == ["/proc"]
        assert all("ro" in mount["options"] for mount in lent)

    def test_a_device_can_be_seen_and_used(self) -> None:
        linux = specs.with_devices(SPEC, [GPU])["linux"]
        (node,), (rule,) = linux["devices"], linux["resources"]["devices"]
        assert (node["path"], node["major"], node["minor"]) == ("/dev/nvidia0", 195, 0)
        assert rule == {"allow": True, "type": "c", "major": 195, "minor": 0, "access": "rwm"}

    def test_the_given_one_stays_as_it_is(self) -> None:
        specs.with_devices(specs.with_mounts(SPEC, machine().mounts), [GPU])
        assert SPEC == {"mounts": [{"destination": "/proc"}], "linux": {"resources": {}}}

    def test_containerd_starts_pods_that_name_no_class_from_the_first(self) -> None:
        names = (specs.PLAIN, specs.CUDA)
        runtimes = tuple(Runtime(name=name, spec=Path(f"/c/{name}.json")) for name in names)
        layout = Layout(state=Path("/s"), cache=Path("/c"), runtimes=runtimes)
        text = rendered("containerd.toml", {**values_of(layout), "pause_image": "p"})
        assert 'default_runtime_name = "host"' in text
        assert 'runtimes.host-cuda]\nruntime_type = "io.containerd.runc.v2"\n' in text
        assert 'base_runtime_spec = "/c/host-cuda.json"' in text

    def test_without_any_it_is_plain_runc(self) -> None:
        layout = Layout(state=Path("/s"), cache=Path("/c"))
        text = rendered("containerd.toml", {**values_of(layout), "pause_image": "p"})
        assert 'default_runtime_name = "runc"' in text
        assert "base_runtime_spec" not in text


class TestTheStandInImage:
    def test_its_own_code_comes_first_and_its_packages_last(self) -> None:
        path = stand_in.environment(machine())["PYTHONPATH"]
        assert path == "/opt/slmeval/lib:/host/site:/opt/slmeval/packages"

    def test_its_python_is_the_machines(self) -> None:
        path = stand_in.environment(machine())["PATH"].split(":")
        assert path[:3] == ["/opt/slmeval/bin", "/host/site/bin", "/opt/torch/bin"]

    def test_the_machines_folders_are_links_to_where_they_are_lent(self, tmp_path: Path) -> None:
        (tmp_path / "usr/lib").mkdir(parents=True)
        (tmp_path / "lib").symlink_to("usr/lib")
        for name in ("torch", "slmeval"):
            (tmp_path / "opt" / name).mkdir(parents=True)
        found = dict(stand_in.links(machine(), tmp_path))
        assert found["/usr"] == "/host/usr"
        assert found["/lib"] == found["/host/lib"] == "usr/lib"
        assert found["/opt/torch"] == "/host/opt/torch"

    def test_a_python_elsewhere_is_linked_too(self, tmp_path: Path) -> None:
        found = dict(stand_in.links(machine(prefixes=(Path("/root/venv"),)), tmp_path))
        assert found["/root/venv"] == "/host/root/venv"

    def test_it_holds_our_code_without_byte_code(self, tmp_path: Path) -> None:
        for name in ("code/slmeval_api/__pycache__", "packages"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "code/slmeval_api/a.py").touch()
        (tmp_path / "code/slmeval_api/__pycache__/a.pyc").touch()
        made = stand_in.write(
            tmp_path / "images",
            machine(),
            name="localhost/x:1",
            code=tmp_path / "code",
            packages=tmp_path / "packages",
        )
        (layer,) = (p for p in (made / "blobs/sha256").iterdir() if p.stat().st_size > 5000)
        with tarfile.open(layer) as archive:
            names = archive.getnames()
        assert "opt/slmeval/lib/slmeval_api/a.py" in names
        assert not [name for name in names if "__pycache__" in name]

    def test_the_check_is_as_restricted_as_a_worker(self) -> None:
        spec = json.loads(json.dumps(up.check_pod("x")))["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert spec["runtimeClassName"] == specs.CUDA


class TestThePack:
    def test_libraries_of_libc_are_the_machines_own(self) -> None:
        ldd = (
            "\tlinux-vdso.so.1 (0x1)\n\tlibseccomp.so.2 => /lib/libseccomp.so.2 (0x2)\n"
            "\tlibc.so.6 => /lib/libc.so.6 (0x3)\n\t/lib64/ld-linux-x86-64.so.2 (0x4)\n"
        )
        assert debian.libraries(ldd) == [Path("/lib/libseccomp.so.2")]
        with pytest.raises(ClusterError, match="missing"):
            debian.libraries("\tlibmnl.so.0 => not found\n")

    def test_slices_put_together_are_the_whole(self, tmp_path: Path) -> None:
        whole = tmp_path / "p"
        whole.write_bytes(bytes(range(250)))
        slices = pack.split(whole, 100)
        assert [path.stat().st_size for path in slices] == [100, 100, 50]
        assert b"".join(path.read_bytes() for path in slices) == whole.read_bytes()
        assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 3

    def test_all_that_it_names_is_there(self) -> None:
        for name in (*pack.FILES, *pack.FOLDERS, *pack.CODE):
            assert (ROOT / name).exists(), name

    def test_packages_of_machine_code_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ClusterError, match="pure Python"):
            pack.copy_distribution("pydantic-core", tmp_path)

    def test_an_image_s_layers_are_unpacked_and_stay_what_they_were(self, tmp_path: Path) -> None:
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("a"))
        source, target = tmp_path / "source", tmp_path / "target"
        blobs = source / "blobs/sha256"
        blobs.mkdir(parents=True)

        def keep(content: bytes) -> str:
            value = hashlib.sha256(content).hexdigest()
            (blobs / value).write_bytes(content)
            return f"sha256:{value}"

        diff_id = f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"
        config = keep(json.dumps({"rootfs": {"diff_ids": [diff_id]}}).encode())
        packed = {"mediaType": "x.tar+gzip", "digest": keep(gzip.compress(layer.getvalue()))}
        manifest = keep(json.dumps({"config": {"digest": config}, "layers": [packed]}).encode())
        index = {"manifests": [{"digest": manifest, "annotations": {"n": "x"}}]}
        (source / "index.json").write_text(json.dumps(index))
        unpacked_images.copy_unpacked(source, target)
        (found,) = json.loads((target / "index.json").read_text())["manifests"]
        copied = json.loads((target / "blobs" / found["digest"].replace(":", "/")).read_text())
        assert found["annotations"] == {"n": "x"}
        assert copied["layers"][0]["digest"] == diff_id


class TestItsExample:
    def test_uses_what_the_node_has_and_names_random_weights(self) -> None:
        pool, question = yaml.safe_load_all((ROOT / "examples/gpu-node.yaml").read_text())
        assert pool["spec"]["runtimeClassName"] == specs.CUDA
        assert list(pool["spec"]["nodeSelector"]) == [up.LABEL]
        for model in question["spec"]["models"]:
            assert model["name"].endswith("-random")
            assert model["source"].removeprefix(f"file://{host.MODELS}/") in SHAPES
