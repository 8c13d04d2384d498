"""Make the demo's corpus as it is shipped: `python -m tools.demo --output alignfreeze/data/demo`.

The encoder is made by `python -m tools.demo.pretrain --output alignfreeze/data/demo/encoder`.
"""

import argparse
import tempfile
from pathlib import Path

from tools.demo.corpus import write_corpus
from tools.demo.writing import pack


def main() -> None:
    """Write `corpus.zip`, the same bytes each time."""
    parser = argparse.ArgumentParser(description="Make the corpus of the embedded demo.")
    parser.add_argument("--output", type=Path, required=True, help="folder of corpus.zip")
    output: Path = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder))
        output.mkdir(parents=True, exist_ok=True)
        pack(Path(folder), output / "corpus.zip")


if __name__ == "__main__":
    main()
