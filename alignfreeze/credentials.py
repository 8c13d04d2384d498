"""Passwords and tokens, which no text that is shown or kept may have."""

import json
import os
import re
from functools import cache
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"

LEAST = 4
"""Characters of a known secret: what is shorter would be found everywhere."""

_WORD = 12
"""Letters and digits of a secret that is found within others, too; ``postgres`` stays a part of
``postgresql``, and ``ab12`` of a digest."""

STORAGE_VARIABLE = "ALIGNFREEZE_SEARCH_STORAGE"
"""Names a study's storage, whose password an argument would show to all users of a machine."""

_URL_VARIABLES = (STORAGE_VARIABLE, "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_SECRET_VARIABLE = re.compile(r"(PASSWORD|PASSWD|_PWD|TOKEN|SECRET|(ACCESS|API|SECRET)_KEY)$")

_SWITCHES = ("true", "false", "none", "null", "test")

_known: set[str] = set()

_URL = re.compile(r"(?<![\w+.-])[A-Za-z][\w+.-]{0,30}:/+|(?<![\w:/])//")
_ON_DISK = ("sqlite:", "file:", "dbfs:")
"""Schemes of URLs that name a path, and have no password."""

_USER = re.compile(r"(?<![\w/.%+\\-])(?!mailto:)[A-Za-z_][\w.%+-]{0,63}:(?!/)")
_HOST_AND_PORT = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+|\[[\w:.]+\]):\d{1,5}(?!\d)")
_CUT_OFF = re.compile(r"([^\s/:@]{0,64}:(?![0-9{<]))[^\s@]+?['\"]?(…|\.\.\.)")

_KEY = (
    r"(?:passwor[dt]|passwd|passphrase|pwd|secret|(?:api|access|secret|account)[_-]?key"
    r"|credential|(?:api|access|auth|refresh|bearer)[_-]token)"
)
_TOKEN_KEY = (
    r"(?:x-amz-signature|(?<!\w)sig|(?<!pad_)(?<!unk_)(?<!cls_)(?<!sep_)(?<!mask_)(?<!bos_)"
    r"(?<!eos_)token)"
)
_QUOTED = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_ASSIGNED = re.compile(
    rf"((?:{_KEY}|{_TOKEN_KEY})\s{{0,2}}(?:=|%3D)\s{{0,2}})(?:{_QUOTED}[^\s&]*|[^\s&]+)", re.I
)
_IN_JSON = re.compile(rf"""((?:{_KEY}|{_TOKEN_KEY})['"]\s{{0,2}}:\s{{0,2}}){_QUOTED}""", re.I)
_IN_YAML = re.compile(rf"^([ \t]{{0,40}}[\w-]{{0,40}}{_KEY}:[ \t]+)\S.*$", re.I | re.M)
_SENT = re.compile(r"(\bBearer\s+|\bAuthorization['\"]?:\s*['\"]?\w+\s+)[\w.~+/=-]{4,}", re.I)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{16,}|dapi[0-9a-f]{16,}(?:-\d)?|gh[a-z]_[A-Za-z0-9]{20,}"
    r"|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{12,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"
)
"""Tokens of Hugging Face, Databricks, GitHub, GitLab, Amazon, and signed ones, by their shape."""


_PATTERNS = (
    (("=", "%3D", "%3d"), _ASSIGNED, rf"\g<1>{HIDDEN}"),
    (("':", "' :", "'  :", '":', '" :', '"  :'), _IN_JSON, rf'\g<1>"{HIDDEN}"'),
    ((": ", ":\t"), _IN_YAML, rf"\g<1>'{HIDDEN}'"),
    (("earer ", "EARER ", "uthorization", "UTHORIZATION"), _SENT, rf"\g<1>{HIDDEN}"),
    (("hf_", "dapi", "gh", "glpat-", "AKIA", "eyJ"), _TOKEN, HIDDEN),
)
"""What a text has where a pattern may be found in it, the pattern, and what takes its place."""


def hide(*urls: str) -> None:
    """Let the password of a URL, and what else is secret in it, be hidden from now on.

    Wherever it comes up: without the URL around it, cut off, spelled otherwise.
    """
    for url in urls:
        _known.update(secrets_in(url))


