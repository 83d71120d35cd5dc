# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Scaled dot-product attention
#
# *Lesson 03 · 150 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - carry out attention on paper, in four steps: *match, scale, softmax, mix*;
# - write it in numpy for one query, for a sentence, and for a batch with several heads, with a mask;
# - derive why the scores are divided by $\sqrt{d_k}$, measure what happens without it, and say what that measurement
#   leaves open;
# - find mistakes in an attention function that passes every test its author thought of.
#
# **Prerequisites.** Python lists and functions; a vector as a list of numbers; the matrix product `A @ B`. You need
# not have met attention before, and nothing here is trained.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `softmax` | turn scores into weights, safely, with a mask | ●●○○○ | ●●●●● | 15 |
# | `attention` | the four steps, for any number of queries | ●●○○○ | ●●●●● | 10 |
# | `score_statistics` | what $\sqrt{d_k}$ does to random scores | ●●○○○ | ●●●●○ | 10 |
# | `repair_attention` | find the bug | ●●○○○ | ●●●●○ | 10 |
#
# After each exercise a cell with `check` tells you within a second how you did. It hands your own function on if it
# passes, and a finished one if it does not, so the rest of the lesson always runs. When you are stuck,
# `hint("softmax")` asks a helpful question, a second and a third call say more, and `solution("softmax")` shows an
# answer.

# %% name="setup"
import numpy as np

from course.lab import check, explore, hint, quiz, show, show_table, slider, solution
from course.lab.drawing import draw_map
from course.lessons.lesson_03.dragged_query import DraggedQuery
from course.lessons.lesson_03.experiments import gradient_at_the_query, measure_scale, show_scale
from course.lessons.lesson_03.figures import (
    draw_attention_map,
    draw_random_scores,
    draw_scale_measurement,
    draw_soft_dictionary,
    draw_summary,
    draw_two_sentences,
)

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# ## 1. One word, two meanings
#
# > The needle has a sharp **point**.
# >
# > It is not polite to **point** at people.
#
# You read both without a stumble: the tip of a needle in the first, an outstretched finger in the second. The letters
# of "point" gave you no help, since they are the same. Its neighbors did: *needle* and *sharp* here, *polite* and
# *people* there.
#
# A program that looks words up in a table is worse off. The table has one row for "point", and that row comes out
# whatever the sentence is about. What the program needs is a step in which a word looks around, finds the words that
# matter to it, and takes something from them. That step is attention.
#
# To follow it number by number you need vectors small enough to read. Here each word gets four numbers, one for each
# of the axes *thing*, *action*, *sharp*, *person*. They are made by hand for this page: nobody trained them. In a
# trained model there are hundreds of axes, training chooses the numbers, and no axis comes with a name.
#
# "Point" may be a thing or an action, so it gets a 1 for both: undecided. Little words such as "the" say nothing
# about any of the four and get zeros.

# %% name="word-vectors"
axes = ["thing", "action", "sharp", "person"]
table = {
    "needle": [1, 0, 1, 0],
    "has": [0, 1, 0, 0],
    "sharp": [0, 0, 2, 0],
    "point": [1, 1, 0, 0],
    "It": [1, 0, 0, 0],
    "is": [0, 1, 0, 0],
    "polite": [0, 0, 0, 1],
    "people": [1, 0, 0, 2],
}


def embed(words):
    """One row of four numbers for each word: (T, 4). Words that are not in the table get zeros."""
    return np.array([table.get(word, [0, 0, 0, 0]) for word in words], dtype=float)


needle_sentence = "The needle has a sharp point ."
people_sentence = "It is not polite to point at people ."
needle_words, people_words = needle_sentence.split(), people_sentence.split()

show_table(["word", *axes], [[word, *embed([word])[0].astype(int)] for word in needle_words])

# %% [markdown]
# ### Asking, matching, handing over
#
# In attention a word plays three parts, and each part has a vector of its own.
#
# - The <span style="border-bottom: 3px solid #0072B2">**query**</span> is what a word asks of the others.
# - The <span style="border-bottom: 3px solid #E69F00">**key**</span> is what a word shows, so that a query can be
#   compared with it.
# - The <span style="border-bottom: 3px solid #009E73">**value**</span> is what a word hands over to whoever found it.
#
# Blue, orange and green: these colors stay the same through the whole course.
#
# Why not one vector for all three? Try it. If "point" asks with its own vector $(1, 1, 0, 0)$, its dot product is 2
# with itself, 1 with *needle*, 1 with *has*, and 0 with *sharp*. It would look more at itself than at any other word,
# and *sharp* would interest it as much as the period at the end. What a word *is* and what a word *looks for* are two
# different things.
#
# What would settle the meaning of "point"? If it is a thing, is anything sharp nearby? If it is an action, is a
# person nearby? So its query is
#
# $$q = (0, 0, 2, 2).$$
#
# (Any positive number would do in place of the 2; it keeps the numbers round.) Keys and values may stay the words' own
# vectors for now: a word shows what it is, and hands over what it is.

