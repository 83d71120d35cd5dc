# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Multi-head attention
#
# *Lesson 04 · 170 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - say what one row of weights cannot bring home, and compute on paper what two can;
# - *split, attend, merge*: write multi-head attention for a batch, with a mask, and prove that it is a list of heads in
#   one product;
# - recognize heads that are scrambled, and say why shapes, round trips and a copying task do not show it;
# - say with numbers what more heads cost, what they are worth, and when one is enough.
#
# **Prerequisites.** Lesson 03: *match, scale, softmax, mix*, the matrices $W_Q$, $W_K$, $W_V$, a mask. Arrays with
# several axes.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `pack_heads` | separate heads in one product | ●●○○○ | ●●●●○ | 12 |
# | `split_heads` | one width becomes several heads | ●●○○○ | ●●●●● | 15 |
# | `merge_heads` | and one width again | ●●○○○ | ●●●●● | 6 |
# | `multi_head_attention` | all of it, with a mask | ●●●○○ | ●●●●● | 15 |
# | `repair_heads` | find the bug | ●●●○○ | ●●●●○ | 20 |

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
from course.lessons.lesson_04.experiments import (
    HIDDEN,
    Wiring,
    heads_table,
    looks_table,
    measure_heads,
    measure_wirings,
    wirings_table,
)
from course.lessons.lesson_04.figures import (
    HEADS_OF_ONE,
    HEADS_OF_TWO,
    SWAPS,
    draw_heads,
    draw_summary,
    draw_way,
)

np.set_printoptions(precision=3, suppress=True)
attention = workbook.load("attention")  # your own from lesson 03, if your workbook has it

# %% [markdown]
# ## 1. One row of weights, one average
#
# > Anna sees Ben.
# >
# > Ben sees Anna.
#
# Same words, and not the same thing. A translator has to know who sees whom, and the word that should find out is
# *sees*: a verb wants a subject and an object.
#
# As in lesson 03 the words get vectors of four numbers, made by hand. The axis *who* is $+1$ for Anna and $-1$ for
# Ben. Two axes say which part a word plays: *subject* or *object*. English shows that by the place of a word, and
# places wait for lesson 06; German shows it on the article, *der* or *den*, and we write it into the vectors. The
# last axis marks the *verb*.
#
# | | who | subject | object | verb |
# |---|---|---|---|---|
# | Anna, subject | 1 | 1 | 0 | 0 |
# | sees | 0 | 0 | 0 | 1 |
# | Ben, object | −1 | 0 | 1 | 0 |
#
# What does *sees* ask? "Who is a subject or an object here?" So its query is $q = (0, 4, 4, 0)$. (A larger number than
# 4 would only make the weights sharper.) Keys and values are the words' own vectors. Take your pencil:
#
# **1 Match.** Anna: $4 \cdot 1 = 4$. Ben: $4 \cdot 1 = 4$. *Sees* itself: 0. **2 Scale** by $\sqrt 4$: 2, 2, 0.
# **3 Softmax.** The powers are 7.389 twice and 1, their sum is 15.778, so the weights are 0.468, 0.468 and 0.063.
# **4 Mix.** On *who*: $0.468 \cdot 1 + 0.468 \cdot (-1) = 0$.
#
# *Sees* has found both words, and what it brings home about *who* is nobody. And in the other sentence?

# %% name="one-average" tags=["predict"]
axes = ["who", "subject", "object", "verb"]
sentences = {
    "Anna sees Ben": np.array([[1.0, 1, 0, 0], [0, 0, 0, 1], [-1, 0, 1, 0]]),
    "Ben sees Anna": np.array([[-1.0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]]),
}
W_both = np.zeros((4, 4))
W_both[3] = [0, 4, 4, 0]  # what a verb asks for

for sentence, x in sentences.items():
    output, weights = attention(x @ W_both, x, x)
    print(f"{sentence}:  weights of sees {weights[1]}  output {output[1] + 0.0}")

