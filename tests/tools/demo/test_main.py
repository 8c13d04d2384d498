import zipfile

from tools.demo import __main__ as program


def test_an_archive_is_written_where_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "write_corpus", lambda folder: (folder / "a").write_text("b"))
    output = tmp_path / "new" / "folder"
    monkeypatch.setattr("sys.argv", ["demo", "--output", str(output)])
    program.main()
    with zipfile.ZipFile(output / "corpus.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a": b"b"}