# %% [markdown]
# ## 2. The four steps, by hand
#
# Take a pencil. You are the word "point" in the first sentence, and your query is $q = (0, 0, 2, 2)$.
#
# **1 Match.** Compare the query with every key $k_j$ by a dot product: multiply number by number, add up. For
# *needle* that is $0 \cdot 1 + 0 \cdot 0 + 2 \cdot 1 + 2 \cdot 0 = 2$. For *sharp* it is $2 \cdot 2 = 4$. All others
# give 0. The result is the word's *score*.
#
# **2 Scale.** Divide every score by $\sqrt{d_k}$, where $d_k$ is the number of entries of a key. Here $d_k = 4$, so
# divide by 2. Section 7 shows why.
#
# **3 Softmax.** Turn the scores into shares of one whole. Raise $e$ to each score, which makes everything positive,
# and divide by the sum. The sum is $5 \cdot 1 + 2.718 + 7.389 = 15.107$.
#
# | word | 1 match $q \cdot k_j$ | 2 scale $s_j$ | $e^{s_j}$ | 3 softmax $w_j$ |
# |---|---|---|---|---|
# | The | 0 | 0 | 1 | 0.066 |
# | needle | 2 | 1 | 2.718 | 0.180 |
# | has | 0 | 0 | 1 | 0.066 |
# | a | 0 | 0 | 1 | 0.066 |
# | sharp | 4 | 2 | 7.389 | 0.489 |
# | point | 0 | 0 | 1 | 0.066 |
# | . | 0 | 0 | 1 | 0.066 |
#
# **4 Mix.** Add up the values $v_j$, each times its weight. On the axis *sharp*, *needle* brings $0.180 \cdot 1$ and
# *sharp* brings $0.489 \cdot 2$, together 1.158. On *thing*, *needle* and "point" itself bring
# $0.180 + 0.066 = 0.246$. On *action*, *has* and "point" bring $0.066 + 0.066 = 0.132$. Nobody is a person. The
# output is $(0.246, 0.132, 1.158, 0)$.
#
# The same four steps in symbols:
#
# $$
# \underbrace{q \cdot k_j}_{\text{1 match}}
# \qquad
# \underbrace{s_j = \frac{q \cdot k_j}{\sqrt{d_k}}}_{\text{2 scale}}
# \qquad
# \underbrace{w_j = \frac{e^{s_j}}{\sum_i e^{s_i}}}_{\text{3 softmax}}
# \qquad
# \underbrace{o = \sum_j w_j v_j}_{\text{4 mix}}
# $$
#
# And in Python, with one query and plain loops. The printed columns should be the ones above.


# %% name="four-steps-with-loops"
def attend_with_loops(q, keys, values):
    """The four steps for one query, as lists and loops."""
    d_k = len(q)
    scores = [sum(q[i] * key[i] for i in range(d_k)) for key in keys]  # 1 match
    scaled = [score / d_k**0.5 for score in scores]  # 2 scale
    powers = [2.718281828459045**s for s in scaled]  # 3 softmax
    weights = [power / sum(powers) for power in powers]
    output = [0.0] * len(values[0])  # 4 mix
    for weight, value in zip(weights, values, strict=True):
        for i in range(len(output)):
            output[i] += weight * value[i]
    return scores, scaled, powers, weights, output


point_asks = [0, 0, 2, 2]
needle_x = embed(needle_words)
scores, scaled, powers, weights, point_in_needle = attend_with_loops(point_asks, needle_x, needle_x)

rows = [
    (word, f"{score:.0f}", f"{s:.0f}", f"{power:.3f}", f"{weight:.3f}")
    for word, score, s, power, weight in zip(
        needle_words, scores, scaled, powers, weights, strict=True
    )
]
show_table(("word", "1 match", "2 scale", "power", "3 softmax"), rows)
print(f"sum of the powers {sum(powers):.3f}, sum of the weights {sum(weights):.3f}")
print("4 mix:", "  ".join(f"{name} {x:.3f}" for name, x in zip(axes, point_in_needle, strict=True)))

# %% [markdown]
# Look at the five words with score 0. They match nothing, and still each gets 0.066 of the weight, one third in all,
# because $e^0$ is 1 and not 0. Softmax ignores nobody. A weight is large only in comparison with the others.
#
# ## 3. The same query in the other sentence
#
# Now the word "point" walks over to the second sentence. It takes its vector and its query along unchanged.
#
# *Before you run the cell, predict:* which two words will score above 0, which of them wins, and with what weight? The
# powers add up to $7 + 2.718 + 7.389 = 17.107$.

# %% name="the-other-sentence" tags=["predict"]
people_x = embed(people_words)
_, _, powers_too, weights_too, point_in_people = attend_with_loops(point_asks, people_x, people_x)
weights_needle, weights_people = np.array(weights), np.array(weights_too)

print(f"sum of the powers {sum(powers_too):.3f}")
print("people", f"{weights_people[7]:.3f}", "  polite", f"{weights_people[3]:.3f}")
print("point, its own vector    ", embed(["point"])[0])
print("gathered among needles   ", np.array(point_in_needle))
print("gathered among people    ", np.array(point_in_people))

show(
    draw_two_sentences,
    sentences=[needle_words, people_words],
    weights=[weights_needle, weights_people],
    outputs=[np.array(point_in_needle), np.array(point_in_people)],
    own=embed(["point"])[0],
    axes=axes,
    focus="point",
)

