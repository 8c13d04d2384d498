import pytest

import alignfreeze
from alignfreeze.errors import DataError


def test_the_demo_is_at_hand(cache):
    demo = alignfreeze.load_demo(pairs=2)
    assert sorted(demo.pairs) == ["ar", "de", "el", "es", "hi", "ru", "tr", "zh"]
    assert all(len(pairs) == 2 for pairs in demo.pairs.values())
    assert (demo.dictionaries / "en-de.txt").is_file()
    assert demo.encoder.config.num_hidden_layers == 4


def test_another_language_is_an_error(cache):
    with pytest.raises(DataError, match=r"en-fr has no parallel text; languages with one: ar de"):
        alignfreeze.load_demo(["fr"])
