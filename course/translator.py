"""A run folder in, a translator out: text to text, and where the decoder looked on the way.

One sentence passes: text -> ids (tokenizer) -> padded batch -> `beam_search` -> ids -> text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course.data.parallel_text import CHARACTERS_A_TOKEN
from course.data.sentence import as_sentence
from course.data.tokenizer import Tokenizer
from course.decoding import GNMT, Hypothesis, LengthPenalty, beam_search, greedy
from course.decoding_limits import check_beam, check_whole, require_decoding_room
from course.errors import CourseError
from course.model import TransformerConfig, TranslationModel
from course.model.masks import padding_mask
from course.model.recurrent_config import RecurrentConfig
from course.special import BOS, EOS, PAD

WIDEST_BEAM = 1000  # quality falls long before (Koehn & Knowles 2017, section 3.6), and a step takes seconds
NO_ATTENTION = (
    "This model has no attention to the source, so no word of its translations looks at a word of the source."
)


@dataclass(frozen=True)
class Translation:
    """The best translation of a sentence, and the next best.

    `score` is the log-probability divided by the length penalty; `finished` is false where the model ran into max_len
    before it ended the sentence. `n_best` holds (text, score) pairs, best first, this translation among them.
    """

    text: str
    score: float
    finished: bool
    n_best: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class AlignedAttention:
    """Cross-attention of one translated sentence.

    weights: (L, H, T, S), every row over S sums to 1 (but see `course.model.source_attention` for local windows); a
    recurrent model has one layer of one head. Row t is what the decoder attended to while it *chose*
    `target_tokens[t]` (its input at that place was the token before). Both lists include the end token.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    weights: Tensor
    translation: str = ""