# %% [markdown]
# One word, one vector, one query, and two outputs. In the first sentence the output has 1.16 on *sharp* and nothing
# on *person*; in the second it has 1.02 on *person* and nothing on *sharp*. Whatever comes next can tell a tip from a
# gesture, which the word's own vector could not.
#
# The width of an arc is the weight. It says how much of a word's value went into the output, and no more than that.
# Whether a weight is also an *explanation* of what a model does is a question of its own, and lesson 13 takes it up.
#
# ## 4. A softmax that does not break, and a mask
#
# Softmax is the one step that can break. In double precision $e^{710}$ is already too large to store, and the loop
# above would stop with an overflow. There is a way around it. Take the same number $c$ off every score:
#
# $$
# \frac{e^{s_j - c}}{\sum_i e^{s_i - c}} = \frac{e^{-c}\, e^{s_j}}{e^{-c} \sum_i e^{s_i}}
# = \frac{e^{s_j}}{\sum_i e^{s_i}}.
# $$
#
# Nothing changes, so you may choose $c$ freely. Choose the largest score: then the largest power is $e^0 = 1$, all
# others are smaller, and nothing can overflow. The same line tells you something about softmax itself: it sees
# *differences* between scores, never their level. A difference of 1 makes a ratio of $e \approx 2.7$ between two
# weights, a difference of 10 a ratio of 22,026.
#
# Sometimes a query must not see a key: a word that has not been written yet, or the padding behind a short sentence.
# A **mask** is an array of booleans, `True` where a query **may attend** to a key. It acts between steps 2 and 3. A
# forbidden score becomes $-\infty$, its power is $e^{-\infty} = 0$, and the remaining words share the whole weight
# among themselves.
#
# Hide *sharp* from "point". The powers that remain are 2.718 for *needle* and five times 1, together 7.718, so
# *needle* gets 0.352 and each of the others 0.130. Zeroing the weight *after* softmax would not do: the row would sum
# to $1 - 0.489 = 0.511$, and the output would shrink with it.
#
# And if everything is forbidden? Then the sum of the powers is 0, and $0 / 0$ is not a number; one such row spoils
# all that is computed from it. In this course a query that may attend to nothing gets **weights of zero**. Lesson 05
# builds the masks that a Transformer needs. Here, take them as given.
#
# ### Exercise `softmax`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# Write softmax along the last axis of an array that may have any number of axes, with an optional mask that
# broadcasts to it. Subtract the maximum, give forbidden entries 0 and a row without any `True` only zeros, and leave
# the array that you were given as it was. If there is a mask, `np.where(mask, x, -np.inf)`, `np.isfinite`, and `np.max`
# and `np.sum` with `axis=-1, keepdims=True` are good friends here, and `np.exp` takes whole arrays; mind the maximum
# of a row that holds nothing but $-\infty$.


# %% name="exercise-softmax"
def softmax(x, mask=None):
    """Return weights of the shape of x: sums of 1 along the last axis, 0 where all is forbidden."""
    ### BEGIN SOLUTION
    if mask is not None:
        x = np.where(mask, x, -np.inf)
    top = np.max(x, axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # a row of -inf: -inf - (-inf) would be NaN
    powers = np.exp(x - top)
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1.0)
    ### END SOLUTION


# %%
softmax = check("softmax", softmax)

# %% [markdown]
# Now the weights of "point" with *sharp* hidden, the ones that you computed on paper; then scores that would have
# stopped the loop; then a row in which all is forbidden.

# %% name="a-mask"
may_attend = np.array([word != "sharp" for word in needle_words])
print(needle_words)
print(softmax(np.array(scaled), may_attend))
print(softmax(np.array([1000.0, 1001.0])), softmax(np.array([0.0, 1.0])))
print(softmax(np.array([3.0, 4.0]), np.array([False, False])))

# %% [markdown]
# ## 5. All words at once
#
# A word is not alone in asking. Every word of the sentence sends a query, and nobody waits for anybody else. The
# loops can go, one at a time, and after each change the numbers must be the ones you know.
#
# **All keys at once.** Stack the keys as rows of a matrix $K$, one row a word. Then `K @ q` is the list of all dot
# products: step 1 in one product.
#
# **All queries at once.** Stack the queries as rows of $Q$. Row $i$, column $j$ of $Q K^\top$ is the dot product of
# query $i$ with key $j$. Softmax runs along each row, because each query shares out its own whole among the keys. And
# `weights @ V` mixes the values for all queries.
#
# $$
# \mathrm{Attention}(Q, K, V)
# = \underbrace{\mathrm{softmax}}_{\text{3 softmax}}
#   \bigg( \underbrace{Q K^\top}_{\text{1 match}} \Big/ \underbrace{\sqrt{d_k}}_{\text{2 scale}} \bigg)
#   \underbrace{V}_{\text{4 mix}}
# $$
#
# This is equation (1) of Vaswani et al. (2017). You have computed it by hand already.
#
# The other words need queries too. The rule behind the query of "point" was: who may be a *thing* asks for something
# *sharp*, who may be an *action* asks for a *person*. As a matrix $W_Q$, a row for each axis of the word, a column
# for each axis of the query, that rule makes queries for all words by one product, $Q = X W_Q$. In a Transformer
# there are three such matrices, $W_Q$, $W_K$ and $W_V$, and training finds them. Ours are made by hand, and $W_K$ and
# $W_V$ change nothing.

# %% name="from-loops-to-one-product"
#               asks for: thing action sharp person
W_Q = np.array(
    [
        [0, 0, 2, 0],  # who may be a thing
        [0, 0, 0, 2],  # who may be an action
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]
)
Q = needle_x @ W_Q  # (Tq, d_k)
K = V = needle_x  # (Tk, d_k) and (Tk, d_v)
d_k = Q.shape[-1]
at = needle_words.index("point")
print("the query of point:", Q[at])

