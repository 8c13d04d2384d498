"""Hashes of files, folders and values."""

import os
import sys

import pytest

from alignfreeze.base.digests import folder_digest, hash_of

LATIN = os.fsdecode("modèle".encode("latin-1"))
"""A name as an old archive leaves it: no UTF-8."""


def test_a_value_has_one_hash_whatever_the_order_of_its_keys():
    assert hash_of({"a": 1, "b": ["é"]}) == hash_of({"b": ["é"], "a": 1})
    assert hash_of(["é"]) != hash_of(["e"])


def test_names_that_are_no_utf8_have_a_hash():
    assert hash_of([LATIN]) != hash_of(["modle"])


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_a_folder_with_such_a_name_has_one(tmp_path):
    (tmp_path / "a").write_text("text")
    alone = folder_digest(tmp_path)
    (tmp_path / LATIN).write_text("text")
    assert folder_digest(tmp_path) != alone