# %% [markdown]
# The outputs are the same to the last digit. Softmax gives a query **one row of weights**, one row gives **one
# average**, and an average of two things does not say which was which.
#
# You might let *subject* weigh more than *object*, say 0.8 for one and 0.2 for the other. Then *who* becomes
# $0.8 - 0.2 = 0.6$ here and $-0.6$ there: something of the difference is left, for somebody who can undo the mixture.
# Section 7 measures how far this goes, and the answer is not what you may think. The plain way out is to ask twice.
#
# ## 2. Two heads, by hand
#
# A **head** is an attention with matrices of its own: its own way to ask ($W_Q$), to be found ($W_K$) and to hand
# over ($W_V$). Each head has its own row of weights for every word. To keep the bill where it was, heads are narrow:
# with $h$ heads, a vector of $d$ numbers (also called $d_{model}$) becomes $h$ vectors of $d_{head} = d / h$ numbers
# ($h$ has to divide $d$). Here $d = 4$, $h = 2$, $d_{head} = 2$. What was $d_k$ in lesson 03 is $d_{head}$ inside a
# head.
#
# (*Head* has a second meaning elsewhere: the last layer of a network, as in "classification head". Not in this
# course.)
#
# Give *sees* two questions, one a head: **who is the subject?** and **who is the object?** In both heads a key is
# (subject, object) and a value is (who, verb). Only the queries differ: $(4, 0)$ in head 0, $(0, 4)$ in head 1.
#
# | head 0 | key | 1 match | 2 scale: $/\sqrt 2$ | $e^{s}$ | 3 softmax | value |
# |---|---|---|---|---|---|---|
# | Anna | (1, 0) | 4 | 2.828 | 16.919 | 0.894 | (1, 0) |
# | sees | (0, 0) | 0 | 0 | 1 | 0.053 | (0, 1) |
# | Ben | (0, 1) | 0 | 0 | 1 | 0.053 | (−1, 0) |
#
# **4 Mix.** $0.894 - 0.053 = 0.841$ on *who*, 0.053 on *verb*. Head 0 says: the subject is (mostly) Anna. Do head 1
# yourself: only the roles of Anna and Ben change, so it brings $(-0.841, 0.053)$.
#
# **Merge.** Lay the two outputs side by side: $(0.841,\ 0.053,\ -0.841,\ 0.053)$, four numbers again.
#
# **Combine.** So far columns 0 and 1 know only what head 0 found. One more matrix, $W_O$, brings the heads
# together. Ours writes the *who* of head 0 on the axis *subject*, the *who* of head 1 on the axis *object*, and half
# of each head's *verb* on the axis *verb*. The output of *sees* is $(0,\ 0.841,\ -0.841,\ 0.053)$: the subject is
# Anna, the object is Ben.
#
# In symbols, with $X$ as rows of words; a raised number says which head, and is no power:
#
# $$
# \mathrm{head}_i = \mathrm{Attention}(X W_Q^i,\; X W_K^i,\; X W_V^i)
# \qquad
# \mathrm{output} = [\,\mathrm{head}_0 \;\; \mathrm{head}_1\,]\, W_O
# = \mathrm{head}_0 W_O^0 + \mathrm{head}_1 W_O^1
# $$
#
# This is section 3.2.2 of Vaswani et al. (2017). The last step is the rule for products of blocks: a column of the
# merged array meets one row of $W_O$, so the columns of head 0 meet only the upper rows, $W_O^0$, and those of head 1
# the lower ones. **The heads add up**, and each has rows of $W_O$ to itself.

# %% name="a-list-of-heads"
#                who       subject   object    verb
keys = np.array([[0.0, 0], [1.0, 0], [0.0, 1], [0.0, 0]])  # (subject, object)
values = np.array([[1.0, 0], [0.0, 0], [0.0, 0], [0.0, 1]])  # (who, verb)
heads = [
    {
        "q": np.array([[0.0, 0], [0.0, 0], [0.0, 0], [4.0, 0]]),  # a verb: who is the subject?
        "k": keys,
        "v": values,
        "o": np.array([[0, 1, 0, 0], [0, 0, 0, 0.5]]),
    },
    {
        "q": np.array([[0.0, 0], [0.0, 0], [0.0, 0], [0.0, 4]]),  # ... and who is the object?
        "k": keys,
        "v": values,
        "o": np.array([[0, 0, 1, 0], [0, 0, 0, 0.5]]),
    },
]


def one_after_the_other(x_q, x_kv, heads):
    """A list of heads, each by itself, added up. One sentence: (Tq, d), (Tk, d) -> (Tq, d)."""
    total = 0
    for head in heads:
        output, weights = attention(x_q @ head["q"], x_kv @ head["k"], x_kv @ head["v"])
        total = total + output @ head["o"]
    return total


for sentence, x in sentences.items():
    print(f"{sentence}:  output of sees {one_after_the_other(x, x, heads)[1] + 0.0}")

# %% [markdown]
# Now the two sentences can be told apart. The other words asked nothing; their query is zero, their weights are equal.
#
# Nobody tells a trained head what to ask. All heads begin with random numbers, and training finds some use for them,
# or none.
#
# ## 3. Many heads in one product
#
# The loop computes $X W_Q^0$, $X W_Q^1$ and so on: small products, all with the same $X$ on the left. Put the matrices
# side by side, and one product does them all:
#
# $$
# X \, [\, W_Q^0 \;\; W_Q^1 \,] = [\, X W_Q^0 \;\; X W_Q^1 \,].
# $$
#
# The big matrix is $(d, d)$ again, since $h \cdot d_{head} = d$, and computers are much better at one large product
# than at many small ones. So a layer has four square matrices, whatever its number of heads, and **head $i$ owns the
# columns $i \cdot d_{head}$ to $(i+1) \cdot d_{head} - 1$** of $W_Q$, $W_K$ and $W_V$. Of $W_O$ it owns the *rows* with
# the same numbers.
#
# ### Exercise `pack_heads`
#
# *difficulty ●●○○○ · importance ●●●●○ · 12 minutes*
#
# Take a list of heads as above, dicts of `q`, `k`, `v` (d, d_head) and `o` (d_head, d), and return one dict `W` with
# the same four names, each matrix (d, d). `np.concatenate(arrays, axis=...)` joins a list of arrays.


