import sys
from pathlib import Path

import pytest

from alignfreeze.contracts import FreezingStrategy, registry
from alignfreeze.contracts.registry import (
    KINDS,
    STRATEGY,
    PluginKind,
    catalogue,
    create_plugin,
    fingerprint,
    load_plugin,
)
from alignfreeze.errors import ConfigError, PluginError

GOOD = '''
from alignfreeze.contracts import FreezingStrategy
from pydantic import Field

class Half(FreezingStrategy):
    """Freezes a half.

    The other one is trained.
    """

    share: float = Field(0.5, ge=0, description="how much")
    which: str
    parts: list[int] = Field(default_factory=list)

    def freezes(self, site, n_layers):
        return False
'''
KIND = PluginKind("strategy", "alignfreeze.test_strategies", FreezingStrategy)
"""A group of its own, so that the tests do not depend on what is installed."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def distribute(
    folder: Path, distribution: str, module: str, code: str, names: dict[str, str]
) -> None:
    """What pip would have left in ``folder`` for a distribution of one module."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{module.replace('.', '/')}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code)
    info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    lines = [f"[{KIND.group}]", *(f"{name} = {module}:{cls}" for name, cls in names.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def test_loads_what_is_asked_for_only(folder: Path) -> None:
    distribute(folder, "good-one", "good_loads", GOOD, {"half": "Half"})
    distribute(folder, "bad-one", "bad_loads", "raise RuntimeError('no\\nway')", {"bad": "X"})
    assert load_plugin(KIND, "half").__name__ == "Half"
    assert "bad_loads" not in sys.modules


def test_whose_a_plugin_is_is_not_read_unless_it_is_broken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribute(folder, "good-one", "good_owned", GOOD, {"half": "Half"})
    monkeypatch.setattr(registry, "_owner", lambda entry_point: pytest.fail("was read"))
    assert load_plugin(KIND, "half").__name__ == "Half"


def test_creates_an_instance_with_values(folder: Path) -> None:
    distribute(folder, "good-one", "good_creates", GOOD, {"half": "Half"})
    strategy = create_plugin(KIND, "half", {"which": "upper", "share": "0.25"})
    assert strategy.model_dump() == {"which": "upper", "share": 0.25, "parts": []}


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"which": "a", "share": -1}, r"^strategy 'half': share must be .*>= 0, got -1$"),
        ({}, r"^strategy 'half': which must be given$"),
        (
            {"which": "a", "shar": 1},
            r"^strategy 'half': shar is not a known option; did you mean 'share'\? "
            r"known: share, which, parts$",
        ),
        ({"which": "a", "share": "x"}, r"^strategy 'half': share must be a valid number.*'x'$"),
        ({"share": -1}, r"^strategy 'half': .*share must be .*; which must be given$"),
    ],
)
def test_a_wrong_value(folder: Path, args: dict[str, object], match: str) -> None:
    distribute(folder, "good-one", "good_values", GOOD, {"half": "Half"})
    with pytest.raises(ConfigError, match=match):
        create_plugin(KIND, "half", args)


def test_an_unknown_name(folder: Path) -> None:
    distribute(folder, "good-one", "good_names", GOOD, {"half": "Half", "third": "Half"})
    match = r"^no strategy 'hlf'; did you mean 'half'\? known: half, third$"
    with pytest.raises(PluginError, match=match):
        load_plugin(KIND, "hlf")
    with pytest.raises(PluginError, match=r"^no strategy 'zzz'; known: half, third$"):
        load_plugin(KIND, "zzz")


def test_an_empty_registry() -> None:
    match = r"^no strategy is registered, so AlignFreeze is not installed: pip install -e \.$"
    with pytest.raises(PluginError, match=match):
        load_plugin(KIND, "half")
    with pytest.raises(PluginError, match=match):
        catalogue([KIND])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('no\\n  way')", "RuntimeError: no way"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module"),
        ("class (", "SyntaxError: invalid syntax"),
        ("", "AttributeError: module 'broken' has no attribute 'X'"),
    ],
)
def test_a_broken_import(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    distribute(folder, "bad-one", "broken", code, {"bad": "X"})
    match = f"^strategy 'bad' of bad-one 1.2 cannot be loaded: {reason}"
    with pytest.raises(PluginError, match=match) as caught:
        load_plugin(KIND, "bad")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "code"),
    [("wrong_class", "class X: pass"), ("wrong_object", "X = 3"), ("wrong_alias", "X = list[int]")],
)
def test_a_wrong_class(folder: Path, module: str, code: str) -> None:
    distribute(folder, "bad-one", module, code, {"bad": "X"})
    match = f"^strategy 'bad' of bad-one 1.2 must be a subclass of FreezingStrategy, got {module}:X"
    with pytest.raises(PluginError, match=match):
        load_plugin(KIND, "bad")


