"""Where loudspeakers fetch clips: the folder of a studio behind `/device/v1/clips/`, in threads of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from broadcaster import files
from broadcaster.player.door import PREFIX


@contextmanager
def clip_door(clips: Path, port: int) -> Iterator[None]:
    """Open as long as this lasts. `clips` holds all that will be asked for when the first loudspeaker asks."""
    known: dict[str, Path] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.path.removeprefix(f"{PREFIX}/clips/")
            if wanted not in known:
                known.update((files.sha256(path), path) for path in clips.rglob("*") if path.is_file())
            data = known[wanted].read_bytes() if wanted in known else b""
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
