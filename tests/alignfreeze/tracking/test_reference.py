from pathlib import Path

import pytest

from alignfreeze.errors import DataError
from alignfreeze.tracking.reference import METHODS, ReferenceRow, model_name, read_rows

HEADER = "seed,model,task,method,finetuning_steps,realignment_steps,train_loss,eval_de_accuracy"
MBERT = "bert-base-multilingual-cased"


def rows(write, text: str, header: str = HEADER, **renames: str) -> list[ReferenceRow | DataError]:
    return list(read_rows(write("results.csv", f"{header}\n{text}"), renames))


def only(write, text: str, header: str = HEADER) -> ReferenceRow:
    (row,) = rows(write, text, header)
    assert isinstance(row, ReferenceRow), row
    return row


@pytest.mark.parametrize(
    ("method", "strategy", "aligner"),
    [
        ("baseline", "baseline", None),
        ("before_dico", "none", "dico"),
        ("freeze_realign_unfreeze_fastalign", "front", "fastalign"),
        ("freeze_realign_unfreeze_last_half_awesome", "back", "awesome"),
        ("freeze_realign_unfreeze_last_6_dico", "back", "dico"),
        ("during_awesome", "during", "awesome"),
        ("during_partial_freeze_front_dico", "during-front", "dico"),
        ("during_partial_freeze_back_dico", "during-back", "dico"),
    ],
)
def test_methods_are_strategies_with_an_aligner(write, method, strategy, aligner):
    row = only(write, f"31,{MBERT},udpos,{method},100,200,0.1,0.5")
    assert (row.strategy, row.aligner, row.method) == (strategy, aligner, method)
    assert (row.seed, row.task, row.finetune_steps, row.realign_steps) == (31, "pos", 100, 200)


@pytest.mark.parametrize(
    ("task", "name"), [("udpos", "pos"), ("wikiann", "ner"), ("xnli", "nli"), ("xquad", "qa")]
)
def test_tasks_have_our_names(write, task, name):
    assert only(write, f"31,{MBERT},{task},baseline,,,,0.5").task == name


def test_the_final_evaluation_counts_where_it_exists(write):
    header = (
        "seed,model,task,method,eval_de_f1,eval_fr_f1,eval_same_f1,eval_avg_f1,eval_de_loss,"
        "final_eval_de_f1,final_eval_fr_f1,final_eval_same_f1,final_eval_avg_f1"
    )
    row = only(write, f"31,{MBERT},xquad,baseline,.1,.2,.3,.4,9,.5,,.7,.8", header)
    # French has no final score; `same` is English; averages are not of a language.
    assert row.scores == {("de", "f1"): 0.5, ("fr", "f1"): 0.2, ("en", "f1"): 0.7}


def test_empty_cells_and_lines_are_nothing(write):
    header = "seed,model,task,method,realignment_steps,eval_de_em,eval_fr_em"
    row = only(write, f"\n31.0,{MBERT},xquad,baseline,,,0.25\n,,,,,,\n", header)
    assert (row.seed, row.realign_steps, row.scores) == (31, None, {("fr", "em"): 0.25})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (MBERT, MBERT),
        ("google-bert/bert-base-multilingual-cased", MBERT),
        ("bert-base-multilingual-casd", MBERT),
        ("bert_base_multilingual_cased", MBERT),
        ("Bert-base-multilingual-cased", MBERT),
        ("distilbert-base-multlingual-cased", "distilbert-base-multilingual-cased"),
        ("xlm-roberta-bse", "xlm-roberta-base"),
        # Models of their own.
        ("bert-base-multilingual-uncased", "bert-base-multilingual-uncased"),
        ("xlm-roberta-large", "xlm-roberta-large"),
        ("roberta-base", "roberta-base"),
        ("mdeberta-v3-base", "mdeberta-v3-base"),
    ],
)
def test_misspelt_models_are_mended(write, written, name):
    assert model_name(written, {}) == name
    row = only(write, f"31,{written},udpos,baseline,,,,0.5")
    assert (row.mended is not None) == (written.rpartition("/")[2] != name)


def test_a_renamed_model_is_not_told_as_mended(write):
    file = write("results.csv", f"{HEADER}\n31,mbrt,udpos,baseline,,,,0.5\n")
    (row,) = read_rows(file, {"mbrt": MBERT})
    assert isinstance(row, ReferenceRow)
    assert (row.model, row.mended) == (MBERT, None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"x,{MBERT},udpos,baseline,,,,0.5", "seed must be a whole number >= 0, got 'x'"),
        (f"-1,{MBERT},udpos,baseline,,,,0.5", "seed must be a whole number >= 0, got '-1'"),
        (f",{MBERT},udpos,baseline,,,,0.5", "seed must be a whole number >= 0, got ''"),
        ("31,,udpos,baseline,,,,0.5", "model must be a name, got ''"),
        (f"31,{MBERT},pos,baseline,,,,0.5", "task must be one of udpos, wikiann, xnli, xquad"),
        (f"31,{MBERT},udpos,before,,,,0.5", "method must be baseline, or one of .* got 'before'"),
        (f"31,{MBERT},udpos,before_x,,,,0.5", "method must be baseline, .* got 'before_x'"),
        (f"31,{MBERT},udpos,baseline,,,,1.5", r"eval_de_accuracy must be a number in \[0, 1\]"),
        (f"31,{MBERT},udpos,baseline,,,,-.1", r"eval_de_accuracy must be a number in \[0, 1\]"),
        (
            f"31,{MBERT},udpos,baseline,,,,nan",
            r"eval_de_accuracy must be a number in \[0, 1\], got 'nan'",
        ),
        (
            f"31,{MBERT},udpos,baseline,,,,good",
            r"eval_de_accuracy must be a number in \[0, 1\], got 'good'",
        ),
        (f"31,{MBERT},udpos,baseline,,,,", "must have a score, got none"),
        (f"31,{MBERT},udpos,baseline", "must have 8 fields, as the first line, got 4"),
        (f"31,{MBERT},udpos,baseline,,,,.5,9", "must have 8 fields, as the first line, got 9"),
    ],
)
def test_a_malformed_row_is_told_with_its_line(write, row, message):
    good = f"31,{MBERT},udpos,baseline,,,,0.5"
    before, problem, after = rows(write, f"{good}\n{row}\n{good}\n")
    assert isinstance(before, ReferenceRow)
    assert isinstance(after, ReferenceRow)
    with pytest.raises(DataError, match=rf"results\.csv:3: {message}"):
        raise problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must name the column 'seed'"),
        ("seed,model,task\n", "must name the column 'method'"),
        ("seed,model,task,method,seed,eval_de_f1\n", "names the column 'seed' twice"),
        ("seed,model,task,method,train_loss\n", "must name scores, such as eval_de_accuracy"),
    ],
)
def test_a_file_of_another_form_is_refused(write, text, message):
    with pytest.raises(DataError, match=message):
        list(read_rows(write("results.csv", text), {}))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        list(read_rows(tmp_path / "none.csv", {}))
    latin: Path = tmp_path / "latin.csv"
    latin.write_bytes(f"{HEADER}\n31,é,udpos,baseline,,,,0.5\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.csv: must be UTF-8"):
        list(read_rows(latin, {}))


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    file = write("results.csv", f"\ufeff{HEADER}\n31,{MBERT},udpos,baseline,,,,0.5\n")
    assert len(list(read_rows(file, {}))) == 1


def test_no_method_is_another_ones_with_an_aligner():
    assert len({*METHODS, "baseline"}) == len(METHODS) + 1
