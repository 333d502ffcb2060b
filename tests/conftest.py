"""Marks each test with its tier, sums the tiers up, and fails when a promised one did not run."""

import pytest
from tiers import Tier, broken_promises, tier_of
from tools import ROOT, promised_tiers

TIERS_KEY = pytest.StashKey[dict[str, Tier]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TIERS_KEY] = {}
    config.pluginmanager.register(Tally(config.stash[TIERS_KEY]), "slmeval-tally")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if tier := tier_of(item.path.relative_to(ROOT).as_posix()):
            item.add_marker(tier)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    tiers = config.stash[TIERS_KEY]
    for name, tier in tiers.items():
        terminalreporter.write_line(tier.line(name))
    for sentence in _broken(config, tiers):
        terminalreporter.write_line(sentence, red=True, bold=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _broken(session.config, session.config.stash[TIERS_KEY]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _broken(config: pytest.Config, tiers: dict[str, Tier]) -> list[str]:
    is_listing = config.getoption("collectonly")
    return [] if is_listing else broken_promises(promised_tiers(), tiers)


class Tally:
    """Counts each test once, in the tier of its folder."""

    def __init__(self, tiers: dict[str, Tier]) -> None:
        self._tiers = tiers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = tier_of(report.nodeid.partition("::")[0])
        if not name:
            return
        tier = self._tiers.setdefault(name, Tier())
        if report.skipped:
            where = report.longrepr
            reason = where[2] if isinstance(where, tuple) else str(where)
            tier.left_out[reason.removeprefix("Skipped: ")] += 1
        elif report.when == "call":
            tier.ran += 1
            tier.failed += report.failed
        elif report.failed:  # in setup or teardown
            tier.failed += 1
