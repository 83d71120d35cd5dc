# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Positional encoding
#
# *Lesson 06 · 160 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - prove that attention without positions is a bag of words, and say what a causal mask tells all the same, after one
#   layer and after two;
# - build sinusoids for any width, say why each speed has a sine *and* a cosine, and write down the matrix that moves
#   every place by $k$;
# - tell a permutation of columns from an error;
# - turn queries and keys (*rotary*) so that scores depend on distances alone;
# - say with numbers what four kinds of positions are worth, in the length that was trained and beyond it;
# - find positions that pass every test and are not there.
#
# **Prerequisites.** Lesson 03: match, scale, softmax, mix. Lesson 04: heads. Lesson 05: the causal mask, and the test
# that changes something and watches what moves. Sine and cosine of an angle.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `positional_encoding` | the table of sinusoids | ●●○○○ | ●●●●● | 15 |
# | `shift_rotation` | one matrix that moves every place by $k$ | ●●●○○ | ●●●●○ | 10 |
# | `add_positions` | words get their places | ●○○○○ | ●●●●● | 3 |
# | `rotary` | turn queries and keys | ●●●○○ | ●●●●● | 15 |
# | `repair_rotary` | find the bug | ●●○○○ | ●●●●○ | 13 |

# %% name="setup"
import numpy as np

from course.lab import (
    check,
    explore,
    hint,
    holds,
    quiz,
    show,
    show_table,
    slider,
    solution,
    workbook,
)
from course.lab.drawing import draw_map
from course.lessons.lesson_06 import experiments, figures

np.set_printoptions(precision=3, suppress=True)
pieces = ("attention", "multi_head_attention", "causal_mask")  # of lessons 03, 04 and 05
attention, multi_head_attention, causal_mask = map(workbook.load, pieces)

# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | place, position | the number of a word in its sentence; the first one is 0 |
# | radian | the unit of angles: once around is $2\pi \approx 6.28$ |
# | pair, hand | two columns of a table that belong together, like the side and the height of a clock's hand |
# | speed | the angle by which a hand turns from one word to the next |
# | base | the number, 10000 nearly always, that says how slow the slowest hand is |
# | permutation | the same things in another order |
# | absolute, relative | "I am word 7"; "you are two words before me" |
#
# ## 1. Attention is a bag
#
# > the needle has a point
# >
# > a point has the needle
#
# The same five words. You are the row of *has* and take a pencil. Match and scale are done, and the powers $e^{s}$
# have come out as whole numbers. They belong to the *words*: a score is made of a query and a key, and neither of
# them knows where it stands.
#
# | | the | needle | has | a | point |
# |---|---|---|---|---|---|
# | power $e^s$ | 1 | 4 | 1 | 1 | 3 |
# | value | 0 | 10 | 0 | 0 | 20 |
#
# The powers add up to 10, so *needle* gets 0.4 and *point* 0.3, and the output is $0.4 \cdot 10 + 0.3 \cdot 20 = 10$.
# Now the second sentence. The columns of your table stand in another order. Does any number change? A sum does not
# mind the order of what is added, neither the sum of the powers nor the mixture. The output is 10 again.
#
# In general: let $P$ be a matrix that puts rows into another order (a *permutation*). If the words come in another
# order, so do the rows of $Q$, $K$ and $V$, and
#
# $$
# \mathrm{softmax}\!\left(\frac{PQ\,(PK)^\top}{\sqrt d}\right) PV
# = P\,\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d}\right) P^\top P V
# = P \cdot \mathrm{output},
# $$
#
# since softmax works row by row, and $P^\top P$ puts things into another order and back. The outputs are those from
# before, in the new order. Nothing else of a Transformer looks at more than one word at a time, so that this goes for
# all of its layers.
#
# *Before you run the cell:* first the two sentences, with random vectors for their words. Then seven random words, and
# eight heads with random matrices. The words are shuffled. How many digits of an output stay?

# %% name="a-bag" tags=["predict"]
rng = np.random.default_rng(6)
bag = ["the", "needle", "has", "a", "point"]
vectors = {word: rng.standard_normal(8) for word in bag}
W = {name: rng.standard_normal((8, 8)) / np.sqrt(8) for name in ("q", "k", "v", "o")}


def row_of_has(sentence, placed=lambda x: x):
    """What *has* gathers in two heads; placed: gives vectors (1, T, 8) their places."""
    words = sentence.split()
    x = placed(np.array([[vectors[word] for word in words]]))
    return multi_head_attention(x, x, W, 2)[0, words.index("has")]


for sentence in ("the needle has a point", "a point has the needle"):
    print(f"{sentence}:  has {row_of_has(sentence)[:5]} ...")

x = rng.standard_normal((1, 7, 64))
many = {name: rng.standard_normal((64, 64)) / 8 for name in W}
order = rng.permutation(7)
outputs, of_shuffled = (multi_head_attention(each, each, many, 8) for each in (x, x[:, order]))
moved = np.abs(of_shuffled - outputs[:, order]).max()
holds(("Shuffled words give the same outputs, shuffled, to 12 digits.", moved < 1e-12))

