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
_PASSWORD_VARIABLES = ("PASSWORD", "PASSWD", "_PWD")
_TOKEN_VARIABLES = ("TOKEN", "SECRET", "ACCESS_KEY", "API_KEY", "SECRET_KEY")
"""Ends of the names of variables that hold a secret; one of a token is no word."""

_SWITCHES = ("true", "false", "none", "null", "test")

_known: set[str] = set()

_URL = re.compile(r"(?<![\w+.-])[A-Za-z][\w+.-]{0,30}:/+|(?<![:/])//")
_ON_DISK = ("sqlite:", "file:", "dbfs:")
"""Schemes of URLs that name a path, and have no password."""

_USER = re.compile(r"(?<![\w/.%+\\-])(?!mailto:)[A-Za-z_][\w.%+-]{0,63}:(?!/)")
_HOST_AND_PORT = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+|\[[\w:.]+\]):\d{1,5}(?!\d)")
_CUT_OFF = re.compile(r"([^\s/:@]{0,64}:(?![0-9{<]))[^\s@]+?['\"]?(…|\.\.\.)")

_KEY = (
    r"(?:passwor[dt]|passwd|passphrase|pwd|secret|(?:api|access|secret|account)[_-]?key"
    r"|credential|(?:api|access|auth|refresh|bearer)[_-]token)"
)
_TOKEN_KEY = r"(?:(?<!\w)(?:x-amz-signature|sig|token)|(?-i:[A-Z]_TOKEN))"
"""Stands before what is no secret, too: a word of a sentence, a level of significance."""

_LIKE_A_TOKEN = r"""(?=['"]?[^\s&'"]{8})(?=[^\s&\d]*\d)"""
_QUOTED = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""


def _with_key(between: str, value: str) -> str:
    return rf"(?i)({_KEY}{between}|{_TOKEN_KEY}{between}{_LIKE_A_TOKEN}){value}"


_ASSIGNED = _with_key(r"\s{0,2}(?:=|%3D)\s{0,2}", rf"(?:{_QUOTED}[^\s&]*|[^\s&]+)")
_IN_JSON = _with_key(r"""['"]\s{0,2}:\s{0,2}""", _QUOTED)
_IN_YAML = rf"(?im)^([ \t]{{0,40}}[\w-]{{0,40}}{_KEY}:[ \t]+)\S.*$"
_SENT = r"(?i)(\bBearer\s+|\bAuthorization['\"]?:\s*['\"]?\w+\s+)[\w.~+/=-]{4,}"
_TOKEN = (
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
"""What a text has where a pattern may be found in it, the pattern, and what takes its place.

A pattern is compiled when it is looked for: all of them would take a start a hundredth longer.
"""


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
            it stands alone, and what looks like ``user:password@host`` outside of a URL. What is
            read again, such as scores and names, must not lose its words.
    """
    for secret in sorted(_known | _of_environment(), key=len, reverse=True):
        if not words and _is_word(secret):
            continue
        for spelled in _spellings(secret):
            if spelled in text:
                text = _literal(spelled).sub(HIDDEN, text)
    if "@" in text or ":/" in text:
        lines = text.split("\n")
        text = "\n".join(_without_userinfo(line, bare=words) for line in lines)
    for marks, pattern, instead in _PATTERNS:
        if any(mark in text for mark in marks):  # many times faster than the pattern
            text = re.sub(pattern, instead, text)
    return text


def secrets_in(url: str) -> set[str]:
    """What is to be hidden of a URL, or of a DSN: its password, the values of its query."""
    found: set[str] = set()
    if any(mark in url for mark in _PATTERNS[0][0]):
        found = {match[0][len(match[1]) :].strip("'\"") for match in re.finditer(_ASSIGNED, url)}
    begin = _URL.search(url)
    if begin:
        found.add(_userinfo(begin[0], url[begin.end() :])[1])
    return {secret for secret in found if len(secret) >= LEAST and secret != HIDDEN}


def _of_environment() -> set[str]:
    found: set[str] = set()
    for name in os.environ:
        if name.endswith((*_PASSWORD_VARIABLES, *_TOKEN_VARIABLES)):
            value = os.environ[name]
            ordinary = name.endswith(_TOKEN_VARIABLES) and _is_word(value)
            if len(value) >= LEAST and value.lower() not in _SWITCHES and not ordinary:
                found.add(value)
    return found.union(*(secrets_in(os.environ.get(name, "")) for name in _URL_VARIABLES))


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
    """Where a secret is: anywhere, but one of few letters and digits only between others.

    One of digits is not looked for within dates and decimals either.
    """
    literal = re.escape(secret)
    if len(secret) >= _WORD or not re.fullmatch(r"[\w.]+", secret):
        return re.compile(literal)
    if secret.isdecimal():
        literal = rf"(?<!\d[.,/-]){literal}(?![.,/-]\d)"
    return re.compile(rf"(?<![^\W_]){literal}(?![^\W_])")


def _is_word(secret: str) -> bool:
    return len(secret) < _WORD and re.fullmatch(r"[^\W\d]+|[\d.eE+-]+", secret) is not None


def _without_userinfo(line: str, *, bare: bool) -> str:
    begins = [match.span() for match in _URL.finditer(line)]
    ends = [*(begin for begin, _ in begins), len(line)]
    pieces = [_without_bare(line[: ends[0]]) if bare else line[: ends[0]]]
    for (begin, end), following in zip(begins, ends[1:], strict=True):
        scheme, rest = line[begin:end], line[end:following]
        own = _without_own(scheme, rest)
        pieces.append(scheme + (_without_bare(own) if bare and own == rest else own))
    return "".join(pieces)


def _userinfo(scheme: str, rest: str) -> tuple[str, str]:
    """What is before the host in a URL: what may be seen of it, and its password, or token.

    Either may have any character, and may be empty.
    """
    scheme, userinfo = scheme.lower(), rest.rpartition("@")[0]
    user, _, password = userinfo.partition(":")
    if (
        scheme.startswith(_ON_DISK)
        or (_HOST_AND_PORT.match(rest) and re.search("[ /]", userinfo))
        or (scheme.startswith("http") and re.search(r"[\s/]", user))
    ):
        return "", ""
    if not password and scheme.startswith("http"):
        return "", user
    return f"{user}:", password


def _without_own(scheme: str, rest: str) -> str:
    """What comes after the beginning of a URL, without its password."""
    shown, secret = _userinfo(scheme, rest)
    if shown.startswith(HIDDEN) or secret.startswith(f"{HIDDEN}@"):
        return rest
    if secret:
        return f"{shown}{HIDDEN}{rest[rest.rindex('@') :]}"
    cut = None if scheme.lower().startswith(_ON_DISK) else _CUT_OFF.match(rest)
    return cut[1] + HIDDEN + rest[cut.start(2) :] if cut else rest


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
