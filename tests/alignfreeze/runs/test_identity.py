"""What makes another phase of a run, and what does not."""

import json
import shutil
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from alignfreeze.base import versions
from alignfreeze.base.versions import LIBRARIES
from alignfreeze.benchmark.cells import Dependencies
from alignfreeze.config import BASELINE, About, Phase, RunConfig, role_of
from alignfreeze.data.finding import find_model
from alignfreeze.errors import DataError
from alignfreeze.report.results import results
from alignfreeze.report.settings import ReportConfig
from alignfreeze.runs.identity import config_hash
from alignfreeze.runs.objectives import objective_choice
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.provenance import Provenance
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.strategies import strategy_choices
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import study_name
from alignfreeze.tracking.store import StoredRun
from alignfreeze.training.devices import resolve_precision


@pytest.fixture
def realign_identity(accelerator, tokenizer, tmp_path):
    """The hash of a realignment with some options."""

    def of(**options) -> str:
        config = RunConfig(strategy="front", strategy_args={"boundary": 2}, **options)
        preparation = SimpleNamespace(
            config=config,
            objective=objective_choice(config),
            model="model",
            model_identity="weights",
            tokenizer=tokenizer,
            corpora=[SimpleNamespace(fingerprint="text")],
            held_out=[],
            left_out={},
        )
        phases = Phases(preparation, accelerator, parent=SimpleNamespace(), folder=tmp_path)
        return phases.realign_identity(strategy_choices(config, 4)[-1], 10)

    return of


def test_every_process_reads_the_rows_that_a_fine_tuning_depends_on(tmp_path, monkeypatch):
    class Data:
        name, identity, task = "pos", {}, SimpleNamespace(epochs=1)

        @property
        def training_features(self):
            raise DataError("the file is empty")

    accelerator = SimpleNamespace(num_processes=2, is_main_process=False)
    preparation = SimpleNamespace(config=RunConfig(), held_out=[], tokenizer=None, left_out={})
    phases = Phases(preparation, accelerator, parent=SimpleNamespace(), folder=tmp_path)
    monkeypatch.setattr(phases, "on_main", lambda compute: pytest.fail("the main one fails too"))
    encoder = RealignedEncoder("", "made before")
    with pytest.raises(DataError, match="the file is empty"):
        phases.finetune(encoder, SimpleNamespace(name="front"), Data())


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_of_what_computes_is_another_phase(realign_identity, monkeypatch, library):
    before = realign_identity()
    assert realign_identity() == before
    installed = versions._installed
    monkeypatch.setattr(
        versions, "_installed", lambda name: "0.0.1" if name == library else installed(name)
    )
    assert realign_identity() != before


def test_numpy_and_what_splits_text_are_among_what_computes():
    assert {"torch", "numpy", "tokenizers", "icu4py"} <= set(LIBRARIES)


# Each option changes what its role names, and nothing else

OTHER = {
    "data": "other",
    "model": "other",
    "task": ("pos",),
    "task_args": {"qa.stride": 32},
    "strategy": "back",
    "strategy_args": {"boundary": 3},
    "compare": ("baseline",),
    "objective": "distance",
    "objective_args": {"negatives": "target"},
    "realign_when": "during",
    "realign_weight": 0.5,
    "gather": True,
    "aligner": "pharaoh",
    "aligner_args": {"lowercase": False},
    "languages": ("de",),
    "realign_languages": ("de",),
    "missing": "error",
    "pair_limit": 25,
    "pair_max_words": 4,
    "pair_max_ratio": 2.0,
    "pair_duplicates": "keep",
    "pair_quality": 0.25,
    "alignment_pairs": 2,
    "source_language": "de",
    "language_mix": "uniform",
    "temperature": 0.2,
    "layer": (-2,),
    "projection": 8,
    "realign_steps": 6,
    "finetune_steps": 7,
    "finetune_epochs": 3.0,
    "warmup": 0.2,
    "realign_batch_size": 8,
    "finetune_batch_size": 8,
    "eval_batch_size": 8,
    "accumulation": 2,
    "realign_lr": 1e-4,
    "finetune_lr": 1e-4,
    "realign_max_length": 32,
    "max_length": 96,
    "eval_max_length": {"all": 64},
    "word_marks": "removed",
    "seed": 42,
    "precision": "bf16",
    "prefix": "exact",
    "prefix_memory": 1,
    "loss_block": 8,
    "compile": True,
    "activation_checkpointing": True,
    "checkpoint_steps": 7,
    "keep_optimizer": True,
    "tracking_wait": 7,
    "system_metrics": True,
    "resume": True,
    "reuse": False,
    "save_predictions": False,
    "save_model": True,
    "register": "tagger",
    "register_encoder": "encoder",
    "encoder": "made",
}
"""Another value of each option."""

