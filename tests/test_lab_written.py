"""Values written as expressions are the same values; code and source are compared for what they do."""

import numpy as np
import pytest

from course.lab.exercises.same import difference, same_code
from course.lab.exercises.source import indented, source_of
from course.lab.exercises.written import NotWritableError, written


def compiled(text):
    """The code of the function f in a text."""
    space = {"np": np}
    exec(compile(text, "<text>", "exec"), space)
    return space["f"].__code__


VALUES = [
    None, True, 3, -0.0, float("inf"), 1 - 2j, complex("nan"), "ä\n'", b"\x00", range(3), slice(1, None, 2), (), (1,),
    [1, [2]],    {1: "a"}, {2}, frozenset({3}), np.float32(0.1), np.int64(3), np.bool_(True), np.str_("x"),
    np.array([[1.5, np.nan]]),    np.zeros((0, 3)), np.array(7), np.array(["a"]), np.dtype("i4"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=[repr(value) for value in VALUES])
def test_a_written_value_is_the_same_value(value):
    again = eval(written(value, lambda thing: thing.__name__.replace("numpy", "np")), {"np": np})
    assert type(again) is type(value)
    assert difference([value], [again]) is None


def test_a_value_of_many_numbers_is_not_written():
    for value in (list(range(2000)), np.zeros(2000), object(), open):
        with pytest.raises(NotWritableError):
            written([value], lambda thing: (_ for _ in ()).throw(NotWritableError()))


def test_code_is_the_same_wherever_its_modules_are_imported():
    """Python compiles a call of an imported module's function in another way where it sees the import."""
    plain = "def f(x):\n    try:\n        return np.exp(x.sum(0))\n    except ValueError:\n        return 0\n"
    codes = [compiled(text) for text in (plain, "import numpy as np\n" + plain)]
    assert same_code(*codes)
    others = (
        plain.replace("return 0", "return 0.0"),
        plain.replace("exp", "log"),
        plain.replace("ValueError", "KeyError"),
    )
    assert not any(same_code(codes[0], compiled(text)) for text in others)
    moved = "def f(x):\n    y = x.g()\n    try:\n        return np.exp(y)\n    except ValueError:\n        return 0\n"
    inside = (
        "def f(x):\n    try:\n        y = x.g()\n        return np.exp(y)\n    except ValueError:\n        return 0\n"
    )
    assert not same_code(compiled(moved), compiled("import numpy as np\n" + inside))


def test_source_in_a_block_keeps_its_strings():
    text = "def f():\n    return '''a\nb''', \\\n  1\n"
    space = {}
    exec(f"if True:\n{indented(text)}", space)
    assert space["f"]() == ("a\nb", 1)


def test_the_source_of_a_library_s_function_is_found_too():
    assert source_of(np.tril).lstrip().startswith(("def tril", "@array_function_dispatch"))
    with pytest.raises(TypeError):
        source_of(len)