# %% name="exercise-pack-heads"
def pack_heads(heads):
    """Return W, a dict of "q", "k", "v" and "o", each (d, d); head i comes i-th."""
    ### BEGIN SOLUTION
    W = {name: np.concatenate([head[name] for head in heads], axis=1) for name in ("q", "k", "v")}
    W["o"] = np.concatenate([head["o"] for head in heads], axis=0)
    return W
    ### END SOLUTION


# %%
pack_heads = check("pack_heads", pack_heads)

# %% [markdown]
# Look at the query of *sees*: the questions of both heads, $(4, 0)$ and $(0, 4)$, side by side.

# %% name="both-questions"
W = pack_heads(heads)
x = sentences["Anna sees Ben"]
print("x @ W['q'], row of sees:", (x @ W["q"])[1])
for name in ("q", "k", "v"):
    by_head = np.concatenate([x @ head[name] for head in heads], axis=1)
    print(f"{name}: one product as head by head:", np.array_equal(x @ W[name], by_head))

# %% [markdown]
# ## 4. Split and merge
#
# Now the columns must come apart again, for the heads must not meet in *match*. For a batch, `x @ W["q"]` is (B, T, d).
# `@` works on the last two axes and repeats itself over all others (lesson 03, section 9), so if the heads stand
# *before* the words, (B, h, T, d_head), your `attention` does all of them at once. (It is the axis that lessons 00 and
# 03 call H; its length is `h`.)
#
# Two functions of numpy move axes, and it pays to know what each of them does to the numbers in memory.
#
# - An array lies there as one long row: word after word, each with its $d$ numbers. **`x.reshape(...)`** leaves that
#   row as it is and says anew where to cut it. Cutting each word's $d$ numbers into $h$ runs is such a cut. PyTorch
#   calls it `view`.
# - **`np.swapaxes(x, 1, 2)`** lets two axes change places, so that another number comes next. PyTorch calls it
#   `transpose`.
#
# One of them alone is not enough, and an array of the right shape is no proof.
#
# ### Exercise `split_heads`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# Turn `x` (B, T, d) into (B, h, T, d / h). Head $i$ gets the columns $i \cdot d_{head}$ to $(i+1) \cdot d_{head} - 1$
# of every word. `B, T, d = x.shape` names the sizes, and `d // h` is a whole number where `d / h` is not.