# One query, all keys.
one_row = softmax(K @ Q[at] / np.sqrt(d_k)) @ V
print("one product for all keys, as with loops:   ", np.allclose(one_row, point_in_needle), one_row)

# All queries, still one after another.
rows = np.array([attend_with_loops(q, K, V)[-1] for q in Q])

# All queries, all keys.
weights = softmax(Q @ K.T / np.sqrt(d_k))
output = weights @ V
print("one product for all queries, as with loops:", np.allclose(output, rows), output[at])

show(draw_map, weights=weights, rows=needle_words, columns=needle_words, sums="rows")

# %% [markdown]
# Read the map by rows: who asks stands at the left, on blue, who is asked on top, on orange. The row of "point"
# is the one that you computed. (Weights below 0.1 are shown by their shade alone.)
#
# Two rows deserve a look. *Needle* may be a thing, so it asks for something sharp, and it ends up with the row that
# "point" has: no person is in this sentence, so the second half of the question of "point" finds nobody. And *has*
# asks for a person, and nobody answers. Its scores are all 0, so each of the seven words gets $1/7 = 0.14$. A query
# cannot say "none of you"; its weights add up to 1 whatever the scores are. Trained models live with this, and often
# park the weight that they do not want on some word that hands over little (Xiao et al. 2024).
#
# **The shapes.** There are $T_q$ queries and $T_k$ keys, and every key comes with a value. A query is compared with a
# key, so these two have the same width $d_k$. Values are never compared with anything and may have another width
# $d_v$, which becomes the width of the output.
#
# | | shape | here |
# |---|---|---|
# | $Q$ | (Tq, d_k) | (7, 4) |
# | $K$ | (Tk, d_k) | (7, 4) |
# | $V$ | (Tk, d_v) | (7, 4) |
# | scores, weights | (Tq, Tk) | (7, 7) |
# | output | (Tq, d_v) | (7, 4) |
#
# Here everything is 7 and 4 because a sentence attends to itself. When a German sentence that is being written
# attends to an English one, $T_q$ and $T_k$ differ. Code that mixes them up can run for a long time before anybody
# notices, as section 10 shows.
#
# ### Exercise `attention`
#
# *difficulty ●●○○○ · importance ●●●●● · 10 minutes*
#
# Write the four steps with numpy and your `softmax`: `q` is (..., Tq, d_k), `k` is (..., Tk, d_k), `v` is (..., Tk,
# d_v), and the dots stand for any number of leading axes. `np.swapaxes(k, -1, -2)` transposes the last two axes and
# leaves the others alone. The mask broadcasts to the scores, (..., Tq, Tk); `None` means that all may attend to all.
# Return the output and the weights. This function comes back in the next lessons, and its descendant does the work in
# your translator.


# %% name="exercise-attention"
def attention(q, k, v, mask=None):
    """Return output (..., Tq, d_v) and weights (..., Tq, Tk); zeros where nothing is allowed."""
    ### BEGIN SOLUTION
    scores = q @ np.swapaxes(k, -1, -2)  # 1 match
    scaled = scores / np.sqrt(q.shape[-1])  # 2 scale
    weights = softmax(scaled, mask)  # 3 softmax
    return weights @ v, weights  # 4 mix
    ### END SOLUTION


# %%
attention = check("attention", attention)

# %% [markdown]
# ## 6. A dictionary that answers every question
#
# The words *query*, *key* and *value* come from dictionaries. A Python `dict` compares your query with its keys, and
# hands over the value of the one key that is equal. If none is equal, it has nothing to say.
#
# Suppose that you wrote down the temperature every three hours, and somebody asks about one o'clock in the afternoon.
# The dictionary has no entry for 13. A person would answer anyway, by giving much weight to noon, some to 3 p.m., and
# hardly any to the morning. That is a **soft** lookup: every entry answers, weighted by how near its key is to the
# query. With the nearness $e^{-(q - k_j)^2 / 2h^2}$, where the width $h$ says how far "near" reaches, it is a method
# of statistics from 1964, found by Nadaraya and by Watson independently:
#
# $$
# \mathrm{answer}(q) = \sum_j w_j v_j, \qquad w = \mathrm{softmax}\left(-\frac{(q - k_j)^2}{2h^2}\right).
# $$
#
# You see steps 1, 3 and 4, with another way to match.

# %% name="soft-dictionary"
hours = np.array([6.0, 9, 12, 15, 18, 21])
degrees = np.array([8.0, 12, 18, 21, 17, 12])

print("dict:      ", dict(zip(hours.tolist(), degrees.tolist(), strict=True)).get(13.0))
near = softmax(-((13 - hours) ** 2) / (2 * 2.0**2))
print("weights:   ", near)
print("soft lookup:", f"{near @ degrees:.1f}")

show(
    draw_soft_dictionary,
    softmax=softmax,
    keys=hours,
    values=degrees,
    query=13.0,
    widths=[0.5, 2, 10],
)

