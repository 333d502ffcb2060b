"""Pictures of the command line show what it prints today, with its colours."""

import pytest
from tools import ROOT

from hack.picture import picture
from hack.terminal_pictures import TITLE, pictures

TEXTS = pictures()
IMAGES = ROOT / "docs/images"


class TestTextsOfCommands:
    def test_of_a_live_table_are_its_first_state(self) -> None:
        text = TEXTS["terminal-watch"]
        assert text.count("MODEL") == 1
        assert "left" in text
        assert "Pending" in text

    @pytest.mark.parametrize("name", TEXTS)
    def test_begin_with_the_command_and_move_no_cursor(self, name: str) -> None:
        assert TEXTS[name].startswith("$ slmeval ")
        assert "\x1b[2K" not in TEXTS[name]
        assert "\r" not in TEXTS[name]


class TestPictures:
    @pytest.mark.parametrize("name", TEXTS)
    def test_in_docs_are_of_today(self, name: str) -> None:
        """If not: `make pictures`."""
        drawn = picture(TEXTS[name], title=TITLE)
        assert (IMAGES / f"{name}.svg").read_text(encoding="utf-8") == drawn

    def test_keep_what_is_bold_and_ask_for_no_font(self) -> None:
        svg = picture("$ a\n\x1b[1mb\x1b[0m", title="t")
        assert "font-weight: bold" in svg
        assert "@font-face" not in svg
        assert "\x1b" not in svg
