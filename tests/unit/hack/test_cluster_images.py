"""What the embedded cluster reads from image layouts and sends to containerd."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hack.cluster.embedded import oci
from hack.cluster.embedded.errors import ClusterError

NAME = "localhost/slmeval/x:1"


@pytest.fixture
def layout(tmp_path: Path) -> oci.FolderLayout:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    folder = tmp_path / "image"
    oci.write_static_image(
        folder, name=NAME, files={"/program": program}, entrypoint="/program", uid=7
    )
    return oci.FolderLayout(folder)


def archive_of(layout: oci.FolderLayout, blobs: list[str]) -> bytes:
    out = io.BytesIO()
    manifests = oci.named_manifests(layout.index(), name=None)
    oci.write_archive(out, layout, manifests=manifests, blobs=blobs)
    return out.getvalue()


class TestOnlyMissingBlobsAreSent:
    def test_an_image_is_its_manifest_config_and_layer(self, layout: oci.FolderLayout) -> None:
        (manifest,) = layout.index()["manifests"]
        blobs = oci.blobs_of(layout, manifest)
        assert blobs[0] == manifest["digest"]
        stored = {f"sha256:{p.name}" for p in (layout.folder / "blobs" / "sha256").iterdir()}
        assert set(blobs) == stored

    def test_the_archive_holds_the_blobs_asked_for_and_then_the_index(
        self, layout: oci.FolderLayout
    ) -> None:
        (manifest,) = layout.index()["manifests"]
        digest = manifest["digest"]
        with tarfile.open(fileobj=io.BytesIO(archive_of(layout, [digest, digest]))) as archive:
            blob = f"blobs/sha256/{digest.removeprefix('sha256:')}"
            assert archive.getnames() == ["oci-layout", blob, "index.json"]

    def test_an_archive_reads_like_the_folder_it_was_made_from(
        self, layout: oci.FolderLayout, tmp_path: Path
    ) -> None:
        (manifest,) = layout.index()["manifests"]
        blobs = oci.blobs_of(layout, manifest)
        path = tmp_path / "image.tar"
        path.write_bytes(archive_of(layout, blobs))
        with oci.open_layout(path) as read:
            assert read is not None
            assert oci.blobs_of(read, manifest) == blobs
            assert [read.size(b) for b in blobs] == [layout.size(b) for b in blobs]

    def test_equal_programs_give_equal_images(
        self, layout: oci.FolderLayout, tmp_path: Path
    ) -> None:
        again = tmp_path / "again"
        files = {"/program": tmp_path / "program"}
        oci.write_static_image(again, name=NAME, files=files, entrypoint="/program", uid=7)
        assert oci.FolderLayout(again).index() == layout.index()


class TestAnImageGetsAFullName:
    @pytest.mark.parametrize(
        ("short", "full"),
        [
            ("x", "docker.io/library/x:latest"),
            ("team/x:1", "docker.io/team/x:1"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("quay.io/team/x:1", "quay.io/team/x:1"),
            ("quay.io/x@sha256:abc", "quay.io/x@sha256:abc"),
        ],
    )
    def test_as_kubernetes_completes_it(self, short: str, full: str) -> None:
        assert oci.full_name(short) == full

    def test_a_layout_that_only_knows_a_tag_needs_a_name(self) -> None:
        index: dict[str, Any] = {
            "manifests": [{"digest": "sha256:a", "annotations": {oci.REF_NAME: "1"}}]
        }
        with pytest.raises(ClusterError, match="--name"):
            oci.named_manifests(index, name=None)
        (named,) = oci.named_manifests(index, name="localhost/x:2")
        assert named["annotations"][oci.NAME] == "localhost/x:2"


class TestWhatIsNoImageIsSaidSo:
    def test_a_folder_without_an_index(self, tmp_path: Path) -> None:
        with pytest.raises(ClusterError, match=r"index\.json"), oci.open_layout(tmp_path):
            pass

    def test_a_file_that_is_no_tar(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_text("no")
        with pytest.raises(ClusterError, match="no image archive"), oci.open_layout(path):
            pass
