# SPDX-License-Identifier: Apache-2.0
"""The one error that a user of this tool sees: what is wrong, and what to do about it."""


class ClusterError(Exception):
    """Something a person can put right; printed without a traceback."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Join the two sentences; both are shown."""
        super().__init__(f"{problem}\n  {remedy}")
        self.problem = problem
        self.remedy = remedy


ELSEWHERE = (
    "Or use another cluster: make one with kind (https://kind.sigs.k8s.io) and set KUBECONFIG."
)
