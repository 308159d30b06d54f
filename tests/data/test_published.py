import errno
import gzip
import io
import os
import pwd
import sys
import tarfile
import tracemalloc
import zipfile

import pytest

from neuraxis.data import published
from neuraxis.data.published import Published
from neuraxis.errors import DataError, InputError

CONTENT = b"To be, or not to be, that is the question." * 50
URLS = ("http://localhost/never-asked",)


def tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def put(folder, path, content):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


@pytest.fixture
def play(sha256):
    """A gzip file of which the digest of the content is known, as of MNIST's."""
    return Published("play/hamlet.txt.gz", {"hamlet.txt": sha256(CONTENT)}, URLS, size=len(CONTENT))


def test_packed_by_anyone_or_unpacked(own, play):
    packed = put(own, play.path, gzip.compress(CONTENT, compresslevel=1))
    assert list(published.read(play)) == [("hamlet.txt", CONTENT)]
    packed.unlink()
    assert published.locate(play) is None
    put(own, "play/hamlet.txt", CONTENT)
    assert published.locate(play) == own
    assert list(published.read(play)) == [("hamlet.txt", CONTENT)]


def test_own_folder_comes_before_the_cache(own, cache, play):
    put(cache, play.path, gzip.compress(CONTENT))
    assert published.locate(play) == cache
    put(own, play.path, gzip.compress(CONTENT))
    assert published.locate(play) == own


def test_plain_file(own, sha256):
    file = Published("play/hamlet.txt", {"hamlet.txt": sha256(CONTENT)}, size=len(CONTENT))
    put(own, file.path, CONTENT)
    assert list(published.read(file)) == [("hamlet.txt", CONTENT)]


@pytest.mark.parametrize(("suffix", "pack"), [(".tar.gz", tar), (".zip", zipped)])
def test_archive_or_the_folder_it_unpacks_to(own, sha256, suffix, pack):
    members = {"acts/1.txt": CONTENT, "acts/2.txt": CONTENT[::-1]}
    archive = pack(members | {"readme.txt": b"not asked for"})
    digests = {name: sha256(content) for name, content in members.items()}
    file = Published(f"play/acts{suffix}", digests, packed=sha256(archive), size=len(CONTENT))
    packed = put(own, file.path, archive)
    assert dict(published.read(file)) == members
    packed.unlink()
    for name, content in members.items():
        put(own, f"play/{name}", content)
    assert dict(published.read(file)) == members
    put(own, "play/acts/2.txt", CONTENT)
    with pytest.raises(DataError, match=r"2\.txt is damaged or altered"):
        list(published.read(file))


def test_unpacked_files_without_a_digest_are_not_taken(own, sha256):
    packed = gzip.compress(CONTENT)
    file = Published("play/hamlet.txt.gz", {"hamlet.txt": ""}, packed=sha256(packed), size=len(CONTENT))
    put(own, "play/hamlet.txt", CONTENT)
    assert published.locate(file) is None
    put(own, file.path, packed)
    assert list(published.read(file)) == [("hamlet.txt", CONTENT)]


def test_missing_file_names_the_command_and_the_folders(own, cache, play):
    with pytest.raises(DataError) as error:
        list(published.read(play))
    assert "play/hamlet.txt.gz is not available" in str(error.value)
    assert "run `neuraxis data fetch play`" in str(error.value)
    assert f"{own} and {cache}" in str(error.value)


def test_missing_file_that_has_no_address(cache, sha256):
    with pytest.raises(DataError, match="put it below the folder that NEURAXIS_DATA names") as error:
        list(published.read(Published("play/hamlet.txt", {"hamlet.txt": sha256(CONTENT)}, size=len(CONTENT))))
    assert "fetch" not in str(error.value)


@pytest.mark.parametrize("position", [0, 2, 12, 40, -8, -1])
def test_a_flipped_bit_anywhere_is_found(own, play, position):
    packed = bytearray(gzip.compress(CONTENT, mtime=0))
    packed[position] ^= 1
    put(own, play.path, bytes(packed))
    with pytest.raises(DataError, match=r"hamlet\.txt\.gz is damaged .* delete it and run `neuraxis data fetch play`"):
        list(published.read(play))


@pytest.mark.parametrize("length", [0, 1, 10, 30, -9, -1])
def test_truncated_file_is_refused(own, play, length):
    put(own, play.path, gzip.compress(CONTENT)[:length])
    with pytest.raises(DataError, match="is damaged"):
        list(published.read(play))


def test_altered_content_is_refused(own, play):
    put(own, play.path, gzip.compress(CONTENT.replace(b"not", b"now")))
    with pytest.raises(DataError, match=r"altered: its SHA256 is [0-9a-f]{64} instead of [0-9a-f]{64}"):
        list(published.read(play))


