"""Labels that the operator puts on what it makes; a test holds them against the operator's."""

EVALUATION = "slmeval.dev/evaluation"
RUN = "slmeval.dev/run"
POOL = "slmeval.dev/pool"
ATTEMPT = "slmeval.dev/attempt"
MANAGED = "app.kubernetes.io/managed-by=slmeval"