# %% [markdown]
# All digits that a computer has: what is left is some $10^{-15}$, from adding in another order. A needle that has a
# point and a point that has a needle are one and the same to attention. It sees a **bag** of words: who is in it, and
# how often, and not in which order.
#
# ## 2. What a causal mask tells
#
# Lesson 05 had a mask that treats places differently: word $i$ sees the words 0 to $i$. Does a decoder then know the
# order by itself?
#
# Ask the last word, who sees everybody. In the first layer it mixes the vectors of all words before it: a sum again,
# and the order of its terms does not matter. In the second layer it mixes *outputs of the first layer*, and these are
# not the same any more. The second word's output is made of words 0 and 1, the third one's of words 0 to 2. Who came
# early is in many of them, who came late is in few.
#
# *Predict:* the first four of six words are put into another order. By how much does the last word's output move
# after one causal layer, after two and after three? And if the first word is left out?

# %% name="causal-layers" tags=["predict"]
d = 16
layers = rng.standard_normal((3, 3, d, d)) / np.sqrt(d)  # W_Q, W_K and W_V of three layers


def last_word(x, n):
    """The last output of n causal layers without positions; each adds what it gathers."""
    for W_Q, W_K, W_V in layers[:n]:
        x = x + attention(x @ W_Q, x @ W_K, x @ W_V, causal_mask(len(x)))[0]
    return x[-1]


x = rng.standard_normal((6, d))
others = {"the words before in another order": x[[2, 0, 3, 1, 4, 5]], "one word fewer": x[1:]}
moves = {
    name: [np.abs(last_word(other, n) - last_word(x, n)).max() for n in (1, 2, 3)]
    for name, other in others.items()
}
rows = [(name, *(f"{move:.2f}" for move in row)) for name, row in moves.items()]
show_table(("", "one layer", "two layers", "three"), rows, "how far the last word's output moves")
by_order = moves["the words before in another order"]
holds(
    ("One causal layer cannot tell an order.", by_order[0] < 1e-12),
    ("Two causal layers can.", by_order[1] > 1e-3),
    ("In a bag a missing word is missed, too.", moves["one word fewer"][0] > 1e-3),
)

is_bos = np.eye(6)[:, :1]  # 1 for the first word, 0 for the others
print("seen by all alike:", attention(0 * is_bos, 0 * is_bos, is_bos, causal_mask(6))[0].ravel())

# %% [markdown]
# One layer tells nothing of the order. (That a missing word moves the output is no news. The last word sees everybody,
# so that for it one layer is a bag with or without a mask, and what is not in the bag is not in the sum.) But behind
# a mask every word sees another number of words, and one layer can tell *how many*. The last line shows how. Every
# sentence begins with `<bos>`; a head that looks at all words alike, and whose value is 1 for `<bos>` and 0 for the
# rest, brings home $1, \frac12, \frac13, \frac14, \dots$: one divided by the number of words so far. That is the
# word's place. From the second layer on it can be used like any other number.
#
# So **a decoder learns something of order from its mask alone** (Haviv et al., 2022, measured it in large models). An
# encoder has no such mask. There the order has to be told.
#
# ## 3. A number for every place
#
# How do you tell a vector of $d$ numbers where it stands? The plain way is to add something to it that depends on the
# place. What?
#
# - *The place itself:* 0, 1, 2, ... At word 50 the words' own numbers, which are about 1 in size, drown in it.
# - *The share of the sentence:* 0 at the beginning, 1 at the end. Then "next to me" is another number in every
#   sentence.
# - *Binary digits:* 000, 001, 010, 011, 100, ... All numbers stay small. The last digit changes at every word, the
#   one before at every second, the first one hardly ever. This is nearly it; but digits jump, and from 011 to 100 all
#   of them jump at once.
#
# Take wheels that turn instead of digits that jump, and you have a clock. The second hand tells 12:00:03 from
# 12:00:04 and knows nothing of hours. The hour hand knows the hour and hardly moves. Together they say every moment
# of half a day, and they move smoothly.
#
# Vaswani et al. (2017, section 3.5) give every word $d/2$ such hands. Hand $i$ turns from one word to the next by the
# angle $10000^{-2i/d}$, its **speed**, in radians. Hand 0 turns by 1 and is around once in 6.28 words. The last one
# needs nearly $2\pi \cdot 10000$ words when $d$ is 512, as in the paper: far more than any sentence has. (When $d$ is
# 4, as in the table below, it needs 628.) Of every hand two numbers are written down, how far its tip is to the side
# and how far up, which are the sine and the cosine of its angle. $\mathrm{PE}(p, c)$ is column $c$ of the row of
# place $p$:
#
# $$
# \mathrm{PE}(p,\,2i) = \sin\!\left(\frac{p}{10000^{2i/d}}\right)
# \qquad
# \mathrm{PE}(p,\,2i+1) = \cos\!\left(\frac{p}{10000^{2i/d}}\right)
# $$
#
# By hand, for $d = 4$: two hands, with speeds $10000^{0} = 1$ and $10000^{-2/4} = 1/100$.
#
# | $p$ | angle 0 | angle 1 | sin | cos | sin | cos |
# |---|---|---|---|---|---|---|
# | 0 | 0 | 0 | 0 | 1 | 0 | 1 |
# | 1 | 1 | 0.01 | 0.841 | 0.540 | 0.010 | 1.000 |
# | 2 | 2 | 0.02 | 0.909 | −0.416 | 0.020 | 1.000 |
# | 3 | 3 | 0.03 | 0.141 | −0.990 | 0.030 | 1.000 |
#
# ### Exercise `positional_encoding`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# Return the table for the positions 0 to T − 1, (T, d). The width may be odd: then the last hand has a column for its
# sine only. `np.arange(0, d, 2)` counts in steps of two, `np.arange(T)[:, None]` stands upright, so that the two make
# a table by broadcasting; `np.zeros((T, d))` is a table to write into, and `table[:, 0::2]` are its columns 0, 2, 4
# and so on. `np.sin` and `np.cos` take radians.


