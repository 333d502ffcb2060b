"""Names and labels of everything that the operator makes.

Equal arguments give equal names, so a pass that is repeated after a crash meets what it made
before instead of making a second one.
"""

import hashlib

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "slmeval"
EVALUATION = "slmeval.dev/evaluation"
EVALUATION_UID = "slmeval.dev/evaluation-uid"
RUN = "slmeval.dev/run"
POOL = "slmeval.dev/pool"
MODEL = "slmeval.dev/model"
ATTEMPT = "slmeval.dev/attempt"
RAYJOB = "slmeval.dev/rayjob"
ORIGIN = "ray.io/originated-from-cr-name"
"""KubeRay's label on a RayCluster: the RayJob that it was made for."""

MAX_RAYJOB_NAME = 47
"""KubeRay's limit: longer names pass the API server and then fail as ValidationFailed."""
MAX_LABEL = 63

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, nothing that looks like something else


def digest(text: str, length: int = 5) -> str:
    """Return `length` characters that stand for `text` and may stand in a DNS label."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def joined(*parts: str, limit: int) -> str:
    """Return the parts joined by '-', cut and marked with a digest where `limit` asks for it."""
    whole = "-".join(parts)
    if len(whole) <= limit:
        return whole
    return marked(*parts, limit=limit)


def marked(*parts: str, limit: int) -> str:
    """Return the parts joined by '-' and marked with a digest that tells a-b, c from a, b-c."""
    return f"{'-'.join(parts)[: limit - 6].rstrip('-')}-{digest('/'.join(parts))}"


def run_name(evaluation: str, uid: str, number: int) -> str:
    """Return the name of an evaluation's run of that number."""
    return f"{evaluation}-{digest(f'{uid}/{number}', 8)}"


def trial_name(run: str, model: str, pool: str, *, is_marked: bool = False) -> str:
    """Return the name of a trial, at most 63 characters, so that it can be a label's value.

    Without a mark two pairs of a model and a pool may share a name: a-b on c, and a on b-c.
    """
    return (marked if is_marked else joined)(run, model, pool, limit=MAX_LABEL)


def rayjob_name(run: str, pool: str, attempt: int) -> str:
    """Return the name of an attempt, within KubeRay's limit."""
    return joined(run, pool, str(attempt), limit=MAX_RAYJOB_NAME)


def access_name(run: str, pool: str) -> str:
    """Return the name of the reporter's account, Role and binding for a run on a pool."""
    return joined(run, pool, "reporter", limit=MAX_LABEL)