def without_passwords(text: str, *, words: bool = True) -> str:
    """A text in which ``***`` stands for passwords and tokens.

    Known ones (see `hide`; those of the environment too) are found by themselves, as they are or
    as URLs, Python and JSON spell them; others by what is around them: a URL, also a damaged one,
    ``user:password@host``, ``password=…``; or by their shape. Twice is the same as once.

    Args:
        text: Any text.
        words: Whether a password that is a word or a number, as ``test`` is one, is hidden where
            it stands alone. What is read again, such as scores, must not lose its words.
    """
    for secret in sorted(_known | _of_environment(), key=len, reverse=True):
        if not words and _is_word(secret):
            continue
        for spelled in _spellings(secret):
            if spelled in text:
                text = _literal(spelled).sub(HIDDEN, text)
    if "@" in text or ":/" in text:
        text = "\n".join(map(_without_userinfo, text.split("\n")))
    for marks, pattern, instead in _PATTERNS:
        if any(mark in text for mark in marks):  # many times faster than the pattern
            text = pattern.sub(instead, text)
    return text


def secrets_in(url: str) -> set[str]:
    """What is to be hidden of a URL, or of a DSN: its password, the values of its query."""
    found = {match[0][len(match[1]) :].strip("'\"") for match in _ASSIGNED.finditer(url)}
    begin = _URL.search(url)
    rest = url[begin.end() if begin else 0 :]
    userinfo, at, _ = rest.rpartition("@")
    if at and not (begin and begin[0].startswith(_ON_DISK)):
        user, colon, password = userinfo.partition(":")
        if colon and not (begin is None and "/" in user):
            found.add(password)
        elif begin and begin[0].lower().startswith("http"):
            found.add(user)
    return {secret for secret in found if len(secret) >= LEAST and secret != HIDDEN}


def _of_environment() -> set[str]:
    secret = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    named = {value for value in secret if len(value) >= LEAST and value.lower() not in _SWITCHES}
    return named.union(*(secrets_in(os.environ.get(name, "")) for name in _URL_VARIABLES))


@cache
def _spellings(secret: str) -> list[str]:
    """A secret as it is, and as URLs, Python and JSON spell it; the longest first."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    spelled = plain | {write(s) for s in plain for write in (quote, quote_plus, _fully_quoted)}
    spelled |= {write(s)[1:-1] for s in plain for write in (repr, ascii, json.dumps)}
    spelled |= {" ".join(s.split()) for s in spelled}
    return sorted((s for s in spelled if len(s) >= LEAST), key=len, reverse=True)


def _fully_quoted(text: str) -> str:
    return quote(text, safe="")


@cache
def _literal(secret: str) -> re.Pattern[str]:
    """Where a secret is: anywhere, but one of few letters and digits only between others."""
    literal = re.escape(secret)
    short = len(secret) < _WORD and re.fullmatch(r"[\w.]+", secret)
    return re.compile(rf"(?<![^\W_]){literal}(?![^\W_])" if short else literal)


def _is_word(secret: str) -> bool:
    return len(secret) < _WORD and re.fullmatch(r"[^\W\d]+|[\d.eE+-]+", secret) is not None


def _without_userinfo(line: str) -> str:
    begins = [match.span() for match in _URL.finditer(line)]
    ends = [*(begin for begin, _ in begins), len(line)]
    pieces = [_without_bare(line[: ends[0]])]
    for (begin, end), following in zip(begins, ends[1:], strict=True):
        pieces.append(line[begin:end] + _without_own(line[begin:end], line[end:following]))
    return "".join(pieces)


def _without_own(scheme: str, rest: str) -> str:
    """What comes after the beginning of a URL; its password may have any character, blanks too."""
    userinfo, at, place = rest.rpartition("@")
    port = _HOST_AND_PORT.match(rest)
    if scheme.lower().startswith(_ON_DISK) or userinfo.startswith(HIDDEN):
        return _without_bare(rest)
    if not at or (port and (" " in userinfo or "/" in userinfo)):
        cut = _CUT_OFF.match(rest)
        return cut[1] + HIDDEN + rest[cut.start(2) :] if cut else _without_bare(rest)
    user, colon, password = userinfo.partition(":")
    if password.startswith(f"{HIDDEN}@"):
        return rest
    if scheme.lower().startswith("http") and not colon:  # a token
        return rest if re.search(r"[\s/]", user) else f"{HIDDEN}@{place}"
    return f"{user}:{HIDDEN}@{place}" if colon else rest


def _without_bare(text: str) -> str:
    """A text without the passwords of ``user:password@host``, which have no blanks."""
    if "@" not in text:
        return text
    words = re.split(r"(\s+)", text)
    for number, word in enumerate(words):
        credentials, at, host = word.rpartition("@")
        if at and (user := _USER.search(credentials)):
            words[number] = f"{word[: user.end()]}{HIDDEN}@{host}"
    return "".join(words)
