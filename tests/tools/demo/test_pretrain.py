"""The encoder that is shipped knows the words of the corpus, and can be made again."""

from pathlib import Path

import pytest
from transformers import AutoModel, AutoTokenizer

from alignfreeze.data.finding import ENCODER
from tools.demo import LANGUAGES
from tools.demo.grammar import Linearizer
from tools.demo.lexicon import load_lexicon
from tools.demo.meaning import Clause, NounPhrase, Sentence
from tools.demo.pretrain import monolingual_text, pretrain, save, train_tokenizer


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_reads_words_of_every_language(language: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(ENCODER)
    sentence = Sentence(Clause("buy.v", NounPhrase("teacher", "the"), object=NounPhrase("onion")))
    words = [token.form for token in Linearizer(language).sentence(sentence)]
    encoding = tokenizer(words, is_split_into_words=True)
    assert set(encoding.word_ids()) == {None, *range(len(words))}
    assert tokenizer.unk_token_id not in encoding["input_ids"]


def test_every_word_of_the_lexicon_is_known_and_some_are_split() -> None:
    tokenizer = AutoTokenizer.from_pretrained(ENCODER)
    words = sorted({w for c in load_lexicon().concepts.values() for w in c.words.values()})
    pieces = tokenizer(words, add_special_tokens=False)["input_ids"]
    assert not any(tokenizer.unk_token_id in ids for ids in pieces)
    assert sum(len(ids) > 1 for ids in pieces) > 100


def test_pretraining_draws_languages_independently() -> None:
    assert monolingual_text("de", 5) == monolingual_text("de", 5)
    assert len({len(monolingual_text(x, 200)[0]) for x in LANGUAGES}) > 1


def test_pretraining_saves_what_loads(tmp_path: Path) -> None:
    texts = monolingual_text("en", 100)
    tokenizer = train_tokenizer(texts)
    save(pretrain(texts, tokenizer, steps=1), tokenizer, tmp_path)
    _, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())


def test_pretraining_without_text_is_refused() -> None:
    tokenizer = train_tokenizer(["the dog sleep ."])
    with pytest.raises(ValueError, match="texts and steps must be >= 1, got 0 and 3"):
        pretrain([], tokenizer, steps=3)
