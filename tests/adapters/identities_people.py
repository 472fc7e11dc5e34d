"""Synthetic people for the corpus of misplaced identities: nobody in it exists.

Names are put together at random from lists, so that any of them may be somebody's by chance; phones
are of the range 555-0100 to 555-0199, which is given to nobody, mail is at `example.org`, and
nothing is drawn from a record. Two in ten given names and more than four in ten surnames are not
on the detectors' lists, as in the population; those of the part that was held out are others than
those of the part that rules were tuned on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from adapters.identities.text import folded, lists

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

_TAIL_GIVEN: Final = {
    "tuned": (
        *(
            "Aveline",
            "Bartholomew",
            "Caoimhe",
            "Delphine",
            "Eulalia",
            "Fenella",
            "Gideon",
            "Hyacinth",
            "Isolde",
        ),
        *(
            "Jocasta",
            "Kashif",
            "Lysander",
            "Maelle",
            "Nerissa",
            "Ottilie",
            "Paloma",
            "Quiana",
            "Roxanna",
            "Sunniva",
        ),
        *(
            "Thaddeus",
            "Ursula",
            "Vashti",
            "Wilhelmina",
            "Xochitl",
            "Yolonda",
            "Zebulon",
            "Anahi",
            "Citlali",
            "Itzel",
        ),
        *(
            "Anneliese",
            "Boaz",
            "Calliope",
            "Dashiell",
            "Eulogio",
            "Fiorella",
            "Gwyneth",
            "Hezekiah",
            "Ignatius",
        ),
        *(
            "Jolanta",
            "Keturah",
            "Leopoldo",
            "Marisela",
            "Nohemi",
            "Obadiah",
            "Philippa",
            "Quincey",
            "Rosalba",
        ),
        *(
            "Shanelle",
            "Tobiah",
            "Umberto",
            "Verity",
            "Wenceslao",
            "Xiomar",
            "Yessica",
            "Zenaida",
            "Nayeli",
            "Dariela",
        ),
        *(
            "Anselm",
            "Blanchard",
            "Cressida",
            "Dagmar",
            "Everardo",
            "Florian",
            "Griselda",
            "Horatio",
            "Ileana",
        ),
        *(
            "Jericho",
            "Kerensa",
            "Lorelei",
            "Mordecai",
            "Noemi",
            "Oriana",
            "Phineas",
            "Romulo",
            "Solveig",
        ),
        *(
            "Tancredo",
            "Ulysses",
            "Viviana",
            "Winslow",
            "Yareli",
            "Zachariah",
            "Marguerite",
            "Dovid",
            "Ludmila",
        ),
    ),
    "held-out": (
        *(
            "Alaric",
            "Bertille",
            "Cosimo",
            "Deidre",
            "Emmanuelle",
            "Fermin",
            "Giselle",
            "Hortencia",
            "Ingrid",
        ),
        *(
            "Jovita",
            "Kateri",
            "Leandro",
            "Marguerita",
            "Nikolai",
            "Oleander",
            "Primitivo",
            "Rosamund",
            "Serafina",
        ),
        *(
            "Temperance",
            "Uriel",
            "Venancio",
            "Wynona",
            "Yvette",
            "Zoraida",
            "Brielle",
            "Keenan",
            "Analisa",
        ),
    ),
}
_TAIL_SURNAMES: Final = {
    "tuned": (
        *(
            "Abernathy",
            "Brzezinski",
            "Cadwallader",
            "Dinwiddie",
            "Eberhardt",
            "Featherstone",
            "Gruenwald",
            "Hoagland",
        ),
        *(
            "Iannucci",
            "Jaworski",
            "Kettleborough",
            "Lindqvist",
            "Mankiewicz",
            "Niedermeyer",
            "Oberholtzer",
            "Papadakis",
        ),
        *(
            "Quattlebaum",
            "Rutherford",
            "Szymanski",
            "Thistlewood",
            "Umholtz",
            "Vandermolen",
            "Wojciechowski",
            "Xanthos",
        ),
        *(
            "Youngblood",
            "Zubrowski",
            "Amezcua",
            "Berumen",
            "Covarrubias",
            "Echeverria",
            "Goicochea",
            "Izaguirre",
        ),
        *(
            "Jauregui",
            "Lizarraga",
            "Monsivais",
            "Oyarzabal",
            "Pantoja",
            "Quevedo",
            "Turrubiates",
            "Zermeno",
            "Sayavong",
        ),
        *(
            "Aldredge",
            "Biedermann",
            "Chmielewski",
            "Drinkwater",
            "Eisenhauer",
            "Fallowfield",
            "Gaskill",
            "Huckaby",
        ),
        *(
            "Imhoff",
            "Jablonski",
            "Killingsworth",
            "Lindemuth",
            "Mazurek",
            "Nickelson",
            "Ostrander",
            "Pappalardo",
        ),
        *(
            "Quesenberry",
            "Rockwell",
            "Stephanopoulos",
            "Tollefson",
            "Unangst",
            "Vreeland",
            "Westerhausen",
            "Yarborough",
        ),
        *(
            "Zwerling",
            "Arizmendi",
            "Bustamante",
            "Castrejon",
            "Dorantes",
            "Elizondo",
            "Garduno",
            "Hinostroza",
        ),
        *(
            "Iturbide",
            "Larios",
            "Mondragon",
            "Ocegueda",
            "Piedra",
            "Resendiz",
            "Tirado",
            "Villicana",
            "Phommachanh",
        ),
        *(
            "Ackerly",
            "Bohannon",
            "Cavanaugh",
            "Dombrowski",
            "Eppinger",
            "Farnsworth",
            "Grabowski",
            "Halvorsen",
        ),
        *(
            "Isenberg",
            "Jamieson",
            "Kirchner",
            "Loughran",
            "Mietus",
            "Nordstrom",
            "Ostrowski",
            "Penhallow",
            "Rausch",
        ),
        *(
            "Scarpaci",
            "Trautman",
            "Uhlenhopp",
            "Vallejos",
            "Wadsworth",
            "Yablonsky",
            "Zaleski",
            "Arriaga",
            "Balderas",
        ),
        *(
            "Candelaria",
            "Escalante",
            "Figueras",
            "Granillo",
            "Huizar",
            "Landeros",
            "Melgoza",
            "Olivarez",
            "Patino",
        ),
        *(
            "Rubalcaba",
            "Sotelo",
            "Tamayo",
            "Vigil",
            "Ynclan",
            "Keomany",
            "Odunsi",
            "Achterberg",
            "Demetriou",
        ),
    ),
    "held-out": (
        *(
            "Applegate",
            "Birnbaum",
            "Chastain",
            "Dreibelbis",
            "Entwistle",
            "Fitzhugh",
            "Grochowski",
            "Hathaway",
        ),
        *(
            "Ingersoll",
            "Jendrzejewski",
            "Kowalewski",
            "Lachance",
            "Mazzeo",
            "Newcomer",
            "Oblinger",
            "Pulaski",
        ),
        *(
            "Reifsnyder",
            "Steinmetz",
            "Tomaszewski",
            "Unruh",
            "Vanderbilt",
            "Whisenhunt",
            "Yoakum",
            "Zubeck",
            "Alcantar",
        ),
        *(
            "Barajas",
            "Cuellar",
            "Duenas",
            "Encinas",
            "Fregoso",
            "Guajardo",
            "Hinojos",
            "Leyva",
            "Mireles",
            "Noriega",
        ),
        *(
            "Orduno",
            "Pulido",
            "Quijada",
            "Regalado",
            "Sandoz",
            "Tinoco",
            "Vilchis",
            "Sisavath",
            "Adebayo",
            "Gebremariam",
        ),
    ),
}
_SPANISH: Final = (
    *(
        "maria",
        "jose",
        "juan",
        "luis",
        "carlos",
        "rosa",
        "carmen",
        "guadalupe",
        "miguel",
        "alejandra",
        "ximena",
    ),
    *(
        "francisca",
        "efrain",
        "marisol",
        "consuelo",
        "heriberto",
        "angel",
        "mercedes",
        "octavio",
        "yesenia",
    ),
)
_SPANISH_SURNAMES: Final = (
    *(
        "garcía",
        "rodríguez",
        "martínez",
        "hernández",
        "lópez",
        "gonzález",
        "pérez",
        "sánchez",
        "ramírez",
        "núñez",
    ),
    *(
        "muñoz",
        "ibarra",
        "cervantes",
        "montoya",
        "zúñiga",
        "peña",
        "quiñones",
        "rivas",
        "soto",
        "vega",
        "flores",
    ),
)
_VIETNAMESE: Final = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Huỳnh",
    "Hoàng",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
)
_MIDDLE: Final = ("Thị", "Văn", "Minh", "Ngọc", "Hữu", "Quốc", "Thanh", "Kim", "Xuân")
_VIETNAMESE_GIVEN: Final = (
    "Hoa",
    "Tuấn",
    "Lan",
    "Hùng",
    "Phương",
    "Linh",
    "Dũng",
    "Mai",
    "Khánh",
    "Trang",
    "Hiếu",
    "Tâm",
    "Sơn",
)
_STREETS: Final = (
    *(
        "Lincoln",
        "Maple",
        "Chestnut",
        "Frankford",
        "Cedar Hill",
        "Old Mill",
        "Washington",
        "Walnut",
        "Jackson",
        "Park",
    ),
    *(
        "Broad",
        "Church",
        "St. Clair",
        "Martin Luther King",
        "Kensington",
        "Oak Ridge",
        "Garfield",
        "2nd",
        "5th",
        "13th",
    ),
)
_SUFFIXES: Final = (
    "St",
    "Street",
    "Ave",
    "Avenue",
    "Rd",
    "Road",
    "Ln",
    "Drive",
    "Ct",
    "Blvd",
    "Pl",
    "Way",
    "Terrace",
)
_AREAS: Final = (215, 267, 412, 480, 484, 570, 602, 610, 717, 724, 814, 878)


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic person.

    Attributes:
        group: How the name is built: `general`, `spanish`, `vietnamese` or `hyphenated`.
        listed: Whether both parts of the name are on the detectors' lists.
    """

    given: str
    surname: str
    group: str
    listed: bool
    born: dt.date
    phone: str
    address: str
    email: str
    ssn: str
    record: str


