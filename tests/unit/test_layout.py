"""The layout of the repository: what a folder may hold."""

import pytest
from tools import ROOT


class TestSourceRootsAreNoPackages:
    @pytest.mark.parametrize("root", ["api", "cli", "operator", "runner"])
    def test_none_has_an_init_file(self, root: str) -> None:
        """A package `operator` would hide Python's own module of that name."""
        assert not (ROOT / root / "__init__.py").exists()

    def test_pythons_own_operator_is_the_one_that_is_imported(self) -> None:
        import operator

        assert operator.add(1, 1) == 2