# %% [markdown]
# A narrow width makes the soft dictionary nearly a hard one: it repeats the nearest entry, in steps. A wide one lets
# all entries answer alike, and the curve flattens toward the plain mean.
#
# How far is that from a dot product? Multiply the square out:
#
# $$
# -\frac{\lVert q - k_j \rVert^2}{2h^2}
# = \frac{q \cdot k_j}{h^2} - \frac{\lVert q \rVert^2}{2h^2} - \frac{\lVert k_j \rVert^2}{2h^2}.
# $$
#
# The middle term is the same for all keys, so softmax does not see it. If all keys have the same length, it does not
# see the last one either. What remains is the dot product, divided by $h^2$. So scaled dot-product attention is a soft
# dictionary in which $\sqrt{d_k}$ stands where the squared width stood. With keys of unequal length there is one
# difference: the soft dictionary takes $\lVert k_j \rVert^2 / 2h^2$ off the score of a key, most off a long one, and
# the dot product does not.

# %% name="kernel-and-dot-product"
angles = np.deg2rad([10, 80, 150, 260])
unit_keys = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (4, 2), all of length 1
q = np.array([0.9, 0.4])

# h squared = sqrt(d_k) = sqrt(2)
by_distance = softmax(-((q - unit_keys) ** 2).sum(axis=1) / (2 * np.sqrt(2)))
one_query = q[None]  # (1, 2): attention takes rows of queries, here a single one
_, weights_of_one = attention(one_query, unit_keys, unit_keys)  # (1, 4): one row, four keys
by_dot_product = weights_of_one[0]
print("by distance:   ", by_distance)
print("by dot product:", by_dot_product, " equal:", np.allclose(by_distance, by_dot_product))

# %% [markdown]
# ### Take the query in your hand
#
# Below is attention in the plane, with two of our four axes: *sharp* to the right, *person* upward. On the left are
# the query and the keys, and in the middle the values and the output that they mix. Drag the tip of the query with
# the mouse, or move it with the arrow keys. It starts at $(2, 2)$, where "point" asks. (Since $d_k$ is 2 here, the
# scores are divided by $\sqrt 2$, and the weights are not those of section 2.)
#
# 1. Put the query on the horizontal axis, at $(2, 0)$. Then move it along the axis, through the middle, to $(-2, 0)$.
#    *Needle* and *sharp* have keys in the same direction. Which of them gets more weight on the right, and which on the
#    left?
# 2. Where must the query stand so that all four words get the same weight? What is the output there?
# 3. Can you drive the output out of the area between the tips of the four values?