def test_two_distributions_that_claim_a_name(folder: Path) -> None:
    distribute(folder, "first-one", "first_claims", GOOD, {"half": "Half", "own": "Half"})
    distribute(folder, "second-one", "second_claims", GOOD, {"half": "Half"})
    match = (
        r"^strategy 'half' is claimed by first-one 1\.2 \(first_claims:Half\) and "
        r"second-one 1\.2 \(second_claims:Half\); uninstall all but one$"
    )
    with pytest.raises(PluginError, match=match):
        load_plugin(KIND, "half")
    assert load_plugin(KIND, "own").__name__ == "Half"
    (claimed, own) = catalogue([KIND])
    assert claimed.distribution == "first-one 1.2, second-one 1.2"
    assert claimed.problem is not None
    assert own.problem is None


def test_a_distribution_found_twice_is_no_collision(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribute(folder, "good-one", "good_twice", GOOD, {"half": "Half"})
    distribute(folder / "again", "good-one", "good_twice", GOOD, {"half": "Half"})
    monkeypatch.syspath_prepend(folder / "again")
    assert load_plugin(KIND, "half").__name__ == "Half"


def test_the_catalogue_shows_the_broken_ones_too(folder: Path) -> None:
    distribute(folder, "good-one", "good_listed", GOOD, {"half": "Half"})
    distribute(folder, "bad-one", "bad_listed", "1 / 0", {"bad": "X"})
    bad, good = catalogue([KIND])
    assert (good.kind, good.name, good.distribution) == ("strategy", "half", "good-one 1.2")
    assert good.summary == "Freezes a half."
    assert good.fields == ("share=0.5", "which=required", "parts=[]")
    assert good.problem is None
    assert bad.problem is not None
    assert bad.problem.endswith("cannot be loaded: ZeroDivisionError: division by zero")
    assert (bad.name, bad.distribution, bad.fields) == ("bad", "bad-one 1.2", ())


def test_a_fingerprint_changes_with_the_code_and_not_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = []
    for place, code in (("a", GOOD), ("b", GOOD), ("c", GOOD.replace("0.5", "0.6"))):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / place)
            patch.delitem(sys.modules, "good_prints", raising=False)
            distribute(tmp_path / place, "good-one", "good_prints", code, {"half": "Half"})
            prints.append(fingerprint(KIND, "half"))
    assert prints[0].startswith("good-one 1.2 sha256:")
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


@pytest.mark.parametrize(
    ("module", "helper"),
    [
        ("outer.plugin", "inner/helper.py"),
        ("outer.inner.plugin", "helper.py"),
        ("outer.inner.plugin", "other/deep/helper.py"),
    ],
)
def test_a_fingerprint_changes_with_every_file_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, helper: str
) -> None:
    distribute(tmp_path, "good-one", module, GOOD, {"half": "Half"})
    file = tmp_path / "outer" / helper
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("A = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("outer", "outer.inner", module):
        monkeypatch.delitem(sys.modules, name, raising=False)
    first = fingerprint(KIND, "half")
    file.write_text("A = 2\n")
    assert fingerprint(KIND, "half") != first
    (tmp_path / "elsewhere.py").write_text("A = 2\n")
    file.write_text("A = 1\n")
    assert fingerprint(KIND, "half") == first


def test_a_built_in_plugin_is_told_by_its_own_files() -> None:
    prints = {name: fingerprint(registry.TASK, name) for name in ("pos", "qa")}
    assert prints["pos"] != prints["qa"]


def test_a_fingerprint_without_any_source_is_the_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribute(folder, "good-one", "good_sourceless", GOOD, {"half": "Half"})
    monkeypatch.setattr(registry.inspect, "getsourcefile", lambda cls: None)
    assert fingerprint(KIND, "half") == "good-one 1.2"


def test_every_built_in_plugin_loads() -> None:
    broken = [info.problem for info in catalogue() if info.distribution.startswith("alignfreeze ")]
    assert not any(broken)
    names = [{info.name for info in catalogue([kind])} for kind in KINDS]
    assert {"baseline", "none", "front", "back", "range"} <= names[0]
    assert {"pos", "ner", "nli", "qa"} <= names[1]
    assert {"dictionary", "pharaoh", "mutual", "simalign"} <= names[2]
    assert {"contrastive", "distance", "sentence"} <= names[3]
    assert [kind.noun for kind in KINDS] == ["strategy", "task", "aligner", "objective"]


def test_a_built_in_strategy_with_a_wrong_value() -> None:
    with pytest.raises(ConfigError, match=r"^strategy 'front': boundary must be >= 0, got -1$"):
        create_plugin(STRATEGY, "front", {"boundary": -1})
    with pytest.raises(ConfigError, match=r"^strategy 'range': end must be >= start, which is 3"):
        create_plugin(STRATEGY, "range", {"start": 3, "end": 2})


def test_a_hyperparameter_that_hides_a_method(folder: Path) -> None:
    code = GOOD.replace("which: str", "rate: float = 0.5")
    distribute(folder, "bad-one", "hides_rate", code, {"bad": "Half"})
    match = (
        "^strategy 'bad' of bad-one 1.2 has a hyperparameter 'rate', which is a method of "
        "FreezingStrategy; it needs another name$"
    )
    with pytest.warns(UserWarning, match='"rate"'), pytest.raises(PluginError, match=match):
        load_plugin(KIND, "bad")