OF_TIME = {"realign_when": {}, "realign_weight": {"realign_when": "during"}}
"""Options that say when an encoder is realigned, and what has to be given for them to matter."""

WORDS = {
    "en": ["the", "house", "dog", "cat", "tree", "sun", "moon", "water", "bread", "fish"],
    "fr": ["le", "maison", "chien", "chat", "arbre", "soleil", "lune", "eau", "pain", "poisson"],
    "de": ["das", "haus", "hund", "katze", "baum", "sonne", "mond", "wasser", "brot", "fisch"],
}


def _write_data(folder, n_pairs):
    """A folder of data: three languages, two tasks, and parallel text with all to be cleaned."""
    english, french = WORDS["en"], WORDS["fr"]
    pairs = [(f"{english[i % 10]} {i}", f"{french[i % 10]} {i}") for i in range(n_pairs)]
    pairs += [("House dog", "Maison chien"), ("House dog", "Maison chien")]
    pairs += [
        ("the house dog cat tree", "le maison chien chat arbre"),
        ("sun moon water", "soleil"),
    ]
    texts = {}
    for source, target in (("en", "fr"), ("en", "de"), ("de", "fr")):
        name = f"parallel/{source}-{target}"
        texts[f"{name}.{source}"] = "".join(f"{one}\n" for one, _ in pairs)
        texts[f"{name}.{target}"] = "".join(f"{other}\n" for _, other in pairs)
        texts[f"{name}.align"] = "0-0\n" * len(pairs)
        texts[f"{name}.scores"] = "".join(f"{number}\n" for number in range(len(pairs)))
        entries = [*zip(english, french, strict=True), ("House", "Maison")]
        texts[f"dictionaries/{source}-{target}.txt"] = "".join(f"{a} {b}\n" for a, b in entries)
    for language, words in WORDS.items():
        answer = {"text": words[1], "answer_start": len(words[0]) + 1}
        asked = [{"id": f"{i}", "question": f"{i} ?", "answers": [answer]} for i in range(40)]
        paragraph = {"context": " ".join(words), "qas": asked}
        for split in ("train", "dev", "test"):
            content = {
                "version": "1.1",
                "data": [{"title": f"{split} {n_pairs}", "paragraphs": [paragraph]}],
            }
            texts[f"qa/{language}/{split}.json"] = json.dumps(content)
            row = "\t".join(["1", words[1], str(n_pairs), "NOUN", *["_"] * 6])
            texts[f"pos/{language}/{split}.conllu"] = f"{row}\n\n"
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Two folders of data and two encoders, by what the options below call them."""
    root = tmp_path_factory.mktemp("places")
    _write_data(root / "data", 30)
    _write_data(root / "other", 31)
    shutil.copytree(find_model("demo"), root / "encoder")
    weights = root / "encoder" / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, weights)
    return {
        "data": {"demo": str(root / "data"), "other": str(root / "other")},
        "model": {"demo": "demo", "other": str(root / "encoder")},
    }


def _config(places, **values):
    base = RunConfig(
        task=("qa",),
        strategy_args={"boundary": 2},
        aligner="dictionary",
        languages=("fr",),
        realign_languages=("fr",),
        realign_steps=5,
        max_length=128,
        precision="fp32",
    )
    changed = RunConfig.model_validate(base.model_dump() | values)
    where = {name: known[getattr(changed, name)] for name, known in places.items()}
    return changed.model_copy(update=where)


class _Identities:
    """By what a result, or a record of one, is known; of one configuration."""

    cells = Dependencies()

    def __init__(self, config, preparation, tmp_path):
        accelerator = SimpleNamespace(
            num_processes=1,
            mixed_precision=resolve_precision(config.precision),
            device=torch.device("cpu"),
            is_main_process=True,
        )
        phases = Phases(preparation, accelerator, parent=SimpleNamespace(), folder=tmp_path)
        choice, data = preparation.strategies[-1], preparation.tasks[0]
        realigned = phases.realign_identity(choice, phases.realign_steps(data))
        # Fine-tuning depends on what realigned its encoder, through that.
        encoder = RealignedEncoder("", config.encoder or "made before")
        baseline = config.model_copy(update={"strategy": BASELINE, "strategy_args": {}})
        self.of = {
            "realignment": realigned,
            "fine-tuning": phases.finetune_identity(encoder, choice, data),
            "configuration": config_hash(config),
            "study": study_name(config, SearchConfig(), ""),
            "cell": self._cell(config),
            "cell of the baseline": self._cell(baseline),
        }

    def _cell(self, config):
        """As a grid's cell says it: what its strategy leaves of when to realign."""
        applied = self.cells.choice(config).applied_to(config)
        when = {name: getattr(applied, name) for name in OF_TIME}
        return self.cells.identity(config.model_copy(update=when))


