# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Attention in a recurrent decoder
#
# *Lesson 02 · 190 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - carry out one look back on paper: *score, softmax, mix*; and say what the three are good for;
# - write additive attention for a batch of sentences of different lengths, and say why its tanh is no ornament;
# - write the multiplicative scores *dot*, *general* and *concat*, and say what each costs;
# - make a decoder look through a window, at a fixed or at a guessed place;
# - read an alignment off the weights, measure how wrong it is, and say what that number does not tell.
#
# **Prerequisites.** Lesson 01: encoder, decoder, the GRU and its state, the fixed vector and what it loses, pads. The
# matrix product. You need not have met attention before.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `additive_attention` | one look back, for a batch | ●●○○○ | ●●●●● | 22 |
# | `luong_scores` | dot, general, concat | ●●○○○ | ●●●●○ | 14 |
# | `local_weights` | a window that moves along | ●●●○○ | ●●●○○ | 13 |
# | `alignment_error` | from weights to links, and how wrong they are | ●●○○○ | ●●●○○ | 10 |
# | `repair_center` | find the bug | ●●○○○ | ●●●●○ | 6 |
#
# A cell with `check` follows each exercise and tells you within a second how you did. It hands your own function on
# if it passes, and a finished one if it does not, so the rest of the lesson always runs. `hint("additive_attention")`
# asks a helpful question, a second and a third call say more, and `solution("additive_attention")` shows an answer.

# %% name="setup"
import numpy as np

from course.lab import check, explore, hint, holds, quiz, show, show_table, slider, solution
from course.lab.drawing import draw_map
from course.lessons.lesson_02 import experiments
from course.lessons.lesson_02.figures import (
    draw_bend,
    draw_kept,
    draw_lengths,
    draw_steps,
    draw_summary,
    draw_window,
)
from course.lessons.lesson_02.toy import two_sentences

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# **Words of this lesson.** Some of them have other names in the papers.
#
# | word | what it means here |
# |---|---|
# | encoder state $h_j$ | what the encoder knows when it has read word $j$; Bahdanau calls it an *annotation* |
# | decoder state $s$ | what the decoder knows after the words it has written |
# | score | a number for a pair of decoder state and word: how well do they fit? (Bahdanau: *energy*) |
# | weight | a share of the decoder's attention; the weights of a step sum to 1 |
# | context vector | the encoder states, mixed by these weights |
# | pad | what fills short sentences up, so that a batch is one array |
# | alignment | which word translates which |
# | global, local | looking at all words of the sentence, or at a few of them |
#
# ## 1. One vector for everything
#
# > I love **France**, and the president of **that country** lives in Paris.
#
# The translator of lesson 01 reads such a sentence once and closes the book. What it has understood lies in one
# vector, and from that the decoder writes every word. By the time it comes to *that country*, France is one of many
# things that the vector was asked to keep. Lesson 01 measured what becomes of it: short sentences come out right and
# long ones do not. A vector of a few hundred numbers is as long for three words as for thirty.
#
# A person who translates leaves the book open. For every word that she writes she looks back into the text, at a
# place that depends on what she is about to write, and reads that place again.
#
# Could a decoder do that? The material is there. A recurrent encoder passes through a state at *every* word, and
# lesson 01 kept only the last one. **Keep them all**: $h_0, h_1, \ldots$, one for each source word. Then, at each of
# its steps, the decoder has to decide which of them it wants. That decision is called **attention**.
#
# ## 2. One look back, by hand
#
# > The **needle** is new but **it** breaks
#
# A German decoder has written *Die Nadel ist neu, aber*, and the next word is *sie*, *er* or *es*: "it" takes the
# gender of its noun. *Nadel* is feminine, so *sie* is right; a knife, *das Messer*, is neuter and would be *es*. The
# decoder needs the noun, and it stands four words before *it*.
#
# To follow it number by number we make states by hand. The encoder's state of a word has three numbers: is it a
# *noun*, is it a *verb*, and the *gender* of the German noun, $1$ for feminine. (A trained state has hundreds of
# numbers, and none has a name.)
#
# | | The | needle | is | new | but | it | breaks |
# |---|---|---|---|---|---|---|---|
# | noun | 0 | 1 | 0 | 0 | 0 | 0 | 0 |
# | verb | 0 | 0 | 1 | 0 | 0 | 0 | 1 |
# | gender | 0 | 1 | 0 | 0 | 0 | 0 | 0 |
#
# The decoder's state says what it is looking for: (*noun*, *verb*, and a 1 that is always there and brings the $-4$
# below into the question). It wants a noun, so $s = (1, 0, 1)$.
#
# **1 Score.** How well does the state fit a word? A small network answers, here with two **units**, one that listens
# for nouns and one that listens for verbs. Into each unit goes a sum of two halves, the *question*, which is made of
# $s$, and the *word*, which is made of $h_j$:
#
# - the question is $4 \cdot \text{noun} - 4$ for the first unit and $4 \cdot \text{verb} - 4$ for the second; for our
#   state that is $(0, -4)$;
# - a word adds $2$ to the unit of its kind.
#
# Then the sum goes through tanh, the curve of lesson 01 that is flat at both ends, and what comes out of the units is
# added up, each times 3.
#
# | | noun unit: sum | tanh | verb unit: sum | tanh | 1 score |
# |---|---|---|---|---|---|
# | needle | 0 + 2 = 2 | 0.964 | −4 + 0 = −4 | −0.999 | 3 · (0.964 − 0.999) = −0.106 |
# | is, breaks | 0 + 0 = 0 | 0 | −4 + 2 = −2 | −0.964 | 3 · (0 − 0.964) = −2.892 |
# | the other four | 0 + 0 = 0 | 0 | −4 + 0 = −4 | −0.999 | 3 · (0 − 0.999) = −2.998 |
#
# **2 Softmax.** Scores may be negative, and they have no measure. What the decoder needs are shares of one whole.
# Raise $e$ to each score, which makes all of them positive, and divide by their sum. The powers are 0.900 for
# *needle*, 0.055 for each verb and 0.050 for each of the other four, together 1.210. So the **weights** are
# $0.900 / 1.210 = 0.743$ for *needle*, 0.046 for each verb, 0.041 for each of the others.
#
# **3 Mix.** Add up the states, each times its weight. *Noun*: $0.743 \cdot 1$. *Verb*: $2 \cdot 0.046 = 0.092$.
# *Gender*: $0.743 \cdot 1$. This **context vector** $(0.743,\ 0.092,\ 0.743)$ is what the decoder gets. Feminine, it
# says: *sie*.
#
# In Python, with plain loops. The printed columns should be the ones above.

