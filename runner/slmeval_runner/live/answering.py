"""The trial's side: answers at a socket with what this process tells Prometheus."""

import socketserver
import threading
from contextlib import suppress
from pathlib import Path


class _Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Write the text and close: whoever connects wants nothing else."""
        from prometheus_client import generate_latest

        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(generate_latest())


class Answering:
    """A thread that waits at the socket; it costs nothing until somebody connects."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`, whatever another process left there. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._path = path
        self._server = socketserver.UnixStreamServer(str(path), _Answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="live-metrics", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
