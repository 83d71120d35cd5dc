"""`translate`: type an English sentence, read it in German and French, and see which words the model looked at.

The two translators ship with the course (`course.pretrained`). A sentence is first brought into the form of the
sentences that they learned from, and what was changed is said. torch is imported when the first sentence is asked for.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import traitlets

from course.data.sentence import as_sentence
from course.errors import CourseError
from course.lab.drawing.picture import Markup, describe_error, with_words
from course.lab.widgets.still import StillWidget, script_beside, style_beside
from course.lessons.lesson_00.figures import draw_word_attention
from course.pretrained import UnknownWord, known_words, pretrained_translator, unknown_words, words_of

if TYPE_CHECKING:
    from course.alignment import WordAttention
    from course.data.grammar.tokens import Token
    from course.translator import Translator

LANGUAGES = {"German": "en-de", "French": "en-fr"}
CODES = {"German": "de", "French": "fr"}  # for screen readers: in which language to read
EXAMPLES = (
    "The needle has a sharp point.",
    "It is not polite to point at people.",
    "The dog sleeps because it is tired.",
)
MOST_WORDS = 40
MOST_LETTERS = 400
ENDS = ".?!"
_HIDDEN = ("Cf", "Cc")  # soft hyphens of a copied page, zero-width spaces: no English word has one
_CLOSING = "\"'”’»)]"
_LOOSE = " ,;:-–—…"
_ASKING = frozenset("do does did is are was were has have had can could will would must should may".split())  # noqa: SIM905
# A French elision ("l'"), a word with its inner marks, or any other sign; odd blanks stay with what follows them.
_TOKEN = re.compile(r"[^\S ]*(?:\b(?:[ldnjmtsc]|qu)['’](?=\w)|\w+(?:['’-]\w+)*|[^\w\s])", re.IGNORECASE)


# ---- From what was typed to what is translated ------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A sentence in the form that the translators know, what was changed or should be said, and the strange words.

    `problem` says why there is nothing to translate; it is empty where there is.
    """

    text: str
    notes: tuple[str, ...] = ()
    unknown: tuple[UnknownWord, ...] = ()
    problem: str = ""


def prepare(sentence: str) -> Prepared:
    """Bring a typed sentence into the form of the training sentences, and say what was changed."""
    whole = sentence.encode("utf-8", "replace").decode("utf-8")  # half of a surrogate pair is no character
    typed = " ".join(as_sentence(whole).split())
    hidden = sum(unicodedata.category(c) in _HIDDEN for c in typed)
    text = " ".join("".join(c for c in typed if unicodedata.category(c) not in _HIDDEN).split())
    words = words_of(text)
    if not words:
        return Prepared(text, problem=_nothing_to_translate(text))
    if len(words) > MOST_WORDS or len(text) > MOST_LETTERS:
        return Prepared(text, problem=_too_long(len(words), len(text)))
    text, notes = _in_form(text)
    if hidden:
        notes.append(f"Left out {hidden} {'character' if hidden == 1 else 'characters'} that nobody sees.")
    return Prepared(text, (*notes, *_warnings(text, len(words))), tuple(unknown_words(text)))


def _nothing_to_translate(text: str) -> str:
    if not text:
        return "There is nothing to translate yet. Type an English sentence, then press Enter."
    return f"There is no word in “{text[:40]}”. Type an English sentence, then press Enter."


def _too_long(words: int, letters: int) -> str:
    what = f"{words} words" if words > MOST_WORDS else f"{letters} characters"
    return (
        f"That is {what} at once; this field takes {MOST_WORDS} words and {MOST_LETTERS} characters. The translators"
        f" learned from sentences of up to {_learned_words()} words: give them one sentence at a time."
    )


def _in_form(text: str) -> tuple[str, list[str]]:
    """The text with a capital at its start and a mark at its end, and a sentence about what had to be added."""
    added = []
    if text[0].islower():
        text = text[0].upper() + text[1:]
        added.append("a capital letter at the start")
    if text.rstrip(_CLOSING)[-1:] not in ENDS:
        mark = "?" if _asks(text) else "."
        text = text.rstrip(_LOOSE) + mark
        added.append("a question mark at the end" if mark == "?" else "a period at the end")
    if not added:
        return text, []
    return text, [f"Added {' and '.join(added)}, as in every sentence that the translators learned from."]


def _asks(text: str) -> bool:
    first, *rest = (word.lower() for word in words_of(text))
    return first in _ASKING and rest[:1] != ["not"]


