import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from alignfreeze.api.encoders import UserEncoder
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.loading import reads_words
from alignfreeze.errors import ConfigError, EncoderError

CONFIG = BertConfig(num_hidden_layers=1, hidden_size=12, vocab_size=300)


def bytewise():
    """A tokenizer as of RoBERTa: a lone word is read otherwise than one in a sentence."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="!", pad_token="!")


def test_a_tokenizer_that_misreads_words_is_mended_in_a_copy():
    tokenizer = bytewise()
    before = tokenizer.backend_tokenizer.to_str()
    user = UserEncoder.of(BertModel(CONFIG), tokenizer)
    assert not reads_words(tokenizer)
    assert tokenizer.backend_tokenizer.to_str() == before
    assert reads_words(user.tokenizer)


def test_a_tokenizer_of_another_encoder_is_refused():
    tokenizer = AutoTokenizer.from_pretrained(find_model("demo"))
    with pytest.raises(EncoderError, match="its tokenizer must be the one that it was made with"):
        UserEncoder.of(BertModel(CONFIG), tokenizer)
    assert UserEncoder.of(BertModel(BertConfig(vocab_size=9000, **SMALL)), tokenizer)


SMALL = {"num_hidden_layers": 1, "hidden_size": 12}


@pytest.mark.parametrize("encoder", [None, "bert-base-multilingual-cased", torch.nn.Linear(2, 2)])
def test_what_is_no_model_is_refused(encoder):
    with pytest.raises(ConfigError, match="encoder must be a transformers model, such as AutoMode"):
        UserEncoder.of(encoder, bytewise())