# %% name="dragged-query"
plane = {"needle": (1, 0), "sharp": (2, 0), "polite": (0, 1), "people": (0, 2)}
DraggedQuery(
    keys=list(plane.values()), values=list(plane.values()), labels=list(plane), query=(2.0, 2.0)
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. On the right *sharp* wins, because its key is twice as long and so is its score. On the left both scores are
#    negative, and twice as negative is worse: now *needle* gets more than *sharp*, and the two other words, with a
#    score of 0, get more than either.
# 2. At the origin. All scores are 0, the weights are 1/4 each, and the output is the mean of the values,
#    $(0.75, 0.75)$.
# 3. No. The weights are positive and add up to 1, so the output is a mixture. A mixture of points lies between them.
#    Attention can choose among what is offered and blend it, but it cannot hand over more of anything than some word
#    had.
#
# </details>

# %% [markdown]
# ## 7. Why divide by $\sqrt{d_k}$?
#
# Step 2 has waited for its reason. Our $d_k$ was 4; in the first Transformer it was 64. What does width do to a dot
# product?
#
# A dot product is a sum of $d_k$ products, one for each axis. If queries and keys are random, each product is as
# often positive as negative, and the sum takes a walk: a step up, a step down, $d_k$ steps in all. A longer walk ends
# farther from where it began. Walks have the habit that the typical distance grows as the square root of the number
# of steps. So wide vectors have large scores for no better reason than that they are wide. And softmax, which looks
# at differences, turns large scores into a verdict: nearly all weight on one key, chosen by chance.
#
# The formula needs three words from statistics. The **expectation** $\mathrm{E}[x]$ of a random number is its mean over
# ever more draws. The **variance** $\mathrm{Var}(x) = \mathrm{E}[x^2] - (\mathrm{E}[x])^2$ says how far draws spread
# around it: it is the mean squared distance from the mean, and its square root is the *standard deviation*, a typical
# distance. Two numbers are **independent** if knowing one tells nothing about the other; then the expectation of their
# product is the product of their expectations. (Who would rather believe a measurement may skip the next two formulas:
# the exercise measures what they say.)
#
# Suppose that all entries $q_i$ and $k_i$ are independent, with mean 0 and variance 1; then
# $\mathrm{E}[q_i^2] = 1 + 0^2 = 1$. One product has mean 0, and its variance is
#
# $$
# \mathrm{Var}(q_i k_i) = \mathrm{E}\big[q_i^2 k_i^2\big] - \big(\mathrm{E}[q_i k_i]\big)^2
# = \mathrm{E}\big[q_i^2\big]\,\mathrm{E}\big[k_i^2\big] - 0 = 1 .
# $$
#
# Variances of independent terms add up, and dividing by a constant divides the variance by its square:
#
# $$
# \mathrm{Var}(q \cdot k) = \sum_{i=1}^{d_k} \mathrm{Var}(q_i k_i) = d_k ,
# \qquad
# \mathrm{Var}\!\left(\frac{q \cdot k}{\sqrt{d_k}}\right) = \frac{d_k}{d_k} = 1 .
# $$
#
# That is footnote 4 of Vaswani et al. (2017, section 3.2.1). Before you build on it, measure it.
#
# ### Exercise `score_statistics`
#
# *difficulty ●●○○○ · importance ●●●●○ · 10 minutes*
#
# Draw `n` random queries and then `n` random keys of width `d_k` from the generator `rng` (`rng.standard_normal`
# takes a shape), take the dot product of each query with its own key, and return two variances over the `n` results
# (`.var()`): that of the scores, and that of the scores after step 2.


# %% name="exercise-score-statistics"
def score_statistics(d_k, n, rng):
    """Return the variance of n random dot products of width d_k, unscaled and scaled."""
    ### BEGIN SOLUTION
    q = rng.standard_normal((n, d_k))
    k = rng.standard_normal((n, d_k))
    scores = (q * k).sum(axis=-1)
    return float(scores.var()), float((scores / np.sqrt(d_k)).var())
    ### END SOLUTION


# %%
score_statistics = check("score_statistics", score_statistics)

# %% [markdown]
# ### What large scores do to softmax
#
# The variance is what the formula says. But why would it hurt? Training moves every number of a model a little, in the
# direction that lowers the loss, and by how much it moves is decided by the **gradient**: how fast the result changes
# when a number does. Where a gradient is nearly 0, nothing moves and nothing is learned. Vaswani et al. write that they
# *suspect* that large scores push softmax into regions where its gradient is extremely small. A suspicion can be
# measured too, by two more numbers for each query:
#
# - the **entropy** of the weights, $-\sum_j w_j \log_2 w_j$, in bits: 0 if one key has everything, $\log_2 16 = 4$ if
#   16 keys share equally;
# - the **size of the softmax gradient**: how far the weights move when the scores do. It is 0 if one key has
#   everything, and 0.5 if two keys share equally. Where it is near 0, training may pull at the scores and the weights
#   do not move.
#
# <details><summary>How that size is computed</summary>
#
# If score $j$ rises a little, weight $i$ changes by $\partial w_i / \partial s_j = w_i (\delta_{ij} - w_j)$, where
# $\delta_{ij}$ is 1 for $i = j$ and 0 otherwise. As a matrix, the *Jacobian*, this is
# $J = \mathrm{diag}(w) - w w^\top$, and its size is the root of the sum of its squared entries.
#
# </details>
#
# Each row of the table draws 1,000 random queries with 16 random keys each. The gradient is the median over the
# queries.


# %% name="measure-the-scale"
def entropy_and_gradient(weights):
    """Mean entropy in bits, and the size of the softmax gradient for each row of weights."""
    logs = np.log2(np.where(weights > 0, weights, 1))  # a weight of 0 adds 0 to the sum
    jacobian = weights[:, :, None] * (np.eye(weights.shape[1]) - weights[:, None, :])
    return -(weights * logs).sum(axis=1).mean(), np.linalg.norm(jacobian, axis=(1, 2))


widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
raw, scaled = measure_scale(
    widths, softmax=softmax, statistics=score_statistics, summary=entropy_and_gradient
)
show_scale(widths, raw, scaled)
show(draw_scale_measurement, d_k=widths, raw=raw, scaled=scaled)

# %% [markdown]
# The variance does what the formula says. Without step 2 the entropy falls from 3.5 bits to 0.2: at $d_k = 512$ a
# query puts nearly all its weight on one of the 16 keys, and which one is chance. The median gradient falls to
# 0.0006, some 500 times less than the 0.30 that it keeps with step 2. For random vectors, the suspicion was right.
#
# At the other end of the table there is nothing to see. At $d_k = 1$ both are the same, because $\sqrt 1 = 1$, and up
# to $d_k = 16$ the unscaled gradient is even a little larger than the scaled one. The four axes of our sentences
# would have done well without step 2.
#
# ### What the median hides
#
# *Optional: it asks for some calculus, and what follows stands without it.*
#
# One more thing hides in the word *median*. Training does not stop at the scores; it passes the gradient on to the
# query. The **chain rule** says how: if the query changes the scores, and the scores change the weights, the two rates
# multiply. So on its way the gradient is multiplied by the keys (and, with step 2, divided by $\sqrt{d_k}$ once more).
# The next cell follows it there, for $d_k = 512$, and looks at the tenth of the queries that get most of it.

# %% name="gradient-at-the-query"
gradient_at_the_query(512, softmax=softmax)

# %% [markdown]
# Without step 2 the typical query gets next to nothing, and yet the *mean* is almost six times as large as with it. One
# tenth of the queries have more than half of the whole gradient, and the last columns of its row say which: those
# whose two best scores are nearly tied, 0.5 apart where 8 is usual, so that a small push decides between the two keys.
# "The gradient vanishes" is half of the story. The other half is that what remains is dealt out by chance, nothing to
# most and a blow to a few.
#
# And here is what the measurement does not show. Queries and keys of a trained model are neither independent nor of
# variance 1; training makes some of them match on purpose. So this experiment speaks about the first steps, when
# $W_Q$ and $W_K$ are still random. Nor is there anything that a model without step 2 could not express: dividing its
# $W_Q$ by $\sqrt{d_k}$ gives the very same scores. Step 2 decides where training starts and how large its steps are
# there. How much that matters for a whole translator only a training run can tell, and this lesson has none.
#
# ### One query at a time
#
# The picture below draws one query and 16 keys at random, and runs *your* `attention` on them. (To switch step 2 off,
# it multiplies the query by $\sqrt{d_k}$, which undoes the division inside.) Wider vectors keep the numbers of the
# narrower ones and add more, so you can watch the walk.
#
# 1. Leave *scaled* off and move $d_k$ from 1 to 512. Where does one key first hold more than 0.9 of the weight?
# 2. At $d_k = 108$ the gradient leaps to its largest possible value, about 0.5. What do the weights look like there?
# 3. Switch *scaled* on and go through the range again. Between which values does the entropy stay? And what does the
#    switch change at $d_k = 1$?

# %% name="explore-scale"
explore(
    draw_random_scores, attention=attention, d_k=slider(1, 512, start=64, log=True), scaled=False
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. At $d_k = 13$ the largest weight is 0.93. It drops again here and there, whenever another key catches up, but
#    from $d_k = 119$ on it reads 0.99 or 1.00 at every stop of the slider.
# 2. Two keys are nearly tied, with half of the weight each. This is the rare query of the table above that gets a
#    large gradient while its neighbors get none.
# 3. Between 2.2 and 3.7 bits. No key ever takes all, and none is ever ignored. At $d_k = 1$ the switch changes
#    nothing, because $\sqrt 1 = 1$.
#
# </details>
#
# ## 8. Temperature
#
# Dividing scores by a number before softmax has a name of its own, borrowed from physics: the number is a
# **temperature** $\tau$.
#
# $$w = \mathrm{softmax}(s / \tau)$$
#
# Cold ($\tau$ toward 0), the largest score takes all; hot ($\tau$ large), all keys get the same. $\sqrt{d_k}$ is a
# temperature that is chosen so that the weights are neither. You meet temperature again in lesson 11, where it
# decides how daring a model is when it writes.
#
# Your `attention` has no argument for it and needs none: dividing the query by $\tau$ divides all its scores by
# $\tau$. The map below does that. At $\tau = 1$ it is the map you know.
#
# 1. In the sentence about people, how cold must it get before *people* has more than 0.9 of the row of "point"?
# 2. Toward which number does the entropy of the row climb when it gets hot? Where does that number come from?
# 3. Is there a temperature at which *polite* overtakes *people*?

# %% name="explore-temperature"
sentences = {"about people": people_words, "about a needle": needle_words}
examples = {
    name: (words, embed(words) @ W_Q, embed(words), embed(words))
    for name, words in sentences.items()
}
explore(
    draw_attention_map,
    attention=attention,
    examples=examples,
    sentence=list(examples),
    temperature=slider(0.1, 10.0, start=1.0, log=True),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. At about $\tau = 0.38$. There the three powers are $e^{2/0.38} = 193$ for *people*, $e^{1/0.38} = 13.9$ for
#    *polite* and 1 for each of the seven others, and $193 / 213.9 = 0.90$.
# 2. Toward $\log_2 9 = 3.17$ bits, the entropy of nine equal weights. The sentence about the needle has seven words
#    and climbs toward $\log_2 7 = 2.81$.
# 3. No. Dividing by a positive number keeps the order of the scores, and softmax keeps it too. Temperature changes
#    how much the winner wins by, never who wins.
#
# </details>

# %% [markdown]
# ## 9. Batches, heads, and the bill
#
# A Transformer attends for many sentences at once, and in each of them several times side by side: with several
# *heads*, the subject of lesson 04. That makes two more axes in front, $B$ sentences and $H$ heads: $Q$ is (B, H, Tq,
# d_k), the weights are (B, H, Tq, Tk). The matrix product `@` works on the last two axes and repeats itself over all
# others, so the function that you wrote does this already. Below, all six sizes differ, so that no mix-up can hide.

# %% name="batched"
rng = np.random.default_rng(7)
B, H, Tq, Tk, d_k, d_v = 2, 3, 4, 5, 8, 6
q = rng.standard_normal((B, H, Tq, d_k))
k = rng.standard_normal((B, H, Tk, d_k))
v = rng.standard_normal((B, H, Tk, d_v))
output, weights = attention(q, k, v)

print("output ", output.shape, "= (B, H, Tq, d_v)")
print("weights", weights.shape, "= (B, H, Tq, Tk)")
one_by_one = np.array(
    [[attention(q[b, h], k[b, h], v[b, h])[0] for h in range(H)] for b in range(B)]
)
print("the same as sentence by sentence, head by head:", np.allclose(output, one_by_one))

# %% [markdown]
# What does it cost? Step 1 takes $T_q T_k d_k$ multiplications and step 4 takes $T_q T_k d_v$: twice the length of
# both sentences, four times the work, and four times the memory for the weights. In return nothing waits for anything
# else, so all of it can run at once.
#
# Attention did not begin with the dot product. Bahdanau et al. (2015) score a pair with a small network,
# $a \cdot \tanh(W q + U k_j)$, which has to build a vector of the network's width for each of the $T_q T_k$ pairs and
# send it through tanh, where the dot product is one matrix product and stores one number a pair; Luong et al. (2015)
# compared both kinds in translation, and Vaswani et al. (2017, section 3.2.1) report the dot product as much faster
# and more space-efficient in practice.
#
# ## 10. Find the bug
#
# A colleague has written attention too, and he is a careful man. He tested it on four words, *point at the people*,
# with the vectors and the $W_Q$ of section 5. He checked the shapes, checked that all weights lie between 0 and 1 and
# that each row sums to 1, tried a mask, drew the map and found *point* looking at *people*, and compared the output
# with loops. All of it was right to the last digit. Then his model met other sentences, and its translations were
# poor.


# %% name="a-map-that-looks-fine"
def colleagues_attention(q, k, v, mask=None):
    """Return output and weights."""
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-2])  # 1 match, 2 scale
    weights = softmax(scores, mask)  # 3 softmax
    return weights @ v, weights  # 4 mix


four_words = ["point", "at", "the", "people"]
x = embed(four_words)
his_output, his_weights = colleagues_attention(x @ W_Q, x, x)
with_loops = np.array([attend_with_loops(q, x, x)[-1] for q in x @ W_Q])
print("output", his_output.shape, "  rows sum to 1:", np.allclose(his_weights.sum(axis=1), 1))
print("largest difference from the loops:", f"{np.abs(his_output - with_loops).max():.3f}")
show(draw_map, weights=his_weights, rows=four_words, columns=four_words, sums="rows")

# %% [markdown]
# ### Exercise `repair_attention`
#
# *difficulty ●●○○○ · importance ●●●●○ · 10 minutes*
#
# There is a mistake in it, and his test cannot see it. Before you search his lines, ask yourself what is special
# about the test: which sizes are equal? Make an input in which no two sizes are, and run his function beside yours.
# Then copy his lines into the cell below and repair them.


# %% name="exercise-repair-attention"
def repair_attention(q, k, v, mask=None):
    """Return output (..., Tq, d_v) and weights (..., Tq, Tk), as `attention` does."""
    ### BEGIN SOLUTION
    # The width of the keys, not their number.
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-1])  # 1 match, 2 scale
    weights = softmax(scores, mask)  # 3 softmax
    return weights @ v, weights  # 4 mix
    ### END SOLUTION


