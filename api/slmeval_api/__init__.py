"""The contract of the project: what users write, what the two sides pass each other.

Pure data and its validation. Imports pydantic and the standard library only, and neither the
operator nor the runner.
"""

GROUP = "slmeval.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
