"""English sentences written by hand, and the ids behind their words."""

import pytest
from grammar_words import (
    THEY,
    WE,
    YOU,
    I,
    asked,
    at,
    both,
    clause,
    is_,
    it,
    name,
    np,
    nps,
    order,
    past,
    quality,
    two,
    who,
    whom,
)

from course.data.grammar.english import indefinite_article, linearize
from course.data.grammar.lexicon import lexicon
from course.data.grammar.meaning import Word, numbered, walk
from course.data.grammar.tokens import detokenized
from course.errors import CourseError

ANNA, LEO, MAN, WOMAN, BOY = name("Anna"), name("Leo"), np("man"), np("woman"), np("boy")
BOOK, LAMP, DOOR = np("book"), np("lamp"), np("door")
POLITE_TO_WAIT = clause("be", quality="polite", infinitive=clause("wait_for", None, ANNA))

SENTENCES = [
    # verb forms
    (clause("open", MAN, DOOR), "The man opens the door."),
    (clause("open", nps("man"), DOOR), "The men open the door."),
    (clause("open", I, DOOR), "I open the door."),
    (past("buy", WE, np("egg", "a")), "We bought an egg."),
    (past("open", ANNA, DOOR, adverbs="already"), "Anna has already opened the door."),
    (past("open", nps("child"), DOOR, adverbs="already"), "The children have already opened the door."),
    (is_(I, "tired"), "I am tired."),
    (is_(YOU, "tired"), "You are tired."),
    (is_(nps("mouse"), "small"), "The mice are small."),
    (is_(np("people", "that"), "rich"), "Those people are rich."),
    (clause("love", np("people", None), np("sea")), "People love the sea."),
    (is_(both(ANNA, I), "happy"), "Anna and I are happy."),
    # do-support, modals, negation
    (clause("read", WOMAN, BOOK, negation="not"), "The woman does not read the book."),
    (clause("read", WE, BOOK, negation="not"), "We do not read the book."),
    (past("read", WOMAN, BOOK, negation="not"), "The woman did not read the book."),
    (is_(LAMP, "expensive", negation="not"), "The lamp is not expensive."),
    (clause("open", MAN, DOOR, modal="can"), "The man can open the door."),
    (clause("open", MAN, DOOR, modal="can", negation="not"), "The man cannot open the door."),
    (clause("open", MAN, DOOR, modal="want"), "The man wants to open the door."),
    (clause("open", THEY, DOOR, modal="want"), "They want to open the door."),
    (clause("open", MAN, DOOR, modal="want", negation="not"), "The man does not want to open the door."),
    (clause("open", MAN, DOOR, modal="should", negation="not"), "The man should not open the door."),
    (clause("eat", np("dog"), np("cake", "that"), modal="must"), "The dog must eat that cake."),
    (is_(MAN, "rich", modal="want"), "The man wants to be rich."),
    # questions
    (asked("read", WOMAN, BOOK), "Does the woman read the book?"),
    (asked("read", YOU, BOOK), "Do you read the book?"),
    (past("read", WOMAN, BOOK, mood="question"), "Did the woman read the book?"),
    (asked("be", LAMP, quality="broken"), "Is the lamp broken?"),
    (asked("be", LAMP, quality="broken", negation="not"), "Is the lamp not broken?"),
    (asked("open", MAN, DOOR, modal="can"), "Can the man open the door?"),
    (asked("open", MAN, DOOR, modal="want"), "Does the man want to open the door?"),
    (asked("open", MAN, DOOR, modal="can", negation="not"), "Can the man not open the door?"),
    (past("open", MAN, DOOR, mood="question", adverbs="already"), "Has the man already opened the door?"),
    (asked("sleep", np("cat"), adverbs="always"), "Does the cat always sleep?"),
    # imperatives
    (order("open", DOOR), "Open the door!"),
    (order("open", DOOR, please="please"), "Please open the door."),
    (order("forget", np("key"), negation="not"), "Do not forget the key!"),
    (order("close", DOOR, please="please", negation="not"), "Please do not close the door."),
    (order("close", np("window"), adverbs="always"), "Always close the window!"),
    (order("be", quality="happy"), "Be happy!"),
    # particles, prepositions, recipients
    (clause("turn_on", MAN, LAMP), "The man turns on the lamp."),
    (clause("turn_on", MAN, it("lamp")), "The man turns it on."),
    (clause("take_along", ANNA, it("key", "pl"), negation="not"), "Anna does not take them along."),
    (clause("come_back", np("cat"), adverbs="today"), "The cat comes back today."),
    (clause("look_for", nps("boy"), it("cat")), "The boys look for it."),
    (clause("listen_to", I, it("mother")), "I listen to her."),
    (clause("give", MAN, np("book", "a"), recipient=BOY), "The man gives the boy a book."),
    (clause("give", MAN, it("book"), recipient=BOY), "The man gives it to the boy."),
    (clause("give", MAN, it("book"), recipient=it("boy")), "The man gives it to him."),
    (clause("show", WOMAN, np("picture"), recipient=I), "The woman shows me the picture."),
    # pronouns by the noun's column
    (is_(it("man"), "old"), "He is old."),
    (is_(it("actress"), "old"), "She is old."),
    (is_(it("mouse"), "old"), "It is old."),
    (is_(it("people"), "old"), "They are old."),
    (is_(it("mouse", "pl"), "old"), "They are old."),
    (clause("see", it("Leo"), it("Anna")), "He sees her."),
    (clause("see", WE, THEY), "We see them."),
    (clause("visit", YOU, it("Paris")), "You visit it."),
    # own
    (clause("love", ANNA, np("sister", "own")), "Anna loves her sister."),
    (clause("love", BOY, np("sister", "own")), "The boy loves his sister."),
    (clause("love", nps("child"), nps("cat", "own")), "The children love their cats."),
    (clause("love", both(ANNA, LEO), np("cat", "own")), "Anna and Leo love their cat."),
    (clause("eat", np("dog"), np("egg", "own")), "The dog eats its egg."),
    (is_(BOY, "small", np("father", "own")), "The boy is smaller than his father."),
    (
        clause("see", ANNA, np("man", relative=who("open", object=np("letter", "own")))),
        "Anna sees the man who opens his letter.",
    ),
    (
        two(clause("buy", ANNA, BOOK), "and", clause("show", None, it("book"), recipient=np("uncle", "own"))),
        "Anna buys the book and shows it to her uncle.",
    ),
    # noun phrases
    (is_(nps("box", "the", "small", "red", numeral="two", of=np("neighbor", "my")), "heavy"),
     "The two small red boxes of my neighbor are heavy."),
    (clause("find", WE, np("watch", "a", "expensive")), "We find an expensive watch."),
    (clause("find", WE, np("egg", "a", "big")), "We find a big egg."),
    (clause("find", WE, nps("needle", None)), "We find needles."),
    (clause("find", WE, np("key", None, numeral="ten")), "We find ten keys."),
    (clause("drink", np("cat"), np("milk", None)), "The cat drinks milk."),
    (is_(np("book", of=ANNA), "new"), "Anna's book is new."),
    (clause("love", THEY, np("president", of=name("France"))), "They love the president of France."),
    (is_(np("box", phrase=at("on", np("table"))), "empty"), "The box on the table is empty."),
    (is_(np("dog", "every"), "happy"), "Every dog is happy."),
    (clause("buy", I, nps("plate", "that")), "I buy those plates."),
    (clause("have", np("needle"), np("point", "a", "sharp")), "The needle has a sharp point."),
    # relatives
    (clause("see", I, np("man", relative=who("sleep"))), "I see the man who sleeps."),
    (clause("see", I, np("dog", relative=who("sleep"))), "I see the dog that sleeps."),
    (clause("see", I, nps("man", relative=who("sleep"))), "I see the men who sleep."),
    (clause("see", I, np("man", relative=whom("invite", ANNA))), "I see the man that Anna invites."),
    (is_(np("train", relative=whom("wait_for", WE)), "old"), "The train that we wait for is old."),
    (is_(np("shirt", relative=whom("put_on", LEO)), "clean"), "The shirt that Leo puts on is clean."),
    (
        is_(np("book", relative=whom("give", MAN, recipient=BOY)), "good"),
        "The book that the man gives the boy is good.",
    ),
    # what ends in a relative clause comes last: what follows it would belong to that clause
    (
        clause("visit", WE, np("city", relative=whom("love", ANNA)), adverbs="today"),
        "We visit today the city that Anna loves.",
    ),
    (
        clause("wait_for", WE, np("man", relative=who("sing")), phrases=at("in", np("garden"))),
        "We wait in the garden for the man who sings.",
    ),
    (
        clause("turn_on", WE, np("light", phrase=at("in", np("house", relative=whom("buy", LEO)))), adverbs="quietly"),
        "We turn on quietly the light in the house that Leo buys.",
    ),
    (
        clause("give", WE, BOOK, recipient=np("boy", relative=who("sing")), adverbs="today"),
        "We give the book today to the boy who sings.",
    ),
    (
        clause("see", WE, both(np("man", relative=who("sing")), WOMAN), adverbs="today"),
        "We see the man who sings and the woman today.",
    ),
    # adverbs, phrases, clauses in clauses
    (clause("read", WOMAN, BOOK, adverbs="often"), "The woman often reads the book."),
    (clause("read", WOMAN, BOOK, adverbs="often", modal="can"), "The woman can often read the book."),
    (clause("read", WOMAN, BOOK, adverbs="never", modal="want"), "The woman never wants to read the book."),
    (is_(WOMAN, "tired", adverbs="often"), "The woman is often tired."),
    (clause("open", MAN, DOOR, adverbs=("slowly", "today")), "The man opens the door slowly today."),
    (past("carry", LEO, LAMP, phrases=at("into", np("house")), adverbs=("yesterday", "carefully")),
     "Leo carried the lamp carefully into the house yesterday."),
    (clause("sleep", np("cat"), phrases=at("next_to", it("bed"))), "The cat sleeps next to it."),
    (clause("read", WOMAN, BOOK, adverbs="today", fronted="adverb"), "Today the woman reads the book."),
    (clause("run", np("dog"), phrases=at("in", np("garden")), fronted="phrase"), "In the garden the dog runs."),
    (
        clause("buy", MAN, LAMP, negation="not", reason=is_(it("lamp"), "expensive")),
        "The man does not buy the lamp because it is expensive.",
    ),
    (
        clause("sleep", BOY, reason=is_(it("boy"), "tired"), fronted="reason"),
        "Because he is tired, the boy sleeps.",
    ),
    (
        clause("say", ANNA, content=clause("believe", LEO, content=is_(LAMP, "new"))),
        "Anna says that Leo believes that the lamp is new.",
    ),
    (is_(np("story", "that"), "sad"), "That story is sad."),
    (is_(MAN, "rich", np("king")), "The man is richer than the king."),
    (is_(LAMP, "expensive", it("key")), "The lamp is more expensive than it."),
    (is_(BOY, "young", I), "The boy is younger than me."),
    (
        clause("be", quality="polite", negation="not", infinitive=clause("point_at", None, np("people", None))),
        "It is not polite to point at people.",
    ),
    (clause("say", ANNA, content=POLITE_TO_WAIT), "Anna says that it is polite to wait for Anna."),
    (
        clause("be", quality="important", infinitive=clause("forget", None, np("name"), negation="not")),
        "It is important not to forget the name.",
    ),
    (
        clause("be", quality="polite", mood="question", infinitive=clause("laugh")),
        "Is it polite to laugh?",
    ),
    # two clauses
    (two(clause("buy", ANNA, BOOK), "and", clause("read", None, it("book"))), "Anna buys the book and reads it."),
    (two(clause("buy", ANNA, BOOK), "but", clause("read", None, it("book"), negation="not")),
     "Anna buys the book, but does not read it."),
    (two(clause("sleep", ANNA), "and", clause("work", LEO)), "Anna sleeps, and Leo works."),
    (
        two(
            clause("love", I, name("France")), "and",
            clause("live", np("president", of=np("country", "that")), phrases=at("in_town", name("Paris"))),
        ),
        "I love France, and the president of that country lives in Paris.",
    ),
    (two(asked("buy", ANNA, BOOK), "and", clause("read", None, it("book"), mood="question")),
     "Does Anna buy the book and read it?"),
    (two(asked("sleep", ANNA), "and", asked("work", LEO)), "Does Anna sleep, and does Leo work?"),
    (two(order("open", DOOR), "and", order("close", np("window"))), "Open the door and close the window!"),
]  # fmt: skip


