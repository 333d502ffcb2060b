"""Where the operator's log lines go, kopf's included: standard error, all in one form."""

import logging

from slmeval_api.logs import formatter


def configure(level: str, form: str) -> None:
    """Send all logs to standard error in the form that was asked for."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
