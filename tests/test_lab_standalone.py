"""Kept source stands alone: whatever a notebook offers is written down, loads in a fresh process and passes there."""

import json
import linecache
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from course.errors import CourseError
from course.lab import workbook
from course.lab.exercises.standalone import standalone

ROOT = Path(__file__).parents[1]
BESIDE = """
import numpy as np
LIMIT = np.zeros(1)
def lower(T):
    return _ones(T) > LIMIT
def _ones(T):
    return np.tri(T)
"""


def notebook(*cells):
    """Run cells as a notebook does: in one namespace, which is __main__'s, each with its lines."""
    space = {"__name__": "__main__", "np": np}
    for cell in cells:
        source = textwrap.dedent(cell)
        name = f"<cell {abs(hash(source))}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), space)
    return space


MASK = "def causal_mask(T):\n    return np.tri(T) > 0\n"
LOUD = """
def loud(f):
    @wraps(f)
    def wrapper(*given):
        wrapper.calls += 1
        return f(*given)
    wrapper.calls = 0
    return wrapper
"""
CELLS = r"""
## a comment at the margin of an indented def
if True:
    def causal_mask(T):
# why
        return np.tri(T) > 0

## a string that goes on at the margin
if True:
    def causal_mask(T):
        s = '''a
 b
        c'''
        assert len(s) == 14
        return np.tri(T) > 0

## an f-string that goes on at the margin
if True:
  def causal_mask(T):
    s = f'''a
{T}
   c'''
    assert s[-4:] == '   c'
    return np.tri(T) > 0

## NDArray
from numpy.typing import NDArray
def causal_mask(T: int) -> NDArray[np.bool_]:
    return np.tri(T) > 0

## types of typing
from typing import Optional, List
def causal_mask(T: Optional[int]) -> List:
    return np.tri(T) > 0

## types of the notebook
from typing import TypeVar
A, Big = TypeVar('A'), np.ndarray | None
class Own: pass
def causal_mask(T: A, own: Own = None) -> Big:
    return np.tri(T) > 0

## types in quotes
def causal_mask(T: 'Nothing') -> 'Nope':
    return np.tri(T) > 0

## annotations that nobody reads
from __future__ import annotations
def causal_mask(T: Nope) -> Nada:
    return np.tri(T) > 0

## a decorator with wraps
from functools import wraps

LOUD
@loud
def causal_mask(T):
    return np.tri(T) > 0

## a decorator without wraps

QUIETLY
@loud
def causal_mask(T):
    return np.tri(T) > 0

## a decorator with arguments, twice
import functools
def at(n):
    def around(f):
        @functools.wraps(f)
        def wrapper(T):
            return f(T) * n > 0
        return wrapper
    return around
@at(2)
@at(1)
def causal_mask(T):
    return np.tri(T) > 0

## lru_cache
import functools
@functools.lru_cache(maxsize=None)
def causal_mask(T):
    return np.tri(T) > 0

## no_grad
import torch
@torch.no_grad()
def causal_mask(T):
    return np.tri(T) > 0

## wrapped by a call
from functools import wraps

LOUD
def causal_mask(T):
    return np.tri(T) > 0
causal_mask = loud(causal_mask)

## a helper with a decorator
from functools import wraps

LOUD
@loud
def low(T):
    return np.tri(T)
def causal_mask(T):
    return low(T) > 0

## a default of the notebook
EPS = 1e-5
def causal_mask(T, eps=EPS):
    return np.tri(T) > eps

## an array as default
ZERO = np.zeros((1, 1))
def causal_mask(T, eps=ZERO):
    return np.tri(T) > eps

## containers
A, L, D, S = (0, 1), [[1], 2.5], {'k': 0, 'f': max}, {1}
def causal_mask(T):
    assert L[0] == [1] and S
    return np.tri(T, k=D['f'](D['k'], 0)) > A[0]

## scalars, dtypes and limits
import torch
Z, DT, FI, TD = np.float64(0), np.dtype('float32'), np.finfo(float), torch.float32
def causal_mask(T):
    assert TD.is_floating_point and type(Z) is np.float64
    return np.tri(T, dtype=DT) > FI.tiny + Z

## a tensor
import torch
Z = torch.zeros(1, 1)
def causal_mask(T):
    return np.tri(T) > Z.numpy()

## records
import dataclasses, enum, typing
class Kind(enum.Enum):
    LOW = 0
@dataclasses.dataclass(frozen=True)
class Conf:
    k: int = 0
class Pair(typing.NamedTuple):
    a: int
    b: int = 0
conf, pair, kind = Conf(), Pair(1), Kind.LOW
def causal_mask(T):
    return np.tri(T, k=conf.k) > pair.b + kind.value + Conf().k

## a dataclass whose types nobody finds
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Conf:
    k: Nope = 0
def causal_mask(T):
    return np.tri(T, k=Conf().k) > 0

## star import
from numpy import *
def causal_mask(T):
    return exp(tri(T)) > 1 + 0 * pi

## functions of torch by another name
from torch import tril as low, ones
def causal_mask(T):
    return low(ones(T, T)).numpy() > 0

## a class that is generic
from typing import Generic, TypeVar
Kind = TypeVar("Kind")
class Limits(Generic[Kind]):
    low = 0
def causal_mask(T):
    return np.tri(T) > Limits().low

## a method with a decorator without wraps
def around(f):
    def inner(self, T):
        return f(self, T)
    return inner
class Limits:
    @around
    def low(self, T):
        return 0
def causal_mask(T):
    return np.tri(T) > Limits().low(T)

## a context manager and counted words
from collections import Counter
from contextlib import contextmanager
WORDS = Counter("abb")
@contextmanager
def quiet():
    yield WORDS["c"]
def causal_mask(T):
    with quiet() as low:
        return np.tri(T) > low

## a class made in a function
def make(k):
    class Tools:
        @staticmethod
        def mask(T):
            return np.tri(T) > k
    return Tools
causal_mask = make(0).mask

## an import inside
def causal_mask(T):
    import numpy as np
    return np.tri(T) > 0

## helpers that call each other
def down(n):
    return n if n < 1 else up(n - 1)
def up(n):
    return 0 * down(n - 1)
def causal_mask(T):
    return np.tri(T) > up(4) * down(3)

## a lambda
causal_mask = lambda T: np.tri(T) > 0

## two lambdas on a line
pos, neg = (lambda x: x > 0), (lambda x: x < 0)
def causal_mask(T):
    return pos(np.tri(T)) & ~neg(np.tri(T))

## partial
import functools
def lower(T, k):
    return np.tri(T) > k
causal_mask = functools.partial(lower, k=0)

## a function of a function
def make(limit, inner):
    def made(T):
        return inner(T) > limit
    return made
causal_mask = make(0, lambda T: np.tri(T))

## a static method
class Tools:
    @staticmethod
    def mask(T):
        return np.tri(T) > 0
causal_mask = Tools.mask

## a class method
class Tools:
    k = 0
    @classmethod
    def mask(cls, T):
        return np.tri(T) > cls.k
causal_mask = Tools.mask

## a coroutine beside
async def wait(T):
    return T
def causal_mask(T):
    wait
    return np.tri(T) > 0

## names in other letters
µ, ﬁ = 0, 0
def causal_mask(T):
    größe = np.tri(T)
    return größe > μ + fi

## a counter outside
count = 0
def causal_mask(T):
    global count
    count += 1
    return np.tri(T) > 0

## two helpers of one name
def f(T): return np.tri(T) > 0
zero = f
def f(*a): return None
z, f = f, zero
def causal_mask(T):
    z()
    return f(T)

## an older definition with another decorator
def mark(f): return len
@mark
def causal_mask(T):
    return np.tri(T) > 0
def causal_mask(T):
    return np.tri(T) > 0
"""
KEPT = {
    "tabs and a continued line": "if True:\n\tdef causal_mask(T):\n\t\treturn np.tri(T) \\\n > 0",
    "Windows line ends": MASK.replace("\n", "\r\n"),
    **{
        label: cell.replace("LOUD", LOUD).replace("QUIETLY", LOUD.replace("@wraps(f)", ""))
        for label, cell in (each.split("\n", 1) for each in CELLS.split("\n## ")[1:])
    },
}
MODULE = """
from torch import nn
WIDE = dict(bias=True)
def mark(cls):
    cls.marked = True
    return cls
class Base(nn.Module):
    rate = 0.0 * len(WIDE)
    @property
    def act(self):
        return relu_of
def relu_of(x):
    return x.relu()
@mark
class FeedForward(Base):
    __slots__ = ()
    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        self.widen, self.narrow = nn.Linear(d_model, d_ff, **WIDE), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout + self.rate)
    @quiet
    def forward(self, x):
        return self.narrow(self.dropout(self.act(self.widen(x))))
"""
QUIET = """
from functools import wraps
def quiet(f):
    @wraps(f)
    def wrapper(*given):
        return f(*given)
    return wrapper
"""
WITH_BESIDE = {
    "a function of a file beside the notebook": "from beside_it import lower\ndef causal_mask(T):\n    return lower(T)",
    "a file beside the notebook": "import beside_it as b\ndef causal_mask(T):\n    return b.lower(T) & (T > b.LIMIT)",
    "an answer in a file beside the notebook": "from beside_it import lower as causal_mask",
}
# What a fresh process does, in another folder: load every piece and say whose it is.
FRESH = """
import json, os, sys
from course.lab import workbook
found = {}
for folder in sorted(os.listdir(sys.argv[1])):
    os.environ["COURSE_WORKBOOK"] = os.path.join(sys.argv[1], folder)
    for name in os.listdir(os.environ["COURSE_WORKBOOK"]):
        workbook.load(name[:-3], report=lambda said: found.__setitem__(folder, said))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Why each was not kept ("" if it was), and what a fresh process says of it."""
    root, beside = tmp_path_factory.mktemp("kept"), tmp_path_factory.mktemp("notebooks")
    (beside / "beside_it.py").write_text(BESIDE, encoding="utf-8")
    why, labels = {}, [*KEPT, *WITH_BESIDE, "a class"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(beside)
        for i, label in enumerate(labels):
            patch.setenv("COURSE_WORKBOOK", str(root / f"{i:02}"))
            said = []
            if label == "a class":
                workbook.keep("FeedForward", notebook(QUIET, MODULE)["FeedForward"], said.append)
            else:
                workbook.keep("causal_mask", notebook({**KEPT, **WITH_BESIDE}[label])["causal_mask"], said.append)
            why[label] = "".join(said)
        sys.modules.pop("beside_it", None)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FRESH, str(root)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=300)
    owners = json.loads(done.stdout)
    return {label: (why[label], owners.get(f"{i:02}", "nothing")) for i, label in enumerate(labels)}


