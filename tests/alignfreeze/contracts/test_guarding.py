"""What goes wrong inside a plugin is one line that names plugin, distribution and method."""

import pickle
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pydantic import field_serializer, field_validator

from alignfreeze.contracts import Aligner, FreezingStrategy, ParameterSite, Task
from alignfreeze.contracts.guarding import calling
from alignfreeze.contracts.registry import STRATEGY, create_plugin, load_plugin
from alignfreeze.errors import DataError, Interrupted, PluginError

SITE = ParameterSite("x", 0)

FAULTS: dict[str, tuple[BaseException, str]] = {
    "an error": (KeyError("two\nlines"), r"fails: KeyError: 'two\\nlines'"),
    "a long one": (ValueError("a" * 10**6), "fails: ValueError: aaa"),
    "an end": (SystemExit(0), r"calls sys.exit\(0\), which is not its to call"),
    "recursion": (RecursionError("too deep"), "fails: RecursionError: too deep"),
    "a stop": (StopIteration(), "fails: StopIteration"),
    "nothing written": (NotImplementedError(), "must be implemented"),
}


class Broken(FreezingStrategy):
    """Raises what it is told to, wherever it is asked for something."""

    _fault: BaseException

    def fail(self) -> Any:
        raise self._fault

    def freezes(self, site, n_layers):
        return self.fail()

    def resolved(self, n_layers):
        return self.fail()

    @property
    def realigns(self):
        return self.fail()


class BrokenTask(Task):
    """Fails while it is iterated, in a class method, and in what is cached."""

    folder = "x"

    @classmethod
    def all_layouts(cls):
        raise KeyError("x")

    @cached_property
    def labels(self):
        raise KeyError("x")

    @staticmethod
    def metric_notes():
        raise KeyError("x")

    def from_row(self, row, language):
        raise ValueError("a rule") if row else KeyError("x")


class BrokenAligner(Aligner):
    """Fails at the second of its pairs."""

    def align(self, pairs, bitext):
        yield []
        raise KeyError("x")


def broken(fault: BaseException) -> Broken:
    plugin = Broken()
    object.__setattr__(plugin, "__pydantic_private__", {"_fault": fault})
    return plugin


CALLS = {
    "freezes": lambda plugin: plugin.freezes(SITE, 2),
    "resolved": lambda plugin: plugin.resolved(2),
    "realigns": lambda plugin: plugin.realigns,
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("kind", FAULTS)
def test_what_a_method_raises_names_it(method, kind):
    fault, said = FAULTS[kind]
    with pytest.raises(PluginError, match=f"^strategy 'Broken': {method} {said}") as caught:
        CALLS[method](broken(fault))
    assert caught.value.__cause__ is fault
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "fault",
    [DataError("ours"), KeyboardInterrupt(), Interrupted("a signal"), OSError(28, "No space left")],
)
def test_what_is_ours_or_the_machines_stays_as_it_is(fault):
    with pytest.raises(type(fault)) as caught:
        broken(fault).freezes(SITE, 2)
    assert caught.value is fault


def test_methods_of_all_kinds_are_guarded():
    task = BrokenTask()
    for name, call in {
        "all_layouts": BrokenTask.all_layouts,
        "labels": lambda: task.labels,
        "from_row": lambda: task.from_row({}, "de"),
        "languages_within": lambda: task.languages_within(Path("x")),
    }.items():
        with pytest.raises(PluginError, match=rf"^task 'BrokenTask': {name} (fails: Key|must be)"):
            call()
    with pytest.raises(ValueError, match=r"^a rule$"):
        task.from_row({"a": 1}, "de")


class Mixin:
    """No plugin, but some of one."""

    def freezes(self, site, n_layers):
        raise PermissionError(13, "Permission denied", "/a/file")


def test_what_a_plugin_has_from_elsewhere_is_guarded_as_far_as_it_is_its_own():
    class Mixed(Mixin, FreezingStrategy):
        """Freezes as its mixin says."""

    class Overridden(Mixed, Mixin):
        """Freezes all the same."""

        def freezes(self, site, n_layers):
            return True

    class Below(Overridden, Mixin):
        """Freezes as the one above."""

    with pytest.raises(PluginError, match=r"^strategy 'Mixed': freezes fails: PermissionError: "):
        Mixed().freezes(SITE, 2)
    with pytest.raises(PermissionError):
        Mixin().freezes(SITE, 2)
    assert Overridden().freezes(SITE, 2)
    assert Below().freezes(SITE, 2)


class ByNumber:
    """One thing, asked for by its number."""

    def __len__(self):
        return 1

    def __getitem__(self, number):
        return ["x"][number]


