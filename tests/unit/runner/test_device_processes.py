"""Who else computes on a GPU, as far as pids can tell."""

from pathlib import Path

from slmeval_runner.devices.processes import NODES_NAMESPACE, other_processes

OURS = 100
PARENTS = {OURS: 50, 50: 1, 101: OURS, 102: 101, 200: 50, 300: 1}


def a_proc(folder: Path, namespace: str = NODES_NAMESPACE) -> Path:
    """Make a proc file system with the processes of PARENTS."""
    (folder / "self/ns").mkdir(parents=True)
    (folder / "self/ns/pid").symlink_to(namespace)
    for pid, parent in PARENTS.items():
        (folder / str(pid)).mkdir()
        (folder / str(pid) / "status").write_text(f"Name:\tpython\nPPid:\t{parent}\n")
    return folder


class TestOtherProcesses:
    def test_are_those_that_do_not_descend_from_ours(self, tmp_path: Path) -> None:
        proc = a_proc(tmp_path)
        assert other_processes([OURS, 101, 102], proc=proc, own=OURS) == 0
        assert other_processes([102, 200, 300, 300], proc=proc, own=OURS) == 2

    def test_are_unknown_if_one_is_no_process_here(self, tmp_path: Path) -> None:
        assert other_processes([OURS, 999], proc=a_proc(tmp_path), own=OURS) is None

    def test_are_unknown_in_a_pods_namespace(self, tmp_path: Path) -> None:
        proc = a_proc(tmp_path, namespace="pid:[4026532000]")
        assert other_processes([], proc=proc, own=OURS) is None

    def test_are_unknown_where_the_kernel_does_not_say(self, tmp_path: Path) -> None:
        assert other_processes([], proc=tmp_path, own=OURS) is None