@pytest.mark.parametrize("label", [*KEPT, *WITH_BESIDE, "a class"])
def test_it_is_kept_and_passes_in_a_fresh_process_in_another_folder(found, label):
    why, owner = found[label]
    assert why == ""
    assert owner.endswith(": yours")


@pytest.fixture
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))


REFUSED = r"""
## it uses rng, of type Generator, from outside. Could rng be made inside the function?
rng = np.random.default_rng(0)
def causal_mask(T):
    rng.random()
    return np.tri(T) > 0

## it uses BIG, an array of 1,000,000 numbers, from outside. Could BIG be made inside the function?
BIG = np.zeros((1000, 1000))
def causal_mask(T):
    return np.tri(T) > BIG[:T, :T]

## it uses L, a list that holds itself, from outside. Could L be made inside the function?
L = []
L.append(L)
def causal_mask(T):
    L
    return np.tri(T) > 0

## it uses log, of type tuple_iterator, from around it. Could that be an argument?
def make(log):
    def causal_mask(T):
        log
        return np.tri(T) > 0
    return causal_mask
causal_mask = make(iter(()))

## the source of causal_mask cannot be found. Could you run it in a plain cell?
exec('def causal_mask(T): return np.tri(T) > 0')

## only a function made with def or a class can be, and this is of type method.
class A:
    def mask(self, T):
        return np.tri(T) > 0
causal_mask = A().mask

## its source would now make another eps than the one checked. Could you run the cells again, in order?
EPS = 1e-5
def causal_mask(T, eps=EPS):
    return np.tri(T) > eps
EPS = 0.5

## one of its lines begins with % or !, and only a notebook knows those. Can it go?
def get_ipython(): pass
def causal_mask(T):
    get_ipython().run_line_magic('time', 'x = 3')
    return np.tri(T) > 0
"""