def _warnings(text: str, n_words: int) -> list[str]:
    found = []
    if re.search(r"[.?!][\"'”’»)\]]*\s+\w", text):
        found.append("These are two sentences or more; the translators learned from one at a time.")
    if loud := [word for word in words_of(text) if len(word) > 1 and word.isupper()]:
        found.append(
            f"“{loud[0]}” is written in capitals; the translators learned words in small letters, and guess at it."
        )
    if n_words > _learned_words():
        found.append(
            f"This has {n_words} words; the translators learned from sentences of up to {_learned_words()}, and longer"
            " ones often go wrong."
        )
    return found


def _learned_words() -> int:
    from course.data.grammar.splits import TRAIN_WORDS

    return TRAIN_WORDS


def about_unknown(unknown: Sequence[UnknownWord]) -> str:
    """A kind sentence about the words that the translators never saw; empty where there are none."""
    if not unknown:
        return ""
    named = ", ".join(f"“{item.word}”" for item in unknown)
    verb, words = ("is", "word") if len(unknown) == 1 else ("are", "words")
    return (
        f"{named} {verb} not among the {len(known_words())} English words that the translators learned. They answer all"
        f" the same, with a guess from the letters of the {words}."
    )


# ---- Words and where they looked --------------------------------------------------------------------------------


def as_tokens(text: str) -> list[Token]:
    """Cut a text into words and marks, so that `detokenized` gives back the text with single spaces.

    French elisions are words of their own ("L'", "aiguille"); "o'clock" and "est-ce" stay whole.
    """
    from course.data.grammar.tokens import Token

    plain = re.sub(" +", " ", text.strip())
    found = list(_TOKEN.finditer(plain))
    ends = {0, *(match.end() for match in found)}
    return [Token(match[0], left=match.start() in ends) for match in found]


def attention_of(translator: Translator, sentence: str, translation: str | None = None) -> WordAttention:
    """Where a translator looks, word by word, while it writes `translation` (by default its own, beam 5).

    Returns weights (L, H, target words, source words + 1); the last column is the end token.
    Raises CourseError for a sentence or translation without words, or one that is too long for the model.
    """
    from course.alignment import word_attention

    if translation is None:
        translation = translator.translate([sentence])[0].text
    sides = [as_tokens(as_sentence(text)) for text in (sentence, translation)]
    if not sides[0] or not sides[1]:
        raise CourseError("There is no word to look at; give a sentence with words.")
    return word_attention(translator, *sides)


@dataclass(frozen=True)
class Answer:
    """What the panel says to a sentence: one translation and one WordAttention for each language, or a problem."""

    prepared: Prepared
    translations: dict[str, str]
    attention: dict[str, WordAttention]
    notes: tuple[str, ...]


def answer(sentence: str, translators: Mapping[str, Translator]) -> Answer:
    """Translate one typed sentence into each language of `translators` (beam 5)."""
    prepared = prepare(sentence)
    notes = list(prepared.notes)
    translations: dict[str, str] = {}
    attention: dict[str, WordAttention] = {}
    for language, translator in translators.items() if not prepared.problem else ():
        made = translator.translate([prepared.text])[0]
        translations[language] = made.text
        if as_tokens(made.text):
            attention[language] = attention_of(translator, prepared.text, made.text)
        if not made.finished:
            notes.append(f"The {language} translator was stopped: it wrote on and on without ending the sentence.")
    return Answer(prepared, translations, attention, tuple(notes))


# ---- The panel ---------------------------------------------------------------------------------------------------