def said(meaning) -> str:
    return detokenized(linearize(numbered(meaning), lexicon()))


@pytest.mark.parametrize(("meaning", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_sentence_is_what_a_person_would_write(meaning, sentence):
    assert said(meaning) == sentence


@pytest.mark.parametrize(
    ("word", "article"),
    [("apple", "an"), ("egg", "an"), ("old", "an"), ("Uncle", "an"), ("house", "a"), ("young", "a"),
     ("university", "a"), ("useful", "a"), ("European", "a"), ("one", "a"), ("hour", "an"), ("honest", "an"),
     ("ugly", "an")],
)  # fmt: skip
def test_article_goes_by_sound(word, article):
    assert indefinite_article(word) == article


@pytest.mark.parametrize(
    ("meaning", "reason"),
    [
        (past("be", MAN, quality="old"), "present only"),
        (past("open", MAN, DOOR, modal="can"), "present only"),
        (clause("open", MAN, DOOR, modal="must", negation="not"), "must not"),
        (clause("open", None, DOOR), "no subject"),
        (clause("oppen", MAN, DOOR), "no verb 'oppen'"),
        (clause("open", np("mann"), DOOR), "no noun 'mann'"),
        (clause("open", np("man", "some"), DOOR), "not a determiner"),
        (clause("open", np("man", None), DOOR), "needs a determiner"),
        (clause("drink", MAN, nps("milk")), "not counted"),
        (clause("drink", MAN, np("milk", "a")), "not counted"),
        (clause("see", MAN, nps("dog", "every")), "needs a singular"),
        (clause("love", np("mother", "own"), LEO), "there is none"),
        (clause("love", I, np("mother", "own")), "'my'"),
        (clause("love", np("child"), np("mother", "own")), "he from she"),
        (is_(it("doctor"), "old"), "he from she"),
        (is_(DOOR, "open", np("window")), "comparative"),
        (clause("sleep", MAN, fronted="phrase"), "to put first"),
        (clause("sleep", MAN, adverbs="never", fronted="adverb"), "does not start"),
        (clause("sleep", MAN, adverbs="today", fronted="adverb", mood="question"), "Only a statement"),
        (clause("see", I, np("man", relative=who("sleep", subject=LEO))), "leave that place empty"),
        (clause("see", I, np("man", relative=whom("see", LEO, object=ANNA))), "leave that place empty"),
        (clause("sleep", MAN, please="please"), "imperative only"),
        (two(asked("be", MAN, quality="old"), "and", asked("sleep")), "its own subject"),
        (two(order("open", DOOR), "and", clause("close", None, DOOR)), "its own"),
        (is_(LEO, "polite", infinitive=clause("laugh", modal="can")), "no modal"),
    ],
)
def test_what_cannot_be_said_is_an_error_that_says_why(meaning, reason):
    with pytest.raises(CourseError, match=reason):
        said(meaning)


def words_of(meaning, node) -> list[str]:
    """The words that carry the id of the first node equal to the given one."""
    tree = numbered(meaning)
    wanted = next(found.id for found in walk(tree) if found == node)
    return [item.text for item in linearize(tree, lexicon()) if wanted in item.ids]


@pytest.mark.parametrize(
    ("meaning", "node", "words"),
    [
        (asked("wait_for", WE, LEO), Word("wait_for"), ["Do", "wait", "for"]),
        (clause("turn_on", MAN, it("lamp")), Word("turn_on"), ["turns", "on"]),
        (past("open", ANNA, DOOR, adverbs="already"), Word("open"), ["has", "opened"]),
        (clause("give", MAN, it("book"), recipient=BOY), Word("give"), ["gives", "to"]),
        (clause("open", MAN, DOOR, modal="want", negation="not"), Word("want"), ["does", "want", "to"]),
        (clause("open", MAN, DOOR, modal="can", negation="not"), Word("can"), ["cannot"]),
        (clause("open", MAN, DOOR, modal="can", negation="not"), Word("not"), ["cannot"]),
        (POLITE_TO_WAIT, Word("wait_for"), ["to", "wait", "for"]),
        (POLITE_TO_WAIT, POLITE_TO_WAIT, ["It"]),
        (is_(LAMP, "expensive", it("key")), Word("expensive"), ["more", "expensive"]),
        (is_(LAMP, "expensive", it("key")), quality("expensive", it("key")), ["than"]),
        (is_(np("book", of=ANNA), "new"), ANNA, ["Anna's"]),
        (clause("sleep", np("cat"), phrases=at("next_to", LAMP)), Word("next_to"), ["next", "to"]),
        (clause("see", WE, THEY), THEY, ["them"]),
    ],
)
def test_small_words_carry_the_id_of_what_they_belong_to(meaning, node, words):
    assert words_of(meaning, node) == words


def test_punctuation_carries_nothing():
    tokens = linearize(numbered(clause("sleep", BOY, reason=is_(it("boy"), "tired"), fronted="reason")), lexicon())
    assert [item.text for item in tokens if not item.ids] == [",", "."]