# %% name="exercise-positional-encoding"
def positional_encoding(T, d):
    """A sine and a cosine for each speed, as neighbors: (T, d)."""
    ### BEGIN SOLUTION
    speeds = 10000.0 ** (-np.arange(0, d, 2) / d)  # the steps of 2 are the 2i
    angles = np.arange(T)[:, None] * speeds  # (T, pairs)
    table = np.zeros((T, d))
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles)[:, : d // 2]  # an odd width has one cosine fewer
    return table
    ### END SOLUTION


# %%
positional_encoding = check("positional_encoding", positional_encoding)

# %% [markdown]
# Is it the table above? And an odd width: five columns make two hands and a sine alone. Some code refuses odd widths,
# and some fails at them; nothing in the formula asks for that.

# %% name="the-table-by-hand"
print(positional_encoding(4, 4))
print("width 5, row 3:", positional_encoding(4, 5)[3])

# %% [markdown]
# ## 4. Why two numbers for each speed
#
# A sine alone would be cheaper: $d$ speeds instead of $d/2$. But $\sin 3 = 0.141$ and $\sin 19 = 0.150$, nearly the
# same, and one word on it is $\sin 4 = -0.757$ in one case and $\sin 20 = 0.913$ in the other. How far a hand is to the
# side does not say whether it is on its way out or back. How far up it is does: $\cos 3 = -0.990$,
# $\cos 19 = 0.989$. (The other hands tell 3 from 19 anyway, so that rows would differ with sines alone. The real
# reason comes now.)
#
# With both you know where the hand points, so you know where it will point $k$ words later, *without knowing $p$*: it
# will have turned by $k$ times its speed. With $a$ for the angle now and $b$ for $k$ times the speed, school had a
# formula for that:
#
# $$
# \sin(a+b) = \sin a \cos b + \cos a \sin b
# \qquad
# \cos(a+b) = \cos a \cos b - \sin a \sin b
# $$
#
# Read it as rows and columns. On the right of each formula stand the old pair and numbers that depend on $b$ alone,
# so it is a product with a matrix:
#
# $$
# \big(\sin(a+b),\ \cos(a+b)\big) = \big(\sin a,\ \cos a\big)
# \begin{pmatrix} \cos b & -\sin b \\ \sin b & \cos b \end{pmatrix}
# $$
#
# Such a matrix is a **rotation**: it turns, and leaves lengths as they are. For all hands at once, these blocks stand
# along the diagonal of one $(d, d)$ matrix $M_k$, with zeros elsewhere, and
#
# $$ \mathrm{PE}(p + k) = \mathrm{PE}(p)\, M_k \qquad \text{for every } p. $$
#
# A product with a matrix is what attention does first, with $W_Q$ and $W_K$. So "three words before me" is something
# that a head can ask for.
#
# The speeds will be needed more often. Here they are, in one place.


# %% name="speeds"
def speeds(d, base=10000.0):
    """By which angle each pair turns from one word to the next: (pairs,)."""
    return base ** (-np.arange(0, d, 2) / d)


print("d = 8:", speeds(8), "  three words on:", 3 * speeds(8))

# %% [markdown]
# ### Exercise `shift_rotation`
#
# *difficulty ●●●○○ · importance ●●●●○ · 10 minutes*
#
# Return $M_k$ for an even width: (d, d), such that `positional_encoding(T, d)[p] @ M` is row $p + k$. $k$ may be
# negative or 0. `for i, angle in enumerate(k * speeds(d))` gives every pair its number and its angle, and
# `M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[..., ...], [..., ...]]` writes a block of two rows and two columns.


# %% name="exercise-shift-rotation"
def shift_rotation(k, d):
    """The matrix that moves every position by k: (d, d)."""
    ### BEGIN SOLUTION
    M = np.zeros((d, d))
    for i, angle in enumerate(k * speeds(d)):
        c, s = np.cos(angle), np.sin(angle)
        M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
    return M
    ### END SOLUTION


# %%
shift_rotation = check("shift_rotation", shift_rotation)

# %% [markdown]
# Now the promise, *for every p*, on sixty places at once. And the same wish to eight sines of eight speeds, which are
# as many columns: `np.linalg.lstsq` finds the matrix that comes as near as any can.

# %% name="one-matrix"
pairs = positional_encoding(60, 8)
sines = np.sin(np.arange(60)[:, None] * 10000.0 ** (-np.arange(8) / 8))
M = shift_rotation(5, 8)
best = np.linalg.lstsq(sines[:-5], sines[5:], rcond=None)[0]
off = {}
for name, places, matrix in (("pairs", pairs, M), ("sines alone", sines, best)):
    off[name] = np.abs(places[:-5] @ matrix - places[5:]).max()
    print(f"five words on, 55 places, {name:11} at most off by {off[name]:.3f}")
holds(
    ("With pairs one matrix moves every place by 5.", off["pairs"] < 1e-12),
    ("With sines alone no matrix does.", off["sines alone"] > 0.3),
    (
        "Two words on and three more are five.",
        np.allclose(shift_rotation(2, 8) @ shift_rotation(3, 8), M),
    ),
)

# %% [markdown]
# ### The hands
#
# Each clock is a pair of your table: the thin blue hand at place $p$ (*position*), the thick orange one $k$ words
# farther on (*offset*). A hand points straight up at place 0 and turns to the right.
#
# 1. Set *offset* to 5 and move *position* from 0 to 60. What do the two hands of a clock do, and what never changes
#    between them?
# 2. Go to *offset* 6, then to 7. Which clock would call 6 "nearly the same place", and what do the others say?
# 3. *Position* 0, *offset* 60: which clocks have hardly noticed? In a text of sixty words, what are they good for?

# %% name="explore-hands"
explore(
    figures.draw_hands,
    positional_encoding=positional_encoding,
    position=slider(0, 60, start=3),
    offset=slider(0, 60, start=5),
    width=figures.HANDS,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Both hands of a clock turn together, and the angle between them stays: 5 on the first clock, 0.5 on the second.
#    That is $M_5$.
# 2. The first clock has been around once after 6.28 words, so after 6 its hands nearly meet. The second one has
#    turned by 0.6, and clearly tells the two apart. That is why one hand is not enough.
# 3. The last one has turned by 0.06. It is made for thousands of words; here its sine is nearly 0 and its cosine
#    nearly 1 at every word. Columns like these hardly say anything in short texts.
#
# </details>
#
# ### A head that looks one word back
#
# Training has to find such matrices; you can write one down. Let $W_Q$ be $M_{-1}$, made larger so that the weights
# get sharp, and let keys be the bare places, without any words. Then the query of place $p$ *is* $\mathrm{PE}(p-1)$,
# and what matches it best?

# %% name="one-word-back"
words = ["Do", "not", "point", "a", "sharp", "needle"]
places = positional_encoding(len(words), 64)
_, weights = attention(20 * places @ shift_rotation(-1, 64), places, places)
show(draw_map, weights=weights, rows=words, columns=words)

# %% [markdown]
# Every place looks at the one before it, wherever it is. (The words on the map are labels only: no word's vector is in
# this head. The first place would like to look at place −1, and takes what is nearest.)
#
# ## 5. How alike are two places?
#
# A score is a dot product, so what matters about two rows of the table is their dot product. For one pair it is
# $\sin a \sin a' + \cos a \cos a' = \cos(a' - a)$, school again. So
#
# $$ \mathrm{PE}(p) \cdot \mathrm{PE}(p+k) = \sum_i \cos\!\left(k \cdot 10000^{-2i/d}\right), $$
#
# and $p$ is gone. All that is left is the distance.
#
# *Predict:* for $d = 128$ it is 64 at $k = 0$. How does it go on: does it fall with every word, as far as you look?

# %% name="dot-products" tags=["predict"]
table_128 = positional_encoding(100, 128)
dots = table_128 @ table_128.T
from_20 = dots[20, 20:40]
show_table(
    ("k", *map(str, range(8, 16))),
    [("PE(20) · PE(20 + k)", *(f"{dot:.2f}" for dot in from_20[8:16]))],
)
print("k = 0 to 7:", from_20[:8])
steps = np.diff(from_20)
holds(
    (
        "It is the same wherever you begin.",
        all(np.allclose(np.diag(dots, k), dots[0, k]) for k in range(50)),
    ),
    ("It is the same to the left.", np.allclose(dots, dots.T)),
    ("It falls up to k = 11.", (steps[:11] < 0).all()),
    ("At 12 it rises.", steps[11] > 0),
)

# %% [markdown]
# It falls up to $k = 11$, and then **place 12 is nearer than place 11**. Not by much, 42.38 against 42.34; but
# whoever says "the dot product of sinusoids falls with the distance" has not looked. It is a sum of cosines. The
# fastest hand has been around nearly twice by then, $\cos 11 = 0.00$ and $\cos 12 = 0.84$, and at this step some
# hands gain a little more than the others lose.
#
# Nothing is broken by that. $W_Q$ and $W_K$ may weigh hands as they like, and a head that wants its neighbors needs
# the fast ones. But nobody gets *nearness* as a gift.
#
# ### The table as a picture
#
# On the left the first 64 columns of the table, blue for 1 and orange for −1; on the right the dot product of the row
# *position* (blue square) with the rows that follow, where the orange dot stands *offset* rows on. Your function
# knows base 10000 alone, so here the course's own table is drawn.
#
# 1. Set *offset* to 11 and to 12, and read the number. Then move *position*: what changes on the right?
# 2. Make *width* smaller, down to 8, and then 2. What happens to the first rise, and to the size of what follows? Why
#    is it at 4 for one hand alone?
# 3. Width 128 again, and *base* 10, then 100000. What can the small base not do, and what does the large one hardly
#    do?

# %% name="explore-table"
explore(
    figures.draw_table,
    position=slider(0, 40, start=10),
    offset=slider(0, 60, start=11),
    width=figures.WIDTHS,
    base=figures.BASES,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. 42.34 and 42.38. The left picture's marks move; on the right nothing does.
# 2. It comes earlier, and what follows climbs higher: a narrow table has few hands that could speak against. One hand
#    alone is a cosine, which falls until it has turned half around, at $\pi = 3.14$ words, so 4 is nearer than 3.
# 3. With base 10 all hands are fast. Near places are told apart sharply (the curve soon falls below 0), but after 60
#    words even the slowest hand has all but gone around: none of them counts any farther. With base 100000 the curve
#    stays above half of its height. Most hands stand still, and far places look alike.
#
# </details>
#
# ## 6. Add them
#
# The table is added to the words, once, before the first layer. Added, and not laid beside them: that would cost
# width. In a wide vector there is room for both, since words and places need not point in the same directions, and
# the next matrix can tell them apart.
#
# ### Exercise `add_positions`
#
# *difficulty ●○○○○ · importance ●●●●● · 3 minutes*
#
# `x` is a batch of sentences (B, T, d), and `table` has a row for each place, (longest, d), mostly more than are
# needed: `table[:n]` are the first n. `x.shape` holds the sizes. Return (B, T, d): to every word its place's row is
# added. Leave `x` as it was.


# %% name="exercise-add-positions"
def add_positions(x, table):
    """Add to every word the row of its place: (B, T, d)."""
    ### BEGIN SOLUTION
    return x + table[: x.shape[1]]
    ### END SOLUTION


# %%
add_positions = check("add_positions", add_positions)

# %% [markdown]
# The two sentences of section 1 again. The second thing that the cell shows answers a question that many people ask:
# **why are embeddings multiplied by $\sqrt{d}$?** (The vectors of words, when they are trained, are called
# *embeddings*.) The paper does so in section 3.4, and gives no reason.

# %% name="placed"
small = positional_encoding(50, 8)
for sentence in ("the needle has a point", "a point has the needle"):
    print(f"{sentence}:  has {row_of_has(sentence, lambda x: add_positions(x, small))[:5]} ...")

words = rng.standard_normal((1000, 128)) / np.sqrt(128)  # embeddings as many models begin
sizes = {
    "a row of the table": table_128,
    "an embedding": words,
    "an embedding, times √128": words * np.sqrt(128),
}
rows = [(name, f"{np.linalg.norm(x, axis=1).mean():.1f}") for name, x in sizes.items()]
show_table(("d = 128", "length"), rows)

# %% [markdown]
# Now *has* can tell who has whom.
#
# A row of the table has $d/2$ pairs, each of length 1, so its length is $\sqrt{d/2}$: 8 for $d = 128$, at every
# place. Embeddings that are also used as the output layer (lesson 12 does so) begin with numbers around $1/\sqrt d$,
# and a length of 1. Added as they are, the word would be an eighth of its place. Times $\sqrt d$ both are about the
# same size. The factor is there for the sake of the sum.
#
# ## 7. In which order the columns stand
#
# In the paper a sine and its cosine are neighbors: *interleaved*. The paper's own program, tensor2tensor, lays down
# all sines first and then all cosines: *halves*. So do Marian and others. Is that an error?

# %% name="halves"
d = 8
interleaved = positional_encoding(30, d)
order = [*range(0, d, 2), *range(1, d, 2)]  # columns 0, 2, 4, 6, then 1, 3, 5, 7
halves = interleaved[:, order]
A = rng.standard_normal((d, d))  # a matrix that was trained with one of the two
holds(
    ("Dot products are the same.", np.allclose(halves @ halves.T, interleaved @ interleaved.T)),
    (
        "With the rows of a matrix in the same order, so is every product.",
        np.allclose(halves @ A[order], interleaved @ A),
    ),
    (
        "With the matrix as it was, it is something else.",
        not np.allclose(halves @ A, interleaved @ A, atol=0.1),
    ),
)

# %% [markdown]
# It is a **permutation** of columns, and no error. The columns of a vector have no order that would mean anything;
# the matrices behind them are trained, and each of their rows learns to live with the column that it gets. A model
# that has halves from its first day is just as good.
#
# It becomes an error the day you load matrices that somebody else has trained. Then the rows of $A$ meet other
# columns than they were trained with, all shapes are right, and nobody complains. (`course train` has both:
# `--positions sinusoidal` and `sinusoidal_halves`. Lesson 16, which loads a published model, needs the second.)
#
# ## 8. Learned, rotary, none
#
# **Learned.** Make the table a parameter: as many rows as the longest sentence may have places, random at first, and
# let training move them like everything else. Vaswani et al. tried it and found "nearly identical results" (25.7 BLEU
# against 25.8, a score of translations that lesson 11 explains; table 3, row E); BERT and GPT-2 have it. A row learns
# from sentences that are long enough to have a word at its place. If none was, nobody has taught it anything, not even
# that it stands between its neighbors.
#
# **Rotary** (Su et al., 2021), which most large models use today. Section 5 has shown that with sinusoids *places*
# compare by distance. But what is added to a word is not compared alone. With $x$ for a word and $t$ for the table's
# row of its place, a score is $(x + t)\,W_Q W_K^\top (x' + t')^\top$: four products, of word with word, word with
# place, place with word and place with place. Only if the matrices happen to be right does any of it depend on the
# distance.
#
# So do not add. Take the finished query and key, in every head of every layer, call neighboring numbers a pair, and
# *turn* each pair like a hand of the clock by the angle of its place $p$, $a = p \cdot$ speed:
#
# $$
# (u,\ v) \;\longrightarrow\; (u \cos a - v \sin a,\;\; u \sin a + v \cos a)
# $$
#
# If both are turned by the same angle, the angle between them stays, and so does their dot product. If the query
# stands at place $p$ and the key at $m$, what matters is by how much *more* one has been turned: the score depends on
# $q$, $k$ and $p - m$, and on nothing else. By hand, with $d = 2$ and $q = k = (1, 0)$: at the places 3 and 5 the two
# hands stand at 3 and at 5 radians, and their dot product is $\cos 2 = -0.416$. At the places 103 and 105 it is
# $\cos 2$ again.
#
# Values are not turned, so what is mixed knows nothing of places. And there is nothing to train and no table to
# run out of.
#
# (The minus stands with the other sine than in $M_k$. There a pair is (sine, cosine) of its angle, counted from
# straight up and to the right, as on a clock; here it is (cosine, sine), of an angle counted from the right-hand side
# and to the left. Exchange the two numbers of a pair, and the minus changes places. What matters is that queries and
# keys are turned the same way.)
#
# ### Exercise `rotary`
#
# *difficulty ●●●○○ · importance ●●●●● · 15 minutes*
#
# `x` holds queries or keys, (..., T, d) with d even: mostly (B, H, T, d_head), and the check calls it with (T, d) alone
# as well. Turn each pair of neighboring columns, 0 with 1, 2 with 3 and so on, by its angle, which is its place times
# its speed out of `speeds(d)`. The first of the T rows stands at place `start`: who writes word by word
# (lesson 11) has one new row, at place 9, say. `x[..., 0::2]` are the even columns whatever axes stand before,
# `x.shape[-2:]` are T and d, and `np.zeros(x.shape)` is something to write into.
# Places upright (`[:, None]`) times speeds make the table of angles.


# %% name="exercise-rotary"
def rotary(x, start=0):
    """Turn each pair of numbers by the angle of its place: (..., T, d)."""
    ### BEGIN SOLUTION
    T, d = x.shape[-2:]
    angles = (start + np.arange(T))[:, None] * speeds(d)  # (T, d / 2)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return turned
    ### END SOLUTION


# %%
rotary = check("rotary", rotary)

# %% [markdown]
# Two tests for each kind, in the manner of lesson 05: change something, and watch what moves. *All moved on:* the
# whole sentence stands 30 places later. *Two exchanged:* two words change places (and each score is compared with the
# one of the same two words before).
#
# *Predict the six numbers*, zero or not.


# %% name="two-tests" tags=["predict"]
def scores_of(x, start=0, kind="none"):
    """The scores (T, T) of words x (T, d) of which the first stands at place start."""
    T, d = x.shape
    if kind == "sinusoidal":
        x = x + positional_encoding(start + T, d)[start:]
    q, k = x @ W_Q, x @ W_K
    return rotary(q, start) @ rotary(k, start).T if kind == "rotary" else q @ k.T


W_Q, W_K = rng.standard_normal((2, 8, 8)) / np.sqrt(8)
x = rng.standard_normal((6, 8))
tests = {
    kind: experiments.moved_on_and_exchanged(scores_of, x, kind=kind)
    for kind in ("none", "sinusoidal", "rotary")
}
rows = [(kind, *(f"{move:.2f}" for move in both)) for kind, both in tests.items()]
show_table(("positions", "all moved on", "two exchanged"), rows, "how far a score moves at most")
holds(
    ("Without positions nothing moves any score.", max(tests["none"]) < 1e-12),
    ("Sinusoids that are added: both do.", min(tests["sinusoidal"]) > 0.1),
    ("Rotary: the order counts, ...", tests["rotary"][1] > 0.1),
    ("... and the place of the whole does not.", tests["rotary"][0] < 1e-10),
)

# %% [markdown]
# Look at the column *all moved on* once more. Rotary passes that test because distances are all it knows. The bag
# passes it because it knows nothing.
#
# ## 9. Measured: in the trained length, and beyond
#
# Now all four kinds in a real model: the translator of lesson 12, English to German, trained once with each, on
# sentences of up to 14 words. Same sentences, same number of updates, same rates; only the positions differ. A training
# takes minutes, so the cell reads what `python -m course.lessons.lesson_06.experiments` has kept. Three lots of 300
# new sentences are translated: of the trained lengths, of 15 to 18 words, and of 20 to 30.
#
# Remember that the decoder has a causal mask, so it is not quite without an order, and that of all the orders of a
# small bag few make sense.
#
# *Predict:* how many of 100 sentences of the trained lengths are exactly right without any positions? Which kind is
# best with 15 to 18 words? And with 20 to 30?

# %% name="four-kinds" tags=["predict"]
runs = experiments.read_runs()
show(experiments.kinds_table(runs))
show(figures.draw_kinds, runs=runs)

# %% name="what-the-kinds-show" tags=["predict"]
bag, learned, sinusoidal, turned = runs
short, long, longest = experiments.SPLITS
holds(
    (
        "In the trained length a bag translates more than three of four exactly.",
        bag.percent(short) > 75,
    ),
    (
        "With positions of any kind there are more, beyond chance.",
        min(run.interval(short)[0] for run in runs[1:]) > bag.interval(short)[1],
    ),
    (
        "With 15 to 18 words rotary leads, beyond chance.",
        turned.interval(long)[0] > max(run.interval(long)[1] for run in runs[:-1]),
    ),
    ("Of the longest nobody gets even one in 50.", max(run.percent(longest) for run in runs) < 2),
    (
        "There sinusoids score 10 BLEU more than rotary.",
        sinusoidal.bleu(longest) > turned.bleu(longest) + 10,
    ),
)

# %% [markdown]
# **In the trained length** a bag of words gets more than three of four sentences exactly right: 81.3 % (95 % interval
# 76.5 to 85.3). The three kinds that have positions get 95.3 to 97.7 %, and this test cannot tell them apart. Whoever
# has no other run to compare with may not notice that positions are missing, though four to eight times as many
# sentences are wrong.
#
# **With 15 to 18 words** rotary is ahead, with 40.3 % (34.9 to 46.0) against 24.0 % (19.5 to 29.1) for sinusoids and
# 16.0 % (12.3 to 20.6) for a learned table. A possible reason: the distances inside a clause are those of short
# sentences, and rotary knows nothing else. To sinusoids word 17 is a place that they have never seen; in the learned
# table its row has hardly been touched, and still this is more than the 5.3 % of no positions at all.
#
# **With 20 to 30 words** nobody gets a whole sentence right. BLEU (lesson 11) still tells how much of a translation
# is, and there rotary falls from the first place to the third: sinusoids 45.8, learned 33.4, rotary 28.4. (BLEU has
# no interval here.) "This kind works for longer texts" means little without saying how much longer, and measured in
# what. The paper chose sinusoids in the hope that they would carry on beyond the trained length. Here none of the
# four does: a few words more, and more than half of the sentences go wrong.
#
# Read this with care. It is one training of each kind. The intervals know of the choice of the 300 sentences, and not
# of the seed; and long sentences have more clauses in them, so that not all of the fall is due to positions.
#
# ## 10. Find the bug
#
# A colleague turns queries and keys as well. He knows that shapes prove nothing, so he tests three things. A rotation
# leaves lengths as they are: they stay. A word at place 0 is not turned: he tries one word in one head, and it stays.
# And the one thing that rotary is famous for: a whole sentence moved on by 30 places keeps all its scores, to the
# last digit. He trains. Nothing looks odd.


# %% name="three-tests"
def colleagues_rotary(x, start=0):
    """Turn queries or keys (B, H, T, d_head) by their places."""
    places = start + np.arange(x.shape[1])
    angles = places[:, None, None] * speeds(x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return turned


def scores_under(both, start=0, turn=colleagues_rotary):
    """Scores (B, H, T, T) of queries and keys that are turned; both: (2, B, H, T, d_head)."""
    q, k = both
    return turn(q, start) @ np.swapaxes(turn(k, start), -1, -2)


both = rng.standard_normal((2, 2, 3, 5, 8))  # queries and keys of two sentences, three heads
lengths = [np.linalg.norm(each, axis=-1) for each in (both[0], colleagues_rotary(both[0]))]
here, there = (scores_under(both, start) for start in (0, 30))
one_word = both[0, :1, :1, :1]
print("lengths stay:", np.allclose(*lengths))
print("place 0 is not turned:", np.allclose(colleagues_rotary(one_word), one_word))
print("moved on by 30 places, all scores stay:", np.allclose(here, there))

# %% [markdown]
# ### Exercise `repair_rotary`
#
# *difficulty ●●○○○ · importance ●●●●○ · 13 minutes*
#
# Which function that does next to nothing would pass all three tests? Which of the two tests of section 8 has he left
# out? Find the line, copy his function into the cell below and repair it. The line after it was made to fit the
# mistake, so it needs a change, too.


# %% name="exercise-repair-rotary"
def repair_rotary(x, start=0):
    """Turn queries or keys (B, H, T, d_head) by their places."""
    ### BEGIN SOLUTION
    places = start + np.arange(x.shape[2])  # (B, H, T, d_head): the words are axis 2
    angles = places[:, None] * speeds(x.shape[-1])  # (T, d_head / 2)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.zeros(x.shape)
    turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return turned
    ### END SOLUTION


# %%
repair_rotary = check("repair_rotary", repair_rotary)

# %% name="how-the-bug-shows"
turns = {
    "nothing turned": lambda x, start: x,
    "his": colleagues_rotary,
    "repaired": repair_rotary,
}
rows = []
for name, turn in turns.items():
    _, by_order = experiments.moved_on_and_exchanged(scores_under, both, turn=turn)
    rows.append((name, f"{by_order:.3f}"))
show_table(("function", "two words exchanged: a score moves by"), rows)

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# `x.shape[1]` is the number of heads. Halfway through `split_heads`, when a width has been cut and the axes are not
# yet swapped, x is (B, T, H, d_head): there axis 1 counts the words, and his function is right. He calls it in his
# attention, which is not shown, one line too late. Behind the swap it turns head 0 by nothing, head 1 by the angle of
# place 1 and head 2 by that of place 2. All words of a head are turned alike, queries and keys by the same angle, and
# not a single score differs from one without positions.
#
# The line after it needs `[:, None]`: (T, 1) times (d_head / 2,) makes a table (T, d_head / 2), which lines up with the
# last two axes of x. With his `[:, None, None]` the words would still meet the axis of the heads.
#
# Lengths stay, since everything is turned *somehow*. One word in one head has the number 0 on either axis. And a
# sentence that is moved on keeps its scores in a bag as well. His model is the line *none* of the table in section 9,
# which makes good sentences most of the time, and he will wonder for a long time why it gets eight times as many
# sentences wrong as other people's.
#
# </details>
#
# A test of what must *not* move is passed by everything that does nothing. Have another one, of what *must* move.
#
# ## 11. Three questions

# %% name="quiz"
quiz("06")

# %% [markdown]
# ## 12. The whole lesson in one picture
#
# One and the same word at sixteen places, asking itself: its scores, darker for higher ones, with each kind of
# positions.

# %% name="summary"
word = np.random.default_rng(0).standard_normal(32)
show(
    figures.draw_summary,
    maps=figures.score_maps(table=positional_encoding(16, 32), word=word, places=16),
)

# %% [markdown]
# What you can take along:
#
# - Attention without positions is a bag: shuffle the words, and you get the outputs shuffled. A causal mask alone
#   can tell every word how many came before it, after one layer and with the help of `<bos>`; from the second layer
#   on it tells their order.
# - Sinusoids are the hands of $d/2$ clocks. A sine and a cosine for each, because then moving on by $k$ is one and
#   the same rotation at every place.
# - Their dot product depends on the distance alone, and does not always fall with it.
# - Interleaved or halves: a permutation. It matters when you load what others have trained.
# - Rotary turns queries and keys, so that scores depend on distances alone. What must not move is half a test.
#
# In lesson 07 all of this gets layers.
#
# ## A task for four
#
# *The living clock, 15 minutes on top of the lesson's own, no computer.* Three of you stand side by side, each with
# an arm as a hand; straight up is 0. For each word the first turns by a quarter, the second by a sixteenth of a turn,
# the third by a sixty-fourth. The fourth thinks of a place from 0 to 63 and whispers it to the three, who show it.
# (Who of you can read it off?) Then a number $k$ is called out, aloud. Everybody turns on by their own angle and no
# one asks where they are: read off $p + k$. Then do it once more with *heights* only: hold your hand as high as it
# would be, and hide where it points. Agree on one sentence: *what do two numbers for each hand make possible that one
# does not?*
#
# ## How to teach it
#
# Let the class predict the dot products of section 5 on paper, as a curve, before the cell is run: everybody draws a
# hill that falls. Have two arms of people be the hands of section 4 before there is a formula. Section 7 may be left
# out, unless lesson 16 is planned.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 3.5, and row E of
#   table 3.
# - J. Su et al. (2021), [RoFormer](https://arxiv.org/abs/2104.09864). Rotary positions; section 3.2 has the rotation.
# - A. Haviv et al. (2022), [Transformer Language Models without Positional Encodings Still Learn Positional
#   Information](https://arxiv.org/abs/2203.16634). What decoders know of places without being told.
# - A. Kazemnejad et al. (2023), [The Impact of Positional Encoding on Length
#   Generalization](https://arxiv.org/abs/2305.19466). Section 9 on a larger scale, for decoders.
# - O. Press et al. (2021), [Train Short, Test Long](https://arxiv.org/abs/2108.12409). Another way: let scores fall
#   with the distance.
