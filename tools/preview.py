"""Shows writers their pages while they write: builds what was saved, and reloads the browser.

``python -m tools.preview`` serves _build/preview. Text that was saved in a chapter's .md is copied
into its .ipynb, beside the outputs that are there; nothing is executed.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tools import notebooks

OUT = Path("_build/preview")
PATTERNS = ("_config.yml", "_toc.yml", "notebooks/*.md", "notebooks/*.ipynb", "book/**/*.*")
MADE = ("book/generated", "book/_static/mathjax", "book/_static/assignments")
RELOAD = b"""<script>
let seen;
setInterval(async () => {
  const built = await (await fetch("/built")).text();
  if (seen && built !== seen) location.reload();
  seen = built;
}, 1000);
</script>
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the pages with a script in each that asks every second whether there is a new one."""

    built = 0  # how often the site was built

    def do_GET(self) -> None:
        """Answers one request."""
        file = Path(self.translate_path(self.path))
        file = file / "index.html" if file.is_dir() else file
        if self.path == "/built":
            body = str(Handler.built).encode()
        elif file.suffix == ".html" and file.is_file():
            body = file.read_bytes() + RELOAD
        else:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing about a request."""


def stamps(root: Path) -> dict[Path, int]:
    """When each file was saved that people write and a page is made from."""
    files = (file for pattern in PATTERNS for file in root.glob(pattern) if file.is_file())
    made = tuple(str(root / folder) for folder in MADE)
    return {file: file.stat().st_mtime_ns for file in files if not str(file).startswith(made)}


def saved(root: Path, seconds: float = 0.5) -> Iterator[list[Path]]:
    """What was saved, added or deleted since the last time; begins with all there is, never ends.

    What the caller writes into an .ipynb in between is no news.
    """
    seen: dict[Path, int] = {}
    while True:
        now = stamps(root)
        if changed := sorted(file for file, _ in now.items() ^ seen.items()):
            yield list(dict.fromkeys(changed))
            now |= {file: at for file, at in stamps(root).items() if file.suffix == ".ipynb"}
        seen = now
        time.sleep(seconds)


def copy(md: Path) -> None:
    """Brings a chapter's text into its pair, or says why that cannot be."""
    try:
        if why := notebooks.stale(md):
            print(f"{md.stem}: {why}; you see its last run until `make notebooks`")
        elif notebooks.copy(md):
            print(f"{md.stem}: prose copied, outputs kept")
    except ValueError as error:
        print(error)


def build(root: Path, changed: list[Path]) -> None:
    """Makes the pages of what has changed; all of them if the table of contents is newer."""
    index = root / OUT / "_build" / "html" / "index.html"
    if index.exists() and (root / "_toc.yml").stat().st_mtime > index.stat().st_mtime:
        shutil.rmtree(root / OUT, ignore_errors=True)
    book = Path(sys.executable).with_name("jupyter-book")
    command = [str(book), "build", str(root), "--path-output", str(root / OUT), "-q"]
    if any(file.suffix not in {".md", ".ipynb"} for file in changed):
        subprocess.run([sys.executable, "-m", "tools.generate"], cwd=root, check=False)
    subprocess.run(command, cwd=root, check=False, stdout=subprocess.DEVNULL)


def main(root: Path) -> None:
    """Serves and builds until it is interrupted."""
    site = root / OUT / "_build" / "html"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for changed in saved(root):
            start = time.monotonic()
            for md in (file for file in changed if file.parent == root / "notebooks"):
                if md.suffix == ".md":
                    copy(md)
            build(root, changed)
            Handler.built += 1
            address = f"http://127.0.0.1:{server.server_port}/"
            seconds = time.monotonic() - start
            print(f"built in {seconds:.0f} s: {address} (Ctrl+C ends it)", flush=True)


if __name__ == "__main__":
    try:
        main(Path.cwd())
    except KeyboardInterrupt:
        print()
