from types import SimpleNamespace

from alignfreeze.benchmark.description import description
from alignfreeze.tracking.store import StoredRun


def cell(identity, strategy, task="pos"):
    config = SimpleNamespace(model="owner/xlm-r")
    return SimpleNamespace(identity=identity, variant=strategy, task=task, config=config)


def done(value):
    metrics = {"test/target_mean/f1": value, "test/de/f1": 0.9}
    return StoredRun("1", "", "FINISHED", 0, 1.0, {"metric": "f1"}, {}, metrics)


def test_a_grid_is_described_by_the_means_of_its_cells():
    cells = [
        cell("a", "front"),
        cell("b", "front"),
        cell("c", "baseline"),
        cell("d", "front", "qa"),
    ]
    runs = {"a": done(0.5), "b": done(0.7), "c": done(0.25), "of another grid": done(1.0)}
    text = description(cells, {"done": 3, "failed": 0, "to do": 1}, runs).replace("\xa0", "")
    assert text.startswith("4 cells: 3 done, 1 to do\n")
    assert "| model | task | front | baseline |" in text
    assert "| xlm-r | pos f1 | 60.0 ± 14.1 | 25.0 |" in text
    assert "| xlm-r | qa | – | – |" in text