def person(draw: random.Random, part: str) -> Person:
    """Return a synthetic person whose unlisted names are those of a part of the corpus."""
    group = draw.choices(("general", "spanish", "vietnamese", "hyphenated"), (62, 22, 8, 8))[0]
    given, surname = _name(draw, part, group)
    listed = _listed(given, lists().given) and _listed(surname, lists().surnames)
    area, born = (
        draw.choice(_AREAS),
        dt.date(1940, 1, 1) + dt.timedelta(days=draw.randrange(24_000)),
    )
    return Person(
        given,
        surname,
        group,
        listed,
        born,
        f"{area}555{draw.randrange(100, 200):04}",
        f"{draw.randrange(3, 9900)} {draw.choice(_STREETS)} {draw.choice(_SUFFIXES)}",
        f"{_ascii(given)}.{_ascii(surname)}{draw.randrange(10, 99)}@example.org",
        f"{draw.randrange(100, 660):03}{draw.randrange(1, 99):02}{draw.randrange(1, 9999):04}",
        f"{draw.choice(('PCR', 'EMS', 'MR', 'C'))}-{draw.randrange(10**6, 10**7)}",
    )


def _name(draw: random.Random, part: str, group: str) -> tuple[str, str]:
    if group == "vietnamese":
        given = f"{draw.choice(_MIDDLE)} {draw.choice(_VIETNAMESE_GIVEN)}"
        return (given if draw.random() < 0.7 else given.split()[1]), draw.choice(_VIETNAMESE)
    if group == "spanish":
        first, second = (
            draw.choice(_SPANISH_SURNAMES).title(),
            draw.choice(_SPANISH_SURNAMES).title(),
        )
        tail = draw.choice(_TAIL_SURNAMES[part])
        surname = draw.choice(
            (first, f"{first} {second}", f"De La {first}", tail, f"{first}-{second}")
        )
        return draw.choice(_SPANISH).title(), surname
    given = (
        _weighted(draw, lists().given) if draw.random() < 0.8 else draw.choice(_TAIL_GIVEN[part])
    )
    surname = (
        _weighted(draw, lists().surnames)
        if draw.random() < 0.57
        else draw.choice(_TAIL_SURNAMES[part])
    )
    if group == "hyphenated":
        surname = f"{surname}-{_weighted(draw, lists().surnames)}"
    return given, surname


