"""Files between containers."""

import os
from pathlib import Path

import pytest
from slmeval_runner.files import UnfitFile, digest_of, read_bounded, write_atomically


class TestWriting:
    def test_leaves_the_file_and_nothing_else(self, tmp_path: Path) -> None:
        write_atomically(tmp_path / "a.json", b"one")
        write_atomically(tmp_path / "a.json", b"two")
        assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.json", b"two")]

    def test_replaces_a_link_instead_of_following_it(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"kept")
        (tmp_path / "a.json").symlink_to(tmp_path / "secret")
        write_atomically(tmp_path / "a.json", b"new")
        assert (tmp_path / "secret").read_bytes() == b"kept"

    def test_never_writes_through_a_link_in_its_temporary_files_place(self, tmp_path: Path) -> None:
        (tmp_path / ".a.json.tmp").symlink_to(tmp_path / "secret")
        with pytest.raises(OSError, match="symbolic"):
            write_atomically(tmp_path / "a.json", b"new")


class TestReading:
    def test_gives_up_to_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"12345")
        assert read_bounded(tmp_path / "a", limit=5) == b"12345"
        with pytest.raises(UnfitFile, match="more than 4 bytes"):
            read_bounded(tmp_path / "a", limit=4)

    def test_follows_no_link(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("/etc/passwd")
        with pytest.raises(UnfitFile, match="link"):
            read_bounded(tmp_path / "a", limit=5)

    def test_does_not_wait_for_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a")
        with pytest.raises(UnfitFile, match="regular"):
            read_bounded(tmp_path / "a", limit=5)

    def test_of_nothing_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_bounded(tmp_path / "a", limit=5)


class TestDigest:
    def test_is_sha256_as_the_api_writes_it(self) -> None:
        assert digest_of(b"") == (
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
