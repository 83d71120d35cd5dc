"""Sentences in, padded batches out: fetch a corpus, read it, cut it into tokens, pack it into batches.

One sentence pair passes the files of this room in order: `fetch` (bytes on disk) or `embedded` (said by the grammar),
`parallel_text` (aligned lines), `tokenizer` (ids), `batches` (tensors); `corpora` finds the lines by a corpus's name.
Importing the room is cheap: torch is loaded by the first batch that is made, the `tokenizers` library by the first
tokenizer, and the network modules by the first fetch.
"""

from course.data.batches import (
    Batch,
    Examples,
    PaddingReport,
    encode_pairs,
    length_bucketed_batches,
    make_batch,
    padding_report,
    shard,
)
from course.data.corpora import corpus_names, load_corpus, split_names
from course.data.embedded import EMBEDDED_NAMES, Pair, embedded_pairs, embedded_text, gold, sample
from course.data.fetch import data_folder, fetch_multi30k
from course.data.parallel_text import ParallelText, read_lines, read_parallel
from course.data.tokenizer import Tokenizer

__all__ = [
    "EMBEDDED_NAMES",
    "Batch",
    "Examples",
    "PaddingReport",
    "Pair",
    "ParallelText",
    "Tokenizer",
    "corpus_names",
    "data_folder",
    "embedded_pairs",
    "embedded_text",
    "encode_pairs",
    "fetch_multi30k",
    "gold",
    "length_bucketed_batches",
    "load_corpus",
    "make_batch",
    "padding_report",
    "read_lines",
    "read_parallel",
    "sample",
    "shard",
    "split_names",
]