def _weighted(draw: random.Random, names: Mapping[str, int]) -> str:
    if id(names) not in _DRAWN:
        known = sorted(name for name in names if "-" not in name)
        _DRAWN[id(names)] = known, list(accumulate(names[name] for name in known))
    known, cumulative = _DRAWN[id(names)]
    return draw.choices(known, cum_weights=cumulative)[0].title()


_DRAWN: dict[int, tuple[list[str], list[int]]] = {}


def _listed(name: str, names: Mapping[str, int]) -> bool:
    return any(_ascii(part) in names for part in name.replace("-", " ").split())


def _ascii(text: str) -> str:
    return folded(text).replace(" ", "").replace("-", "")


def spelt_phone(draw: random.Random, digits: str) -> str:
    """Return a phone as people write it."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return draw.choice(
        (
            f"{area}-{exchange}-{line}",
            f"({area}) {exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"{area} {exchange} {line}",
            f"+1 {area}-{exchange}-{line}",
            f"({area}){exchange}-{line}",
            f"{area}-{exchange}{line}",
            digits,
            f"{area} / {exchange} / {line}",
            " ".join((*area, "/", *exchange, "/", *line)),
            f"{area}-{exchange}-{line}".translate(_FULL_WIDTH),
            f"{area}\u200b-{exchange}\ufeff-{line}",
            " ".join(_SAID[int(digit)] for digit in digits),
        )
    )


def spelt_date(draw: random.Random, day: dt.date) -> str:
    """Return a date as people write it, in English or Spanish."""
    months = (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto"),
        *("septiembre", "octubre", "noviembre", "diciembre"),
    )
    name = day.strftime("%B")
    return draw.choice(
        (
            f"{day.month}/{day.day}/{day.year}",
            f"{day:%m/%d/%Y}",
            f"{day:%m/%d/%y}",
            f"{day.month}-{day.day}-{day.year}",
            f"{day:%m-%d-%y}",
            f"{day:%Y-%m-%d}",
            f"{name} {day.day}, {day.year}",
            f"{name[:3]} {day.day} {day.year}",
            f"{day.day} {name} {day.year}",
            f"{day:%d}{name[:3].upper()}{day.year}",
            f"{day.day} de {months[day.month - 1]} de {day.year}",
            f"{day:%m.%d.%Y}",
            f"{day:%m%d%Y}",
            f"{_said_day(day.day)} of {name} {_said_year(day.year)}",
            f"{name} {_said_day(day.day)}, {_said_year(day.year)}",
            f"the {_said_day(day.day)} of {name}, {day.year}",
            f"{day:%m %d %Y}",
            " ".join(f"{day:%m/%d/%Y}"),
            f"{day:%m/%d/%Y}".translate(_FULL_WIDTH),
        )
    )


_FULL_WIDTH: Final = {ord("0") + at: 0xFF10 + at for at in range(10)}
_SAID: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS: Final = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_DAYS: Final = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth"),
)


def _said_day(day: int) -> str:
    if day <= len(_DAYS):
        return _DAYS[day - 1]
    tens, ones = divmod(day, 10)
    return "thirtieth" if not ones else f"{_TENS[tens - 2]}-{_DAYS[ones - 1]}"


def _said_year(year: int) -> str:
    century, rest = divmod(year, 100)
    tens, ones = divmod(rest, 10)
    said = _TEENS[ones] if tens == 1 else f"{_TENS[tens - 2]} {_SAID[ones]}"
    said = f"oh {_SAID[ones]}" if not tens else said if tens == 1 or ones else _TENS[tens - 2]
    return f"{'nineteen' if century == 19 else 'twenty'} {said}" if rest else str(year)


def spelt_ssn(draw: random.Random, digits: str) -> str:
    """Return an SSN as people write it."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return draw.choice(
        (
            f"{area}-{group}-{serial}",
            f"{area} {group} {serial}",
            f"SSN {digits}",
            f"ss# {area}-{group}-{serial}",
            f"SSN {area} / {group} / {serial}",
            f"ssn {' '.join(digits)}",
            " ".join(f"{area}-{group}-{serial}"),
            f"{area}\u200d-{group}-{serial}".translate(_FULL_WIDTH),
        )
    )


def hidden(draw: random.Random, name: str) -> str:
    """Return a name as it is, or, of one in twelve, with what nobody sees between two letters."""
    if len(name) < _LEAST_HIDDEN or draw.random() >= 1 / 12:
        return name
    at = draw.randrange(1, len(name) - 1)
    return name[:at] + draw.choice("\u00ad\u200b\u200c\u200d\u2060\ufeff") + name[at:]


_LEAST_HIDDEN: Final = 3
