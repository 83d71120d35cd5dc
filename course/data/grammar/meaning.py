"""What a sentence says, before it is said in any language: a tree of small frozen nodes.

A leaf (`Word`) names a row of the lexicon's tables, or one of the few grammatical words listed here. Trees say nothing
about word order, endings or agreement: each lineariser finds these for its language. Every node has an `id`; a token
carries the ids of the nodes that it realizes, and tokens of two languages that share an id are translations of each
other. Trees are equal when they say the same, whatever their ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal, TypeVar

Number = Literal["sg", "pl"]
Tense = Literal["present", "past"]
Mood = Literal["statement", "question", "imperative"]
# "own" is the possessive of third persons (his, her, its, their); it belongs to the clause's subject.
DETERMINERS = ("the", "a", "that", "every", "my", "your", "our", "own")
PERSONS = ("I", "you", "we", "they", "third")  # "you" is one friend: du, tu. "third" refers to a noun or name.
CONJUNCTIONS = ("and", "but")
FRONTED = ("adverb", "phrase", "reason")


@dataclass(frozen=True)
class Node:
    """Anything in the tree. id: its number in the tree, 0 before `numbered`."""

    id: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True)
class Word(Node):
    """A leaf: the key of a row in the lexicon, or a grammatical word ("the", "not", "and", "that", "because")."""

    lemma: str


@dataclass(frozen=True)
class Name(Node):
    """A person, city or country by name: a key of names.csv. Takes no determiner here."""

    lemma: str


@dataclass(frozen=True)
class NounPhrase(Node):
    """A noun with what belongs to it: "the two small boxes of my neighbor", "the man who opens the door".

    determiner: a Word of `DETERMINERS`, or None: "two boxes", "people". With a numeral the number is "pl".
    of: whose it is (German genitive, French de). phrase: "the box on the table".
    """

    noun: Word
    determiner: Word | None = None
    number: Number = "sg"
    numeral: Word | None = None
    adjectives: tuple[Word, ...] = ()
    of: "Nominal | None" = None
    phrase: "PrepositionPhrase | None" = None
    relative: "RelativeClause | None" = None


@dataclass(frozen=True)
class Pronoun(Node):
    """I, you, we, they; or "third", whose gender and number follow from what it refers to.

    antecedent: the key of a noun or name, for "third" always, for "they" where it is known; number: the antecedent's.
    English then says he, she, it or they by the noun's own column, German and French use the grammatical gender.
    """

    person: str
    antecedent: str | None = None
    number: Number = "sg"


@dataclass(frozen=True)
class Together(Node):
    """Two nominals joined by "and": "the boy and the girl". Plural."""

    first: "Nominal"
    conjunction: Word
    second: "Nominal"


Nominal = NounPhrase | Name | Pronoun | Together


@dataclass(frozen=True)
class PrepositionPhrase(Node):
    """A preposition (a key of prepositions.csv) and what it governs."""

    preposition: Word
    nominal: Nominal


@dataclass(frozen=True)
class RelativeClause(Node):
    """A clause about the noun before it; the noun's own place in the clause is left empty (None).

    role: "subject" (the man who sleeps) or "object" (the book that she reads). pronoun: Word("which").
    """

    pronoun: Word
    role: Literal["subject", "object"]
    clause: "Clause"


@dataclass(frozen=True)
class Quality(Node):
    """What "be" says of its subject: an adjective, or a comparison with `than`: "smaller than the dog"."""

    adjective: Word
    than: Nominal | None = None


@dataclass(frozen=True)
class ThatClause(Node):
    """The content of saying or thinking. that: Word("that_clause")."""

    that: Word
    clause: "Clause"


@dataclass(frozen=True)
class Reason(Node):
    """A because-clause. because: Word("because")."""

    because: Word
    clause: "Clause"


@dataclass(frozen=True)
class Clause(Node):
    """Who does what to whom, when, where and why.

    verb: a key of verbs.csv, "be" among them. subject: None in imperatives, infinitives, where a relative pronoun
    stands for it, and in the second of two clauses that share it. object: direct, or whatever the verb's row says about
    its preposition and case. phrases: places and companions, after objects. modal: present tense only.
    negation: Word("not"). fronted: what stands first instead of the subject: the first adverb, the first phrase or the
    reason. please: Word("please"), imperatives only. infinitive: what is polite, easy ...: "It is polite to wait" is
    verb "be", a Quality, and an infinitive clause without subject; its subject is None.
    """

    verb: Word
    subject: Nominal | None = None
    object: Nominal | None = None
    recipient: Nominal | None = None
    quality: Quality | None = None
    content: ThatClause | None = None
    infinitive: "Clause | None" = None
    phrases: tuple[PrepositionPhrase, ...] = ()
    adverbs: tuple[Word, ...] = ()
    reason: Reason | None = None
    tense: Tense = "present"
    modal: Word | None = None
    negation: Word | None = None
    mood: Mood = "statement"
    fronted: str | None = None
    please: Word | None = None


@dataclass(frozen=True)
class TwoClauses(Node):
    """Two clauses joined by "and" or "but". Where second.subject is None they share the first one's subject."""

    first: Clause
    conjunction: Word
    second: Clause


