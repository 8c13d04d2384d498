"""Good files made bad: their bytes, their lines and columns, their JSON."""

import copy
import gzip
import json
import re
from collections.abc import Callable, MutableMapping, MutableSequence
from random import Random
from typing import Any

from tools.fuzz.values import JSON_VALUES, NASTY

MOST_BYTES = 1 << 20
TIMES = (1, 1, 1, 2, 3, 8)
"""How many mutations a file gets, one of these."""


def mutated(content: bytes, name: str, random: Random) -> bytes:
    """A file's content, changed here and there; a packed one also within."""
    packed = name.endswith(".gz") and random.random() < 0.8
    content = gzip.decompress(content) if packed else content
    for _ in range(random.choice(TIMES)):
        content = random.choice(_MUTATIONS)(content, random)[:MOST_BYTES]
    return gzip.compress(content, 1) if packed else content


def nasty(random: Random) -> bytes:
    """A text that no file expects."""
    return random.choice(NASTY).encode(errors="surrogatepass")


def _flip(content: bytes, random: Random) -> bytes:
    if not content:
        return content
    place = random.randrange(len(content))
    return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]


def _span(content: bytes, random: Random) -> tuple[int, int]:
    first = random.randint(0, len(content))
    return first, min(len(content), first + random.choice((1, 2, 5, 20, 200)))


def _delete(content: bytes, random: Random) -> bytes:
    first, end = _span(content, random)
    return content[:first] + content[end:]


def _double(content: bytes, random: Random) -> bytes:
    first, end = _span(content, random)
    return content[:end] + content[first:end] * random.choice((1, 2, 50)) + content[end:]


def _insert(content: bytes, random: Random) -> bytes:
    place = random.randint(0, len(content))
    return content[:place] + nasty(random) + content[place:]


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: random.randint(0, len(content))]


def _replace(content: bytes, random: Random) -> bytes:
    """Another value for a field, whatever separates fields."""
    fields = list(re.finditer(rb"[^\t\n ,:\"<>=|]+", content))
    if not fields:
        return nasty(random)
    field = random.choice(fields)
    return content[: field.start()] + nasty(random) + content[field.end() :]


def _lines(content: bytes, random: Random) -> bytes:
    """Lines that are missing, twice, in another order, or empty."""
    lines = content.split(b"\n")
    place = random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, random.choice(lines))
        case 2:
            random.shuffle(lines)
        case 3:
            lines.insert(place, b"")
        case _:
            lines *= random.choice((2, 20))
    return b"\n".join(lines)


def _columns(content: bytes, random: Random) -> bytes:
    """A line with another number of columns."""
    lines = content.split(b"\n")
    place = random.randrange(len(lines))
    separator = b"\t" if b"\t" in lines[place] else random.choice((b",", b" "))
    columns = lines[place].split(separator)
    if random.random() < 0.5:
        del columns[random.randrange(len(columns))]
    else:
        columns.insert(random.randint(0, len(columns)), nasty(random))
    lines[place] = separator.join(columns)
    return b"\n".join(lines)


def _line_ends(content: bytes, random: Random) -> bytes:
    return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\x00\n", b"\x0b", b"\n\n")))


def _encoding(content: bytes, random: Random) -> bytes:
    encoding = random.choice(("utf-16", "utf-32", "latin-1", "utf-8-sig", "utf-7"))
    return content.decode(errors="replace").encode(encoding, errors="replace")


def _json(content: bytes, random: Random) -> bytes:
    """JSON with another value somewhere, or without one."""
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        return _replace(content, random)
    places: list[tuple[Any, Any]] = []
    _collect(value, places)
    if not places:
        return nasty(random)
    holder, key = random.choice(places)
    match random.randrange(3):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case _:
            holder[key] = random.choice(JSON_VALUES)
    return json.dumps(value).encode()


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    match value:
        case MutableMapping():
            keys: Any = value.keys()
        case MutableSequence():
            keys = range(len(value))
        case _:
            return
    for key in keys:
        places.append((value, key))
        _collect(value[key], places)


_MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _delete,
    _double,
    _insert,
    _truncate,
    _replace,
    _replace,
    _lines,
    _columns,
    _line_ends,
    _encoding,
    _json,
    _json,
)
