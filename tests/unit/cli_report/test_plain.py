"""Text from the cluster cannot show as something that it is not."""

import pytest
from slmeval_cli.report.plain import plain


class TestWhatIsNotSeenIsNamed:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\x00b", "a[U+0000]b"),
            ("\x1b[31mred", "[U+001B][31mred"),
            ("user\u202egnp.exe", "user[U+202E]gnp.exe"),
            ("\u2066hidden\u2069", "[U+2066]hidden[U+2069]"),
            ("zero\u200bwidth", "zero[U+200B]width"),
            ("\ud800", "[U+D800]"),
            ("line\u2028line", "line[U+2028]line"),
        ],
    )
    def test_controls_and_formats(self, text: str, shown: str) -> None:
        assert plain(text) == shown

    @pytest.mark.parametrize("text", ["<b>", "two\nlines", "naïve 模型 ≥ 3×", "שלום", ""])
    def test_what_is_seen_stays(self, text: str) -> None:
        assert plain(text) == text
