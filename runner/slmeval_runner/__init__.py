"""What runs in the Ray pods of an attempt: driver, reporter and the trials themselves."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("slmeval")
except PackageNotFoundError:  # a source checkout on PYTHONPATH
    __version__ = "unknown"