@pytest.fixture(scope="module")
def cached_module(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(tmp_path_factory.mktemp("identity-cache")))
        yield


@pytest.fixture(scope="module")
def usual(places, cached_module, tmp_path_factory):
    """A configuration, all that it asks for, and what that is known by."""
    config = _config(places)
    preparation = Preparation(config)
    return config, preparation, _Identities(config, preparation, tmp_path_factory.mktemp("usual"))


def test_there_is_another_value_of_each_option():
    assert list(OTHER) == list(RunConfig.model_fields)


@pytest.mark.parametrize("name", OTHER)
def test_an_option_changes_what_its_role_names(name, places, usual, tmp_path):
    config, preparation, before = usual
    if given := OF_TIME.get(name):
        config = _config(places, **given)
        before = _Identities(config, preparation.varied(config), tmp_path)
    other = _config(places, **{**(given or {}), name: OTHER[name]})
    assert getattr(other, name) != getattr(config, name)
    role = role_of(RunConfig, name)
    varied = preparation.varied(other)
    assert (varied.tasks is not preparation.tasks) == role.read
    after = _Identities(other, varied, tmp_path)
    changed = {what for what, identity in after.of.items() if identity != before.of[what]}
    matters = role.about in (About.RESULT, About.MACHINE)
    of_encoder = (role.phases is Phase.REALIGNMENT and name != "model") or name in OF_TIME
    assert changed == {
        *(["realignment"] if Phase.REALIGNMENT in role.phases else []),
        *(["fine-tuning"] if Phase.FINETUNING in role.phases else []),
        *(["configuration", "study", "cell"] if matters else []),
        *(["cell of the baseline"] if matters and not of_encoder else []),
    }


def test_all_languages_are_the_same_realignment_as_their_codes_in_order(
    places, cached_module, tmp_path
):
    """What is realigned decides, and in which order it is drawn from: sorted, of all."""

    def known_by(asked):
        preparation = Preparation(config := _config(places, realign_languages=asked))
        assert {corpus.target for corpus in preparation.corpora} == {"de", "fr"}
        return _Identities(config, preparation, tmp_path).of

    every, written, other = map(known_by, ("all", "de,fr", "fr,de"))
    assert every["realignment"] == written["realignment"] != other["realignment"]
    assert every["cell"] != written["cell"]  # a grid's cells are told apart before text is read


def test_only_what_a_task_is_evaluated_with_is_of_its_identity(places, usual, tmp_path):
    """A length that is the same, said otherwise, is the same fine-tuning."""
    config, preparation, before = usual
    assert config.max_length == 128
    for given, is_same in (("128", True), ("qa=128", True), ("qa=64", False)):
        other = _config(places, eval_max_length=given)
        after = _Identities(other, preparation.varied(other), tmp_path).of
        assert (after["fine-tuning"] == before.of["fine-tuning"]) == is_same
        assert after["realignment"] == before.of["realignment"]


@pytest.mark.parametrize("name", OTHER)
def test_provenance_carries_what_is_of_the_encoder(name, places):
    config, other = _config(places), _config(places, **{name: OTHER[name]})
    role = role_of(RunConfig, name)
    made = Provenance(options=other, usual=False, identity="made", run_id="1", precision="fp32")
    carried = role.phases is Phase.REALIGNMENT
    assert made.carried_into(config) == (other if carried else config)
    says_nothing = getattr(config, name) in (None, (), {})
    assert bool(made.contradicted_by(config, [name])) == (carried and not says_nothing)
    shared = role.phases is Phase.BOTH and role.about is About.RESULT
    assert made.differences(config, "fp32", 1) == (
        {f"realign_{name}": getattr(other, name)} if shared else {}
    )


@pytest.mark.parametrize("name", OTHER)
def test_a_report_tells_results_by_the_settings_of_their_phases(name, places):
    def settings(config):
        params = {key: str(value) for key, value in config.model_dump().items()}
        tags = {"task": "qa", "strategy": "front", "seed": "31", "precision": config.precision}
        run = StoredRun("1", "finetune-qa", "FINISHED", 0, 1.0, tags, params, {})
        (result,) = results([run], ReportConfig())
        return result.settings

    told = role_of(RunConfig, name).settings_of
    # A weight says something only where there is something beside it.
    usual = {"realign_when": "during"} if name == "realign_weight" else {}
    one, other = _config(places, **usual), _config(places, **usual, **{name: OTHER[name]})
    assert (settings(other) != settings(one)) == bool(told)
