"""Where a model's files are, and what goes wrong while they are read."""

import functools
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from transformers.utils import logging as _logging

from alignfreeze.encoders.stated import model_folder
from alignfreeze.errors import EncoderError, one_line
from alignfreeze.messages import LONG, shown

_HUB_TIMEOUT = 5.0
"""Seconds to wait for the hub before the cache is asked alone."""

transformers_logging: Any = _logging  # its functions carry no types


@contextmanager
def reading(name: str) -> Iterator[dict[str, Any]]:
    """Quietly read a model's files, from a folder or from the hub (or its cache).

    Yields:
        Keyword arguments for any ``from_pretrained`` of transformers. No model's own code is run.

    Raises:
        EncoderError: If there is no such model, or whatever goes wrong inside; one line.
    """
    folder = model_folder(name)
    offline = "" if folder else why_offline()
    options = {
        "pretrained_model_name_or_path": str(folder or name),
        "local_files_only": bool(folder or offline),
        "trust_remote_code": False,  # unless it is said, transformers asks on the terminal
    }
    try:
        with _quiet(hide_progress=folder is not None):
            yield options
    except EncoderError:
        raise
    except Exception as error:
        if offline and isinstance(error, OSError):
            raise EncoderError(
                f"model {shown(name, LONG)}: neither a folder nor in the cache, and {offline}"
            ) from error
        if "trust_remote_code" in str(error):
            raise EncoderError(
                f"model {shown(name, LONG)} needs code of its own (auto_map in its "
                "configuration), which is "
                "never run; it must be of a family that transformers has"
            ) from None
        if "Weights only load failed" in str(error):
            raise EncoderError(
                f"model {shown(name, LONG)}: its weights are stored with Python "
                "objects, which are never "
                "loaded; save the model's parameters alone, with save_pretrained"
            ) from None
        reason = one_line(error).removeprefix(f"{type(error).__name__}: ")
        raise EncoderError(
            f"model {shown(name, LONG)} cannot be loaded: {reason} (it must be a folder that "
            "save_pretrained wrote, or a name on the Hugging Face hub)"
        ) from error


@functools.lru_cache(maxsize=1)
def why_offline() -> str:
    """Why the hub cannot be used, as a clause; empty if it can. Its client would try for 20 s."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    answers: list[bool] = []
    # The time limit of a request does not hold for looking up its host's name.
    asking = threading.Thread(target=lambda: answers.append(_answers()), daemon=True)
    asking.start()
    asking.join(2 * _HUB_TIMEOUT)
    return "" if any(answers) else f"{constants.ENDPOINT} cannot be reached"


def _answers() -> bool:
    """Whether the hub says anything, or there is one whose certificate is not trusted."""
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_HUB_TIMEOUT).close()
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, ValueError, HTTPException) as error:
        return isinstance(getattr(error, "reason", None), ssl.SSLError)
    return True


@contextmanager
def _quiet(*, hide_progress: bool) -> Iterator[None]:
    """Keep transformers from reporting what is checked here, and from a bar for a local file."""
    verbosity = transformers_logging.get_verbosity()
    hide = hide_progress and transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    if hide:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if hide:
            transformers_logging.enable_progress_bar()


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model and its tokenizer, so that ``from_pretrained`` loads them; safetensors."""
    with _quiet(hide_progress=True):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
