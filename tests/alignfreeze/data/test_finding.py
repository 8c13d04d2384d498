import pytest

from alignfreeze.data import demo
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.errors import DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(folder))
    return folder


def test_the_demo_is_in_the_cache(cache):
    source = find_data("demo")
    assert (source.name, source.root, source.supplier) == ("demo", demo.unpacked_corpus(), None)
    assert source.root.is_relative_to(cache)


def test_a_folder_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    source = find_data("data", max_pairs=3)
    assert (source.name, source.root, source.supplier) == ("data", tmp_path / "data", None)


def test_the_hub_is_in_the_cache(cache):
    source = find_data("hub")
    assert source.supplier is not None
    assert source.root.is_relative_to(cache / "hub")


def test_mirrors_do_not_mix_with_each_other_or_the_hub(tmp_path, cache):
    roots = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        source = find_data(f"hub:{tmp_path / name}")
        assert source.supplier is not None
        roots.add(source.root)
    assert len(roots | {find_data("hub").root}) == 3
    assert all(root.is_relative_to(cache) for root in roots)


@pytest.mark.parametrize(
    ("data", "folder"), [("nothing", "nothing"), ("hub:nothing", "nothing"), ("hub:", "")]
)
def test_what_does_not_exist_is_one_line(data, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = rf"^data must be 'demo', 'hub', .* or a folder, and there is no folder '{folder}'\Z"
    with pytest.raises(DataError, match=message):
        find_data(data)


def test_models():
    assert find_model("demo") == str(demo.ENCODER)
    assert find_model("xlm-roberta-base") == "xlm-roberta-base"