@pytest.mark.parametrize(("suffix", "pack"), [(".tar.gz", tar), (".zip", zipped)])
def test_altered_archive_is_refused_before_it_is_unpacked(own, sha256, suffix, pack):
    file = Published(
        f"play/acts{suffix}", {"1.txt": sha256(CONTENT)}, packed=sha256(pack({"1.txt": CONTENT})), size=len(CONTENT)
    )
    put(own, file.path, pack({"1.txt": CONTENT, "2.txt": b"new"}))
    with pytest.raises(DataError, match="damaged or altered"):
        list(published.read(file))


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_no_archive_at_all(own, sha256, suffix):
    put(own, f"play/acts{suffix}", CONTENT)
    with pytest.raises(DataError, match="is damaged or cannot be read"):
        list(published.read(Published(f"play/acts{suffix}", {"1.txt": sha256(CONTENT)}, size=len(CONTENT))))


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_larger_than_the_original_is_not_read_on(own, sha256, packed):
    # A gigabyte of zeros packs into a megabyte; here 300 MB, of which 3 are to be read.
    size, path = 3_000_000, own / "play" / ("hamlet.txt.gz" if packed else "hamlet.txt")
    path.parent.mkdir()
    if packed:
        with gzip.open(path, "wb", compresslevel=1) as stream:
            for _ in range(100):
                stream.write(bytes(size))
    else:
        with path.open("wb") as stream:
            stream.truncate(100 * size)
    file = Published("play/hamlet.txt.gz", {"hamlet.txt": sha256(CONTENT)}, URLS, size=size)
    tracemalloc.start()
    with pytest.raises(
        DataError, match=r"hamlet\.txt\S* is damaged or altered: it holds more than the 3000000 bytes of"
    ):
        list(published.read(file))
    assert tracemalloc.get_traced_memory()[1] < 5 * size
    tracemalloc.stop()


@pytest.mark.parametrize(("suffix", "pack"), [(".tar.gz", tar), (".zip", zipped)])
def test_an_archive_that_lacks_a_member_is_refused(own, sha256, suffix, pack):
    archive = pack({"1.txt": CONTENT})
    put(own, f"play/acts{suffix}", archive)
    for digest, packed in (("", sha256(archive)), (sha256(CONTENT), "")):
        members = {"1.txt": digest, "2.txt": digest}
        with pytest.raises(DataError, match=r"acts\S+ is damaged or altered: it lacks 2\.txt"):
            list(published.read(Published(f"play/acts{suffix}", members, packed=packed, size=len(CONTENT))))


def test_what_has_no_digest_is_refused():
    with pytest.raises(InputError, match=r"play/acts\.zip must have a digest, of its own or of each of its con"):
        Published("play/acts.zip", {"1.txt": "sha256:00", "2.txt": ""}, size=1)


@pytest.mark.parametrize(
    "place", ["play/Hamlet.txt", "Play/raw/hamlet.txt.gz", "hamlet.txt", "play-1.0/hamlet-txt", "play/x/hamlet_txt.GZ"]
)
def test_a_missing_file_under_another_name_is_pointed_at(own, sha256, place):
    play = Published("play/hamlet.txt.gz", {"hamlet.txt": ""}, URLS, packed=sha256(CONTENT), size=1)
    put(own, "other/hamlet.txt", CONTENT)  # of another data set
    with pytest.raises(DataError, match="is not available") as error:
        list(published.read(play))
    assert "another name" not in str(error.value)
    there = put(own, place, CONTENT)
    with pytest.raises(DataError, match=f"NEURAXIS_DATA names: {there} may be the same file under another name"):
        list(published.read(play))


def test_unreadable_file(own, play, monkeypatch):
    put(own, play.path, gzip.compress(CONTENT))

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataError, match=r"cannot be read .*Permission denied"):
        list(published.read(play))


def test_data_folder_that_does_not_exist(cache, play, monkeypatch, tmp_path):
    monkeypatch.setenv("NEURAXIS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"NEURAXIS_DATA must name a folder that exists, but is '.*nowhere'"):
        published.locate(play)
    monkeypatch.setenv("NEURAXIS_DATA", "x" * 5000)
    with pytest.raises(DataError, match="NEURAXIS_DATA must name a folder that exists"):
        published.locate(play)


def test_cache_is_the_users(monkeypatch):
    assert published.cache().name == "neuraxis"
    for variable in ("HOME", "XDG_CACHE_HOME", "NEURAXIS_DATA"):
        monkeypatch.delenv(variable, raising=False)
    with monkeypatch.context() as without:  # a container whose user has no entry in passwd

        def unknown(uid):
            raise KeyError(f"getpwuid(): uid not found: {uid}")

        without.setattr(pwd, "getpwuid", unknown)
        assert published.cache() is None
        assert published.folders() == []
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert published.cache() is None
