import gzip
import http.server
import os
import socket
import sys
import threading

import pytest

from neuraxis.data import download, published
from neuraxis.data.published import Published
from neuraxis.errors import DataError

CONTENT = bytes(range(256)) * 2000
PACKED = gzip.compress(CONTENT)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `/good`, `/altered`, a `/cut` body shorter than announced, and nothing else; counts the requests."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append(self.path)
        body = {"/good": PACKED, "/altered": PACKED[:-1] + b"?", "/cut": PACKED[:-5]}.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(PACKED)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Handler, "asked", [])
    return lambda: Handler.asked


@pytest.fixture
def file(sha256):
    return lambda *urls: Published("made/bytes.gz", {"bytes": sha256(CONTENT)}, urls, size=len(CONTENT))


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_download_is_verified_cached_and_read(cache, address, asked, file):
    wanted = file(f"{address}/good")
    assert download.fetch(wanted) == cache
    assert left(cache) == ["made/bytes.gz"]
    assert list(published.read(wanted)) == [("bytes", CONTENT)]
    assert download.fetch(wanted) == cache
    assert asked() == ["/good"]


def test_file_in_the_own_folder_is_not_downloaded(own, cache, address, asked, file):
    (own / "made").mkdir()
    (own / "made/bytes").write_bytes(CONTENT)
    assert download.fetch(file(f"{address}/good")) == own
    assert asked() == []
    assert not cache.exists()


def test_digest_of_the_packed_file(cache, address, sha256):
    known = Published("made/bytes.gz", {"bytes": ""}, (f"{address}/good",), packed=sha256(PACKED), size=len(CONTENT))
    download.fetch(known)
    other = Published("made/other.gz", {"other": ""}, (f"{address}/altered",), packed=sha256(PACKED), size=len(CONTENT))
    with pytest.raises(DataError, match="sent a file with another digest"):
        download.fetch(other)
    assert left(cache) == ["made/bytes.gz"]


def test_damaged_file_in_the_cache_is_replaced(cache, address, file):
    (cache / "made").mkdir(parents=True)
    (cache / "made/bytes.gz").write_bytes(PACKED[:100])
    download.fetch(file(f"{address}/good"))
    assert (cache / "made/bytes.gz").read_bytes() == PACKED


def test_damaged_file_in_the_own_folder_is_left_to_its_owner(own, address, file):
    (own / "made").mkdir()
    (own / "made/bytes.gz").write_bytes(PACKED[:100])
    with pytest.raises(DataError, match=r"own/made/bytes\.gz is damaged"):
        download.fetch(file(f"{address}/good"))
    assert (own / "made/bytes.gz").read_bytes() == PACKED[:100]


def test_the_next_address_is_tried(cache, address, asked, file):
    download.fetch(file(*(f"{address}/{path}" for path in ("absent", "altered", "cut", "good"))))
    assert asked() == ["/absent", "/altered", "/cut", "/good"]
    assert (cache / "made/bytes.gz").read_bytes() == PACKED


@pytest.mark.parametrize(
    ("path", "reason"),
    [("absent", "answered 404 Not Found"), ("altered", "sent a file with another digest"), ("cut", "broke off")],
)
def test_failure_is_one_sentence_and_leaves_nothing(cache, address, file, path, reason):
    with pytest.raises(
        DataError, match=rf"^made/bytes\.gz could not be downloaded: 127\.0\.0\.1:\d+ {reason}"
    ) as error:
        download.fetch(file(f"{address}/{path}"))
    assert "\n" not in str(error.value)
    assert left(cache) == []


def test_nobody_listens(cache, file):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(DataError, match=rf"could not be downloaded: 127\.0\.0\.1:{port} cannot be reached$"):
            download.fetch(file(f"http://127.0.0.1:{port}/good"))


def test_interrupt_leaves_nothing(cache, address, file):
    def interrupt(path, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(file(f"{address}/good"), interrupt)
    assert left(cache) == []


def test_progress_counts_to_the_whole(cache, address, file):
    calls = []
    download.fetch(file(f"{address}/good"), lambda *call: calls.append(call))
    assert {(path, total) for path, _, total in calls} == {("made/bytes.gz", len(PACKED))}
    counts = [done for _, done, _ in calls]
    assert counts == sorted(counts)
    assert counts[-1] == len(PACKED)


def test_file_without_an_address(cache, file):
    with pytest.raises(DataError, match="is not available"):
        download.fetch(file())


def test_cache_that_cannot_be_made(cache, address, file):
    cache.write_text("a file where the cache should be")
    with pytest.raises(DataError, match=f"{cache}.* cannot be written: "):
        download.fetch(file(f"{address}/good"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_full_disk(cache, address, file, monkeypatch):
    real_open = open
    monkeypatch.setattr(
        "builtins.open", lambda path, *rest: real_open("/dev/full" if "fetch-" in str(path) else path, *rest)
    )
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        download.fetch(file(f"{address}/good"))


def test_pooch_is_named_where_it_is_missing(monkeypatch, file):
    monkeypatch.delenv("NEURAXIS_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"needs the package pooch \(install neuraxis\[experiments\]"):
        download.fetch(file("http://127.0.0.1/good"))