@dataclass(frozen=True)
class SentenceAttention:
    """Every attention of one translated sentence, each (L, H, queries, keys), rows as in `AlignedAttention`.

    encoder: (L, H, S, S). decoder: (L, H, T, T); its keys are what the decoder was given, the begin token and all but
    the last of `target_tokens`. cross: (L, H, T, S). None where the model has no such attention.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    encoder: Tensor | None
    decoder: Tensor | None
    cross: Tensor | None
    translation: str = ""


class Translator:
    """Translates text with a trained model.

    model: a `Transformer` or a `RecurrentModel`; tokenizer: the one it was trained with; info: what its run folder
    says. The model is put into evaluation mode.
    """

    def __init__(self, model: TranslationModel, tokenizer: Tokenizer, info: dict[str, Any] | None = None):
        _check_vocabulary(model.config, tokenizer)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.info = info or {}

    @classmethod
    def load(cls, run: Path | str, *, which: str = "best", device: str | torch.device | None = None) -> Translator:
        """Read a run folder: its best weights, or where its training stands now (which="last").

        Raises CourseError where something is missing, damaged or of another run.
        """
        from course.training.checkpoint import load_run

        loaded = load_run(Path(run), which=which)
        return cls(moved(loaded.model, device) if device else loaded.model, loaded.tokenizer, loaded.info)

    @property
    def attention_layers(self) -> int:
        """In how many layers the decoder looks at the source: in none with a fixed context vector."""
        config = self.model.config
        return int(config.attention != "none") if isinstance(config, RecurrentConfig) else config.n_decoder_layers

    def translate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 5,
        length_penalty: LengthPenalty | float = GNMT,
        n_best: int = 1,
        max_len: int | None = None,
        batch_size: int = 64,
        progress: Callable[[int], object] | None = None,
        keep_empty: bool = False,
    ) -> list[Translation]:
        """Translate sentences; the results come in the order of `texts`.

        beam 1 is greedy search. max_len bounds the generated tokens; by default one and a half times the source's
        tokens plus ten. `batch_size` sentences of similar length are decoded together; `progress` is called after
        each batch with the number of sentences it held. What a sentence is says `course.data.sentence.as_sentence`:
        blanks around it are dropped. keep_empty: an empty line has an empty translation, of score 0, and is not shown
        to the model. Raises CourseError for a sentence that is longer than the model's positions, or empty where that
        is not wanted, naming its line.
        """
        _check_choices(beam, n_best, batch_size, max_len)
        sources = self.source_ids(texts, keep_empty=keep_empty)
        self._check_room(sources, beam, batch_size, max_len)
        nothing = Translation("", 0.0, True, (("", 0.0),) * n_best)
        results = {i: nothing for i, ids in enumerate(sources) if not ids}
        if progress is not None and results:
            progress(len(results))
        order = sorted((i for i, ids in enumerate(sources) if ids), key=lambda i: len(sources[i]))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            found = self._decode([sources[i] for i in batch], beam, length_penalty, n_best, max_len)
            results.update(zip(batch, map(self._translation, found), strict=True))
            if progress is not None:
                progress(len(batch))
        return [results[i] for i in range(len(sources))]

    def attention(self, text: str, translation: str | None = None) -> AlignedAttention:
        """Cross-attention weights of every layer and head while a sentence is translated.

        translation: the target to follow word by word; by default the model's own (beam 5). The weights come from the
        explicit attention path. Raises CourseError as `translate`, and for a translation that is empty or too long.
        """
        every = self.every_attention(text, translation)
        if every.cross is None:
            raise CourseError(NO_ATTENTION)
        return AlignedAttention(every.source_tokens, every.target_tokens, every.cross, every.translation)

    def every_attention(self, text: str, translation: str | None = None) -> SentenceAttention:
        """The weights of encoder, decoder and cross-attention, with arguments and errors as in `attention`."""
        source = self.source_ids([text])[0]
        labels = self._labels(source, translation)
        device = self._device()
        src, tgt = torch.tensor([source], device=device), torch.tensor([[BOS, *labels[:-1]]], device=device)
        with torch.inference_mode():
            self.model.eval()
            _, weights = self.model(src, tgt, src_mask=padding_mask(src, pad=PAD), return_weights=True)
        return SentenceAttention(
            source_tokens=self.tokenizer.tokens(source),
            target_tokens=self.tokenizer.tokens(labels),
            encoder=_stacked(weights.encoder),
            decoder=_stacked(weights.decoder),
            cross=_stacked(weights.cross),
            translation=self.tokenizer.decode(labels),
        )

    def _decode(
        self,
        sources: list[list[int]],
        beam: int,
        length_penalty: LengthPenalty | float,
        n_best: int,
        max_len: int | None,
    ) -> list[list[Hypothesis]]:
        width = max(map(len, sources))
        rows = [ids + [PAD] * (width - len(ids)) for ids in sources]
        src = torch.tensor(rows, device=self._device())
        allowed = self.model.config.max_len
        limits = [min(len(ids) * 3 // 2 + 10 if max_len is None else max_len, allowed) for ids in sources]
        if beam == 1 and n_best == 1:
            found = greedy(self.model, src, max_len=limits, length_penalty=length_penalty)
            return [[hypothesis] for hypothesis in found]
        return beam_search(
            self.model, src, beam_size=beam, max_len=limits, length_penalty=length_penalty, n_best=n_best
        )

    def _check_room(self, sources: list[list[int]], beam: int, batch_size: int, max_len: int | None) -> None:
        """Refuse before the first batch what only the last one, of the longest sentences, would show."""
        if sources:
            longest = max(map(len, sources))
            require_decoding_room(
                self.model,
                sentences=min(batch_size, len(sources)),
                beam=beam,
                source=longest,
                target=longest * 3 // 2 + 10 if max_len is None else max_len,
                device=self._device(),
            )

    def _translation(self, found: list[Hypothesis]) -> Translation:
        n_best = tuple((self.tokenizer.decode(h.ids), h.score) for h in found)
        return Translation(n_best[0][0], n_best[0][1], found[0].finished, n_best)

    def source_ids(self, texts: Sequence[str], *, keep_empty: bool = False) -> list[list[int]]:
        """Return what the model reads for each sentence: ids with the end token, checked; none for an empty one.

        Raises CourseError as `translate`.
        """
        if isinstance(texts, str):
            raise CourseError("translate takes a list of sentences, but was given one string; put it in [ ].")
        sentences = [as_sentence(text) for text in texts]
        for number, sentence in enumerate(sentences, 1):
            what = _sentence(number, len(sentences))
            if not sentence and not keep_empty:
                raise CourseError(f"{what} is empty, or nothing in it can be seen; give it words, or leave it out.")
            self._check_characters(sentence, what)
        encoded = [[*ids, EOS] if ids else [] for ids in self.tokenizer.encode_all(sentences)]
        for number, ids in enumerate(encoded, 1):
            self._check_length(len(ids), _sentence(number, len(encoded)))
        return encoded

    def _labels(self, source: list[int], translation: str | None) -> list[int]:
        """The ids to predict: the given translation's or the model's own, with the end token where it ended."""
        if translation is None:
            best = self._decode([source], 5, GNMT, 1, None)[0][0]
            return [*best.ids, EOS] if best.finished else best.ids
        followed = as_sentence(translation)
        if not followed:
            raise CourseError("The translation to follow is empty; give it words, or leave it out.")
        self._check_characters(followed, "The translation")
        ids = self.tokenizer.encode(followed)
        if len(ids) == self.model.config.max_len:  # cut off at the last position, as a search may be: no room for EOS
            return ids
        self._check_length(len(ids) + 1, "The translation")
        return [*ids, EOS]

    def _check_characters(self, sentence: str, what: str) -> None:
        """Refuse what is far too long before it is cut into pieces."""
        allowed = self.model.config.max_len
        if len(sentence) > CHARACTERS_A_TOKEN * allowed:
            raise CourseError(
                f"{what} has {len(sentence):,} characters, but this model has positions for {allowed} tokens; split it "
                "into shorter sentences."
            )

    def _check_length(self, length: int, what: str) -> None:
        allowed = self.model.config.max_len
        if length > allowed:
            raise CourseError(
                f"{what} has {length} tokens, the end token included, but this model has positions for {allowed}; "
                "split it into shorter sentences."
            )

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _stacked(weights: list[Tensor]) -> Tensor | None:
    """The weights of one sentence's layers, each (1, H, queries, keys), as one tensor (L, H, queries, keys)."""
    return torch.cat(weights).float().cpu() if weights else None