# %% name="exercise-split-heads"
def split_heads(x, h):
    """(B, T, d) -> (B, h, T, d / h): each head gets its own columns of every word."""
    ### BEGIN SOLUTION
    B, T, d = x.shape
    pieces = x.reshape(B, T, h, d // h)  # cut each word's numbers; nothing moves
    return np.swapaxes(pieces, 1, 2)  # heads before words
    ### END SOLUTION


# %%
split_heads = check("split_heads", split_heads)

# %% [markdown]
# ### Exercise `merge_heads`
#
# *difficulty ●●○○○ · importance ●●●●● · 6 minutes*
#
# And back: `x` (B, h, T, d_head) becomes (B, T, h * d_head), the heads of a word side by side, head 0 leftmost.


# %% name="exercise-merge-heads"
def merge_heads(x):
    """(B, h, T, d_head) -> (B, T, h * d_head): the inverse of split_heads."""
    ### BEGIN SOLUTION
    B, h, T, d_head = x.shape
    words_first = np.swapaxes(x, 1, 2)  # (B, T, h, d_head)
    return words_first.reshape(B, T, h * d_head)
    ### END SOLUTION


# %%
merge_heads = check("merge_heads", merge_heads)

# %% [markdown]
# ### Follow one number
#
# Below are the values of *Anna sees Ben*, four numbers a word: `B2` is number 2 of Ben. Attention is made simple
# here: in every head each row fetches from the row below it, and the last one from the first. So *sees* fetches from
# *Ben*. Move *step* down to 0, then up to 5, and follow the marked number through *your* two functions. *swap* says
# where the axes are swapped; where they are not, `reshape` alone makes the shape.
#
# 1. Swap *in the split and in the merge*, two heads. In which head does `B2` travel, and where does it end? Who should
#    have it now?
# 2. Swap *nowhere*, and stop at step 2. Which words does head 0 hold? Which part of Ben can ever meet Anna? Then go to
#    the end: where does `B2` stand, and from whom has that row fetched it?
# 3. Swap *in the merge alone*. `B2` arrives where it should. Is everything all right, then? Try another word or column.

# %% name="follow-one-number"
explore(
    draw_way,
    split_heads=split_heads,
    merge_heads=merge_heads,
    words=("Anna", "sees", "Ben"),
    d=4,
    step=slider(0, 5, start=2),
    heads=HEADS_OF_TWO,
    swap=list(SWAPS),
    word=["Ben", "Anna", "sees"],
    column=slider(0, 3, start=2),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. In head 1, as its first number, since head 1 owns the columns 2 and 3. It ends in the row of *sees*, column 2:
#    *sees* fetched it from Ben, and each number stays in its column.
# 2. All of Anna and half of *sees*; head 1 holds the other half and all of Ben. No number of Ben stands in a head with
#    one of Anna, so nothing that attention does can bring them together. `B2` ends in Ben's own row, in column 0: he
#    fetched it from himself, and it belongs into column 2 of *sees*. Every shape is right, and splitting and merging
#    undo each other perfectly.
# 3. It was luck. `A2`, for one, ends in the row of Anna, where it came from; Ben should have it. One right number
#    proves nothing.
#
# </details>
#
# ## 5. Multi-head attention
#
# Five steps: **1 project** words to queries, keys and values; **2 split** all three; **3 attend**, in all heads at
# once; **4 merge**; **5 combine** the heads with $W_O$.
#
# There may be two sentences: those who ask, `x_q`, and those who are asked, `x_kv`. If a German sentence asks an
# English one, that is called *cross-attention*; where a sentence asks itself, `x_kv` is `x_q`, and it is called
# *self-attention*.
#
# ### Exercise `multi_head_attention`
#
# *difficulty ●●●○○ · importance ●●●●● · 15 minutes*
#
# `x_q` is (B, Tq, d), `x_kv` is (B, Tk, d), `W` is the dict of four matrices, used as `x @ W["q"]`. The mask
# broadcasts to (B, h, Tq, Tk); `None` means that all may attend to all. Return (B, Tq, d). Use what you have:
# `split_heads`, `merge_heads`, and `attention(q, k, v, mask)`, which returns output and weights.


# %% name="exercise-multi-head-attention"
def multi_head_attention(x_q, x_kv, W, h, mask=None):
    """x_q (B, Tq, d) asks x_kv (B, Tk, d) in h heads: (B, Tq, d)."""
    ### BEGIN SOLUTION
    q = split_heads(x_q @ W["q"], h)  # 1 project, 2 split
    k = split_heads(x_kv @ W["k"], h)
    v = split_heads(x_kv @ W["v"], h)
    output, _ = attention(q, k, v, mask)  # 3 attend
    return merge_heads(output) @ W["o"]  # 4 merge, 5 combine
    ### END SOLUTION


# %%
multi_head_attention = check("multi_head_attention", multi_head_attention)

# %% [markdown]
# ### The proof
#
# First the sentences of section 2, both in one batch: the numbers from your paper. Then random heads, with sizes that
# all differ. Their matrices are copied into `W`, and the same sentences go through the list and through the one
# product. That is what "equal" means for two pieces of code: same weights in, same numbers out.

# %% name="the-proof"
both = np.stack(list(sentences.values()))  # (B, T, d) = (2, 3, 4)
print("sees, in both sentences:", *multi_head_attention(both, both, W, h=2)[:, 1] + 0.0)

rng = np.random.default_rng(4)
B, Tq, Tk, h, d_head = 2, 5, 7, 3, 4
d = h * d_head
some_heads = [
    {name: rng.standard_normal((d, d_head)) for name in ("q", "k", "v")}
    | {"o": rng.standard_normal((d_head, d))}
    for _ in range(h)
]
x_q, x_kv = rng.standard_normal((B, Tq, d)), rng.standard_normal((B, Tk, d))
listed = np.stack([one_after_the_other(x_q[b], x_kv[b], some_heads) for b in range(B)])
packed = multi_head_attention(x_q, x_kv, pack_heads(some_heads), h)
print("list of heads = one product:", np.allclose(listed, packed))

in_reverse = multi_head_attention(x_q, x_kv, pack_heads(some_heads[::-1]), h)
print("the heads in another order:", np.allclose(packed, in_reverse))
# The new order: old columns 0, 4, 8, 1, 5, 9, ... Those of head 0 now stand at 0, 3, 6, 9.
in_turn = np.arange(d).reshape(h, d_head).T.ravel()
dealt = {
    name: M[in_turn] if name == "o" else M[:, in_turn] for name, M in pack_heads(some_heads).items()
}
print(
    "the columns in another order:", np.allclose(packed, multi_head_attention(x_q, x_kv, dealt, h))
)

# %% [markdown]
# The last two lines deserve a thought. Heads add up, so their order does not matter. But which *columns* belong to one
# head is an agreement. You might deal them out in turn, as the last line does: the columns of head 0 then stand at 0,
# 3, 6, 9 of twelve. A model that is trained that way from its first day is just as good. With matrices that somebody
# else has trained, it is another function: same `W`, same shapes, other numbers. When you load published weights
# (lesson 16), the agreement is part of what you load.
#
# ## 6. How many heads? The bill
#
# Double the number of heads at the same $d$. Each is half as wide. What does that cost? The cell makes layers of
# $d = 64$ from random heads and counts, for a sentence of $T = 20$ words.

# %% name="the-bill"
d, T = 64, 20
rows = []
for h in (1, 2, 4, 8, 16):
    n = d // h
    made_of = {"q": (d, n), "k": (d, n), "v": (d, n), "o": (n, d)}
    layer = pack_heads(
        [{name: np.zeros(shape) for name, shape in made_of.items()} for _ in range(h)]
    )
    parameters = sum(matrix.size for matrix in layer.values())
    multiplications = h * (T * T * n + T * T * n)  # match and mix
    rows.append((h, n, f"{parameters:,}", f"{multiplications:,}", f"{h * T * T:,}"))
show_table(("heads", "d_head", "parameters", "multiplications, match and mix", "weights"), rows)

# %% [markdown]
# $h$ heads have as many parameters as one, $4 d^2$, and take as many multiplications. Only the weights multiply, since
# every head has a map of its own: memory, and softmaxes to compute.
#
# ### What changes when a width is split
#
# Take the word "point" of lesson 03 and its query $(0, 0, 2, 2)$: is anything *sharp* nearby, or a *person*? The
# matrices are those of that lesson; only the cut is new. Each row of the map below is one head of "point". $W_O$ is
# left out, so that the numbers it brings home stay readable.
#
# 1. *About a needle*, one head: find the 0.49 that you computed in lesson 03. Then take two heads. Which question is
#    left to head 0? And why does *sharp* get more than 0.49 in head 1, where its score is 4 as before?
# 2. *About both*: with one head, the row mixes *sharp* with *people*. From how many heads on does none mix them?
# 3. With four heads, what do heads 0 and 1 bring home, who ask nothing? What would a head have to do to bring nothing?

# %% name="explore-heads"
word_axes = ("thing", "action", "sharp", "person")
word_table = {
    "needle": [1, 0, 1, 0],
    "has": [0, 1, 0, 0],
    "sharp": [0, 0, 2, 0],
    "point": [1, 1, 0, 0],
    "It": [1, 0, 0, 0],
    "is": [0, 1, 0, 0],
    "polite": [0, 0, 0, 1],
    "people": [1, 0, 0, 2],
}
W_Q = np.array([[0, 0, 2, 0], [0, 0, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]])
texts = {
    "about a needle": "The needle has a sharp point .",
    "about people": "It is not polite to point at people .",
    "about both": "Do not point a sharp needle at people .",
}
examples = {}
for name, text in texts.items():
    vectors = np.array([word_table.get(word, [0, 0, 0, 0]) for word in text.split()], dtype=float)
    examples[name] = (text.split(), vectors @ W_Q, vectors, vectors)

explore(
    draw_heads,
    attention=attention,
    split_heads=split_heads,
    examples=examples,
    axes=word_axes,
    sentence=list(examples),
    heads=HEADS_OF_ONE,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Head 0 has the columns *thing* and *action*, and there the query is $(0, 0)$: no question, equal weights. In head
#    1 the score of *sharp* is still 4, but a head of width 2 divides by $\sqrt 2$ and not by $\sqrt 4$. So its
#    weights are sharper: 0.65.
# 2. From four on. Head 2 asks for *sharp* alone and head 3 for a *person* alone, and each gives its best word more than
#    0.75 of its own row. One head gave both 0.31.
# 3. The plain average of their columns: a row sums to 1, whether somebody asked or not. A head can only bring nothing
#    if it looks at a word whose value is zero there, or if $W_O$ has zeros in its rows.
#
# </details>
#
# ## 7. One head against many, measured
#
# Hand-made heads prove what is possible. What does training find? Here is a task that needs two relations at once.
# Sentences of eight words stand in a circle, the words are drawn at random from eight, and **every word has to name the
# word before it and the word behind it.**
#
# The model is one layer: a vector of 16 numbers for each word, to which one for its place in the sentence is added, for
# otherwise nobody could know who is next to whom (lesson 06 is about that); multi-head attention with your
# `split_heads` and `merge_heads`; and one product that turns the output into a score for every word, once for each of
# the two questions. $d$ is 16 and the number of parameters is the same, whatever $h$ is. *Training* moves all numbers a
# little in the direction that makes the right answers more probable; lesson 10 tells how. One such move is called an
# *update*, and there are 400 of them. Each line of the table is trained three times, from three random starts, which
# takes a second or so. Guessing gives 12.5 %.
#
# *Predict, before you run it:* what does **one** head reach on the two questions? Both a half? One of them, and which?
# And is 16 heads of width 1 better than 8, or worse?

# %% name="one-head-against-many" tags=["predict", "nbval-ignore-output"]
measured = measure_heads([1, 2, 4, 8, 16], split_heads=split_heads, merge_heads=merge_heads)
show(heads_table(measured, names=("word before", "word behind")))
alone, two, *others, thin = measured.values()
show(looks_table(dict(list(measured.items())[:2]), names=("word before", "word behind")))

# %% name="what-the-heads-show" tags=["predict"]
worse, better = np.sort(alone.first, axis=1).T  # of the two questions, for each training
each_has_one = np.sort(two.looks.argmax(axis=-1), axis=1)  # whom head 0 and head 1 look at most
holds(
    ("One head answers one of the two questions nearly always.", better.min() > 0.98),
    ("The other it answers hardly more often than guessing would.", worse.max() < 0.2),
    ("Yet the right word is among its first two choices.", alone.two.min() > 0.98),
    ("It looks at both neighbors, with 0.4 to 0.6 each.", np.abs(alone.looks - 0.5).max() < 0.1),
    ("Two heads answer both.", two.first.min() > 0.98),
    ("One of the two looks before, the other behind.", (each_has_one == [0, 1]).all()),
    ("Four and eight heads answer both, too.", min(m.first.min() for m in others) > 0.98),
    (
        "Sixteen heads, trained as long, are behind two.",
        thin.first.mean() < two.first.mean() - 0.03,
    ),
)

# %% [markdown]
# The first line is *Anna sees Ben* once more. The one head looks at both neighbors, half and half, and knows exactly
# **which two words** stand around it: the right one is always among its first two choices. It does not know **which is
# which**. One weight has come out a little larger than the other, so one word always wins, and it wins for both
# questions. One answer is right every time. The other is wrong every time, except where both neighbors are the same
# word, one time in eight: it only looks like guessing.
#
# Two heads share the work: one looks before, the other behind. Nobody told them; two that ask the same get nothing for
# it.
#
# And 16 heads of width 1? Such a head compares by multiplying two single numbers. So it can prefer the keys with the
# largest number or those with the smallest, and never one in the middle. Each is too simple to point at a neighbor,
# and the sixteen must patch their answers together. They can, and it takes them longer. (Not in the table: a training
# with ten times as many updates, 4,000, brought them above 95 %. One of this course's tests repeats it.)
#
# ### The same single head, with something behind it
#
# In a Transformer no attention stands alone. Behind it comes a *feed-forward layer* (lesson 07). Ours makes 64 sums
# of the 16 numbers, each with weights of its own, sets those below 0 to 0, and goes on with the 64. That bend at 0 is
# something that no product of matrices can do. Give the one head such a layer and train again. Predict, then run.

# %% name="something-behind-it" tags=["predict", "nbval-ignore-output"]
helped = measure_heads([1], split_heads=split_heads, merge_heads=merge_heads, hidden=HIDDEN)
show(heads_table(helped, names=("word before", "word behind")))

# %% name="what-the-layer-shows" tags=["predict"]
(unmixed,) = helped.values()
holds(
    (
        "One head with a feed-forward layer behind answers both questions.",
        unmixed.first.min() > 0.98,
    )
)

# %% [markdown]
# So the average was not empty. Half and a little more of one word, half and a little less of the other: a layer that
# bends can undo such a mixture, as section 1 suspected. (It has parameters of its own, so this is no comparison at
# equal cost.) What a single average does not allow is to be *read off* directly.
#
# That is why the honest answer to "how many heads?" is: measure it. Vaswani et al. (2017, table 3, rows A) did, for
# English to German with 4.5 million pairs of sentences, at the same cost ($d = 512$). BLEU scores a translation, higher
# is better (lesson 11):
#
# | heads | 1 | 4 | 8 | 16 | 32 |
# |---|---|---|---|---|---|
# | $d_{head}$ | 512 | 128 | 64 | 32 | 16 |
# | BLEU | 24.9 | 25.5 | 25.8 | 25.8 | 25.4 |
#
# One head is 0.9 worse than the best, and too many are worse again. **In this course's own translator, on sentences
# like those of its training, the number of heads made no difference that we could show:** trained once each, four
# heads translate 97.7 % of 300 new sentences exactly and one head 95.3 %. But 300 sentences are a sample, and another
# 300 would give other figures. So each figure has a range, made in such a way that 19 of 20 such ranges hold the share
# among *all* sentences: here 95.3 to 98.9 and 92.3 to 97.2. The two overlap. Behind each attention this model has a
# feed-forward layer, as above, and it attends in several layers one after the other, so what one head has left out,
# the next layer can fetch. On sentences longer than any that they had seen, four heads were ahead, 40.3 % to 25.0 %
# (ranges 34.9 to 46.0 and 20.4 to 30.2). Lesson 12 has the table. Whether it is the heads, one training of each cannot
# say.
#
# ## 8. A test that cannot be passed by luck
#
# Suppose that somebody forgets to swap the axes: in the split, in the merge, or in both. All shapes are right. All rows
# of weights sum to 1. He is careful, so he trains the model on something easy before he trusts it: **copying**, where
# every word has to name itself. It works, 100 %. What does this tell him?
#
# The cell trains the layer of section 7, with two heads, in all four ways. Next to copying there are two other tests.
# **Reversing**: the first word has to name the last one, the second the last but one, as if it were translated into a
# language in which everything stands the other way round. **Reversing with pads**: the same trained model, and behind
# each sentence two places of padding, hidden by a mask, as when a longer sentence stands in the same batch. A right
# model cannot notice them.
#
# *Predict:* which of the four ways passes which of the tests?


# %% name="four-ways" tags=["predict", "nbval-ignore-output"]
def split_without_swap(x, h):
    B, T, d = x.shape
    return x.reshape(B, h, T, d // h)


def merge_without_swap(x):
    B, h, T, d_head = x.shape
    return x.reshape(B, T, h * d_head)


ways = {
    "in the split and in the merge": Wiring(2, split_heads, merge_heads),
    "nowhere": Wiring(2, split_without_swap, merge_without_swap),
    "in the split alone": Wiring(2, split_heads, merge_without_swap),
    "in the merge alone": Wiring(2, split_without_swap, merge_heads),
}
results = measure_wirings(ways, pads=2)
show(wirings_table(results))

# %% name="what-the-ways-show" tags=["predict"]
right_way, nowhere, split_alone, merge_alone = results.values()
holds(
    ("All four learn to copy.", min(copied.min() for copied, _, _ in results.values()) > 0.98),
    ("Without any swap, reversing stays at guessing.", nowhere[1].max() < 0.2),
    (
        "With one swap, reversing is learned.",
        min(split_alone[1].min(), merge_alone[1].min()) > 0.98,
    ),
    ("With one swap, pads spoil it.", max(split_alone[2].max(), merge_alone[2].max()) < 0.9),
    ("Only with both swaps do all three hold.", right_way[2].min() > 0.98),
)

# %% [markdown]
# Copying tells nothing. Without any swap, words 0 to 3 live in head 0 and words 4 to 7 in head 1, as in the demo. To
# copy, a word only has to find itself, and itself it meets in its own head. But the first word never meets the last
# one, so no amount of training can teach this model to reverse. A translator has to move words as well.
#
# The two half-mistakes are harder to find, because they learn even to reverse. The scrambled wiring is the same for
# every sentence of eight words, and training finds a way around it. But the wiring depends on the length: with two
# pads behind, half of the numbers go where they always went, and the other half elsewhere. Four of the eight words
# still answer right and four can only guess, which makes about 58 %: it looks like a model that is merely weak. In real
# batches lengths change all the time. There such a model trains, is worse than it should be, and no message says so.
#
# **A task that trains is not a proof.** What tells at once is the comparison that you made in section 5: same weights
# into a list of heads and into your code, and the same numbers out, with sizes that all differ.
#
# ## 9. Find the bug
#
# A colleague does not like four axes. To him, heads are simply more sentences: (B * h, T, d_head). A fair idea, and
# some libraries do it. He has read section 8 and compares with a list of heads: two sentences without a mask, one
# sentence with a mask, two sentences with the same mask. All of it is right to the last digit. In use, though, his
# model answers well when it gets sentences one by one, and badly when it gets them in batches.


# %% name="heads-as-sentences"
def colleagues_heads(x_q, x_kv, W, h, mask=None):
    """Return (B, Tq, d)."""
    B, Tq, d = x_q.shape
    Tk = x_kv.shape[1]
    q = split_heads(x_q @ W["q"], h).reshape(B * h, Tq, d // h)
    k = split_heads(x_kv @ W["k"], h).reshape(B * h, Tk, d // h)
    v = split_heads(x_kv @ W["v"], h).reshape(B * h, Tk, d // h)
    if mask is not None:
        mask = np.broadcast_to(mask, (B, h, Tq, Tk))
        mask = np.concatenate([mask[:, i] for i in range(h)])  # (B * h, Tq, Tk)
    output, _ = attention(q, k, v, mask)
    return merge_heads(output.reshape(B, h, Tq, d // h)) @ W["o"]


h = 2
x = rng.standard_normal((2, 5, 8))
W = {name: rng.standard_normal((8, 8)) for name in ("q", "k", "v", "o")}
short = np.array([[[[True, True, True, False, False]]]])  # (1, 1, 1, Tk): the last two are padding
for what, who, mask in (
    ("two sentences, no mask  ", x, None),
    ("one sentence, a mask    ", x[:1], short),
    ("two sentences, one mask ", x, short),
):
    his, yours = (f(who, who, W, h, mask) for f in (colleagues_heads, multi_head_attention))
    print(what, "as yours:", np.allclose(his, yours))

# %% [markdown]
# ### Exercise `repair_heads`
#
# *difficulty ●●●○○ · importance ●●●●○ · 20 minutes*
#
# There is one mistake in his function. Each of his three tests leaves out something that a real batch has. What is it?
# Make a test that has it, and see where his numbers part from yours. Then copy his lines into the cell below and repair
# them. (The check looks at numbers alone, so a call of your own function would pass as well. It would not tell you what
# was wrong with his.)


# %% name="exercise-repair-heads"
def repair_heads(x_q, x_kv, W, h, mask=None):
    """Return (B, Tq, d), as `multi_head_attention` does, with heads as more sentences."""
    ### BEGIN SOLUTION
    B, Tq, d = x_q.shape
    Tk = x_kv.shape[1]
    q = split_heads(x_q @ W["q"], h).reshape(B * h, Tq, d // h)
    k = split_heads(x_kv @ W["k"], h).reshape(B * h, Tk, d // h)
    v = split_heads(x_kv @ W["v"], h).reshape(B * h, Tk, d // h)
    if mask is not None:
        # The same order as q, k and v: all heads of sentence 0, then all heads of sentence 1.
        mask = np.broadcast_to(mask, (B, h, Tq, Tk)).reshape(B * h, Tq, Tk)
    output, _ = attention(q, k, v, mask)
    return merge_heads(output.reshape(B, h, Tq, d // h)) @ W["o"]
    ### END SOLUTION


# %%
repair_heads = check("repair_heads", repair_heads)

# %% [markdown]
# What it does in use: a sentence of three words alone, and the same sentence in a batch, next to one of five words.

# %% name="alone-and-in-company"
company = np.array([[[[True, True, True, False, False]]], [[[True] * 5]]])  # (2, 1, 1, Tk)
rows = []
for name, f in (("his", colleagues_heads), ("the repaired one", repair_heads)):
    in_company, by_itself = f(x, x, W, h, company)[0, :3], f(x[:1], x[:1], W, h, company[:1])[0, :3]
    rows.append((name, f"{np.abs(in_company - by_itself).max():.3f}"))
show_table(("function", "largest change of the short sentence's output"), rows)

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# `reshape` makes of (B, h) the order sentence 0 head 0, sentence 0 head 1, sentence 1 head 0, sentence 1 head 1. His
# mask is put together head by head: sentence 0, sentence 1, sentence 0, sentence 1. With two heads, head 1 of the
# short sentence gets the mask of the long one and looks at padding, and head 0 of the long one is kept from its last
# words. Without a mask, with one sentence, with one mask for all, or with one head, both orders are the same.
#
# </details>
#
# ### When you look at a library's heads
#
# PyTorch's `nn.MultiheadAttention` holds its three input matrices in one, `in_proj_weight`, of shape (3 d, d), and
# uses them turned around, as `x @ W.T`. It returns weights **averaged over the heads** unless you ask for
# `average_attn_weights=False`. And while it is in training mode with dropout, which sets weights to zero at random,
# the weights that it returns are those *after* dropout: with a rate of 0.1, in one run of ours, rows summed to
# anything from 0.21 to 1.11 (torch 2.13). Rows that do not sum to 1 are not always a bug; but do not draw a map from
# them.
#
# ## 10. Three questions

# %% name="quiz"
quiz("04")

# %% [markdown]
# ## 11. The whole lesson in one picture
#
# *Anna sees Ben* with the two heads of section 2. The farther a number is from 0, the darker its cell; a minus marks
# those below.

# %% name="summary"
show(
    draw_summary,
    x=sentences["Anna sees Ben"],
    W=pack_heads(heads),
    h=2,
    split_heads=split_heads,
    attention=attention,
)

# %% [markdown]
# What you can take along:
#
# - One query gives one row of weights, and one row gives one average. Heads are several questions at once.
# - *Project, split, attend, merge, combine.* It is a list of narrow heads, computed in one product; the heads add up.
# - `reshape` cuts, `swapaxes` moves. Shapes, row sums, round trips and a copying task do not tell whether heads are
#   scrambled. Equal numbers for equal weights do.
# - More heads cost no parameters, and a head can become too narrow. What they are worth has to be measured, with what
#   stands behind them.
#
# In lesson 05 the masks come that were taken as given here.
#
# ## A task for four
#
# *How many heads for how many relations?* `measure_heads(..., offsets=(-2, -1, 1, 2))` asks for four words at once,
# and `names=` in the tables takes four names. Each of you takes one number of heads, 1, 2, 4 or 8, writes down a
# prediction for each of the four words, and runs it. Lay the tables side by side and agree on one sentence that says
# when another head helps. Then let three words, `offsets=(-1, 0, 1)`, meet two heads. Does your sentence hold in all
# three trainings?
#
# ## How to teach it
#
# Let people fail `split_heads` first: nearly everybody writes `x.reshape(B, h, T, d // h)`, and the shape convinces
# them; then let two of them act it out with twelve cards in a row, one cutting and one swapping, before the demo.
# Section 6 may be left out.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 3.2.2, and rows A
#   of table 3.
# - P. Michel, O. Levy, G. Neubig (2019), [Are Sixteen Heads Really Better than One?](https://arxiv.org/abs/1905.10650).
#   Most heads of a trained model can be taken out.
# - E. Voita et al. (2019), [Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can
#   Be Pruned](https://arxiv.org/abs/1905.09418). What the few do that cannot be taken out.
# - N. Shazeer (2019), [Fast Transformer Decoding: One Write-Head is All You Need](https://arxiv.org/abs/1911.02150).
#   Many queries share one head of keys and values: cheaper when a model writes.
