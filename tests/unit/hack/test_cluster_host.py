"""What the embedded cluster may touch on the machine, and what it leaves alone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster.embedded import addons, down, mounts, network, node, preflight, processes, status
from hack.cluster.embedded.errors import ClusterError


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    code = "import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        yield process
        process.kill()


class TestOnlyOurOwnProcessesAreEnded:
    def test_the_start_time_is_found_behind_any_name(self) -> None:
        fields = " ".join(str(number) for number in range(4, 53))
        assert processes.start_ticks(f"7 (a) b) (c) S {fields}") == 22

    def test_a_pid_that_was_given_out_again_is_left_alone(
        self, sleeper: subprocess.Popen[bytes]
    ) -> None:
        ticks = processes.start_ticks_of(sleeper.pid)
        assert ticks is not None
        record = processes.Record(
            pid=sleeper.pid,
            start_ticks=ticks - 1,
            boot_id=processes.boot_id(),
            started_at_s=0.0,
            argv=(),
        )
        processes.stop_record(record)
        assert sleeper.poll() is None

    def test_a_record_of_a_former_boot_is_of_nothing_alive(self) -> None:
        ticks = processes.start_ticks_of(os.getpid())
        assert ticks is not None
        record = processes.Record(
            pid=os.getpid(), start_ticks=ticks, boot_id="other", started_at_s=0.0, argv=()
        )
        assert not processes.is_alive(record)

    def test_ours_is_asked_and_then_ended(self, sleeper: subprocess.Popen[bytes]) -> None:
        assert processes.end(sleeper.pid, is_ours=lambda: True, grace_s=5.0)
        assert processes.start_ticks_of(sleeper.pid) is None

    def test_starting_twice_starts_once_and_a_new_command_replaces(self, tmp_path: Path) -> None:
        def start(seconds: str) -> bool:
            return processes.ensure_started("x", ["sleep", seconds], pids=tmp_path, logs=tmp_path)

        assert start("600")
        assert not start("600")
        assert start("601")
        assert processes.stop("x", pids=tmp_path)
        assert not processes.stop("x", pids=tmp_path)

    def test_what_was_started_outlives_the_terminal(self, tmp_path: Path) -> None:
        processes.ensure_started("x", ["sleep", "600"], pids=tmp_path, logs=tmp_path)
        record = processes.read_record(tmp_path / "x.json")
        assert record is not None
        assert os.getsid(record.pid) == record.pid
        os.kill(record.pid, signal.SIGKILL)
        os.waitpid(record.pid, 0)


class TestOnlyOurOwnFoldersAreDeleted:
    def test_a_folder_with_other_things_is_refused(self, tmp_path: Path) -> None:
        down.check_is_ours(tmp_path / "absent")
        down.check_is_ours(tmp_path)
        (tmp_path / "letters").touch()
        with pytest.raises(ClusterError, match="not made by this tool"):
            down.check_is_ours(tmp_path)
        (tmp_path / "boot_id").touch()
        down.check_is_ours(tmp_path)

    def test_only_a_socket_that_nobody_listens_on_is_dead(self, tmp_path: Path) -> None:
        path = tmp_path / "s"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            listening.listen()
            assert not down.is_dead_socket(path)
        assert down.is_dead_socket(path)
        assert not down.is_dead_socket(tmp_path / "absent")

    def test_mounts_are_released_from_the_inside_out(self) -> None:
        info = "\n".join(
            f"1 1 0:1 / {point} rw - tmpfs tmpfs rw"
            for point in ("/", "/s", r"/s/a\040b", "/s/a\\040b/c", "/sx", "/s")
        )
        assert mounts.mount_points(info, Path("/s")) == ["/s/a b/c", "/s/a b", "/s", "/s"]


class TestTheMachinesNetwork:
    def test_a_route_that_overlaps_the_pods_is_found(self) -> None:
        routes = (
            "default via 192.0.2.1 dev eth0\n"
            "10.244.3.0/24 dev flannel.1\n"
            "10.244.0.0/16 dev slmeval0 proto kernel\n"
            "192.0.2.0/24 dev eth0\n"
        )
        assert network.overlapping_routes(routes) == ["10.244.3.0/24 dev flannel.1"]

    def test_a_loopback_name_server_is_no_use_to_a_pod(self) -> None:
        text = "search x\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\n"
        assert network.outside_nameservers(text) == ["192.0.2.53"]

    def test_a_port_in_use_is_not_free(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            port = listening.getsockname()[1]
            assert not preflight.is_port_free("127.0.0.1", port)
        assert preflight.is_port_free("127.0.0.1", port)

    def test_a_dns_question_is_as_the_protocol_wants_it(self) -> None:
        assert addons.dns_query("a.bc")[12:] == b"\x01a\x02bc\x00\x00\x01\x00\x01"


class TestReadinessIsOfNow:
    @pytest.mark.parametrize(
        ("state", "heard", "is_ready"),
        [
            ("True", "2026-01-01T00:00:10Z", True),
            ("True", "2026-01-01T00:00:09Z", False),
            ("False", "2026-01-01T00:00:11Z", False),
        ],
        ids=["heard since", "left from before a restart", "not ready"],
    )
    def test_a_node_must_have_been_heard(self, state: str, heard: str, is_ready: bool) -> None:
        conditions = [{"type": "Ready", "status": state, "lastHeartbeatTime": heard}]
        started_at_s = 1_767_225_610.4  # 2026-01-01T00:00:10.4Z
        assert node.is_ready_since(conditions, started_at_s) is is_ready

    def test_what_does_not_run_is_listed_with_its_log(self) -> None:
        text = status.report(
            [
                status.Check(name="etcd runs", is_good=True, hint="a.log"),
                status.Check(name="kubelet runs", is_good=False, hint="b.log"),
            ]
        )
        assert text == "etcd runs     yes\nkubelet runs  NO   see: b.log\n"
