"""What a dictionary alone says of tags."""

import subprocess
import sys
from pathlib import Path

LOOKUP = Path(__file__).parents[2] / "benchmarks" / "lookup.py"


def lookup(*options):
    return subprocess.run([sys.executable, str(LOOKUP), *options], capture_output=True, text=True)


def test_words_have_the_tags_of_their_translations(tmp_path, write):
    for name, words in {
        "en/train": "dog NOUN,run VERB,run VERB,run NOUN,red ADJ",
        "en/test": "dog NOUN",
        "de/test": "Hund NOUN,läuft VERB,rot ADJ,und CCONJ",  # the last has no translation
    }.items():
        lines = (word.replace(" ", "\t") for word in words.split(","))
        write(f"pos/{name}.tsv", "\n".join(lines) + "\n")
    for code in ("en", "de"):
        write(f"parallel/en-de.{code}", "x\n")
    write("dictionaries/en-de.txt", "dog hund\nrun läuft\n")
    write("dictionaries/de-en.txt", "rot red\n")
    done = lookup("--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    _, line, means = done.stdout.splitlines()
    assert line.split() == ["de", "4", "75.0%", "75.0%"]
    assert means.split() == ["mean", "75.0%", "75.0%"]


def test_a_folder_without_data_is_told_in_one_line(tmp_path):
    done = lookup("--data", str(tmp_path), "--languages", "de")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr
