"""German forms and sentences, written by hand, and the ids behind the words."""

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

from course.data.grammar import german_forms as forms
from course.data.grammar.german import linearize
from course.data.grammar.german_forms import Features
from course.data.grammar.lexicon import lexicon
from course.data.grammar.meaning import Name, Pronoun, Word, numbered, walk
from course.data.grammar.tokens import detokenized
from course.errors import CourseError

CASES = ("nom", "acc", "dat", "gen")
M, F, N, PL = Features(3, "sg", "m"), Features(3, "sg", "f"), Features(3, "sg", "n"), Features(3, "pl")
NOUNS, ADJECTIVES, VERBS, MODALS = lexicon().nouns, lexicon().adjectives, lexicon().verbs, lexicon().modals


# Noun phrases: 3 declensions x 3 genders x 2 numbers, each in 4 cases

PHRASES = """
  - good cake sg          | guter Kuchen | guten Kuchen | gutem Kuchen | guten Kuchens
  - sharp needle pl       | scharfe Nadeln | scharfe Nadeln | scharfen Nadeln | scharfer Nadeln
  - expensive milk sg     | teure Milch | teure Milch | teurer Milch | teurer Milch
  - expensive bread sg    | teures Brot | teures Brot | teurem Brot | teuren Brotes
  - small apple pl        | kleine Äpfel | kleine Äpfel | kleinen Äpfeln | kleiner Äpfel
  - beautiful picture pl  | schöne Bilder | schöne Bilder | schönen Bildern | schöner Bilder
  the old man sg          | der alte Mann | den alten Mann | dem alten Mann | des alten Mannes
  the old man pl          | die alten Männer | die alten Männer | den alten Männern | der alten Männer
  that dark kitchen sg    | diese dunkle Küche | diese dunkle Küche | dieser dunklen Küche | dieser dunklen Küche
  that dark kitchen pl    | diese dunklen Küchen | diese dunklen Küchen | diesen dunklen Küchen | dieser dunklen Küchen
  the small child sg      | das kleine Kind | das kleine Kind | dem kleinen Kind | des kleinen Kindes
  the small child pl      | die kleinen Kinder | die kleinen Kinder | den kleinen Kindern | der kleinen Kinder
  a strong lion sg        | ein starker Löwe | einen starken Löwen | einem starken Löwen | eines starken Löwen
  no strong lion pl       | keine starken Löwen | keine starken Löwen | keinen starken Löwen | keiner starken Löwen
  my sick cat sg          | meine kranke Katze | meine kranke Katze | meiner kranken Katze | meiner kranken Katze
  my sick cat pl          | meine kranken Katzen | meine kranken Katzen | meinen kranken Katzen | meiner kranken Katzen
  a young girl sg         | ein junges Mädchen | ein junges Mädchen | einem jungen Mädchen | eines jungen Mädchens
  my young girl pl        | meine jungen Mädchen | meine jungen Mädchen | meinen jungen Mädchen | meiner jungen Mädchen
  every tired bear sg     | jeder müde Bär | jeden müden Bären | jedem müden Bären | jedes müden Bären
  every empty street sg   | jede leere Straße | jede leere Straße | jeder leeren Straße | jeder leeren Straße
  every new house sg      | jedes neue Haus | jedes neue Haus | jedem neuen Haus | jedes neuen Hauses
  that expensive watch pl | diese teuren Uhren | diese teuren Uhren | diesen teuren Uhren | dieser teuren Uhren
  no dark forest sg       | kein dunkler Wald | keinen dunklen Wald | keinem dunklen Wald | keines dunklen Waldes
  your white shirt sg     | dein weißes Hemd | dein weißes Hemd | deinem weißen Hemd | deines weißen Hemdes
  our new car pl          | unsere neuen Autos | unsere neuen Autos | unseren neuen Autos | unserer neuen Autos
  my clean glass sg       | mein sauberes Glas | mein sauberes Glas | meinem sauberen Glas | meines sauberen Glases
  that big forest sg      | dieser große Wald | diesen großen Wald | diesem großen Wald | dieses großen Waldes
"""
PHRASE_LINES = [line.strip() for line in PHRASES.strip().split("\n")]


@pytest.mark.parametrize("line", PHRASE_LINES, ids=[line.split("|")[0].strip() for line in PHRASE_LINES])
def test_noun_phrase_in_all_cases(line):
    key, *expected = (cell.strip() for cell in line.split("|"))
    determiner, adjective, noun, number = key.split()
    features = Features(3, number, NOUNS[noun].de_gender)
    lemma = None if determiner == "-" else determiner
    for case, phrase in zip(CASES, expected, strict=True):
        words = [] if lemma is None else [forms.determiner(lemma, features, case)]
        words.append(forms.adjective(ADJECTIVES[adjective], forms.declension(lemma), features, case))
        assert " ".join([*words, forms.noun(NOUNS[noun], case, number)]) == phrase


# masculine, feminine, neuter, plural of each case
DETERMINERS = {
    "the": ("der die das die", "den die das die", "dem der dem den", "des der des der"),
    "that": (
        "dieser diese dieses diese",
        "diesen diese dieses diese",
        "diesem dieser diesem diesen",
        "dieses dieser dieses dieser",
    ),
    "no": ("kein keine kein keine", "keinen keine kein keine", "keinem keiner keinem keinen",
           "keines keiner keines keiner"),
    "my": ("mein meine mein meine", "meinen meine mein meine", "meinem meiner meinem meinen",
           "meines meiner meines meiner"),
    "your": ("dein deine dein deine", "deinen deine dein deine", "deinem deiner deinem deinen",
             "deines deiner deines deiner"),
    "our": ("unser unsere unser unsere", "unseren unsere unser unsere", "unserem unserer unserem unseren",
            "unseres unserer unseres unserer"),
}  # fmt: skip


@pytest.mark.parametrize("lemma", DETERMINERS)
def test_determiner_in_all_cases(lemma):
    for case, line in zip(CASES, DETERMINERS[lemma], strict=True):
        assert [forms.determiner(lemma, features, case) for features in (M, F, N, PL)] == line.split()


def test_ein_and_jeder_in_all_cases():
    a = [[forms.determiner("a", features, case) for features in (M, F, N)] for case in CASES]
    assert a == [
        ["ein", "eine", "ein"],
        ["einen", "eine", "ein"],
        ["einem", "einer", "einem"],
        ["eines", "einer", "eines"],
    ]
    every = [[forms.determiner("every", features, case) for features in (M, F, N)] for case in CASES]
    assert every == [
        ["jeder", "jede", "jedes"],
        ["jeden", "jede", "jedes"],
        ["jedem", "jeder", "jedem"],
        ["jedes", "jeder", "jedes"],
    ]


@pytest.mark.parametrize(
    ("owner", "columns"),
    [(M, "sein seine sein seine"), (N, "sein seine sein seine"), (F, "ihr ihre ihr ihre"), (PL, "ihr ihre ihr ihre")],
)
def test_possessive_goes_by_the_owner_and_ends_by_the_noun(owner, columns):
    assert [forms.determiner("own", features, "nom", owner) for features in (M, F, N, PL)] == columns.split()
    assert forms.determiner("own", M, "acc", owner) == columns.split()[0] + "en"
    assert forms.determiner("own", F, "dat", owner) == columns.split()[0] + "er"


# Nouns: nominative, accusative, dative, genitive; then the same in the plural

NOUN_FORMS = {
    "boy": "Junge Jungen Jungen Jungen / Jungen Jungen Jungen Jungen",
    "president": "Präsident Präsidenten Präsidenten Präsidenten / Präsidenten Präsidenten Präsidenten Präsidenten",
    "student": "Student Studenten Studenten Studenten / Studenten Studenten Studenten Studenten",
    "neighbor": "Nachbar Nachbarn Nachbarn Nachbarn / Nachbarn Nachbarn Nachbarn Nachbarn",
    "bear": "Bär Bären Bären Bären / Bären Bären Bären Bären",
    "lion": "Löwe Löwen Löwen Löwen / Löwen Löwen Löwen Löwen",
    "name": "Name Namen Namen Namens / Namen Namen Namen Namen",
    "man": "Mann Mann Mann Mannes / Männer Männer Männern Männer",
    "king": "König König König Königs / Könige Könige Königen Könige",
    "doctor": "Arzt Arzt Arzt Arztes / Ärzte Ärzte Ärzten Ärzte",
    "uncle": "Onkel Onkel Onkel Onkels / Onkel Onkel Onkeln Onkel",
    "plate": "Teller Teller Teller Tellers / Teller Teller Tellern Teller",
    "garden": "Garten Garten Garten Gartens / Gärten Gärten Gärten Gärten",
    "cake": "Kuchen Kuchen Kuchen Kuchens / Kuchen Kuchen Kuchen Kuchen",
    "river": "Fluss Fluss Fluss Flusses / Flüsse Flüsse Flüssen Flüsse",
    "woman": "Frau Frau Frau Frau / Frauen Frauen Frauen Frauen",
    "queen": "Königin Königin Königin Königin / Königinnen Königinnen Königinnen Königinnen",
    "mother": "Mutter Mutter Mutter Mutter / Mütter Mütter Müttern Mütter",
    "city": "Stadt Stadt Stadt Stadt / Städte Städte Städten Städte",
    "mouse": "Maus Maus Maus Maus / Mäuse Mäuse Mäusen Mäuse",
    "girl": "Mädchen Mädchen Mädchen Mädchens / Mädchen Mädchen Mädchen Mädchen",
    "child": "Kind Kind Kind Kindes / Kinder Kinder Kindern Kinder",
    "shirt": "Hemd Hemd Hemd Hemdes / Hemden Hemden Hemden Hemden",
    "car": "Auto Auto Auto Autos / Autos Autos Autos Autos",
    "egg": "Ei Ei Ei Eies / Eier Eier Eiern Eier",
    "museum": "Museum Museum Museum Museums / Museen Museen Museen Museen",
    "window": "Fenster Fenster Fenster Fensters / Fenster Fenster Fenstern Fenster",
    "glass": "Glas Glas Glas Glases / Gläser Gläser Gläsern Gläser",
    "bank_money": "Bank Bank Bank Bank / Banken Banken Banken Banken",
    "bank_river": "Ufer Ufer Ufer Ufers / Ufer Ufer Ufern Ufer",
}


@pytest.mark.parametrize("key", NOUN_FORMS)
def test_noun_in_all_cases(key):
    singular, plural = (line.split() for line in NOUN_FORMS[key].split("/"))
    assert [forms.noun(NOUNS[key], case, "sg") for case in CASES] == singular
    assert [forms.noun(NOUNS[key], case, "pl") for case in CASES] == plural


def test_noun_without_singular_and_noun_without_plural():
    assert [forms.noun(NOUNS["people"], case, "pl") for case in CASES] == ["Leute", "Leute", "Leuten", "Leute"]
    with pytest.raises(CourseError, match="no German form in the singular"):
        forms.noun(NOUNS["people"], "nom", "sg")
    with pytest.raises(CourseError, match="no German form in the plural"):
        forms.noun(NOUNS["milk"], "dat", "pl")


# Pronouns, contractions

PRONOUNS = [
    (Features(1, "sg"), "ich mich mir"),
    (Features(2, "sg"), "du dich dir"),
    (M, "er ihn ihm"),
    (F, "sie sie ihr"),
    (N, "es es ihm"),
    (Features(1, "pl"), "wir uns uns"),
    (Features(3, "pl"), "sie sie ihnen"),
]


@pytest.mark.parametrize(("features", "line"), PRONOUNS)
def test_pronoun_in_its_cases(features, line):
    assert [forms.pronoun(features, case) for case in ("nom", "acc", "dat")] == line.split()


def test_relative_pronoun_in_all_cases():
    table = [[forms.relative_pronoun(features, case) for features in (M, F, N, PL)] for case in CASES]
    assert table == [
        ["der", "die", "das", "die"],
        ["den", "die", "das", "die"],
        ["dem", "der", "dem", "denen"],
        ["dessen", "deren", "dessen", "deren"],
    ]


def test_contractions_are_these_and_no_others():
    prepositions = ("an", "auf", "aus", "bei", "für", "hinter", "in", "mit", "neben", "ohne", "unter", "von", "zu")
    found = {
        f"{preposition} {article}": word
        for preposition in prepositions
        for article in ("der", "die", "das", "den", "dem", "des")
        if (word := forms.contraction(preposition, article))
    }
    assert found == {
        "an dem": "am", "an das": "ans", "bei dem": "beim", "in dem": "im", "in das": "ins", "von dem": "vom",
        "zu dem": "zum", "zu der": "zur",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "genitive"), [("Anna", "Annas"), ("Leo", "Leos"), ("Max", "Max'"), ("Berlin", "Berlins")]
)
def test_genitive_of_names(given, genitive):
    assert forms.genitive_of_name(given) == genitive


# Verbs: ich, du, er, wir

VERB_FORMS = {
    "be": "bin bist ist sind",
    "have": "habe hast hat haben",
    "see": "sehe siehst sieht sehen",
    "find": "finde findest findet finden",
    "read": "lese liest liest lesen",
    "open": "öffne öffnest öffnet öffnen",
    "close": "mache machst macht machen",
    "break": "zerbreche zerbrichst zerbricht zerbrechen",
    "carry": "trage trägst trägt tragen",
    "eat": "esse isst isst essen",
    "wash": "wasche wäschst wäscht waschen",
    "wait_for": "warte wartest wartet warten",
    "help": "helfe hilfst hilft helfen",
    "invite": "lade lädst lädt laden",
    "take_along": "nehme nimmst nimmt nehmen",
    "turn_on": "schalte schaltest schaltet schalten",
    "forget": "vergesse vergisst vergisst vergessen",
    "sleep": "schlafe schläfst schläft schlafen",
    "work": "arbeite arbeitest arbeitet arbeiten",
    "run": "laufe läufst läuft laufen",
    "leave": "fahre fährst fährt fahren",
    "give": "gebe gibst gibt geben",
    "know": "weiß weißt weiß wissen",
}


@pytest.mark.parametrize("key", VERB_FORMS)
def test_verb_in_all_persons(key):
    persons = (Features(1, "sg"), Features(2, "sg"), M, Features(1, "pl"))
    assert [forms.finite(VERBS[key], features) for features in persons] == VERB_FORMS[key].split()
    assert forms.finite(VERBS[key], PL) == VERB_FORMS[key].split()[-1]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("can", "kann kannst kann können können"),
        ("must", "muss musst muss müssen müssen"),
        ("want", "will willst will wollen wollen"),
        ("should", "sollte solltest sollte sollten sollten"),
    ],
)
def test_modal_in_all_persons(key, line):
    persons = (Features(1, "sg"), Features(2, "sg"), F, Features(1, "pl"), PL)
    assert [forms.modal(MODALS[key], features) for features in persons] == line.split()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("open", "zu öffnen"),
        ("point_at", "zu zeigen"),
        ("understand", "zu verstehen"),
        ("close", "zuzumachen"),
        ("listen_to", "zuzuhören"),
        ("call", "anzurufen"),
        ("invite", "einzuladen"),
        ("take_along", "mitzunehmen"),
        ("put_on", "anzuziehen"),
        ("turn_on", "einzuschalten"),
        ("turn_off", "auszuschalten"),
        ("clean_up", "aufzuräumen"),
        ("arrive", "anzukommen"),
        ("leave", "abzufahren"),
        ("come_back", "zurückzukommen"),
    ],
)
def test_zu_stands_inside_a_separable_verb(key, words):
    assert " ".join(forms.zu_infinitive(VERBS[key])) == words


# Sentences

ANNA, LEO, MAN, WOMAN, BOY, CHILD = name("Anna"), name("Leo"), np("man"), np("woman"), np("boy"), np("child")
BOOK, LAMP, DOOR = np("book"), np("lamp"), np("door")
IN_GARDEN = at("in", np("garden"))
WORKS_IN_GARDEN = who("work", phrases=IN_GARDEN)
POINTING = clause("be", quality="polite", negation="not", infinitive=clause("point_at", None, nps("people", None)))


def easy(verb: str, object=None, adjective: str = "important", **parts):
    """ "It is important to ..." """
    return clause("be", quality=adjective, infinitive=clause(verb, None, object, **parts))


SENTENCES = {
    "transitive": [
        (clause("have", np("needle"), np("point", "a", "sharp")), "Die Nadel hat eine scharfe Spitze."),
        (clause("buy", WOMAN, np("coat", "a", "expensive")), "Die Frau kauft einen teuren Mantel."),
        (clause("see", nps("child"), np("bear", "the", "old")), "Die Kinder sehen den alten Bären."),
        (clause("read", I, np("book", "that")), "Ich lese dieses Buch."),
        (clause("break", YOU, np("glass", "a")), "Du zerbrichst ein Glas."),
        (clause("drink", CHILD, np("milk", None)), "Das Kind trinkt Milch."),
        (clause("love", np("people", None), np("sea")), "Leute lieben das Meer."),
        (clause("buy", WE, np("apple", None, numeral="two", number="pl")), "Wir kaufen zwei Äpfel."),
        (clause("carry", WE, nps("box", "the", "small", numeral="three")), "Wir tragen die drei kleinen Kisten."),
        (clause("wash", I, nps("shirt", None, "white", numeral="five")), "Ich wasche fünf weiße Hemden."),
        (clause("see", np("dog", "every"), np("cat")), "Jeder Hund sieht die Katze."),
        (clause("help", LEO, np("neighbor", "the", "sick")), "Leo hilft dem kranken Nachbarn."),
        (clause("thank", WE, nps("child")), "Wir danken den Kindern."),
        (clause("follow", np("dog"), np("president")), "Der Hund folgt dem Präsidenten."),
        (clause("wait_for", ANNA, np("train")), "Anna wartet auf den Zug."),
        (clause("point_at", BOY, np("lion", "a")), "Der Junge zeigt auf einen Löwen."),
    ],
    "intransitive": [
        (clause("sleep", np("cat")), "Die Katze schläft."),
        (clause("run", nps("horse")), "Die Pferde laufen."),
        (clause("work", WOMAN, phrases=IN_GARDEN), "Die Frau arbeitet im Garten."),
        (clause("leave", np("train"), adverbs="today"), "Der Zug fährt heute ab."),
        (clause("sing", np("actress"), adverbs="here"), "Die Schauspielerin singt hier."),
        (past("fall", CHILD), "Das Kind ist hingefallen."),
    ],
    "be": [
        (is_(LAMP, "expensive"), "Die Lampe ist teuer."),
        (is_(YOU, "tired"), "Du bist müde."),
        (is_(np("house"), "dark", negation="not"), "Das Haus ist nicht dunkel."),
        (is_(both(np("boy"), np("girl")), "tired"), "Der Junge und das Mädchen sind müde."),
        (is_(both(ANNA, I), "happy"), "Anna und ich sind glücklich."),
        (is_(np("door"), "open", adverbs="always"), "Die Tür ist immer offen."),
        (clause("be", np("key"), phrases=at("on", np("table"))), "Der Schlüssel ist auf dem Tisch."),
        (clause("be", np("key"), phrases=at("in", np("bag")), negation="not"),
         "Der Schlüssel ist nicht in der Tasche."),
    ],
    "comparative": [
        (is_(np("cat"), "small", np("dog")), "Die Katze ist kleiner als der Hund."),
        (is_(np("watch"), "expensive", np("lamp"), negation="not"), "Die Uhr ist nicht teurer als die Lampe."),
        (is_(BOY, "young", I), "Der Junge ist jünger als ich."),
        (is_(BOY, "big", np("father", "own")), "Der Junge ist größer als sein Vater."),
        (is_(np("forest"), "dark", np("kitchen")), "Der Wald ist dunkler als die Küche."),
        (
            clause("say", ANNA, content=is_(np("cat"), "small", np("dog"))),
            "Anna sagt, dass die Katze kleiner als der Hund ist.",
        ),
        (
            clause("say", ANNA, content=is_(np("cat"), "small", np("dog", relative=who("sleep")))),
            "Anna sagt, dass die Katze kleiner als der Hund ist, der schläft.",
        ),
    ],
    "recipient": [
        (clause("give", MAN, np("book", "a"), recipient=BOY), "Der Mann gibt dem Jungen ein Buch."),
        (clause("give", MAN, BOOK, recipient=BOY), "Der Mann gibt dem Jungen das Buch."),
        (clause("give", MAN, it("book"), recipient=BOY), "Der Mann gibt es dem Jungen."),
        (clause("give", MAN, BOOK, recipient=it("boy")), "Der Mann gibt ihm das Buch."),
        (clause("give", MAN, it("book"), recipient=it("boy")), "Der Mann gibt es ihm."),
        (clause("give", MAN, it("lamp"), recipient=it("woman")), "Der Mann gibt sie ihr."),
        (clause("show", YOU, it("hat"), recipient=I), "Du zeigst ihn mir."),
        (clause("send", THEY, np("letter", "a", "important"), recipient=WE), "Sie schicken uns einen wichtigen Brief."),
        (clause("lend", I, np("car", "my"), recipient=ANNA), "Ich leihe Anna mein Auto."),
        (past("tell", I, np("story", "a", "sad"), recipient=nps("child")),
         "Ich habe den Kindern eine traurige Geschichte erzählt."),
        (clause("show", MAN, np("picture"), recipient=np("child", "a")), "Der Mann zeigt einem Kind das Bild."),
        (clause("give", MAN, it("book"), recipient=it("boy"), adverbs="today", fronted="adverb"),
         "Heute gibt der Mann es ihm."),
        (asked("give", it("man"), it("book"), recipient=it("boy")), "Gibt er es ihm?"),
    ],
    "perfect": [
        (past("open", WOMAN, DOOR), "Die Frau hat die Tür geöffnet."),
        (past("go", LEO, phrases=at("into", np("museum"))), "Leo ist ins Museum gegangen."),
        (past("arrive", np("train"), adverbs="yesterday"), "Der Zug ist gestern angekommen."),
        (past("follow", I, np("horse")), "Ich bin dem Pferd gefolgt."),
        (past("swim", nps("boy"), phrases=at("in", np("sea"))), "Die Jungen sind im Meer geschwommen."),
        (past("read", ANNA, BOOK, adverbs="already"), "Anna hat das Buch schon gelesen."),
        (past("read", ANNA, np("book", "a"), adverbs="already"), "Anna hat schon ein Buch gelesen."),
        (past("read", ANNA, BOOK, adverbs="never"), "Anna hat das Buch nie gelesen."),
        (past("wait_for", ANNA, LEO, adverbs="yesterday"), "Anna hat gestern auf Leo gewartet."),
        (past("visit", WE, np("island"), negation="not"), "Wir haben die Insel nicht besucht."),
        (past("send", MAN, it("letter"), recipient=ANNA, adverbs="yesterday"),
         "Der Mann hat ihn gestern Anna geschickt."),
    ],
    "modal": [
        (clause("open", MAN, DOOR, modal="want"), "Der Mann will die Tür öffnen."),
        (clause("help", YOU, np("mother", "your"), modal="must"), "Du musst deiner Mutter helfen."),
        (clause("swim", np("bear"), modal="can"), "Der Bär kann schwimmen."),
        (clause("clean_up", nps("child"), np("kitchen"), modal="should"), "Die Kinder sollten die Küche aufräumen."),
        (clause("read", I, it("letter"), modal="can", negation="not"), "Ich kann ihn nicht lesen."),
        (is_(MAN, "rich", modal="want"), "Der Mann will reich sein."),
    ],
    "separable verbs": [
        (clause("close", MAN, np("window")), "Der Mann macht das Fenster zu."),
        (clause("turn_on", ANNA, LAMP, negation="not"), "Anna schaltet die Lampe nicht ein."),
        (clause("call", I, np("student")), "Ich rufe den Studenten an."),
        (past("call", I, np("student")), "Ich habe den Studenten angerufen."),
        (clause("call", I, np("student"), modal="must"), "Ich muss den Studenten anrufen."),
        (clause("say", ANNA, content=clause("call", it("Anna"), np("student"))),
         "Anna sagt, dass sie den Studenten anruft."),
        (clause("say", ANNA, content=past("call", it("Anna"), LEO)), "Anna sagt, dass sie Leo angerufen hat."),
        (clause("say", ANNA, content=clause("call", it("Anna"), LEO, modal="want")),
         "Anna sagt, dass sie Leo anrufen will."),
        (easy("call", np("doctor", "the")), "Es ist wichtig, den Arzt anzurufen."),
        (order("turn_off", np("light")), "Schalte das Licht aus!"),
        (asked("come_back", np("cat")), "Kommt die Katze zurück?"),
        (clause("listen_to", nps("child"), np("story")), "Die Kinder hören der Geschichte zu."),
    ],
    "negation": [
        (clause("buy", MAN, LAMP, negation="not"), "Der Mann kauft die Lampe nicht."),
        (clause("buy", MAN, np("apple", "a"), negation="not"), "Der Mann kauft keinen Apfel."),
        (clause("buy", MAN, nps("apple", None), negation="not"), "Der Mann kauft keine Äpfel."),
        (clause("drink", MAN, np("milk", None), negation="not"), "Der Mann trinkt keine Milch."),
        (clause("buy", MAN, np("coat", "a", "new"), negation="not"), "Der Mann kauft keinen neuen Mantel."),
        (past("find", WE, np("key", "a"), negation="not"), "Wir haben keinen Schlüssel gefunden."),
        (clause("help", I, np("man", "a"), negation="not"), "Ich helfe keinem Mann."),
        (clause("buy", I, nps("apple", None, numeral="two"), negation="not"), "Ich kaufe nicht zwei Äpfel."),
        (clause("buy", I, both(np("hat", "a"), np("lamp", "a")), negation="not"),
         "Ich kaufe keinen Hut und keine Lampe."),
        (clause("buy", I, both(np("hat"), np("lamp", "a")), negation="not"), "Ich kaufe den Hut und eine Lampe nicht."),
        (clause("sleep", np("dog"), negation="not"), "Der Hund schläft nicht."),
        (clause("see", WE, it("cat"), negation="not"), "Wir sehen sie nicht."),
        (clause("wait_for", WE, np("train", "a"), negation="not"), "Wir warten nicht auf einen Zug."),
        (clause("go", LEO, phrases=at("into", np("garden")), negation="not"), "Leo geht nicht in den Garten."),
        (clause("live", LEO, phrases=at("in_country", name("Italy")), negation="not"), "Leo wohnt nicht in Italien."),
        (clause("open", MAN, DOOR, adverbs="slowly", negation="not"), "Der Mann öffnet die Tür nicht langsam."),
        (clause("open", MAN, DOOR, adverbs="often", negation="not"), "Der Mann öffnet die Tür nicht oft."),
        (clause("drink", MAN, np("milk", None), adverbs="always", negation="not"),
         "Der Mann trinkt nicht immer Milch."),
        (clause("work", MAN, adverbs="here", negation="not"), "Der Mann arbeitet nicht hier."),
        (clause("give", MAN, np("book", "a"), recipient=BOY, negation="not"), "Der Mann gibt dem Jungen kein Buch."),
        (clause("give", MAN, it("book"), recipient=BOY, negation="not"), "Der Mann gibt es dem Jungen nicht."),
        (clause("believe", ANNA, content=is_(LEO, "sick"), negation="not"), "Anna glaubt nicht, dass Leo krank ist."),
        (clause("call", I, np("doctor", "a"), negation="not"), "Ich rufe keinen Arzt an."),
    ],
    "adverbs": [
        (clause("read", WOMAN, np("book", "a"), adverbs="often"), "Die Frau liest oft ein Buch."),
        (clause("open", WOMAN, DOOR, adverbs="often"), "Die Frau öffnet oft die Tür."),
        (clause("buy", WOMAN, np("milk", None), adverbs=("today",)), "Die Frau kauft heute Milch."),
        (clause("read", WOMAN, it("book"), adverbs=("often", "now")), "Die Frau liest es jetzt oft."),
        (clause("drink", MAN, np("water", None), adverbs="never"), "Der Mann trinkt nie Wasser."),
        (clause("open", MAN, DOOR, adverbs=("slowly", "now")), "Der Mann öffnet jetzt die Tür langsam."),
        (clause("close", MAN, DOOR, adverbs="quietly"), "Der Mann macht die Tür leise zu."),
        (clause("buy", MAN, LAMP, adverbs="here"), "Der Mann kauft die Lampe hier."),
        (past("carry", LEO, LAMP, phrases=at("into", np("house")), adverbs=("yesterday", "carefully")),
         "Leo hat gestern die Lampe vorsichtig ins Haus getragen."),
        (clause("send", ANNA, np("letter", "a"), recipient=BOY, adverbs="often"),
         "Anna schickt dem Jungen oft einen Brief."),
        (is_(np("river"), "dangerous", adverbs="here"), "Der Fluss ist hier gefährlich."),
    ],
    "fronting": [
        (clause("open", MAN, DOOR, adverbs="today", fronted="adverb"), "Heute öffnet der Mann die Tür."),
        (clause("call", it("man"), LEO, adverbs=("now",), fronted="adverb"), "Jetzt ruft er Leo an."),
        (clause("run", np("dog"), phrases=IN_GARDEN, fronted="phrase"), "Im Garten läuft der Hund."),
        (past("see", I, np("bear", "a"), phrases=at("in", np("forest")), fronted="phrase"),
         "Im Wald habe ich einen Bären gesehen."),
        (clause("sleep", BOY, reason=is_(it("boy"), "tired"), fronted="reason"),
         "Weil er müde ist, schläft der Junge."),
        (clause("open", MAN, it("door"), adverbs=("today", "often"), fronted="adverb", negation="not"),
         "Heute öffnet der Mann sie nicht oft."),
        (clause("sleep", np("man", relative=WORKS_IN_GARDEN), adverbs="now", fronted="adverb"),
         "Jetzt schläft der Mann, der im Garten arbeitet."),
    ],
    "reason": [
        (clause("buy", MAN, LAMP, negation="not", reason=is_(it("lamp"), "expensive")),
         "Der Mann kauft die Lampe nicht, weil sie teuer ist."),
        (clause("laugh", ANNA, reason=past("sing", np("father", "own"))), "Anna lacht, weil ihr Vater gesungen hat."),
        (clause("go", LEO, phrases=at("to", np("doctor")), reason=is_(it("Leo"), "sick")),
         "Leo geht zum Arzt, weil er krank ist."),
        (clause("cry", CHILD, reason=past("take_along", np("mother", "own"), it("dog"), negation="not")),
         "Das Kind weint, weil seine Mutter ihn nicht mitgenommen hat."),
        (clause("call", ANNA, LEO, reason=clause("come_back", it("Leo"), adverbs="today")),
         "Anna ruft Leo an, weil er heute zurückkommt."),
    ],
    "content": [
        (clause("know", I, content=clause("sleep", np("king"))), "Ich weiß, dass der König schläft."),
        (past("say", WOMAN, content=is_(LAMP, "new")), "Die Frau hat gesagt, dass die Lampe neu ist."),
        (clause("say", ANNA, content=clause("believe", LEO, content=is_(LAMP, "new"))),
         "Anna sagt, dass Leo glaubt, dass die Lampe neu ist."),
        (clause("hope", WE, content=clause("give", MAN, it("book"), recipient=it("boy"))),
         "Wir hoffen, dass der Mann es ihm gibt."),
        (clause("say", ANNA, content=clause("sleep", np("dog", "own"))), "Anna sagt, dass ihr Hund schläft."),
        (clause("say", ANNA, content=POINTING), "Anna sagt, dass es nicht höflich ist, auf Leute zu zeigen."),
        (clause("think", I, content=clause("read", it("woman"), BOOK, adverbs="today", fronted="adverb")),
         "Ich denke, dass sie heute das Buch liest."),
    ],
    "infinitive": [
        (POINTING, "Es ist nicht höflich, auf Leute zu zeigen."),
        (easy("clean_up", np("kitchen")), "Es ist wichtig, die Küche aufzuräumen."),
        (easy("forget", np("name"), negation="not"), "Es ist wichtig, den Namen nicht zu vergessen."),
        (easy("swim", adjective="dangerous", phrases=at("in", np("river"))),
         "Es ist gefährlich, im Fluss zu schwimmen."),
        (easy("call", np("man", relative=WORKS_IN_GARDEN)),
         "Es ist wichtig, den Mann anzurufen, der im Garten arbeitet."),
        (clause("be", quality="polite", mood="question", infinitive=clause("laugh")), "Ist es höflich, zu lachen?"),
        (clause("be", quality="dangerous", adverbs="now", fronted="adverb", infinitive=clause("swim", adverbs="here")),
         "Jetzt ist es gefährlich, hier zu schwimmen."),
    ],
    "relative clauses": [
        (clause("sleep", np("man", relative=who("open", object=DOOR))), "Der Mann, der die Tür öffnet, schläft."),
        (clause("sleep", np("woman", relative=whom("see", BOY))), "Die Frau, die der Junge sieht, schläft."),
        (is_(np("book", relative=whom("read", ANNA)), "good"), "Das Buch, das Anna liest, ist gut."),
        (is_(np("coat", relative=whom("buy", ANNA)), "expensive"), "Der Mantel, den Anna kauft, ist teuer."),
        (is_(np("man", relative=whom("help", WE)), "old"), "Der Mann, dem wir helfen, ist alt."),
        (is_(np("woman", relative=whom("thank", WE)), "old"), "Die Frau, der wir danken, ist alt."),
        (is_(nps("child", relative=whom("help", WE)), "sick"), "Die Kinder, denen wir helfen, sind krank."),
        (is_(np("train", relative=whom("wait_for", WE)), "new"), "Der Zug, auf den wir warten, ist neu."),
        (is_(nps("student", relative=who("work", adverbs="here")), "tired"),
         "Die Studenten, die hier arbeiten, sind müde."),
        (is_(np("box", relative=whom("give", MAN, recipient=it("boy"))), "heavy"),
         "Die Kiste, die der Mann ihm gibt, ist schwer."),
        (is_(np("girl", relative=who("love", object=np("mother", "own"))), "happy"),
         "Das Mädchen, das seine Mutter liebt, ist glücklich."),
        (is_(np("door", relative=whom("close", LEO, tense="past")), "green"),
         "Die Tür, die Leo zugemacht hat, ist grün."),
        (clause("see", I, both(np("man", relative=who("sleep")), np("dog"))),
         "Ich sehe den Mann, der schläft, und den Hund."),
    ],
    "extraposition": [
        (clause("call", it("woman"), np("man", relative=WORKS_IN_GARDEN)),
         "Sie ruft den Mann an, der im Garten arbeitet."),
        (past("read", ANNA, np("book", relative=whom("write", LEO, tense="past"))),
         "Anna hat das Buch gelesen, das Leo geschrieben hat."),
        (clause("laugh", LEO, reason=clause("call", it("woman"), np("man", relative=WORKS_IN_GARDEN))),
         "Leo lacht, weil sie den Mann anruft, der im Garten arbeitet."),
        (clause("buy", ANNA, np("coat", relative=who("be", quality="expensive")), negation="not"),
         "Anna kauft den Mantel nicht, der teuer ist."),
        (clause("visit", ANNA, np("man", relative=WORKS_IN_GARDEN), modal="want", reason=is_(it("man"), "sick")),
         "Anna will den Mann besuchen, der im Garten arbeitet, weil er krank ist."),
        (past("give", ANNA, np("book", "a"), recipient=np("man", relative=WORKS_IN_GARDEN)),
         "Anna hat dem Mann, der im Garten arbeitet, ein Buch gegeben."),
        (past("go", ANNA, phrases=at("into", np("house", relative=whom("buy", LEO)))),
         "Anna ist in das Haus gegangen, das Leo kauft."),
        (past("sleep", np("man", relative=WORKS_IN_GARDEN), adverbs="today", fronted="adverb"),
         "Heute hat der Mann geschlafen, der im Garten arbeitet."),
        (clause("arrive", np("boat", relative=whom("see", LEO)), adverbs="today", fronted="adverb"),
         "Heute kommt das Boot an, das Leo sieht."),
        (clause("buy", np("man", relative=WORKS_IN_GARDEN), LAMP, adverbs="today", fronted="adverb"),
         "Heute kauft der Mann, der im Garten arbeitet, die Lampe."),
        (clause("laugh", I, reason=clause("sleep", np("man", relative=WORKS_IN_GARDEN))),
         "Ich lache, weil der Mann, der im Garten arbeitet, schläft."),
        (asked("be", np("book", relative=whom("read", ANNA)), quality="good"), "Ist das Buch, das Anna liest, gut?"),
        (past("buy", ANNA, np("book", of=np("man", relative=WORKS_IN_GARDEN))),
         "Anna hat das Buch des Mannes gekauft, der im Garten arbeitet."),
    ],
    "possessives": [
        (clause("love", ANNA, np("sister", "own")), "Anna liebt ihre Schwester."),
        (clause("love", LEO, np("sister", "own")), "Leo liebt seine Schwester."),
        (clause("visit", np("girl"), np("uncle", "own")), "Das Mädchen besucht seinen Onkel."),
        (clause("follow", np("cat"), np("mother", "own")), "Die Katze folgt ihrer Mutter."),
        (clause("love", nps("child"), nps("dog", "own", "small")), "Die Kinder lieben ihre kleinen Hunde."),
        (clause("love", both(ANNA, LEO), np("dog", "own")), "Anna und Leo lieben ihren Hund."),
        (clause("sell", I, np("house", "my")), "Ich verkaufe mein Haus."),
        (clause("read", YOU, np("letter", "our")), "Du liest unseren Brief."),
        (two(clause("buy", ANNA, BOOK), "and", clause("show", None, it("book"), recipient=np("uncle", "own"))),
         "Anna kauft das Buch und zeigt es ihrem Onkel."),
    ],
    "of": [
        (is_(np("dog", of=np("neighbor", "my")), "big"), "Der Hund meines Nachbarn ist groß."),
        (is_(np("house", of=np("man", "the", "old")), "empty"), "Das Haus des alten Mannes ist leer."),
        (is_(np("book", of=ANNA), "new"), "Annas Buch ist neu."),
        (clause("see", I, np("dog", "the", "old", of=ANNA)), "Ich sehe Annas alten Hund."),
        (is_(np("horse", "the", "black", of=name("Max")), "strong"), "Max' schwarzes Pferd ist stark."),
        (clause("have", WE, np("book", "a", of=ANNA)), "Wir haben ein Buch von Anna."),
        (clause("see", I, np("president", of=name("France"))), "Ich sehe den Präsidenten Frankreichs."),
        (is_(nps("bridge", of=name("Paris")), "beautiful"), "Die Brücken von Paris sind schön."),
        (is_(np("house", of=nps("student", None, numeral="two")), "small"), "Das Haus von zwei Studenten ist klein."),
        (is_(np("door", of=both(np("house"), np("school"))), "green"), "Die Tür des Hauses und der Schule ist grün."),
        (is_(np("house", of=both(np("doctor"), ANNA)), "small"), "Das Haus von dem Arzt und Anna ist klein."),
        (clause("love", I, nps("river", of=both(name("Germany"), name("Italy")))),
         "Ich liebe die Flüsse Deutschlands und Italiens."),
        (is_(np("box", phrase=at("on", np("table"))), "empty"), "Die Kiste auf dem Tisch ist leer."),
    ],
    "prepositions": [
        (clause("go", WE, phrases=at("to", np("mother", "the"))), "Wir gehen zur Mutter."),
        (clause("go", WE, phrases=at("to", np("sister", "my"))), "Wir gehen zu meiner Schwester."),
        (clause("go", WE, phrases=at("into", np("school"))), "Wir gehen in die Schule."),
        (clause("sleep", np("cat"), phrases=at("by", np("river"))), "Die Katze schläft am Fluss."),
        (clause("run", np("dog"), phrases=at("on_shore", np("bank_river"))), "Der Hund läuft am Ufer."),
        (clause("live", WE, phrases=at("in_country", np("country", "that"))), "Wir wohnen in diesem Land."),
        (clause("come_back", LEO, phrases=at("from", name("Germany"))), "Leo kommt aus Deutschland zurück."),
        (clause("go", ANNA, phrases=(at("with", np("dog", "own")), at("into", np("forest")))),
         "Anna geht mit ihrem Hund in den Wald."),
        (past("buy", ANNA, np("cake", "a"), phrases=at("for", nps("child"))),
         "Anna hat einen Kuchen für die Kinder gekauft."),
        (clause("work", ANNA, phrases=at("without", it("Leo"))), "Anna arbeitet ohne ihn."),
        (clause("work", ANNA, phrases=at("with", it("man"))), "Anna arbeitet mit ihm."),
        (clause("sleep", np("cat"), phrases=at("next_to", it("bed"))), "Die Katze schläft daneben."),
        (clause("wait_for", ANNA, it("letter")), "Anna wartet darauf."),
        (clause("wait_for", ANNA, LEO, phrases=IN_GARDEN), "Anna wartet im Garten auf Leo."),
        (clause("wait_for", ANNA, np("man", relative=who("work", adverbs="here")), phrases=IN_GARDEN, negation="not"),
         "Anna wartet nicht im Garten auf den Mann, der hier arbeitet."),
        (clause("sleep", np("cat"), phrases=at("in", np("garden", relative=who("be", quality=quality("big"))))),
         "Die Katze schläft in dem Garten, der groß ist."),
    ],
    "questions and imperatives": [
        (asked("read", WOMAN, BOOK), "Liest die Frau das Buch?"),
        (asked("buy", YOU, np("milk", None), negation="not"), "Kaufst du keine Milch?"),
        (asked("open", MAN, DOOR, modal="can"), "Kann der Mann die Tür öffnen?"),
        (past("call", YOU, LEO, mood="question"), "Hast du Leo angerufen?"),
        (asked("buy", MAN, LAMP, reason=is_(it("lamp"), "new")), "Kauft der Mann die Lampe, weil sie neu ist?"),
        (order("open", DOOR), "Öffne die Tür!"),
        (order("open", DOOR, please="please"), "Bitte öffne die Tür."),
        (order("close", np("window"), negation="not"), "Mach das Fenster nicht zu!"),
        (order("help", np("sister", "your")), "Hilf deiner Schwester!"),
        (order("give", it("book"), recipient=I), "Gib es mir!"),
        (order("take_along", np("coat", "your"), please="please"), "Bitte nimm deinen Mantel mit."),
        (order("read", np("book", "that")), "Lies dieses Buch!"),
        (order("be", quality="happy"), "Sei glücklich!"),
    ],
    "two clauses": [
        (two(clause("love", I, name("France")), "and",
             clause("live", np("president", of=np("country", "that")), phrases=at("in_town", name("Paris")))),
         "Ich liebe Frankreich, und der Präsident dieses Landes wohnt in Paris."),
        (two(clause("buy", ANNA, BOOK), "and", clause("read", None, it("book"))), "Anna kauft das Buch und liest es."),
        (two(clause("buy", ANNA, BOOK), "but", clause("read", None, it("book"), negation="not")),
         "Anna kauft das Buch, aber liest es nicht."),
        (two(past("buy", WE, BOOK), "and", past("read", None, it("book"))),
         "Wir haben das Buch gekauft und haben es gelesen."),
        (two(clause("sleep", ANNA), "but", clause("work", LEO, adverbs="today", fronted="adverb")),
         "Anna schläft, aber heute arbeitet Leo."),
        (two(clause("sleep", ANNA), "and", clause("sleep", LEO, reason=is_(it("Leo"), "tired"), fronted="reason")),
         "Anna schläft, und weil er müde ist, schläft Leo."),
        (two(clause("say", ANNA, content=is_(it("Anna"), "tired")), "and", clause("sleep", None)),
         "Anna sagt, dass sie müde ist, und schläft."),
        (two(order("open", DOOR), "and", order("close", np("window"))), "Öffne die Tür und mach das Fenster zu!"),
        (two(asked("buy", ANNA, BOOK), "and", asked("read", None, it("book"))), "Kauft Anna das Buch und liest es?"),
        (two(is_(LEO, "sick"), "and", easy("call", np("doctor"))),
         "Leo ist krank, und es ist wichtig, den Arzt anzurufen."),
    ],
}  # fmt: skip
ALL_SENTENCES = [(topic, *pair) for topic, pairs in SENTENCES.items() for pair in pairs]


