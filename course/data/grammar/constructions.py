"""What a sentence contains, read off its tree: constructions, depth, word pairs and references."""

from collections.abc import Iterator, Sequence

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
    Reason,
    RelativeClause,
    ThatClause,
    Together,
    TwoClauses,
    Word,
    children,
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


def depth_of(node: Node) -> int:
    """How deep clauses are nested: 0 for a plain sentence, 1 where a clause contains another, and so on."""
    if isinstance(node, Word):
        return 0
    below = max((depth_of(child) for child in children(node)), default=0)
    return below + isinstance(node, RelativeClause | ThatClause | Reason) + _has_infinitive(node)


def _has_infinitive(node: Node) -> bool:
    return isinstance(node, Clause) and node.infinitive is not None


def key_of(nominal: Nominal | None) -> str | None:
    """The noun or name that a nominal is or stands for."""
    match nominal:
        case NounPhrase():
            return nominal.noun.lemma
        case Name():
            return nominal.lemma
        case Pronoun():
            return nominal.antecedent
    return None


def combinations_of(meaning: Meaning) -> set[Combination]:
    """Which words meet: ("verb", "read", "book") for a verb and its object, ("adjective", "old", "tree").

    The head of a relative clause counts as the object or subject in it, and a pronoun as its antecedent.
    """
    return set(_combinations(meaning, None))


def _combinations(node: Node, shared: Nominal | None) -> Iterator[Combination]:
    if isinstance(node, Clause):
        yield from _combinations_of_clause(node, shared)
    for child in children(node):
        if isinstance(child, Word):
            continue
        if isinstance(node, NounPhrase) and isinstance(child, RelativeClause):
            yield from _combinations_of_relative(child, node)
        else:
            yield from _combinations(child, _shared_subject(node, child))
    if isinstance(node, NounPhrase):
        yield from (("adjective", word.lemma, node.noun.lemma) for word in node.adjectives)


def _shared_subject(parent: Node, child: Node) -> Nominal | None:
    """The subject that the second of two clauses shares with the first one."""
    if isinstance(parent, TwoClauses) and child is parent.second:
        return parent.first.subject
    return None


def _combinations_of_relative(relative: RelativeClause, head: NounPhrase) -> Iterator[Combination]:
    if relative.role == "object":
        yield ("verb", relative.clause.verb.lemma, head.noun.lemma)
    yield from _combinations(relative.clause, head if relative.role == "subject" else None)


def _combinations_of_clause(clause: Clause, shared: Nominal | None) -> Iterator[Combination]:
    thing, who = key_of(clause.object), key_of(clause.subject or shared)
    if thing:
        yield ("verb", clause.verb.lemma, thing)
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


def keys_outside_subjects(meaning: Meaning) -> set[str]:
    """The nouns and names that stand anywhere but as the subject of a clause, heads of object relatives among them."""
    return set(_outside(meaning, is_subject=False))


def _outside(node: Node, *, is_subject: bool) -> Iterator[str]:
    if isinstance(node, NounPhrase | Name) and not is_subject:
        yield node.noun.lemma if isinstance(node, NounPhrase) else node.lemma
    if isinstance(node, NounPhrase) and node.relative and node.relative.role == "object":
        yield node.noun.lemma
    for child in children(node):
        if isinstance(child, Word):
            continue
        inside = isinstance(node, Clause) and child is node.subject
        yield from _outside(child, is_subject=inside or (is_subject and isinstance(node, Together)))