# %%
repair_attention = check("repair_attention", repair_attention)

# %% [markdown]
# How much did the mistake change? Each line below gives both functions the same random arrays and prints the average
# size of the largest weight.

# %% name="how-quiet-the-mistake-is"
rng = np.random.default_rng(11)
rows = []
for n_keys, d_k in [(4, 4), (7, 4), (9, 4), (8, 64), (64, 64), (400, 64)]:
    q, k = rng.standard_normal((200, d_k)), rng.standard_normal((n_keys, d_k))
    his, right = (
        f(q, k, k)[1].max(axis=1).mean() for f in (colleagues_attention, repair_attention)
    )
    rows.append((n_keys, d_k, f"{his:.2f}", f"{right:.2f}"))
show_table(("keys", "d_k", "his largest weight", "the right one"), rows)

# %% [markdown]
# <details><summary>What the mistake is, and why his test could not see it</summary>
#
# He divides by the root of the *number* of keys, not of their width: `k.shape[-2]` is $T_k$, `k.shape[-1]` is $d_k$.
# Where both are the same, nothing shows. With fewer keys than dimensions his weights are too peaked, with more they
# are too flat, and so the sharpness of his model hangs on the length of the sentence. No shape is wrong, no row
# misses its sum, no error is ever raised, and a map has no mark on it that says how dark it should be.
#
# </details>
#
# A test finds only what it can tell apart. So `check` uses arrays in which all sizes differ, and so should you.
#
# ## 11. Three questions

