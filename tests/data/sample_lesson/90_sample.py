# %% [markdown]
# # 90. A sample
#
# **Goals** You see every kind of cell. **Prerequisites** None. **Time** 5 minutes.

# %% name="imports"
import os
from pathlib import Path

# %% name="tools"
import matplotlib.pyplot as plt


def check(exercise, answer):
    """Stand in for the course's own check: print the outcome, return an answer that works."""
    try:
        works = answer(2) == 4
        print(f"{exercise}: {'passed' if works else 'failed'}")
    except NotImplementedError:
        print(f"{exercise}: not attempted")
        works = False
    return answer if works else lambda x: 2 * x


def draw(scale=1.0, turn=0.0, dpi=72):
    """Draw a line and two bars, the last tick label turned by some degrees."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(5, 2.5), dpi=dpi)
    left.plot([0, 1, 2, 3], [0, scale, 4 * scale, 9 * scale])
    left.set_ylim(0, 10)
    right.bar(["match", "mix"], [1, 2])
    right.get_xticklabels()[1].set_rotation(turn)
    plt.show()


class Widget:
    """Show what a widget shows: a live view with a random id, and a static frame."""

    def _repr_mimebundle_(self, **_):
        view = {"model_id": os.urandom(16).hex(), "version_major": 2, "version_minor": 0}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": "a slider at 3"}


# %% [markdown]
# ## Exercise: double


# %% name="double"
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %%
double = check("double", double)
print(double(21))

# %% name="guess"
guess = None  # how much is double(3)?
### BEGIN SOLUTION
guess = 6
### END SOLUTION

# %% [markdown] name="why"
# Why does doubling work?
#
# ### BEGIN SOLUTION
# Because it adds a number to itself.
# ### END SOLUTION

# %%
draw()

# %%
Widget()

# %% name="surroundings" tags=["predict"]
workbook = Path(os.environ["COURSE_WORKBOOK"])
print("an old workbook" if workbook.exists() else "a new workbook", os.environ["OMP_NUM_THREADS"])
workbook.mkdir(parents=True)
