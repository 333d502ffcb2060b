"""What this project will answer and does not measure yet: nothing is shown for it."""

from slmeval_cli.answer import Answer

from .chart import BarChart


def data_needed(answer: Answer) -> BarChart | None:
    """Return the score against the training examples; None: fine-tuning is not measured."""
    del answer
    return None


def recommendation(answer: Answer) -> tuple[str, ...] | None:
    """Return which model to take, and at what cost, in sentences; None: nothing recommends yet."""
    del answer
    return None