def said(meaning) -> str:
    return detokenized(linearize(numbered(meaning), lexicon()))


@pytest.mark.parametrize(
    ("topic", "meaning", "sentence"), ALL_SENTENCES, ids=[f"{topic}: {text}" for topic, _, text in ALL_SENTENCES]
)
def test_sentence_is_what_a_person_would_write(topic, meaning, sentence):
    assert said(meaning) == sentence


def test_each_sentence_stands_there_once():
    texts = [text for _, _, text in ALL_SENTENCES]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("meaning", "reason"),
    [
        (past("open", MAN, DOOR, modal="can"), "present tense only"),
        (past("be", MAN, quality=quality("old")), "present tense only"),
        (clause("open", None, DOOR), "needs a subject"),
        (clause("oppen", MAN, DOOR), 'no "oppen" in verbs'),
        (clause("open", np("mann"), DOOR), 'no "mann" in nouns'),
        (clause("open", np("man", "some"), DOOR), 'no determiner "some"'),
        (clause("open", np("man", None), DOOR), "needs a determiner"),
        (clause("drink", MAN, nps("milk")), "mass noun"),
        (clause("drink", MAN, np("milk", "a")), "mass noun"),
        (clause("see", MAN, nps("dog", "every")), "needs a singular"),
        (clause("see", MAN, np("people", "every")), "needs a singular"),
        (clause("see", MAN, np("dog", "the", number="sg", of=it("man"))), "possessive"),
        (clause("love", np("mother", "own"), LEO), "third person"),
        (clause("love", I, np("mother", "own")), "third person"),
        (order("open", np("door", "own")), "third person"),
        (easy("love", np("mother", "own")), "third person"),
        (
            clause("be", quality="good", phrases=at("in", np("house", "own")), infinitive=clause("sleep")),
            "third person",
        ),
        (clause("see", I, np("people", "a")), "needs a singular"),
        (clause("sleep", MAN, LAMP), "takes no object"),
        (clause("see", MAN, LAMP, recipient=ANNA), "no recipient"),
        (is_(DOOR, "open", np("window")), "no comparative"),
        (is_(both(YOU, MAN), "old"), "second person plural"),
        (clause("sleep", MAN, fronted="phrase"), "fronted"),
        (clause("sleep", MAN, adverbs="today", fronted="adverb", mood="question"), "question"),
        (clause("see", I, np("man", relative=who("sleep", subject=LEO))), "leave the clause's own one empty"),
        (clause("see", I, np("man", relative=whom("see", LEO, object=ANNA))), "leave the clause's own one empty"),
        (clause("sleep", MAN, please="please"), "imperative only"),
        (order("sleep", modal="can"), "imperative"),
        (clause("sleep", MAN, quality="old"), '"be" only'),
        (is_(LEO, "polite", infinitive=clause("laugh")), "its subject is None"),
        (easy("laugh", modal="can"), "no modal"),
        (two(order("open", DOOR), "and", clause("close", None, DOOR)), "one mood"),
        (
            two(clause("sleep", ANNA), "and", clause("work", None, adverbs="today", fronted="adverb")),
            "shares the subject",
        ),
    ],
)
def test_what_cannot_be_said_is_an_error_that_says_why(meaning, reason):
    with pytest.raises(CourseError, match=reason):
        said(meaning)