class TranslatePanel(StillWidget):
    """A field for an English sentence, its translations, and a map of the words that they looked at.

    translators: one for each language name. sentence: what stands in the field at first. layer: the decoder layer
    whose heads' mean is drawn (-1: the last).
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    asked = traitlets.Dict().tag(sync=True, echo_update=False)  # text, and a number: the same text may be asked twice
    answered = traitlets.Int(0).tag(sync=True)  # the number of the question that the rest of the traits answer
    languages: traitlets.List = traitlets.List().tag(sync=True)  # [name, code, text], one for each language
    notes: traitlets.List = traitlets.List().tag(sync=True)
    strange: traitlets.List = traitlets.List().tag(sync=True)  # [word, [near words]]
    examples: traitlets.List = traitlets.List().tag(sync=True)
    vocabulary = traitlets.Unicode().tag(sync=True)
    markup = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, sentence: str, translators: Mapping[str, Translator], *, layer: int = -1) -> None:
        self._translators, self._layer = dict(translators), layer
        super().__init__(
            asked={"text": sentence, "number": 0},
            examples=list(EXAMPLES),
            vocabulary=", ".join(sorted(known_words())),
            **self._replied(sentence),
        )
        self.observe(self._reply, "asked")

    def ask(self, sentence: str) -> None:
        """Ask for a sentence, as a hand would that types it and presses Enter."""
        self.asked = {"text": sentence, "number": int(self.asked.get("number", 0)) + 1}

    def still_text(self) -> str:
        """Return the sentence, its translations and all that is said about them."""
        if self.error:
            return self.error
        lines = [
            f"English: {self.text}",
            *(f"{name}: {text}" for name, _, text in self.languages),
            *self.notes,
            self.alt,
        ]
        return "\n".join(line for line in lines if line)

    def still_html(self) -> str:
        """Return the sentence, its translations, what is said about them, and the maps that stand there now."""
        if self.error:
            return ""
        said = "".join(f'<div style="padding: 2px 6px">{html.escape(note)}</div>' for note in self.notes)
        pair = [_spoken("English", "en", self.text), *(_spoken(*each) for each in self.languages)]
        shown = f'<div style="margin-bottom: 8px">{"".join(pair)}{said}</div>{self.markup}'
        return with_words(Markup(shown, self.still_text()))

    @property
    def text(self) -> str:
        """The sentence that was translated: what was asked for, brought into form."""
        return prepare(str(self.asked.get("text", ""))).text

    def _reply(self, _: object) -> None:
        with self.hold_sync():  # one message: the map never stands beside the translation of another sentence
            for name, value in self._replied(str(self.asked.get("text", ""))).items():
                setattr(self, name, value)
            self.answered = int(self.asked.get("number", 0))

    def _replied(self, sentence: str) -> dict[str, Any]:
        """The traits that answer a sentence; an error takes the place of all that could not be made."""
        blank = {"languages": [], "notes": [], "strange": [], "markup": "", "alt": "", "error": ""}
        try:
            found = answer(sentence, self._translators)
            if found.prepared.problem:
                return {**blank, "error": found.prepared.problem}
            maps = self._maps(found)
        except CourseError as error:
            return {**blank, "error": str(error)}
        except Exception as error:
            return {**blank, "error": describe_error(error)}
        unknown = found.prepared.unknown
        return {
            **blank,
            "languages": [[name, CODES.get(name, ""), text] for name, text in found.translations.items()],
            "notes": [note for note in (about_unknown(unknown), *found.notes) if note],
            "strange": [[item.word, list(item.near)] for item in unknown if item.near],
            "markup": maps.html,
            "alt": maps.alt,
        }

    def _maps(self, found: Answer) -> Markup:
        if not found.attention:
            return Markup("", "No picture: nothing was written.")
        return draw_word_attention(attention=found.attention, layer=self._layer)


def _spoken(name: str, code: str, text: str) -> str:
    """One line of the still page: the language, and what is said in it, marked for screen readers."""
    words = f'<span lang="{code}" style="font-weight: bold; font-size: 16px">{html.escape(text)}</span>'
    return (
        f'<div style="padding: 2px 6px"><span style="display: inline-block; min-width: 72px">{html.escape(name)}</span>'
        f"{words}</div>"
    )


def translate(sentence: str = EXAMPLES[0], *, layer: int = -1) -> TranslatePanel:
    """Return a panel that translates English sentences into German and French.

    Args:
        sentence: the first one; more can be typed into the panel.
        layer: the decoder layer whose attention is drawn, 0 for the first, -1 for the last.

    Raises:
        CourseError: `sentence` is no text, there is no such layer, or the course's translators are missing.
    """
    if not isinstance(sentence, str):
        raise CourseError(
            f"translate takes one English sentence, such as translate({EXAMPLES[0]!r}); not {sentence!r}."
        )
    translators = _translators()
    for translator in translators.values():
        n_layers = translator.attention_layers
        if not isinstance(layer, int) or not -n_layers <= layer < n_layers:
            raise CourseError(f"There is no decoder layer {layer!r}: the translators have layers 0 to {n_layers - 1}.")
    return TranslatePanel(sentence, translators, layer=layer)


@functools.cache
def _translators() -> dict[str, Translator]:
    """The course's translators by language; reading them takes longest the first time, which is said."""
    print("Loading two translators, German and French: a few seconds, the first time only.", flush=True)
    return {language: pretrained_translator(pair) for language, pair in LANGUAGES.items()}