# %% name="quiz"
quiz("03")

# %% [markdown]
# ## 12. The whole lesson in one picture
#
# The sentence about the needle, with the row of "point" framed. The darker a cell, the larger the number.

# %% name="summary"
show(draw_summary, q=Q, k=K, v=V, row=at, word="point")

# %% [markdown]
# What you can take along:
#
# - Attention is a soft dictionary. A query is *matched* with all keys, the scores are *scaled* and turned into
#   weights by *softmax*, and the weights *mix* the values.
# - The same word with the same query gathers different things in different company.
# - $\sqrt{d_k}$ keeps the variance of random scores at 1, whatever the width, so that softmax can still be moved when
#   training begins.
# - A mask acts between scale and softmax; `True` means may attend; an empty row gives zeros.
# - Test with arrays and sizes that all differ.
#
# In lesson 04 one sentence asks several questions at the same time.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 3.2.1 fits on one
#   page, and you can now read each line of it.
# - D. Bahdanau, K. Cho, Y. Bengio (2015), [Neural Machine Translation by Jointly Learning to Align and
#   Translate](https://arxiv.org/abs/1409.0473). Where it began, with the additive score.
# - M.-T. Luong, H. Pham, C. D. Manning (2015), [Effective Approaches to Attention-based Neural Machine
#   Translation](https://arxiv.org/abs/1508.04025). Section 3.1 compares three scores, the dot product among them.
# - É. A. Nadaraya (1964), On Estimating Regression, *Theory of Probability and Its Applications* 9(1); G. S. Watson
#   (1964), Smooth Regression Analysis, *Sankhyā A* 26(4). The soft dictionary, half a century earlier.
# - Y.-H. H. Tsai et al. (2019), [Transformer Dissection](https://arxiv.org/abs/1908.11775). Section 6 of this lesson,
#   taken seriously.
# - G. Xiao et al. (2024), [Efficient Streaming Language Models with Attention
#   Sinks](https://arxiv.org/abs/2309.17453). What trained models do with weight that they have no use for.
# - S. Jain, B. C. Wallace (2019), [Attention is not Explanation](https://arxiv.org/abs/1902.10186), and S. Wiegreffe,
#   Y. Pinter (2019), [Attention is not not Explanation](https://arxiv.org/abs/1908.04626). Read both, in this order.