# Ids


def words_of(meaning, node) -> list[str]:
    """The words that carry the id of the first node equal to the given one."""
    tree = numbered(meaning)
    wanted = next(found.id for found in walk(tree) if found == node)
    return [item.text for item in linearize(tree, lexicon()) if wanted in item.ids]


NO_APPLE = clause("buy", MAN, np("apple", "a"), negation="not")
AT_LEO = clause("work", ANNA, phrases=at("with", it("lamp")))


@pytest.mark.parametrize(
    ("meaning", "node", "words"),
    [
        (clause("sleep", ANNA, phrases=at("in", np("garden"))), Word("in"), ["im"]),
        (clause("sleep", ANNA, phrases=at("in", np("garden"))), Word("the"), ["im"]),
        (clause("go", ANNA, phrases=at("to", np("mother"))), Word("to"), ["zur"]),
        (clause("go", ANNA, phrases=at("to", np("mother"))), Word("the"), ["zur"]),
        (clause("sleep", ANNA, phrases=at("under", np("table"))), Word("the"), ["dem"]),
        (AT_LEO, Word("with"), ["damit"]),
        (AT_LEO, it("lamp"), ["damit"]),
        (NO_APPLE, Word("not"), ["keinen"]),
        (NO_APPLE, Word("a"), ["keinen"]),
        (clause("drink", MAN, np("milk", None), negation="not"), Word("not"), ["keine"]),
        (clause("close", MAN, DOOR), Word("close"), ["macht", "zu"]),
        (past("close", MAN, DOOR), Word("close"), ["hat", "zugemacht"]),
        (clause("close", MAN, DOOR, modal="must"), Word("close"), ["zumachen"]),
        (clause("close", MAN, DOOR, modal="must"), Word("must"), ["muss"]),
        (easy("close", DOOR), Word("close"), ["zuzumachen"]),
        (easy("open", DOOR), Word("open"), ["zu", "öffnen"]),
        (past("wait_for", ANNA, LEO), Word("wait_for"), ["hat", "auf", "gewartet"]),
        (is_(np("train", relative=whom("wait_for", WE)), "new"), Word("wait_for"), ["auf", "warten"]),
        (is_(np("train", relative=whom("wait_for", WE)), "new"), Word("which"), ["den"]),
        (POINTING, POINTING, ["Es"]),
        (POINTING, Word("not"), ["nicht"]),
        (is_(np("cat"), "small", np("dog")), quality("small", np("dog")), ["als"]),
        (is_(np("cat"), "small", np("dog")), Word("small"), ["kleiner"]),
        (is_(np("book", of=ANNA), "new"), ANNA, ["Annas"]),
        (is_(np("book", of=ANNA), "new"), Word("the"), ["Annas"]),
        (clause("have", WE, np("book", "a", of=ANNA)), ANNA, ["von", "Anna"]),
        (clause("know", I, content=clause("sleep", ANNA)), Word("that_clause"), ["dass"]),
        (clause("laugh", I, reason=clause("sleep", ANNA)), Word("because"), ["weil"]),
        (order("open", DOOR, please="please"), Word("please"), ["Bitte"]),
        (two(clause("sleep", ANNA), "but", clause("work", LEO)), Word("but"), ["aber"]),
        (clause("open", ANNA, DOOR, adverbs="never"), Word("never"), ["nie"]),
        (clause("buy", I, nps("egg", None, "small", numeral="ten")), Word("ten"), ["zehn"]),
    ],
)
def test_words_carry_the_ids_of_what_they_say(meaning, node, words):
    assert words_of(meaning, node) == words


@pytest.mark.parametrize(("topic", "meaning", "sentence"), ALL_SENTENCES[::5])
def test_all_words_and_no_marks_carry_ids(topic, meaning, sentence):
    for item in linearize(numbered(meaning), lexicon()):
        assert bool(item.ids) == item.text[0].isalpha()


@pytest.mark.parametrize(("topic", "meaning", "sentence"), ALL_SENTENCES)
def test_every_word_of_the_meaning_is_said(topic, meaning, sentence):
    tree = numbered(meaning)
    said_ids = frozenset().union(*(item.ids for item in linearize(tree, lexicon())))
    leaves = [node for node in walk(tree) if isinstance(node, Word | Name | Pronoun)]
    assert [leaf for leaf in leaves if leaf.id not in said_ids] == []
