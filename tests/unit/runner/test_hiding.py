"""Values of Secrets are in nothing that leaves the process."""

import pytest
from slmeval_runner.hiding import hidden

ENV = {
    "SLMEVAL_SECRETS": "HF_TOKEN,AWS_SECRET_ACCESS_KEY,SHORT,MISSING",
    "HF_TOKEN": "hf_abcdef",
    "AWS_SECRET_ACCESS_KEY": "hf_abcdef/and/more",
    "SHORT": "eu",
    "OTHER": "visible-value",
}


class TestHidden:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("token hf_abcdef and hf_abcdef", "token *** and ***"),
            ("key hf_abcdef/and/more", "key ***"),
            ("neutral, in eu, visible-value", "neutral, in eu, visible-value"),
        ],
        ids=["each time", "the longer one of two first", "nothing else"],
    )
    def test_is_what_a_secret_gave(self, text: str, left: str) -> None:
        assert hidden(text, ENV) == left

    def test_the_hubs_token_is_without_a_secret_too(self) -> None:
        assert hidden("hf_abcdef, other", {"HF_TOKEN": "hf_abcdef", "X": "other"}) == "***, other"

    def test_nothing_is_where_there_are_none(self) -> None:
        assert hidden("hf_abcdef", {}) == "hf_abcdef"
