"""What a sentence contains, read off its tree: constructions, depth, word pairs and references."""

from collections.abc import Iterable, Iterator, Sequence

from course.data.grammar.lexicon import Lexicon
from course.data.grammar.meaning import (
    Clause,
    Meaning,
    Name,
    Node,
    Nominal,
    NounPhrase,
    PrepositionPhrase,
    Pronoun,
    Quality,
    Reason,
    RelativeClause,
    ThatClause,
    Together,
    TwoClauses,
    branches,
    walk,
)
from course.data.grammar.tokens import Token

CONSTRUCTIONS = (
    "transitive",
    "intransitive",
    "ditransitive",
    "perfect",
    "modal",
    "separable",
    "negation",
    "object_pronoun",
    "relative_subject",
    "relative_object",
    "that_clause",
    "fronted_adverb",
    "because_fronted",
    "anaphora",
    "possessive",
    "prepositional",
    "comparative",
    "question",
    "imperative",
    "coordination",
    "impersonal",
)
_FRAMES = {
    "intransitive": "intransitive",
    "place": "intransitive",
    "goal": "intransitive",
    "transitive": "transitive",
    "ditransitive": "ditransitive",
}
Combination = tuple[str, str, str]


def constructions_of(meaning: Meaning, lexicon: Lexicon) -> frozenset[str]:
    """The names from `CONSTRUCTIONS` of everything that the sentence contains, however deep inside."""
    return frozenset(name for node in walk(meaning) for name in _constructions_of_node(node, lexicon))


def _constructions_of_node(node: Node, lexicon: Lexicon) -> Iterator[str]:
    match node:
        case Clause():
            yield from _constructions_of_clause(node, lexicon)
        case NounPhrase():
            if node.of or (node.determiner and node.determiner.lemma in ("my", "your", "our", "own")):
                yield "possessive"
        case Pronoun(antecedent=str()):
            yield "anaphora"
        case RelativeClause():
            yield f"relative_{node.role}"
        case ThatClause():
            yield "that_clause"
        case PrepositionPhrase():
            yield "prepositional"
        case TwoClauses() | Together():
            yield "coordination"


def _constructions_of_clause(clause: Clause, lexicon: Lexicon) -> Iterator[str]:
    row = lexicon.verbs[clause.verb.lemma]
    if row.frame in _FRAMES:
        yield _FRAMES[row.frame]
    if clause.fronted:
        yield "because_fronted" if clause.fronted == "reason" else "fronted_adverb"
    found = {
        "separable": row.de_prefix != "",
        "perfect": clause.tense == "past",
        "modal": clause.modal is not None,
        "negation": clause.negation is not None or any(adverb.lemma == "never" for adverb in clause.adverbs),
        "object_pronoun": isinstance(clause.object, Pronoun) or isinstance(clause.recipient, Pronoun),
        "comparative": clause.quality is not None and clause.quality.than is not None,
        "question": clause.mood == "question",
        "imperative": clause.mood == "imperative",
        "impersonal": clause.infinitive is not None,
    }
    yield from (name for name, there in found.items() if there)


def depth_of(nodes: Sequence[Node]) -> int:
    """How deep clauses are nested: 0 for a plain sentence, 1 where a clause contains another, and so on.

    nodes: a sentence's, from `without_words`.
    """
    nesting = sum([_nests(node) for node in nodes])
    return nesting if nesting < 2 else _depth_below(nodes[0])  # of two, one may be inside the other or beside it


def _depth_below(node: Node) -> int:
    below = branches(node)
    return _nests(node) + (max([_depth_below(child) for child in below]) if below else 0)


def _nests(node: Node) -> bool:
    if isinstance(node, Clause):
        return node.infinitive is not None
    return isinstance(node, RelativeClause | ThatClause | Reason)


def key_of(nominal: Nominal | None) -> str | None:
    """The noun or name that a nominal is or stands for."""
    if isinstance(nominal, NounPhrase):
        return nominal.noun.lemma
    if isinstance(nominal, Name):
        return nominal.lemma
    return nominal.antecedent if isinstance(nominal, Pronoun) else None


def combinations_of(nodes: Iterable[Node]) -> set[Combination]:
    """Which words meet: ("verb", "read", "book") for a verb and its object, ("adjective", "old", "tree").

    nodes: a sentence's, from `without_words`. The head of a relative clause counts as the object or subject in it, and
    a pronoun as its antecedent.
    """
    found: set[Combination] = set()
    for node in nodes:
        if isinstance(node, Clause):
            found.update(_combinations_of(node, node.subject, node.object))
        elif isinstance(node, NounPhrase):
            found.update([("adjective", word.lemma, node.noun.lemma) for word in node.adjectives])
            if node.relative:
                subject, thing = (node, None) if node.relative.role == "subject" else (None, node)
                found.update(_combinations_of(node.relative.clause, subject, thing))
        elif isinstance(node, TwoClauses) and node.second.subject is None:
            found.update(_combinations_of(node.second, node.first.subject, None))
    return found


def _combinations_of(clause: Clause, subject: Nominal | None, thing: Nominal | None) -> Iterator[Combination]:
    """What the words of a clause say of its subject and object, or of what stands for these."""
    key = key_of(thing)
    if key:
        yield ("verb", clause.verb.lemma, key)
    who = key_of(subject) if clause.quality else None
    if clause.quality and who:
        yield ("adjective", clause.quality.adjective.lemma, who)


def distances_of(meaning: Meaning, tokens: Sequence[Token]) -> list[int]:
    """For each pronoun that refers to something in the sentence, how many words it stands away from that."""
    words = [item for item in tokens if item.ids]
    places = {number: i for i, item in reversed(list(enumerate(words))) for number in item.ids}
    nodes = list(walk(meaning))
    said = {node.noun.lemma: node.noun.id for node in reversed(nodes) if isinstance(node, NounPhrase)}
    said |= {node.lemma: node.id for node in reversed(nodes) if isinstance(node, Name)}
    pronouns = [node for node in nodes if isinstance(node, Pronoun) and node.antecedent in said]
    return [abs(places[node.id] - places[said[str(node.antecedent)]]) for node in pronouns]


def keys_outside_subjects(nodes: Iterable[Node]) -> set[str]:
    """The nouns and names that stand anywhere but as the subject of a clause, heads of object relatives among them.

    nodes: a sentence's, from `without_words`.
    """
    found: set[str] = set()
    for node in nodes:
        for nominal in _beside_subject(node):
            found.update(_keys(nominal))
        if isinstance(node, NounPhrase) and node.relative and node.relative.role == "object":
            found.add(node.noun.lemma)
    return found


def _beside_subject(node: Node) -> tuple[Nominal | None, ...]:
    """The nominals directly below a node that are not its subject."""
    if isinstance(node, Clause):
        return node.object, node.recipient
    if isinstance(node, NounPhrase):
        return (node.of,)
    if isinstance(node, PrepositionPhrase):
        return (node.nominal,)
    return (node.than,) if isinstance(node, Quality) else ()


def _keys(nominal: Nominal | None) -> tuple[str, ...]:
    """The nouns and names joined in a nominal; none for a pronoun."""
    if isinstance(nominal, NounPhrase):
        return (nominal.noun.lemma,)
    if isinstance(nominal, Name):
        return (nominal.lemma,)
    if isinstance(nominal, Together):
        return *_keys(nominal.first), *_keys(nominal.second)
    return ()
