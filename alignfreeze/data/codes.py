"""Codes of languages, as files write them."""


def is_code_of(text: str, language: str) -> bool:
    """Whether a text is a language's code, in capitals or not, or has a region or more behind it.

    ``de-DE`` and ``DE_at`` are codes of ``de``; ``de`` is none of ``de-DE``.
    """
    found, wanted = (code.strip().lower().replace("_", "-") for code in (text, language))
    return found == wanted or found.startswith(f"{wanted}-")