@pytest.mark.usefixtures("_own_workbook")
@pytest.mark.parametrize("case", REFUSED.split("\n## ")[1:])
def test_what_cannot_be_kept_says_why(case, monkeypatch):
    why, cell = case.split("\n", 1)
    monkeypatch.setattr(linecache, "cache", {})  # of exec, another test may have the source
    said = []
    assert not workbook.keep("causal_mask", notebook(cell)["causal_mask"], said.append)
    assert said == [why]


@pytest.mark.usefixtures("_own_workbook")
def test_a_lambda_is_kept_where_the_stub_still_has_its_name():
    space = notebook("def causal_mask(T):\n    raise NotImplementedError\nmine = lambda T: np.tri(T) > 0\n")
    said = []
    assert workbook.keep("causal_mask", space["mine"], said.append), said
    workbook.load("causal_mask", said.append)
    assert said == ["causal_mask: yours"]


def test_several_pieces_at_once_are_refused():
    with pytest.raises(CourseError, match=r"takes one exercise, in quotes: causal_mask = workbook\.load"):
        workbook.load("causal_mask", "padding_mask")


@pytest.mark.usefixtures("_own_workbook")
def test_two_things_of_one_name_are_named():
    """A helper of this notebook, and another of that from which a loaded piece comes."""
    assert workbook.keep("softmax", notebook(SOFTMAX)["softmax"])
    loaded = workbook.load("softmax", report=lambda line: None)
    space = notebook(ATTENTION)
    space["softmax"] = loaded
    said = []
    assert not workbook.keep("attention", space["attention"], said.append)
    assert said == ["two different things that it uses are called scaled. Could one be renamed?"]
    space = notebook(ATTENTION.replace("scaled", "divided"))
    space["softmax"] = loaded
    assert workbook.keep("attention", space["attention"], said.append), said[1:]