def render_attention(aligned: AlignedAttention, *, layer: int = -1, top: int = 2) -> str:
    """Attention as plain lines, one for each target piece: the `top` source pieces it attended to most, in percent.

    Mean over the heads of one layer (by default the last). Made for a terminal, and for being read aloud:

        Ein:  A 83 %, man 9 %
    """
    n_layers, n_heads = aligned.weights.shape[:2]
    if not -n_layers <= layer < n_layers:
        raise CourseError(f"There is no layer {layer}: the model has layers 0 to {n_layers - 1}.")
    mean = aligned.weights[layer].mean(0)  # (T, S)
    check_whole("top", top, "2 is usual.")
    best = mean.topk(min(top, mean.shape[1]), dim=-1)
    labels = [_piece(token) + ":" for token in aligned.target_tokens]
    width = max(map(len, labels), default=0)
    which = f", decoder layer {layer % n_layers + 1} of {n_layers}, mean of {n_heads} heads"
    lines = [f"Attention to the source{which if n_layers * n_heads > 1 else ''}:"]
    for label, weights, places in zip(labels, best.values.tolist(), best.indices.tolist(), strict=True):
        seen = [
            f"{_piece(aligned.source_tokens[s])} {w:.0%}".replace("%", " %")
            for w, s in zip(weights, places, strict=True)
        ]
        lines.append(f"{label:<{width}}  {', '.join(seen)}")
    return "\n".join(lines)


def _check_choices(beam: int, n_best: int, batch_size: int, max_len: int | None) -> None:
    check_beam(beam, n_best)
    if beam > WIDEST_BEAM:
        raise CourseError(f"The beam size is {beam:,}; above {WIDEST_BEAM:,} it only takes time: 5 is usual.")
    check_whole("The batch size", batch_size, "64 is usual.")
    if max_len is not None:
        check_whole("max_len", max_len, "leave it out for what the source suggests.")


def _check_vocabulary(config: object, tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer that the model was surely not trained with: its ids would be those of other pieces."""
    if not isinstance(config, TransformerConfig | RecurrentConfig):
        return  # a model of another kind knows itself
    sizes = {config.src_vocab_size, config.tgt_vocab_size}
    if sizes != {tokenizer.vocab_size}:
        raise CourseError(
            f"This tokenizer has {tokenizer.vocab_size:,} pieces, but the model was made for "
            f"{' and '.join(f'{size:,}' for size in sorted(sizes))}: use the one that it was trained with."
        )


def moved(model: TranslationModel, device: str | torch.device) -> TranslationModel:
    """The model on a device, or why it cannot be there."""
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0]
        raise CourseError(
            f"The model cannot be moved to the device {device} ({why}): leave it out for the CPU."
        ) from error


def _sentence(number: int, of: int) -> str:
    return "The sentence" if of == 1 else f"Line {number}"


def _piece(token: str) -> str:
    """A piece without its space mark, which reads badly aloud."""
    return token.replace("▁", " ").strip() or "space"
