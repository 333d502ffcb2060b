"""YAML text that every reader takes for the same data."""

from typing import Any

import yaml

YAML_1_1_BOOLEANS = {"y", "n", "yes", "no", "on", "off"}


class _Dumper(yaml.SafeDumper):
    """Quotes what only some YAML readers take for a boolean.

    PyYAML leaves y and n bare, and kubectl and Helm then read the key `n` as false.
    """

    def ignore_aliases(self, data: object) -> bool:
        """Return True: what occurs twice is written twice, for people read it."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return the node of `data`, quoted where a bare one would be ambiguous."""
        style = "'" if data.lower() in YAML_1_1_BOOLEANS else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def yaml_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return `value` as YAML, keys in their own order, lines of about 100 characters."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
