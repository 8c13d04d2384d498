import os
import zipfile

from tools.demo.writing import pack, write_lines


def test_lines_end_alike_on_every_system(tmp_path):
    write_lines(tmp_path / "new" / "file", ["ä", "b"])
    assert (tmp_path / "new" / "file").read_bytes() == "ä\nb\n".encode()


def test_an_archive_depends_on_names_and_content_alone(tmp_path):
    archives = []
    for number, order in enumerate([("b", "a/c"), ("a/c", "b")]):
        folder = tmp_path / str(number)
        for name in order:
            write_lines(folder / name, [name])
            os.utime(folder / name, (10**9 * number, 10**9 * number))
            (folder / name).chmod(0o600 + 0o40 * number)
        pack(folder, tmp_path / "archive.zip")
        archives.append((tmp_path / "archive.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a/c": b"a/c\n",
            "b": b"b\n",
        }
        assert archive.namelist() == ["a/c", "b"]
