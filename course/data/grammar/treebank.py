"""The meanings of the embedded corpus, drawn once and kept: a treebank.

`treebank/SPLIT.jsonl.gz` has one tree a line, as JSON: a word is its lemma, any other node an object that names its
kind and those fields that differ from their defaults. Only meanings are kept, no text: what a sentence looks like is
always said anew by the linearisers.
"""

import gzip
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from course.data.grammar.meaning import FIELDS_WITHOUT_NODES, Meaning, Node, Word, word

FOLDER = Path(__file__).parent / "treebank"
_KINDS: dict[str, type[Node]] = {kind.__name__: kind for kind in Node.__subclasses__()}
_DEFAULTS = {kind: {item.name: item.default for item in fields(kind)} for kind in _KINDS.values()}
_Plain = str | dict[str, Any]


def read_trees(split: str) -> list[Meaning]:
    """All trees of a split, without ids, in their order."""
    text = gzip.decompress(_path(split).read_bytes()).decode("utf-8")
    return [from_line(line) for line in text.splitlines()]


def write_trees(split: str, trees: Iterable[Meaning]) -> None:
    """Keep the trees of a split in place of those that were there."""
    text = "".join(f"{to_line(tree)}\n" for tree in trees)
    FOLDER.mkdir(exist_ok=True)
    _path(split).write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))  # no time in it: equal trees, equal files


def to_line(tree: Meaning) -> str:
    """A tree as one line of JSON; ids are left out."""
    return json.dumps(_plain(tree), ensure_ascii=False, separators=(",", ":"))


def from_line(line: str) -> Meaning:
    """The tree of a line that `to_line` made."""
    tree: Meaning = _DECODER.decode(line)
    return tree


def _path(split: str) -> Path:
    return FOLDER / f"{split}.jsonl.gz"


def _plain(node: Node) -> _Plain:
    if isinstance(node, Word):
        return node.lemma
    values: dict[str, Any] = {"is": type(node).__name__}
    defaults = _DEFAULTS[type(node)]
    for name, value in node.__dict__.items():
        if name == "id" or value == defaults[name]:
            continue
        if isinstance(value, tuple):
            values[name] = [_plain(child) for child in value]
        else:
            values[name] = _plain(value) if isinstance(value, Node) else value
    return values


def _node(values: dict[str, Any]) -> Node:
    """The node of a JSON object, whose inner objects are nodes by now."""
    kind = _KINDS[values.pop("is")]
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple([word(child) if isinstance(child, str) else child for child in value])
        elif isinstance(value, str) and name not in FIELDS_WITHOUT_NODES:
            values[name] = word(value)
    return kind(**values)


_DECODER = json.JSONDecoder(object_hook=_node)
