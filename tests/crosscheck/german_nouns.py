"""Compare the German nouns of the tables with german-nouns, which has gender and all forms from the German Wiktionary.

For development only, and in an environment of its own, so that the course does not depend on the package:

    python -m venv crosscheck
    crosscheck/bin/pip install german-nouns
    crosscheck/bin/python -m tests.crosscheck.german_nouns

Prints every noun for which no entry of that spelling has our gender and, in every case and number, our form among
its own; ends with status 1 if there is one.
"""

import sys

from german_nouns.lookup import Nouns

from course.data.grammar.german_forms import noun
from course.data.grammar.lexicon import NounRow, lexicon

CASES = {"nom": "nominativ", "acc": "akkusativ", "dat": "dativ", "gen": "genitiv"}
NUMBERS = {"sg": "singular", "pl": "plural"}


def our_forms(row: NounRow) -> dict[str, str]:
    """The forms that the course writes, by the package's names: "genitiv plural"."""
    numbers = ("sg",) if row.count == "mass" else ("pl",) if row.count == "plural" else ("sg", "pl")
    return {f"{CASES[case]} {NUMBERS[number]}": noun(row, case, number) for number in numbers for case in CASES}


def differences(row: NounRow, entry: dict) -> list[str]:
    """What one entry of the package has otherwise; variants ("genitiv singular*", "plural 2") all count."""
    genders = {value for key, value in entry.items() if key.startswith("genus")}
    found = [] if not row.de_gender or row.de_gender in genders else [f"gender {row.de_gender}, not {sorted(genders)}"]
    for cell, form in our_forms(row).items():
        variants = {value for key, value in entry["flexion"].items() if key.startswith(cell)}
        if form not in variants:
            found.append(f"{cell} {form}, not {sorted(variants)}")
    return found


def main() -> int:
    """Compare all nouns, print the disagreements with the nearest entry, count them."""
    package = Nouns()
    disagreements = 0
    rows = lexicon().nouns.values()
    for row in rows:
        word = row.de or row.de_plural
        entries = [entry for entry in package[word] if entry["lemma"] == word]
        nearest = min((differences(row, entry) for entry in entries), key=len, default=["not in the package"])
        if nearest:
            disagreements += 1
            print(f"{row.noun}: {word}: {'; '.join(nearest)}")
    print(f"{len(rows)} nouns compared, {disagreements} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