SOFTMAX = """
def scaled(e, mask):
    z = e.sum(-1, keepdims=True)
    return e / np.where(z > 0, z, 1)
def softmax(x, mask=None):
    x = x if mask is None else np.where(mask, x, -np.inf)
    e = np.exp(x - np.maximum(x.max(-1, keepdims=True), np.finfo(x.dtype).min))
    return scaled(e, mask)
"""
ATTENTION = """
def scaled(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
def attention(q, k, v, mask=None):
    weights = softmax(scaled(q, k), mask)
    return weights @ v, weights
"""


@pytest.mark.usefixtures("_own_workbook")
def test_of_a_file_that_changed_since_it_was_imported_nothing_is_kept_until_it_is_imported_again(tmp_path, monkeypatch):
    import importlib
    import os

    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_later.py"
    file.write_text(BESIDE.replace("_ones", "_one"), encoding="utf-8")
    import edited_later

    file.write_text(BESIDE.replace("_ones", "_one").replace("np.tri(T)", "np.tri(T, k=0)"), encoding="utf-8")
    os.utime(file, (1, 1))
    said = []
    assert not workbook.keep("causal_mask", edited_later.lower, said.append)
    assert said == ["the source of _one has changed since it ran. Could you run it, or import it, again?"]
    importlib.invalidate_caches()
    importlib.reload(edited_later)
    assert workbook.keep("causal_mask", edited_later.lower, said.append), said[1:]
    assert "k=0" in (workbook.folder() / "causal_mask.py").read_text(encoding="utf-8")
    sys.modules.pop("edited_later")


@pytest.mark.usefixtures("_own_workbook")
def test_an_ordinary_piece_reads_as_it_was_written():
    assert workbook.keep("causal_mask", notebook(f"LIMIT = 0.5\n{MASK.replace('> 0', '> LIMIT')}")["causal_mask"])
    text = (workbook.folder() / "causal_mask.py").read_text(encoding="utf-8")
    head, _, seal = text.rpartition("# ")
    assert head == (
        "# Your causal_mask, kept when it passed its check. Loaded again, and checked again, by later lessons.\n"
        "import numpy as np\n\nLIMIT = 0.5\n\ndef causal_mask(T):\n    return np.tri(T) > LIMIT\n\n\n"
        "_kept_piece_ = causal_mask\n"
    )
    assert seal.startswith("Unchanged since it passed: ")


def test_standalone_refuses_what_it_cannot_write():
    with pytest.raises(CourseError, match="of type object"):
        standalone(object(), "thing")