# %% name="one-look-with-loops"
from math import exp, tanh

words = ["The", "needle", "is", "new", "but", "it", "breaks"]
#            noun verb gender
h = [[0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
Wq = [[4, 0], [0, 4], [-4, -4]]  # from the state to the two units
Wk = [[2, 0], [0, 2], [0, 0]]  # from a word to the two units
v = [3, 3]  # how much each unit counts


def look_with_loops(s, bend=tanh):
    """One look back: scores, weights and context of a decoder in state s."""
    question = [sum(s[i] * Wq[i][u] for i in range(len(s))) for u in range(2)]
    scores = []
    for word in h:  # 1 score
        sums = [question[u] + sum(word[i] * Wk[i][u] for i in range(3)) for u in range(2)]
        scores.append(sum(v[u] * bend(sums[u]) for u in range(2)))
    powers = [exp(score) for score in scores]  # 2 softmax
    weights = [power / sum(powers) for power in powers]
    context = [sum(w * word[i] for w, word in zip(weights, h, strict=True)) for i in range(3)]
    return scores, weights, context  # 3 mix


scores, weights, context = look_with_loops([1, 0, 1])
rows = zip(words, (f"{x:.3f}" for x in scores), (f"{x:.3f}" for x in weights), strict=True)
show_table(("word", "1 score", "2 softmax"), list(rows))
print("3 mix: noun {:.3f}, verb {:.3f}, gender {:.3f}".format(*context))

# %% [markdown]
# Nobody told the decoder where the noun stands. It said *what* it wants, and found it. Had the needle been thirty
# words back, the score would be the same.
#
# The same decoder in another state: $s = (0, 1, 1)$, "I want a verb". *Before you run the cell, predict:* which words
# get how much, and what does the context say about gender?

# %% name="another-state" tags=["predict"]
_, weights_too, context_too = look_with_loops([0, 1, 1])
print({word: round(w, 3) for word, w in zip(words, weights_too, strict=True)})
print("context: noun {:.3f}, verb {:.3f}, gender {:.3f}".format(*context_too))

# %% [markdown]
# Two verbs, and the state does not say which: they share. An average of both comes home.
#
# ### What the bend is good for
#
# Why tanh? A sum of two halves and a weighted sum of that would be simpler. Leave the bend out, and ask both
# questions again. *Predict first:* what do you expect to become of the weights?

# %% name="without-the-bend" tags=["predict"]
rows = []
for name, s in (("a noun", [1, 0, 1]), ("a verb", [0, 1, 1])):
    _, straight, _ = look_with_loops(s, bend=lambda x: x)
    rows.append((name, *(f"{w:.3f}" for w in straight)))
show_table(("asked for", *words), rows, "weights without tanh")

# %% [markdown]
# The same weights, whatever was asked. **Without the bend the decoder's state has no say at all.** For
# $v \cdot (\text{question} + \text{word}) = v \cdot \text{question} + v \cdot \text{word}$, and the first term is the
# same for all words of the sentence. It multiplies all powers by the same number, and dividing by their sum takes
# that number out again. Rows sum to 1, the map of weights looks sensible, and training goes on: only, nobody asks
# anymore.
#
# With the bend it is different. A unit that gets $-4$ is pushed to the flat end of the curve, where a push by 2 makes
# hardly any difference. So the state can *close* the units whose news it does not want, and leave others open.

# %% name="the-bend"
show(draw_bend, question=[0, -4], push=2, names=["noun unit", "verb unit"])

# %% [markdown]
# ## 3. The formula, and where it stands in a step
#
# Collect the numbers of the example in matrices: $W_q$ makes the question of a state, $W_k$ makes of a word what the
# question meets, and $v$ says how much each unit counts. (The letters stand for *query* and *key*, the names that
# lesson 03 gives to who asks and to what is asked.)
#
# $$
# \underbrace{e_j = v \cdot \tanh\big(s\,W_q + h_j\,W_k\big)}_{\text{1 score}}
# \qquad
# \underbrace{\alpha_j = \frac{e^{\,e_j}}{\sum_i e^{\,e_i}}}_{\text{2 softmax}}
# \qquad
# \underbrace{c = \sum_j \alpha_j\, h_j}_{\text{3 mix}}
# $$
#
# This is the **additive** score of Bahdanau, Cho and Bengio (2015, appendix A.1.2): question and word are *added*.
# The matrices are trained together with the rest of the translator. Nobody shows it where to look; it looks where
# looking makes the next word more probable.
#
# Where does the context vector go? In their decoder the look comes first: the state *before* the step asks, and the
# GRU reads the context $c_t$ beside $y_{t-1}$, the last word that was written:
# $s_t = \mathrm{GRU}([\,y_{t-1};\, c_t\,],\, s_{t-1})$, where $[\,\cdot\,;\,\cdot\,]$ lays two vectors side by side.
# This happens **at every step**, so each German word has a context vector of its own. Lesson 01's decoder is the
# special case in which $c$ is always the same.
#
# Training gains as well. In lesson 01 a gradient had to travel back through all steps between a German word and its
# English one. Now there is a way that is one look long.
#
# ## 4. A batch, and a mask
#
# A batch holds sentences of different lengths, filled up with pads. A pad has an encoder state too, and so it would
# get a score, a power and a share. The decoder must not look there. A **mask** is an array of booleans, here (B, T)
# for B sentences of at most T words, and True means *may attend*.
#
# Where does it act? Before the powers are divided by their sum, so that only words share the whole. Who sets the
# weights of pads to 0 *afterwards* has let them take part in the division: the rest would sum to less than 1, and the
# context would shrink, the more pads the more. A score of $-\infty$ has the power $e^{-\infty} = 0$. That is how the
# function below leaves pads out. Two more things in it deserve a word.
#
# - Taking the largest score off all scores of a row changes no weight, as you saw with the term without a bend. But
#   now no power is larger than $e^0 = 1$, and nothing can overflow.
# - Where a mask allows nothing, the sum is 0, and $0/0$ would be *not a number*. In this course such a row gets
#   weights of zero.
#
# (In lesson 03 you write this function yourself. Here it is given.)


# %% name="softmax-with-a-mask"
def softmax(scores, mask):
    """Shares of one whole in each row, for those whom the mask allows: scores and mask (B, T)."""
    scores = np.where(mask, scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1)


two_rows = np.log(np.array([[1.0, 2, 1, 4], [1, 2, 1, 4]]))  # scores whose powers are these numbers
print(softmax(two_rows, np.array([[True] * 4, [True, True, True, False]])))

# %% [markdown]
# ### Exercise `additive_attention`
#
# *difficulty ●●○○○ · importance ●●●●● · 22 minutes*
#
# The three steps for a batch. `s` is (B, dq), a state for each sentence; `h` is (B, T, dk); `mask` is (B, T); `Wq` is
# (dq, da), `Wk` is (dk, da) and `v` is (da,), where da is the number of units. Return the context (B, dk) and the
# weights (B, T).
#
# The difficulty is an axis. `s @ Wq` is (B, da), and `h @ Wk` is (B, T, da). numpy lines the axes of two arrays up
# *from the right*, and repeats an axis of length 1 as often as it is needed. So the question needs an axis of length 1
# where the words have theirs: `x[:, None]` puts one behind the first axis, `x[:, :, None]` one at the end. `np.tanh`
# bends all entries of an array, an array (B, T, da) `@ v` is (B, T), and `softmax` from the cell above makes the
# weights. To mix, the weights need an axis of length 1 at the end, and `.sum(axis=1)` adds up along the words.


# %% name="exercise-additive-attention"
def additive_attention(s, h, mask, Wq, Wk, v):
    """One look back: context (B, dk) and weights (B, T)."""
    ### BEGIN SOLUTION
    question = (s @ Wq)[:, None]  # (B, 1, da)
    scores = np.tanh(question + h @ Wk) @ v  # 1 score
    weights = softmax(scores, mask)  # 2 softmax
    context = (weights[:, :, None] * h).sum(axis=1)  # 3 mix
    return context, weights
    ### END SOLUTION


# %%
additive_attention = check("additive_attention", additive_attention)

# %% [markdown]
# Now the look from your paper in a batch of two. The second sentence is *The needle breaks*, with four pads behind.
# Its pads have states as well, full of sevens, as if something had been left in memory. The weights of a sentence
# must not care about its company.

# %% name="in-a-batch"
h, Wq, Wk, v = (np.array(x, dtype=float) for x in (h, Wq, Wk, v))
batch = np.stack([h, np.full(h.shape, 7.0)])  # (B, T, dk)
batch[1, :3] = h[[0, 1, 6]]  # The needle breaks
mask = np.arange(7) < np.array([[7], [3]])  # (B, T)
s = np.array([[1.0, 0, 1], [1, 0, 1]])
context, weights = additive_attention(s, batch, mask, Wq, Wk, v)
print(weights)
alone, _ = additive_attention(s[1:], batch[1:, :3], mask[1:, :3], Wq, Wk, v)
print(
    "the short sentence's context:",
    context[1],
    " the same alone:",
    np.allclose(context[1], alone[0]),
)

# %% [markdown]
# ## 5. At every step
#
# Below is a whole decoder of seven steps, made by hand as before, with more to ask for: noun, verb, adjective, little
# *link*ing words, and whether a word stands in the first or the second half of the sentence. Each row of the map is
# one step, and the framed row is the step that is about to be taken. It runs on *your* `additive_attention`.
#
# 1. Move *step* from 1 to 7. In which row does the largest weight leave the diagonal to look far back, and what for?
# 2. Stay at step 6 and exchange *needle* for *knife*. Which numbers of the context change? Which weights do?
# 3. Move *v* to 0, then to 6. What does it do to the weights, and to what does the decoder listen at 0?

# %% name="explore-steps"
explore(
    draw_steps,
    additive_attention=additive_attention,
    examples=two_sentences(),
    sentence=["needle", "knife"],
    step=slider(1, 7, start=6),
    v=slider(0.0, 6.0, start=3.0, step=0.5),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. In row 6, *sie*: the decoder goes back to *needle*, since it needs its gender. Row 1 is off the diagonal as well.
#    To write *Die* and not *Das* it needs the noun too, one word ahead.
# 2. Only *gender* changes its sign, 0.74 to −0.74, so the next word is *es*. No weight changes. Gender is not among
#    the things that the score asks for; it is what the look brings home. What a word is *found by* and what it *hands
#    over* are two different things.
# 3. At 0 all scores are 0 and all weights are one seventh: the decoder gets the mean of all states, at every step the
#    same one, and is back at a fixed vector. At 6 nearly everything goes to one word.
#
# </details>
#
# ## 6. Multiplying instead of adding
#
# The additive score has to build a vector for each pair of state and word, bend it, and add it up. Luong, Pham and
# Manning (2015) asked whether it can be had for less, and tried three scores (their equation 8; in our letters $s$ is
# the decoder's state and $h_j$ a word):
#
# $$
# \text{dot:}\;\; s \cdot h_j
# \qquad
# \text{general:}\;\; s\,W\,h_j^{\top}
# \qquad
# \text{concat:}\;\; v \cdot \tanh\big([\,s;\, h_j\,]\,W\big)
# $$
#
# - **dot** multiplies state and word number by number and adds up. It is large where both are large in the same
#   places. There is nothing in it to be trained, so state and words have to agree about what each number means; and
#   they have to be equally wide.
# - **general** lets a matrix $W$ translate between the two first. They may differ in width.
# - **concat** lays state and word side by side and sends both through one matrix.
#
# The first two are called *multiplicative*. Their decoder also looks at another moment: the state *after* the step
# asks, and the context joins it on the way to the output, as $\tilde{s}_t = \tanh([\,c_t;\, s_t\,]\,W_c)$. So the GRU
# need not wait for the look, and in training, where the German sentence is known, all looks can be computed at once.
# (They then handed $\tilde{s}_t$ to the next step as well, and called it *input feeding*, so that the decoder knows
# where it has looked. It was worth 1.3 points of BLEU to them, a score for translations. Section 9 explains it, and
# measures a model that does without input feeding.)
#
# ### Exercise `luong_scores`
#
# *difficulty ●●○○○ · importance ●●●●○ · 14 minutes*
#
# `s` is (B, dq), `h` is (B, T, dk), and `kind` is `"dot"`, `"general"` or `"concat"`. `W` is (dq, dk) for general and
# (dq + dk, da) for concat, and `v` is (da,). Return scores (B, T), *not* weights. `h @ x[:, :, None]` multiplies the
# table of words of each sentence with that sentence's own column `x`, and has the shape (B, T, 1); `[:, :, 0]` takes
# the last axis away. For concat, `np.broadcast_to(s[:, None], (B, T, dq))` puts the state beside each word, and
# `np.concatenate([a, b], axis=-1)` joins two arrays along their last axis.


# %% name="exercise-luong-scores"
def luong_scores(s, h, kind, W=None, v=None):
    """Scores (B, T) of kind "dot", "general" or "concat"."""
    ### BEGIN SOLUTION
    if kind == "dot":
        return (h @ s[:, :, None])[:, :, 0]
    if kind == "general":
        return (h @ (s @ W)[:, :, None])[:, :, 0]
    B, T, dk = h.shape
    asking = np.broadcast_to(s[:, None], (B, T, s.shape[1]))
    return np.tanh(np.concatenate([asking, h], axis=-1) @ W) @ v
    ### END SOLUTION


# %%
luong_scores = check("luong_scores", luong_scores)

# %% [markdown]
# *Predict:* by how much do *concat* and the additive score differ, with $W_q$ above and $W_k$ below in one $W$? And
# can *general* do without a bend what took one in section 2?

# %% name="three-scores" tags=["predict"]
both = np.concatenate([Wq, Wk])  # (dq + dk, da): Wq above, Wk below
additive = np.tanh((s @ Wq)[:, None] + batch @ Wk) @ v
print("concat = additive:", np.allclose(luong_scores(s, batch, "concat", both, v), additive))

W = np.array([[6.0, 0, 0], [0, 6, 0], [0, 0, 0]])  # a wanted noun meets nouns, a wanted verb verbs
for name, state in (("a noun", [[1.0, 0, 1]]), ("a verb", [[0, 1.0, 1]])):
    general = luong_scores(np.array(state), h[None], "general", W)
    print(f"general, asked for {name}:", general[0], softmax(general, np.array([[True] * 7]))[0])

# %% [markdown]
# A product of $[s; h_j]$ with a matrix is the state times its upper rows plus the word times its lower rows. So
# *concat* **is** the additive score under another name, with $W_q$ and $W_k$ in one array. What differs in the papers
# is who asks: the state before the step, or the one after.
#
# And *general* needs no bend. In a product the state decides by how much a word's number is multiplied, so it has its
# say without one: times 0, and the unit is closed.
#
# What does a look cost? For one step and one sentence of $T$ words, with all widths $d$. ($h_j W_k$ is computed once
# for a sentence and does not count here.)

# %% name="the-bill"
d, T = 192, 20
rows = [
    ("dot", 0, T * d, T),
    ("general", d * d, d * d + T * d, T),
    ("additive, concat", 2 * d * d + d, d * d + T * d, T * d),
]
show_table(
    ("score", "parameters", "multiplications a step", "numbers to keep"),
    [(name, f"{p:,}", f"{m:,}", f"{n:,}") for name, p, m, n in rows],
    f"T = {T} words, width d = {d}",
)

# %% [markdown]
# *General* and the additive score multiply equally often, *dot* ten times less. What sets the additive score apart
# stands in the last column: it holds $d$ numbers for each pair and bends them all, where a product holds one. For a
# whole sentence, or a whole batch, a product is *one* product of matrices, which is what computers do best. That is why
# lesson 03 goes on with the dot product, and repairs what section 9 will find in it.
#
# ## 7. Looking through a window
#
# So far every step looks at all words: attention is **global**. For a sentence of 30 words that is cheap, for a
# document or for a recording of speech it is not. And mostly the decoder needs a few neighbors only. So Luong and his
# colleagues tried **local** attention (section 3.2): choose a *center* $p$, and look at the words whose place $j$ is
# at most $D$ away from it, $|\,j - p \,| \le D$. Inside this window everything goes on as before: scores, softmax,
# mixture. Words outside take no part.
#
# Where is the center? They tried two answers.
#
# - **local-m**, *monotonic*: at step $t$ the center is $p = t$. The German runs along the English at the same pace.
# - **local-p**, *predictive*: the decoder guesses it from its state, by a small network whose output lies between 0
#   and 1, times the number $S$ of words:
#
# $$ p = S \cdot \sigma\big(v_p \cdot \tanh(s\,W_p)\big), \qquad \sigma(x) = \frac{1}{1 + e^{-x}} . $$
#
# A guessed center lies between two words as a rule, and there is a catch. If $p$ moves a little, mostly nothing
# changes; then a word enters all at once. From a result that does not move no gradient comes, and $W_p$ would never
# learn. So in local-p the weights are multiplied with a bell curve around the center, a *Gaussian*,
#
# $$ \alpha_j \cdot \exp\!\Big(-\frac{(j - p)^2}{2\sigma^2}\Big), \qquad \sigma = \frac{D}{2} , $$
#
# which is 1 at the center and $e^{-2} = 0.135$ at the edge of the window. (Here $\sigma$ is a width, and above it is
# a function: the paper uses the letter for both.) Now every move of $p$ moves the weights. The bell comes *after*
# softmax and nothing divides by the sum again: **rows of local-p sum to less than 1**, and that is no mistake. A look
# at the wrong place brings home little.
#
# ### Exercise `local_weights`
#
# *difficulty ●●●○○ · importance ●●●○○ · 13 minutes*
#
# `scores` and `mask` are (B, T), `center` is (B,), a place for each sentence that need not be a whole number, and `D`
# is a whole number, at least 1. Return the weights (B, T): softmax among the words that the mask allows *and* the
# window holds. With `gaussian=True` multiply by the bell curve. Where the window holds no word, all weights are 0, and
# `softmax` sees to that. `np.arange(T)` are the places, beginning with 0; take `center[:, None]` from them and you have
# distances (B, T). `np.abs`, `np.exp` and `&` are the other friends here.


# %% name="exercise-local-weights"
def local_weights(scores, mask, center, D, gaussian=False):
    """Weights (B, T) inside a window of D words on either side of the center."""
    ### BEGIN SOLUTION
    distance = np.arange(scores.shape[1]) - center[:, None]  # (B, T)
    weights = softmax(scores, mask & (np.abs(distance) <= D))
    if gaussian:
        weights = weights * np.exp(-(distance**2) / (2 * (D / 2) ** 2))
    return weights
    ### END SOLUTION


# %%
local_weights = check("local_weights", local_weights)

# %% [markdown]
# ### Move the window
#
# The step of *sie* once more, with the scores of section 2, in which *needle* should win. It runs on your
# `local_weights`. The decoder is at its sixth step, counted from 0 that is place 5, and there local-m puts its
# center.
#
# 1. Leave the center at 5 and make *D* larger, from 1 on. When does *needle* come into sight? What do the weights
#    look like before that?
# 2. With $D = 2$ move the center slowly from 5 to 1. Watch the bars: between which stops do they change, and how? Now
#    switch *gaussian* on and do it again.
# 3. With *gaussian* on, find a center at which *needle* is the only word that gets more than 0.05. What is the sum of
#    the weights there?

# %% name="explore-window"
scores_of_it = np.array(scores)  # from section 2: the decoder wants a noun
explore(
    draw_window,
    local_weights=local_weights,
    words=tuple(words),
    scores=scores_of_it,
    center=slider(0.0, 6.0, start=5.0, step=0.25),
    D=slider(1, 6, start=1),
    gaussian=False,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. At $D = 4$. Before that the window holds nothing that fits, and softmax hands out the whole all the same: with
#    $D = 1$, 0.32 for *but* and *it* and 0.36 for *breaks*. A row of weights never says "there is nothing here for
#    me".
# 2. Without the bell curve nothing moves but at the stops where a word enters or leaves; *needle* enters at a center of
#    3 and takes most of the weight at once. With it all bars move all the time, and *needle* grows as the center comes
#    nearer. One jump remains, at 3, where *needle* enters: the bell leaves it only 0.11, but softmax has given it most
#    of the whole, which the others lose, and the sum falls from 0.60 to 0.22.
# 3. With $D = 2$ a center of 1 is one. The sum is 0.92 there: the bell takes nothing from *needle*, and most of the
#    little that the others had.
#
# </details>
#
# In German, words that belong together often stand far apart: a verb at the end of its clause, *sie* and its needle.
# So a window that runs along at the same pace should have a hard time. Section 9 measures how hard.
#
# ## 8. Reading an alignment off the weights
#
# A decoder that looks at *needle* while it writes *Nadel*: is that not a dictionary entry? Link each German word to
# the English word with its largest weight, and you have an **alignment**, which word translates which. Nobody asked
# for it, and the model was never shown one.
#
# How good is it? Compare with **gold** links, made by somebody who knows. This course's corpus has them for every
# sentence, since its grammar says both languages from one meaning. With the links $A$ of the model and the gold links
# $G$, the **alignment error rate** (Och and Ney, 2003) is
#
# $$ \mathrm{AER} = 1 - \frac{2\,|A \cap G|}{|A| + |G|} , $$
#
# where $|\cdot|$ counts links, and $A \cap G$ are the links that are in both. It is 0 if all links are right and none
# is missing, and 1 if none is right. ("Sure" and "possible" gold links, which the full definition tells apart, are
# all sure here.)
#
# One detail. A sentence ends in an *end token*, which the encoder reads like a word. A German word that translates
# nothing (the *es* of *es regnet*, a comma) has to look somewhere, since weights sum to 1, and the end token is a
# popular place. A word that looks most *there* is linked to nothing.
#
# ### Exercise `alignment_error`
#
# *difficulty ●●○○○ · importance ●●●○○ · 10 minutes*
#
# One sentence pair: `weights` is (T, S + 1), a row for each target word, a column for each source word and the end
# token last; `gold` is (T, S) booleans. (Careful: here T counts target words, and S source words.) Link each target
# word to the source word with its largest weight, or to nothing, and return the error rate. `weights.argmax(axis=1)` is
# the column of the largest entry of each row. Compared upright, `[:, None]`, with `np.arange(S)` it makes a table of
# booleans. `&` is True where both are, and `.sum()` counts.


# %% name="exercise-alignment-error"
def alignment_error(weights, gold):
    """The alignment error rate of the links that the weights (T, S + 1) suggest; gold (T, S)."""
    ### BEGIN SOLUTION
    best = weights.argmax(axis=1)  # (T,)
    links = best[:, None] == np.arange(gold.shape[1])  # (T, S); the end token is in no column
    return 1 - 2 * (links & gold).sum() / (links.sum() + gold.sum())
    ### END SOLUTION


# %%
alignment_error = check("alignment_error", alignment_error)

# %% [markdown]
# Try it on the hand-made decoder of section 5. Every one of its looks brings home what the next word needs. The gold
# links are the diagonal: *Die* translates *The*, *Nadel* translates *needle*, and so on up to *bricht* and *breaks*.
#
# *Predict:* which error rate does a decoder get that makes no mistake at all?

# %% name="error-of-a-perfect-decoder" tags=["predict"]
toy = two_sentences()["needle"]
n = len(toy.target)
same_words = np.broadcast_to(toy.h, (n, *toy.h.shape))  # every step looks at the same sentence
_, looks = additive_attention(
    toy.s, same_words, np.ones((n, n), dtype=bool), toy.Wq, toy.Wk, np.full(6, 3.0)
)
at_the_end_token = np.zeros((n, 1))
error = alignment_error(np.concatenate([looks, at_the_end_token], axis=1), np.eye(n, dtype=bool))
print(f"alignment error rate: {error:.3f}")
show(draw_map, weights=looks, rows=toy.target, columns=toy.source, sums="none")

# %% [markdown]
# 0.286: two of seven links are "wrong". *Die* looks at *needle* and not at *The*, *sie* looks at *needle* and not at
# *it*, and both look there for good reason. **Attention goes where the information is, and that need not be the word
# that is being translated.** An error rate of 0 says that the model looks where a dictionary would. It does not say
# that it translates well, and an error rate of 0.3 does not say that it looks at the wrong place. Keep that in mind
# for the next section.
#
# ## 9. Measured: one translator, six ways to look
#
# Now the real thing: a GRU encoder-decoder as in lesson 01, trained on this course's corpus, English to German, once
# with a fixed vector and once with each kind of attention. All have nearly the same number of parameters (where a score
# needs matrices of its own, the whole model is a little narrower), the same batches, and the same number of updates.
# The windows have $D = 3$ and count *pieces* of words (lesson 09), the score inside them is that of *general*, and
# local-p multiplies with the last place, $S - 1$, since places begin with 0. Beside them stands a small Transformer
# with as many parameters, the model that lessons 03 to 08 build. It has several layers with several heads each: its
# alignments and its maps are those of the last layer, the mean of the heads. No sentence of the training has more than
# 14 words. The sentences called *test iid* are as long as those of the training, those called *longer* have 15 to 18
# words, and those called *much longer* 20 and more.
#
# *Additive* and *concat*, the same formula, differ in who asks: the state before the step, or after it. Training them
# all takes an hour or so, so the results are kept, and the cells below read them.
# `python -m course.lessons.lesson_02.experiments` makes them anew.
#
# *Before you run the cell:* up to 14 words, how far apart will the fixed vector and the additive score be? And
# beyond? Who will be better on sentences longer than any in training, the GRU with attention or the Transformer?

# %% name="measured-scores" tags=["predict"]
measured = experiments.read_scores()
show(experiments.scores_table(measured))
by_kind = dict(experiments.means(measured))
chosen = [
    kind for kind in ("none", "additive", "general", "local-m", "transformer") if kind in by_kind
]
show(
    draw_lengths,
    curves={kind: experiments.curve(by_kind[kind])[:2] for kind in chosen},
    names=experiments.KINDS,
    trained=experiments.TRAINED_LENGTH,
)

# %% name="what-the-curves-show" tags=["predict"]
holds(*experiments.claims_about_length(measured))

# %% [markdown]
# The fixed vector pays by the word: of sentences of 12 to 14 words it has lost two of three, and all that the other
# model does otherwise is to leave the book open. It is what the paper of 2015 showed in its figure 2.
#
# **And the small Transformer, which replaced these models, falls behind the two best of them on sentences that are
# longer than those it was trained on.** Up to 14 words it is at least as good; but of those with 15 to 18 words it gets
# 28 % exactly right, where the GRU with additive attention gets 45 %. (*Concat* gets 48 %; all the other GRUs get less
# than the Transformer. So recurrence alone is not enough: the fixed vector is recurrent too, and gets 2 %.) A likely
# reason: a GRU takes one step at a time, and the fifteenth step is a step like the fourteenth. A Transformer with
# *sinusoids*, which is how this one numbers its places (lesson 06), knows its words by those numbers, and has never
# seen the place behind the last one. Lesson 06 takes that up, and shows what other kinds of positions change.
#
# And speed? The Transformer computes all places at once. At this size that saves little: forward and backward pass of
# a GRU take between 0.81 times (*dot*) and 1.31 times (*additive*) as long as the Transformer's, since a batch of
# short sentences keeps a small computer busy either way. Lesson 01 has measured what becomes of that with longer ones.
#
# ### Where they look
#
# Which score makes the best alignments? And does, among the GRUs, the best alignment make the best translations?

# %% name="measured-alignment" tags=["predict"]
show(experiments.alignment_table(measured))
maps = experiments.read_maps()
holds(*experiments.claims_about_alignment(measured), *experiments.claims_about_maps(maps))

# %% [markdown]
# **Among the GRUs, the best alignments do not make the best translations.** (The Transformer, in the first row, has the
# best of both.) Of the four global scores *general* links words best, and translates 9 points worse than *concat*,
# which asks at the same moment and differs in the score alone. One training each: 0.160 and 0.169 lie close together,
# the 9 points do not. The maps below show what is the matter with *general*.
#
# And the windows? *Local-m* has the score of *general* and sees seven pieces at a time. Up to 14 words that costs it 4
# points. But from 20 words on it gets 8.8 % exactly right, **where no other model here gets one sentence in a
# hundred.** Its window moves on by one place a step, however long the sentence, and inside the window nothing is new.
# *Local-p* guesses a *share* of the length, learned on short sentences, and of all kinds of attention it loses most
# when they get longer: it gets 11.8 % of 15 to 18 words.
#
# The maps are those of trained models while they say the right translation. Framed cells are gold links, and the last
# column is the end token. Above each map stands what the model says by itself.
#
# 1. *I love France, ...* with *additive*: where does *dieses* look, and where does *Landes*? Does either look at
#    France? (This sentence was written by a person and has no gold links.)
# 2. *The lion that I followed ...*: German says *er* because *Löwe* is masculine. Where does *er* look with
#    *additive*? And with *transformer*, which writes *er* as well?
# 3. Now *dot*, and *general*: what is strange about their weights? What are scores made of when a state has 200
#    numbers?

# %% name="explore-maps"
explore(
    draw_kept,
    maps=maps,
    sentence=list(experiments.MAPPED),
    kind=[kind for kind in experiments.KINDS if kind != "none"],
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. *Dieses* takes most from *of* (0.62), *Landes* from *country* (0.68), and neither takes anything from France. To
#    write these two words nobody needs to know which country it is. What "that country" *means* is a question that
#    this translation never asks.
# 2. *Additive* goes back to the beginning, to *The lion* (0.52 and 0.13), seven words before *it*: it is the decoder of
#    section 2, and nobody has made it by hand. The Transformer looks at *it* (0.59) and writes *er* all the same; so do
#    *dot* and *general*, with 1.00 on *it*. So their encoders have probably been there before, and have brought to *it*
#    what the decoder needed. **An encoder state is not a word**: it is what was known at that word. That is one reason
#    why a map of weights is not an explanation (lesson 13).
# 3. They are 1.00, nearly all of them. A dot product of 200 numbers is a sum of 200 products and easily gets large,
#    and softmax makes of large scores a verdict: all for one word. Such a map looks wonderfully clear. But a decoder
#    that needs two things at once gets one of them, and where one word has everything, a small change of the scores
#    changes nothing, so there is little to learn from. With *additive* the units lie between $-1$ and $1$, whatever
#    the width. It takes one line to keep a dot product from growing with its width, and lesson 03 begins with it.
#
# And a suspicion. In the sentence with the song, *ihm* stands for *das Lied*, neuter. *Additive* looks at *it* there,
# with 0.96, and by itself it says *ihr*, as for a feminine noun. It went back to the lion and was right; it did not go
# back to the song and is wrong. But *dot* did not go back to the lion either, and its *er* was right; and the
# Transformer looks at *it* in the sentence with the song (0.71) and says *ihm*. Two sentences of one training are no
# proof.
#
# </details>
#
# ### The published numbers
#
# BLEU scores a translation from 0 to 100 by the words and runs of words that it has in common with a person's; higher
# is better (lesson 11). Bahdanau et al. (2015, table 1) translated English to French. The number behind each name is
# the length of the longest sentences in training; all test sentences are scored.
#
# | | fixed vector | attention |
# |---|---|---|
# | trained on up to 30 words | 13.93 | 21.50 |
# | trained on up to 50 words | 17.82 | 26.75 |
#
# With attention, a model that never saw more than 30 words beats the fixed vector that was trained on 50.
#
# Luong et al. (2015) translated English to German, and added one thing after the other:
#
# | | BLEU |
# |---|---|
# | fixed vector | 11.3 |
# | + the English read backward | 12.6 |
# | + dropout | 14.0 |
# | + global attention | 16.8 |
# | + input feeding | 18.1 |
# | local-p with *general* instead of global | 19.0 |
# | + unknown words replaced by what was looked at | 20.9 |
#
# Their alignment error on German: global 0.39, local-m 0.34, local-p 0.36. The kind with the best alignments,
# local-m, is not the one with the best translations, local-p. And the last line of the table puts an alignment to
# work: where the model does not know a word, it copies, or looks up, the one that it looked at.
#
# Their corpora have sentences of real life and millions of them. Ours has a grammar, so its numbers are higher, and
# only differences may be compared.
#
# ## 10. Find the bug
#
# A colleague has written the guess of local-p: a center for each sentence of a batch. He tested it with one sentence
# at a time, and with a batch of sentences of the same length. The centers agree with the formula to the last digit.
# He trains with batches sorted by length, and all is well. In use, where sentences come as they come, his model
# translates short sentences badly whenever a long one stands in the same batch.


# %% name="a-guess-that-passes"
def colleagues_center(s, mask, W, v):
    """Where to look: a place for each sentence, (B,)."""
    share = 1 / (1 + np.exp(-np.tanh(s @ W) @ v))  # between 0 and 1
    return mask.shape[1] * share


rng = np.random.default_rng(2)
states, W_p, v_p = rng.standard_normal((3, 4)), rng.standard_normal((4, 6)), rng.standard_normal(6)
by_formula = 1 / (1 + np.exp(-np.tanh(states @ W_p) @ v_p))
five_words = np.ones((3, 5), dtype=bool)
print("three sentences of five words:", colleagues_center(states, five_words, W_p, v_p))
print("5 times the share:            ", 5 * by_formula)

# %% [markdown]
# ### Exercise `repair_center`
#
# *difficulty ●●○○○ · importance ●●●●○ · 6 minutes*
#
# `mask` is (B, T), True at the words of a sentence. What have all his tests in common? Make a batch that has it not,
# and look at the centers. Then copy his lines into the cell below and repair them. Keep to the formula of section 7:
# the share times the number $S$ of words, and not $S - 1$. A center may lie behind the last word.


# %% name="exercise-repair-center"
def repair_center(s, mask, W, v):
    """Where to look: a place for each sentence, (B,)."""
    ### BEGIN SOLUTION
    share = 1 / (1 + np.exp(-np.tanh(s @ W) @ v))
    return mask.sum(axis=1) * share  # the sentence's own words
    ### END SOLUTION


# %%
repair_center = check("repair_center", repair_center)

# %% [markdown]
# A sentence of four words, alone and beside one of twelve. What does its window see, with $D = 1$?

# %% name="how-the-bug-shows"
lengths = np.array([[4], [12], [9]])
company = np.arange(12) < lengths  # (3, 12)
rows = []
for name, guess in (("his", colleagues_center), ("the repaired one", repair_center)):
    center = guess(states, company, W_p, v_p)
    alone = guess(states[:1], company[:1, :4], W_p, v_p)
    seen = (local_weights(np.zeros((3, 12)), company, center, 1) > 0).sum(axis=1)
    rows.append((name, f"{alone[0]:.2f}", f"{center[0]:.2f}", int(seen[0])))
show_table(("function", "center alone", "center in company", "words seen in company"), rows)

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# `mask.shape[1]` is the length of the *array*: that of the longest sentence in the batch. A sentence's own length is
# the number of True in its row, `mask.sum(axis=1)`. Alone, or in a batch where all are equally long, the two are the
# same. In company the short sentence's center flies out of the sentence, the window holds no word, and its context
# vector is zero. No shape is wrong, no error is raised, and training on sorted batches hides it.
#
# </details>
#
# A batch is a convenience. No sentence may notice its company: a test that puts one sentence once alone and once into
# a batch with a longer one finds a whole family of mistakes.
#
# ## 11. Three questions

# %% name="quiz"
quiz("02")

# %% [markdown]
# ## 12. The whole lesson in one picture
#
# The look of section 2, at the step of *sie*.

# %% name="summary"
context, weights = additive_attention(s[:1], h[None], mask[:1], Wq, Wk, v)
show(
    draw_summary,
    words=words,
    states=h,
    asks="a noun",
    scores=scores_of_it,
    weights=weights[0],
    context=context[0],
)

# %% [markdown]
# What you can take along:
#
# - Keep all states of the encoder. At every step of the decoder: *score* each of them against the decoder's state,
#   make weights by *softmax*, *mix* the states into a context vector.
# - In an additive score the bend is what gives the state its say; in a product the multiplication does, and its
#   scores grow with the width.
# - The mask acts before softmax. No sentence may notice its company.
# - A window saves work and gambles on where to look; with a bell curve the gamble can be trained. One that keeps its
#   pace still gets 9 % right from 20 words on, where all others get less than 1 %.
# - Attention goes where the information is. As an alignment it is good, and as an explanation it has to be tested.
# - Up to the trained lengths, attention takes away most of the fall with length. Just beyond the trained lengths a GRU
#   with an additive score does better than a Transformer with sinusoids; from 20 words on, both fail.
#
# What still stands in the way is the word *step*. The decoder's states must be computed one after the other. Lesson
# 03 keeps the look and lets the recurrence go.
#
# ## A task for four
#
# *Which look for which language? 20 minutes.* Each of you takes one kind: global, local-m with $D = 1$, local-m with
# $D = 3$, local-p. Choose a sentence of ten words or so in a language that one of you speaks and its translation into
# another, best of all one that orders its words otherwise. Write both on strips of paper, one word each, and play the
# decoder: for each word that you write, put your finger on the source word that you need. Who could not reach it?
# Count, for each of you, the steps at which the needed word lay outside the window, and agree on one sentence that
# says for which pairs of languages local-m would do.
#
# ## How to teach it
#
# Do the hand calculation at the board with the class as source sentence: seven people hold their word and a card of
# three numbers, the decoder calls "I want a noun!", each computes a score, and softmax is dealt out with 24 counters.
# Then call the same question *without* the bend. Sections 7 and 10 may be left out, both together; the prediction in
# section 8 may not.
#
# ## Further reading
#
# - D. Bahdanau, K. Cho, Y. Bengio (2015), [Neural Machine Translation by Jointly Learning to Align and
#   Translate](https://arxiv.org/abs/1409.0473). Section 3.1 has the three steps, figure 2 the curve by length, figure
#   3 the first maps.
# - M.-T. Luong, H. Pham, C. D. Manning (2015), [Effective Approaches to Attention-based Neural Machine
#   Translation](https://arxiv.org/abs/1508.04025). Sections 3.1 and 3.2 are sections 6 and 7 of this lesson.
# - F. J. Och, H. Ney (2003), [A Systematic Comparison of Various Statistical Alignment
#   Models](https://aclanthology.org/J03-1002/). Where the alignment error rate comes from.
# - A. Graves (2013), [Generating Sequences With Recurrent Neural Networks](https://arxiv.org/abs/1308.0850). Section
#   5 has a soft window that slides over a text, before anybody called it attention.
# - P. Koehn, R. Knowles (2017), [Six Challenges for Neural Machine Translation](https://arxiv.org/abs/1706.03872).
#   Its section on alignment shows attention that is off by one word, and translates well.
