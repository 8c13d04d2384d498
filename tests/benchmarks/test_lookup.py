"""What a dictionary alone says of tags."""

import subprocess
import sys
from pathlib import Path

LOOKUP = Path(__file__).parents[2] / "benchmarks" / "lookup.py"


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
    done = subprocess.run(
        [sys.executable, str(LOOKUP), "--data", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    _, line, means = done.stdout.splitlines()
    assert line.split() == ["de", "4", "75.0%", "75.0%"]
    assert means.split() == ["mean", "75.0%", "75.0%"]