def test_what_has_items_by_number_is_a_list():
    assert list(returning(ByNumber()).load(None, None, None)) == ["x"]


def test_what_is_returned_is_guarded_while_it_is_gone_through():
    links = BrokenAligner().align([], None)
    assert next(links) == []
    with pytest.raises(PluginError, match=r"^aligner 'BrokenAligner': align fails: KeyError: 'x'$"):
        next(links)


def returning(value: Any) -> Task:
    class Returning(Task):
        """Returns the same from everything."""

        load = featurize = metrics = hub_split = counts = lambda *_, **__: value

    return Returning()


@pytest.mark.parametrize(
    ("method", "value", "rule"),
    [
        ("load", None, "load must return a list, got NoneType"),
        ("load", iter([]), "load must return a list, got list_iterator"),
        ("load", (x for x in ()), "load must return a list, got generator"),
        ("load", "text", "load must return a list, got 'text'"),
        ("featurize", {1: 2}, "featurize must return a list, got dict"),
        ("metrics", None, "metrics must return a dict, got NoneType"),
        ("metrics", [1], "metrics must return a dict, got list"),
        ("counts", 3, "counts must return a dict, got int"),
        ("hub_split", 3, "hub_split must return a HubSplit or None, got int"),
    ],
)
def test_what_a_method_returns_is_of_its_type(method, value, rule):
    with pytest.raises(PluginError, match=f"^task 'Returning': {rule}"):
        getattr(returning(value), method)(None, None, None)


def test_answers_that_are_none():
    class Odd(FreezingStrategy):
        """Answers otherwise than it should."""

        def freezes(self, site, n_layers):
            return None

        def resolved(self, n_layers):
            return None

    with pytest.raises(PluginError, match="'Odd': freezes must return true or false, got NoneType"):
        Odd().freezes(SITE, 2)
    with pytest.raises(PluginError, match="'Odd': resolved must return a plugin of its own class"):
        Odd().resolved(2)


VALIDATING = '''
from alignfreeze.contracts import FreezingStrategy
from pydantic import Field, field_validator

class Half(FreezingStrategy):
    """A half."""

    share: float = 1.0

    @field_validator("share")
    @classmethod
    def _check(cls, value):
        {fault}

    def freezes(self, site, n_layers):
        {fault}
'''


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise KeyError('x')", "fails: KeyError: 'x'"),
        ("import sys; sys.exit(0)", r"calls sys.exit\(0\)"),
    ],
)
def test_validators_and_methods_name_the_distribution(tmp_path, monkeypatch, fault, said):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "half_one", raising=False)
    (tmp_path / "half_one.py").write_text(VALIDATING.format(fault=fault))
    info = tmp_path / "half_one-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: half-one\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[alignfreeze.strategies]\nhalf-one = half_one:Half\n")
    who = "^strategy 'half-one' of half-one 1.2: "
    with pytest.raises(PluginError, match=f"{who}a rule of its fields {said}"):
        create_plugin(STRATEGY, "half-one", {"share": 2})
    plugin = create_plugin(STRATEGY, "half-one", {})
    with pytest.raises(PluginError, match=f"{who}freezes {said}"):
        plugin.freezes(SITE, 2)
    with pytest.raises(PluginError, match=f"{who}freezes {said}"):
        pickle.loads(pickle.dumps(plugin)).freezes(SITE, 2)


@pytest.mark.parametrize("code", ["import sys\nsys.exit(0)", "raise SystemExit"])
def test_an_end_at_import(tmp_path, monkeypatch, code):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ends_one", raising=False)
    (tmp_path / "ends_one.py").write_text(code)
    info = tmp_path / "ends_one-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ends-one\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[alignfreeze.strategies]\nends = ends_one:X\n")
    match = r"^strategy 'ends' of ends-one 1.2 cannot be loaded: it calls sys.exit\((0|None)\)$"
    with pytest.raises(PluginError, match=match):
        load_plugin(STRATEGY, "ends")


def test_fields_that_cannot_be_said():
    class Mute(FreezingStrategy):
        """Its field cannot be written."""

        share: float = 1.0

        @field_serializer("share")
        def _said(self, value: float) -> float:
            raise KeyError(value)

        @field_validator("share")
        @classmethod
        def _kept(cls, value: float) -> float:
            return value

    with pytest.raises(PluginError, match=r"^strategy 'Mute': model_dump fails: Pydantic"):
        Mute().model_dump(mode="json")
    match = r"^strategy 'Mute': its work fails: KeyError: 1$"
    with pytest.raises(PluginError, match=match), calling(Mute, "its work"):
        raise KeyError(1)
