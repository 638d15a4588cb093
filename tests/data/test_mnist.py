"""MNIST's files: read with or without .gz, refused clearly when damaged, fetched whole or not at all."""

import gzip
import hashlib
import http.server
import os
import pickle
import socket
import struct
import threading

import pytest
import torch
from torchvision.datasets import MNIST

from coursekit import data
from coursekit.data import idx

TRAIN_IMAGES, TRAIN_LABELS = idx.names(True)
COUNTS = {"train": 7, "t10k": 4}


def idx_file(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.numpy().tobytes()


def small_files(seed=0):
    """Four files like MNIST's, with few pictures: name → content."""
    generator = torch.Generator().manual_seed(seed)
    files = {}
    for part, n in COUNTS.items():
        pixels = torch.randint(256, (n, 28, 28), generator=generator, dtype=torch.uint8)
        files[f"{part}-images-idx3-ubyte"] = idx_file(pixels)
        files[f"{part}-labels-idx1-ubyte"] = idx_file(torch.arange(n, dtype=torch.uint8))
    return files


@pytest.fixture
def files(monkeypatch):
    """Small files whose checksums are taken for the published ones."""
    made = small_files()
    monkeypatch.setattr(idx, "SHA256", {name: hashlib.sha256(made[name]).hexdigest() for name in idx.SHA256})
    return made


@pytest.fixture
def folder(data_root, files):
    """A data folder with the small files in it, compressed."""
    made = data_root / "MNIST" / "raw"
    made.mkdir(parents=True)
    for name, content in files.items():
        (made / f"{name}.gz").write_bytes(gzip.compress(content))
    return made


def listing(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("plain", [(), idx.names(True), (*idx.names(True), *idx.names(False))])
def test_reads_pictures_and_labels_with_and_without_gz(folder, files, train, plain):
    for name in plain:
        (folder / f"{name}.gz").unlink()
        (folder / name).write_bytes(files[name])
    read = data.mnist(train)
    n = COUNTS[idx.PARTS[train]]
    raw = torch.frombuffer(bytearray(files[idx.names(train)[0]][16:]), dtype=torch.uint8)
    assert torch.equal(read.images, raw.reshape(n, 1, 28, 28) / 255)
    assert read.labels.tolist() == list(range(n))
    assert read.classes == tuple("0123456789")


def flip_middle(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("ending", "damage", "found"),
    [
        (".gz", lambda content: gzip.compress(content)[:-100], "is truncated, after"),
        (".gz", lambda content: flip_middle(gzip.compress(content)), "is damaged"),
        (".gz", lambda content: content, "is damaged"),
        (".gz", lambda content: b"", "is truncated: 0 bytes"),
        ("", lambda content: content[:-1], "is truncated: 5487 bytes for 5488 values"),
        ("", lambda content: content[:9], "is truncated: 9 bytes, want a header of 16"),
        ("", lambda content: content + b"\0", "is too long: 5489 bytes for 5488"),
        ("", lambda content: pickle.dumps([1]), "is no IDX file"),
        ("", lambda content: b"<!DOCTYPE html>", "is no IDX file"),
        ("", flip_middle, "is not MNIST's train-images-idx3-ubyte .*sha256 of the content is"),
    ],
    ids=["cut gz", "flipped gz", "no gz", "empty", "cut", "header", "long", "pickle", "web page", "checksum"],
)
def test_damaged_file_is_named_with_what_to_do(folder, files, ending, damage, found):
    (folder / f"{TRAIN_IMAGES}.gz").unlink()
    path = folder / f"{TRAIN_IMAGES}{ending}"
    path.write_bytes(damage(files[TRAIN_IMAGES]))
    before = listing(folder.parent)
    with pytest.raises(ValueError, match=found) as raised:
        data.mnist()
    assert str(path) in str(raised.value)
    assert "coursekit data get mnist" in str(raised.value)
    assert "MNIST/raw in the data folder ($COURSEKIT_DATA)" in str(raised.value)
    assert listing(folder.parent) == before
    assert len(data.mnist(train=False)) == COUNTS["t10k"]  # the other part is still good


@pytest.mark.parametrize("name", idx.names(True))
def test_missing_file_is_named_with_what_to_do(folder, name):
    (folder / f"{name}.gz").unlink()
    with pytest.raises(FileNotFoundError, match="coursekit data get mnist") as raised:
        data.mnist()
    assert f"{name} (or {name}.gz) is missing in {folder}" in str(raised.value)


def test_images_and_labels_of_different_number_are_refused(folder, files):
    (folder / f"{TRAIN_LABELS}.gz").write_bytes(gzip.compress(files["t10k-labels-idx1-ubyte"]))
    with pytest.raises(ValueError, match="7 images but 4 labels") as raised:
        data.mnist()
    assert str(folder / f"{TRAIN_LABELS}.gz") in str(raised.value)


def test_without_download_nothing_is_fetched_or_made(data_root, monkeypatch):
    def no_network(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(FileNotFoundError, match="is missing in"):
        data.mnist()
    assert not any(data_root.iterdir())


class Mirror:
    """A server on this computer that gives what is in `files` and remembers what was asked for."""

    def __init__(self):
        self.files, self.asked, mirror = {}, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/")
                mirror.asked.append(name)
                content, length = mirror.files.get(name, (b"", -1))
                self.send_response(404 if length < 0 else 200)
                self.send_header("Content-Length", str(max(length, 0)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"

    def serve(self, name, content, *, cut=0):
        self.files[name] = content[: len(content) - cut], len(content)


@pytest.fixture
def mirror(files, monkeypatch):
    made = Mirror()
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    for name, content in packed.items():
        made.serve(name, content)
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr(MNIST, "mirrors", [made.address])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_download_brings_the_four_files_and_nothing_else_once(data_root, mirror):
    read = data.mnist(download=True)
    assert len(read) == 7
    names = sorted(f"{name}.gz" for name in idx.SHA256)
    assert sorted(path.name for path in (data_root / "MNIST" / "raw").iterdir()) == names
    assert sorted(mirror.asked) == names
    data.mnist(download=True)
    assert data.get("mnist") == data_root / "MNIST" / "raw"
    assert len(mirror.asked) == 4


def test_download_replaces_what_is_damaged_and_keeps_what_is_sound(folder, files, mirror):
    recompressed = gzip.compress(files[TRAIN_LABELS], compresslevel=1, mtime=1)
    (folder / f"{TRAIN_LABELS}.gz").write_bytes(recompressed)
    (folder / f"{TRAIN_IMAGES}.gz").write_bytes(b"half a file")
    data.get("mnist")
    assert mirror.asked == [f"{TRAIN_IMAGES}.gz"]
    assert (folder / f"{TRAIN_LABELS}.gz").read_bytes() == recompressed
    assert len(data.mnist()) == 7


def test_download_goes_to_the_next_mirror(data_root, mirror, monkeypatch):
    monkeypatch.setattr(MNIST, "mirrors", [f"{mirror.address}nowhere/", mirror.address])
    assert len(data.mnist(download=True)) == 7
    assert mirror.asked.count(f"nowhere/{TRAIN_IMAGES}.gz") == 1


@pytest.mark.parametrize(
    ("cut", "content"), [(0, b"something else"), (10, b"x" * 1000)], ids=["checksum", "cut off"]
)
def test_failed_download_leaves_nothing_half_written(data_root, mirror, cut, content):
    mirror.serve(f"{TRAIN_LABELS}.gz", content, cut=cut)
    with pytest.raises(OSError, match=f"could not download {TRAIN_LABELS}.gz") as raised:
        data.mnist(download=True)
    assert mirror.address in str(raised.value)
    assert "put MNIST's four files" in str(raised.value)
    left = sorted(path.name for path in data_root.rglob("*") if path.is_file())
    assert left == [f"{TRAIN_IMAGES}.gz"]  # which had come whole
    assert sorted(path.name for path in (data_root / "MNIST" / "raw").iterdir()) == left


def test_offline_download_says_what_to_put_where(data_root, files, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{closed.getsockname()[1]}/"])
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(OSError, match=r"Offline, put MNIST's four files.*COURSEKIT_DATA"):
            data.get("mnist")
    assert not any((data_root / "MNIST" / "raw").iterdir())


def test_interrupted_download_leaves_nothing_half_written(data_root, files, monkeypatch):
    def interrupted(url, known_hash, fname, path):
        (path / fname).write_bytes(b"the first bytes")
        raise KeyboardInterrupt

    monkeypatch.setattr(idx.pooch, "retrieve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.get("mnist")
    assert not any((data_root / "MNIST" / "raw").iterdir())


def test_unwritable_folder_is_named(data_root):
    (data_root / "MNIST").write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"cannot write to .*MNIST.*set COURSEKIT_DATA to a folder"):
        data.get("mnist")
    assert os.listdir(data_root) == ["MNIST"]


def test_checksums_are_those_of_the_real_files(real_mnist):
    train, test = data.mnist(), data.mnist(train=False)
    assert train.images.shape == (60_000, 1, 28, 28)
    assert test.images.shape == (10_000, 1, 28, 28)
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.images.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert train.images.std().item() == pytest.approx(0.3081, abs=5e-5)