Meaning = Clause | TwoClauses
AnyNode = TypeVar("AnyNode", bound=Node)


FIELDS_WITHOUT_NODES = ("id", "lemma", "person", "antecedent", "number", "role", "tense", "mood", "fronted")
_LEAVES = (Word, Word | None, tuple[Word, ...])  # the types of fields that hold words

# For each kind of node its other fields, and those of them that do not hold words. Found once, because every sentence
# of the corpus is walked many times.
_PLACES: dict[type[Node], tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind) if item.name not in FIELDS_WITHOUT_NODES)
    for kind in Node.__subclasses__()
}
_BRANCHES: dict[type[Node], tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind) if item.name in places and item.type not in _LEAVES)
    for kind, places in _PLACES.items()
}


def children(node: Node) -> list[Node]:
    """The nodes directly below, in the order of the fields."""
    below: list[Node] = []
    values = node.__dict__
    for name in _PLACES[type(node)]:
        value = values[name]
        if isinstance(value, tuple):
            below.extend(value)
        elif value is not None:
            below.append(value)
    return below


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, depth first."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def branches(node: Node) -> list[Node]:
    """The nodes directly below that are not words."""
    below: list[Node] = []
    values = node.__dict__
    for name in _BRANCHES[type(node)]:
        value = values[name]
        if value:  # neither None nor an empty tuple
            below += value if isinstance(value, tuple) else (value,)
    return below


def without_words(node: Node) -> list[Node]:
    """The node and everything below it but the words, parents before children: most of what `walk` meets are words."""
    found = [node]
    for one in found:  # grows while it is read
        if _BRANCHES[type(one)]:
            found += branches(one)
    return found


@cache
def word(lemma: str, number: int = 0) -> Word:
    """A leaf; the same object for the same word. number: its id."""
    return Word(lemma, id=number)


def ends_in_relative(nominal: Nominal | None) -> bool:
    """Whether a relative clause ends it: words behind it would seem to be part of that clause."""
    if isinstance(nominal, NounPhrase):
        last = nominal.phrase.nominal if nominal.phrase else nominal.of
        return nominal.relative is not None or (last is not None and ends_in_relative(last))
    return isinstance(nominal, Together) and ends_in_relative(nominal.second)


def changed(node: AnyNode, **values: Any) -> AnyNode:  # noqa: ANN401 - any field's value
    """The same node with other values in some fields: `dataclasses.replace`, which is too slow for many sentences."""
    copied = object.__new__(type(node))
    copied.__dict__.update(node.__dict__, **values)
    return copied


def numbered(tree: AnyNode) -> AnyNode:
    """The same tree with ids 1, 2, 3, ... in depth-first order."""
    return _numbered(tree, iter(range(1, 1_000_000)))


def _numbered(node: AnyNode, numbers: Iterator[int]) -> AnyNode:
    if isinstance(node, Word):
        return word(node.lemma, next(numbers))  # type: ignore[return-value]
    values: dict[str, Any] = {"id": next(numbers)}
    for name in _PLACES[type(node)]:
        value = node.__dict__[name]
        if isinstance(value, tuple):
            values[name] = tuple([_numbered(child, numbers) for child in value])
        elif value is not None:
            values[name] = _numbered(value, numbers)
    return changed(node, **values)
