"""A run folder in, a translator out: text to text, and where the decoder looked on the way.

One sentence passes: text -> ids (tokenizer) -> padded batch -> `beam_search` -> ids -> text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course.data.tokenizer import Tokenizer
from course.decoding import GNMT, Hypothesis, LengthPenalty, beam_search, greedy
from course.errors import CourseError
from course.model import TranslationModel
from course.model.masks import padding_mask
from course.model.recurrent_config import RecurrentConfig
from course.special import BOS, EOS, PAD

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
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.info = info or {}

    @classmethod
    def load(cls, run: Path | str, *, which: str = "best", device: str | torch.device | None = None) -> Translator:
        """Read a run folder. Raises CourseError where something is missing or damaged."""
        from course.training.checkpoint import load_run

        loaded = load_run(Path(run), which=which)
        return cls(loaded.model.to(device) if device else loaded.model, loaded.tokenizer, loaded.info)

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
    ) -> list[Translation]:
        """Translate sentences; the results come in the order of `texts`.

        beam 1 is greedy search. max_len bounds the generated tokens; by default one and a half times the source's
        tokens plus ten. `batch_size` sentences of similar length are decoded together; `progress` is called after
        each batch with the number of sentences it held. Blanks around a sentence are dropped. Raises CourseError for
        a sentence that is empty or longer than the model's positions, naming its line.
        """
        if batch_size < 1:
            raise CourseError(f"The batch size must be 1 or more, but is {batch_size}.")
        sources = self.source_ids(texts)
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        results: dict[int, Translation] = {}
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

    def _translation(self, found: list[Hypothesis]) -> Translation:
        n_best = tuple((self.tokenizer.decode(h.ids), h.score) for h in found)
        return Translation(n_best[0][0], n_best[0][1], found[0].finished, n_best)

    def source_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids with the end token, checked."""
        if isinstance(texts, str):
            raise CourseError("translate takes a list of sentences, but was given one string; put it in [ ].")
        plain = [_plain(text) for text in texts]
        for number, text in enumerate(plain, 1):
            if not text:
                raise CourseError(f"{_sentence(number, len(plain))} is empty; give it words, or leave it out.")
        encoded = [[*ids, EOS] for ids in self.tokenizer.encode_all(plain)]
        for number, ids in enumerate(encoded, 1):
            self._check_length(len(ids), _sentence(number, len(encoded)))
        return encoded

    def _labels(self, source: list[int], translation: str | None) -> list[int]:
        """The ids to predict: the given translation's or the model's own, with the end token where it ended."""
        if translation is None:
            best = self._decode([source], 5, GNMT, 1, None)[0][0]
            return [*best.ids, EOS] if best.finished else best.ids
        if not _plain(translation):
            raise CourseError("The translation to follow is empty; give it words, or leave it out.")
        ids = self.tokenizer.encode(_plain(translation))
        if len(ids) == self.model.config.max_len:  # cut off at the last position, as a search may be: no room for EOS
            return ids
        self._check_length(len(ids) + 1, "The translation")
        return [*ids, EOS]

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


def _plain(text: str) -> str:
    """What the corpora do to their lines (NFC), and no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def _sentence(number: int, of: int) -> str:
    return "The sentence" if of == 1 else f"Line {number}"


def _piece(token: str) -> str:
    """A piece without its space mark, which reads badly aloud."""
    return token.replace("▁", " ").strip() or "space"
