"""Families of languages, by which figures and tables group them."""

from collections.abc import Iterable

OTHER = "other"
"""The family of a language that has none here."""

FAMILIES = {
    "Germanic": "en sco de nl af da sv no nb nn is fo fy lb li nds gsw yi got ang",
    "Romance": "fr es it pt ro ca gl oc ast an la co sc scn fur lij lmo nap pms vec wa rm",
    "Celtic": "ga cy br gd gv kw",
    "Slavic": "ru pl cs uk bg sk sl sr hr bs sh mk be hsb dsb cu rue szl orv",
    "Baltic": "lt lv ltg sgs",
    "Hellenic": "el grc",
    "Albanian": "sq als",
    "Armenian": "hy hyw",
    "Indo-Iranian": (
        "fa hi ur bn mr ne pa pnb gu si as or sa sd dv bho mai kmr ku ckb ps tg os mzn diq xnr"
    ),
    "Semitic": "ar he iw am ti mt arz ary arc akk syr gez ajp",
    "Afro-Asiatic": "ha so om kab cop shi bej",
    "Uralic": "fi et hu se sms smn krl olo vep vro myv mdf kpv koi udm mhr",
    "Turkic": "tr az azb kk ky uz tt ug tk ba cv crh sah qtd otk",
    "Mongolic": "mn bxr xal",
    "Kartvelian": "ka xmf",
    "Caucasian": "ab ce av lez kbd ady",
    "Basque": "eu",
    "Sino-Tibetan": "zh yue wuu nan hak lzh cdo gan my bo dz new",
    "Japonic": "ja ojp",
    "Koreanic": "ko okm",
    "Kra-Dai": "th lo za shn",
    "Austroasiatic": "vi km mnw sat",
    "Dravidian": "ta te ml kn tcy",
    "Austronesian": "id ms jv su tl fil ceb ilo war mg mi haw sm min ace bjn map pag",
    "Niger-Congo": "sw yo ig zu xh sn st tn ts rw rn ny lg ln wo bm ff ak tw ee",
    "Quechuan": "qu quy quz",
    "Aymaran": "ay",
    "Tupian": "gn gun tpn",
    "Creole": "ht pcm cbk",
    "Constructed": "eo ia io vo jbo ie",
}
"""Codes of each family, from the closest to English outwards."""

_FAMILY = {code: name for name, codes in FAMILIES.items() for code in codes.split()}
_PLACE = {name: place for place, name in enumerate((*FAMILIES, OTHER))}


def family(language: str) -> str:
    """The family of a language, given its code, which may name a script or region as well."""
    base = language.replace("_", "-").partition("-")[0].lower()
    return _FAMILY.get(base, OTHER)


def by_family(languages: Iterable[str]) -> list[str]:
    """Languages in the order of their families, and of their codes within a family."""
    return sorted(languages, key=lambda code: (_PLACE[family(code)], code))
