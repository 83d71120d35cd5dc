# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Before attention: the recurrent encoder-decoder
#
# *Lesson 01 · 180 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - read a sentence word by word with a plain recurrent network, a GRU and an LSTM, and say what each gate is for;
# - send a gradient back through time by hand, and check it without trusting yourself;
# - measure how far back a gradient reaches, and say what a bias of 1 and a training change about that;
# - read a padded batch so that a short sentence does not notice its company, and write one with start and end tokens;
# - train an encoder-decoder with a fixed vector, and say what that vector loses.
#
# **Prerequisites.** Lesson 00 for the names of the axes (B, T, d). The matrix product `A @ B`. What a slope is, and
# the chain rule: if $y$ moves twice as fast as $x$, and $z$ three times as fast as $y$, then $z$ moves six times as
# fast as $x$. No attention yet: this lesson is about the world without it.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `rnn_step` | one word, one step | ●○○○○ | ●●●●● | 5 |
# | `bptt` | back through time by hand | ●●●●○ | ●●●●○ | 35 |
# | `gru_step` | a step with two gates | ●●○○○ | ●●●●○ | 12 |
# | `encode` | a padded batch, each sentence to its own end | ●●●○○ | ●●●●● | 15 |
# | `repair_decode` | find the bug | ●●○○○ | ●●●●○ | 10 |
#
# A cell with `check` follows each exercise. `hint("rnn_step")` asks a helpful question, and `solution("rnn_step")`
# shows an answer.

# %% name="setup"
import numpy as np

from course.lab import check, explore, hint, holds, quiz, show, show_table, slider, solution
from course.lessons.lesson_01 import experiments, gradients, telephone
from course.lessons.lesson_01.figures import (
    draw_clock,
    draw_lengths,
    draw_memory,
    draw_reach,
    draw_summary,
)
from course.lessons.lesson_01.reference import lstm_step
from course.special import BOS, EOS, PAD

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# **Words of this lesson.** Some of them mean something else elsewhere.
#
# | word | what it means here |
# |---|---|
# | state | the numbers that a network carries from one word to the next: all that it remembers |
# | recurrent | the same step is done again for every word, with the same matrices |
# | cell | the step of a recurrent network; in an LSTM also one of its two states, the *cell state* |
# | gate | numbers between 0 and 1 that say how much of something passes |
# | gradient | for every number, how fast the loss changes with it: a list of slopes |
# | fixed vector | what the encoder hands to the decoder, of one size for every sentence; also *context vector* |
# | start token, end token | `<bos>` and `<eos>`: they stand before and behind every sentence that is written |
#
# *State* is the word to be careful with: in physics and in programming it is everything that is the case. Here it is
# a vector of a few dozen numbers.
#
# ## 1. A reader with a very small notebook
#
# > I love **France**, and the president of that **country** lives in Paris.
#
# Which country? You know at once, because you remember *France*. Now imagine a reader who may look at one word at a
# time, never back, and who has nothing but a tiny notebook. After each word he rewrites it: what was there and the
# new word are put together into a new page, and the old page is torn out. When he comes to *country*, six words after
# *France*, the name has been copied from page to page six times. If it is not on the present page, it is gone. (The
# comma is not counted here. A network gets every mark as a word of its own, and so we count them from now on.)
#
# That reader is a **recurrent network**, and the page is its **state** $h$. The word comes as a vector $x$. One step
# makes the new state from both:
#
# $$ h' = \tanh(x W + h U + b) . $$
#
# $W$ says what a word does to the state, $U$ what the state does to itself, and $b$ is a bias, a number that is
# always added. The function tanh squeezes any number into the range from $-1$ to $1$: small ones stay nearly what
# they are, large ones become nearly $1$. Without it the state could grow at every word.
#
# ### One number, by hand
#
# Take a pencil, and a state of a single number. The word vector has one number as well: 1 for *France* and 0 for any
# other word. Let $W = 1$, $U = 0.8$ and $b = 0$. The state begins at 0, and the sentence has five words:
# *France likes its president .*
#
# After *France* it is $\tanh(1 \cdot 1 + 0.8 \cdot 0) = \tanh(1) = 0.762$. After *likes* it is $\tanh(0 + 0.8 \cdot
# 0.762) = \tanh(0.609) = 0.544$. Every word that says nothing rewrites the page, and every time *France* gets paler.

# %% name="one-number"
words = ["France", "likes", "its", "president", "."]
x_by_hand, W_by_hand, U_by_hand = [1, 0, 0, 0, 0], 1.0, 0.8

states = [0.0]  # states[t + 1] is the state after word t
for x_t in x_by_hand:
    states.append(np.tanh(x_t * W_by_hand + states[-1] * U_by_hand))
for word, h in zip(words, states[1:], strict=True):
    print(f"after {word:10} {h:.3f}")

# %% [markdown]
# ### Exercise `rnn_step`
#
# *difficulty ●○○○○ · importance ●●●●● · 5 minutes*
#
# The same for vectors, and for a batch of B sentences at once: `x` (B, d_in) holds one word of each, `h` (B, d_h) the
# states. Return the new states (B, d_h). `W` is (d_in, d_h), `U` is (d_h, d_h), `b` is (d_h,). `np.tanh` works on
# whole arrays.


# %% name="exercise-rnn-step"
def rnn_step(x, h, W, U, b):
    """The states after one more word of each sentence: (B, d_h)."""
    ### BEGIN SOLUTION
    return np.tanh(x @ W + h @ U + b)
    ### END SOLUTION


# %%
rnn_step = check("rnn_step", rnn_step)

# %% [markdown]
# ## 2. Back through time
#
# $W$, $U$ and $b$ have to be learned. Training asks for every number: *if it moved a little, how fast would the loss
# change?* These slopes are the **gradient**, and each number is then moved a little downhill. So what a network can
# learn is what a gradient tells it. Let us send one back, with the pencil.
#
# The loss looks at the last state. Say the loss *is* the last state, so it moves as fast as $h_5$: the slope there is
# 1. How fast does it move with the states before? A step has two parts, and the chain rule multiplies their slopes.
#
# - **Through tanh.** Its slope is $1 - \tanh^2$, and $\tanh$ of the sum is the state itself: $1 - h^2$. Flat where
#   the state is near $1$ or $-1$, steep where it is near 0.
# - **Through U.** If the state before moves by 1, the sum moves by $U = 0.8$.
#
# From $h_5 = 0.248$ to $h_4$: $(1 - 0.248^2) \cdot 0.8 = 0.751$. From $h_4 = 0.316$ to $h_3$ another $(1 - 0.316^2)
# \cdot 0.8 = 0.720$, together $0.541$. And so on, one factor for each word, back to the state after *France*.
#
# **W, U and b** were used at every step, so they get something from every step: the slope that arrives at the sum
# there (call it $d$), times what they were multiplied with. For $W$ that is the word, for $U$ the state *before* the
# step, for $b$ it is 1. The parts add up.
#
# To check a gradient, you need no theory at all: move a number by 0.00001 up and down, run the network both times,
# and divide the change by 0.00002. This is called **finite differences**.
#
# *Before you run the cell:* five words, five factors below 1. Will the slope of the state after *France* be nearer to
# 0.5, 0.2 or 0.05? And which of W and U gets more?

# %% name="back-by-hand" tags=["predict"]
slope, dW_by_hand, dU_by_hand, rows = 1.0, 0.0, 0.0, []
for t in (4, 3, 2, 1, 0):
    d = slope * (1 - states[t + 1] ** 2)  # through tanh
    dW_by_hand, dU_by_hand = dW_by_hand + x_by_hand[t] * d, dU_by_hand + states[t] * d
    rows.append((words[t], f"{states[t + 1]:.3f}", f"{slope:.3f}", f"{d:.3f}", f"{states[t]:.3f}"))
    slope = d * U_by_hand  # through U, to the state before
show_table(("word", "state after it", "slope there", "d, at the sum", "state before"), rows)


def last_state(W, U):
    h = 0.0
    for x_t in x_by_hand:
        h = np.tanh(x_t * W + h * U)
    return h


tiny = 1e-5
for name, found, up, down in (
    ("W", dW_by_hand, (W_by_hand + tiny, U_by_hand), (W_by_hand - tiny, U_by_hand)),
    ("U", dU_by_hand, (W_by_hand, U_by_hand + tiny), (W_by_hand, U_by_hand - tiny)),
):
    measured = (last_state(*up) - last_state(*down)) / (2 * tiny)
    print(f"slope of {name}: by hand {found:.6f}, by finite differences {measured:.6f}")

# %% [markdown]
# Read the third column from the top: 1, 0.751, 0.541, 0.360, 0.203. One fifth is left after four steps. $W$, which
# only *France* goes through, gets 0.085; $U$ gets 1.011, twelve times as much. It sits in the last steps too, where
# the slope is still large.
#
# ### Exercise `bptt`
#
# *difficulty ●●●●○ · importance ●●●●○ · 35 minutes*
#
# The same for vectors and batches: *back-propagation through time*. `x` is (B, T, d_in), `h0` (B, d_h) the states
# before the first word, and `g` (B, d_h) says how fast the loss moves with the *last* states. Return four arrays:
# `dW`, `dU`, `db` of the shapes of W, U and b, and `dh0` (B, d_h).
#
# 1. Forward: `rnn_step` word by word. Keep every state.
# 2. Backward, from the last word to the first: `d` (B, d_h) is `g` times the slope of tanh, $1 - h^2$ with the state
#    *after* the word.
# 3. `dW` gets `x[:, t].T @ d`. In one sentence, number $i$ of the word is multiplied with entry $(i, j)$ of $W$ and
#    lands in number $j$ of the sum; the product also adds up over the sentences. `dU` gets the same with the state
#    *before* the step. For `db` the factor is 1: `d` summed over the sentences, `d.sum(axis=0)`, (d_h,).
# 4. `g` for the state before: on the way forward, row $i$ of $U$ spread number $i$ of the state over all sums. On the
#    way back it collects from all of them, and that is a product with $U$ transposed, `U.T`.
#
# Return `dW, dU, db, dh0`, in this order; `dh0` is what is left in `g` when the loop is over. `reversed(range(T))`
# counts down to 0. `np.zeros(W.shape)` is an array to add into.


# %% name="exercise-bptt"
def bptt(x, h0, W, U, b, g):
    """How fast the loss moves with W, U, b and h0, if it moves with the last states as g says."""
    ### BEGIN SOLUTION
    T = x.shape[1]
    states = [h0]
    for t in range(T):  # 1 forward
        states.append(rnn_step(x[:, t], states[t], W, U, b))

    dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)
    for t in reversed(range(T)):
        d = g * (1 - states[t + 1] ** 2)  # 2 through tanh
        dW += x[:, t].T @ d  # 3 every step adds its part
        dU += states[t].T @ d
        db += d.sum(axis=0)
        g = d @ U.T  # 4 on to the state before
    return dW, dU, db, g
    ### END SOLUTION


# %%
bptt = check("bptt", bptt)

# %% [markdown]
# (Your check also ran finite differences on every entry of all four arrays.)
#
# ## 3. A factor for every word
#
# Look at step 4 once more. Each word multiplies the gradient by a slope of tanh and by $U$. For one number and $T$
# words back that is
#
# $$ \frac{\partial h_T}{\partial h_1} = \prod_{t=2}^{T} U \, (1 - h_t^2) , $$
#
# a product of $T - 1$ factors. If they are a little below 1, the product **vanishes**: $0.75^{30}$ is 0.0002. If they
# are above 1, it **explodes**: $1.3^{30}$ is 2,600. There is no third case that lasts. With matrices it is the same,
# with the sizes of matrices in place of numbers (Bengio et al. 1994; Hochreiter had found it in 1991).
#
# An exploding gradient is easily mended: where its length is above 1, cut it to 1 (Pascanu et al. 2013; the trainings
# below do so). A vanished one cannot be mended like that: what comes from far is added to what comes from near, and
# drowns.
#
# A vanished gradient does not mean that the network forgets. It means that the network is not told: whether *France*
# mattered for a mistake thirty words later does not reach the place where it could be changed.
#
# ## 4. Gates
#
# Our reader rewrites the whole page at every word, even if the word is *the*. Would it not be better to leave the
# page alone when nothing happens? That is what a **gate** decides: a number between 0 and 1 for each number of the
# state. The function that makes such numbers is the *sigmoid*, $\sigma(s) = 1 / (1 + e^{-s})$: 0.5 at 0, near 1 for
# large $s$, near 0 for very negative ones.
#
# The **gated recurrent unit**, GRU (Cho et al. 2014), has two gates.
#
# 1. The *update gate* $z = \sigma(x W_z + h U_z + b_z)$ says how much of the old state stays.
# 2. The *reset gate* $r = \sigma(x W_r + h U_r + b_r)$ says how much of the old state the new content may look at.
# 3. The *new content* is a plain step that sees the state through $r$: $n = \tanh(x W_n + (r \odot h) U_n + b_n)$.
#    ($\odot$ is number by number, `*` in numpy.)
# 4. The new state is a mixture:
#
# $$ h' = z \odot h + (1 - z) \odot n . $$
#
# Where $z$ is 1, the state is *copied*: no tanh, no $U$. On the way back such a step has the slope 1 (a $z$ at 1
# hardly moves itself). A gate is a bypass for the gradient, and the network can learn when to open it.
#
# (Papers disagree about the letter. In Bahdanau et al. 2015 $z$ is the share of the *new*. Nothing but the name
# changes. Whoever copies one half of the formulas from each paper has a network that still trains.)
#
# ### Exercise `gru_step`
#
# *difficulty ●●○○○ · importance ●●●●○ · 12 minutes*
#
# `W`, `U` and `b` are dicts with the keys `"z"`, `"r"` and `"n"`; the shapes are those of `rnn_step`. Write the four
# lines. A `sigmoid` is given.


# %% name="exercise-gru-step"
def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def gru_step(x, h, W, U, b):
    """The states after one more word of each sentence: (B, d_h)."""
    ### BEGIN SOLUTION
    z = sigmoid(x @ W["z"] + h @ U["z"] + b["z"])  # 1 how much stays
    r = sigmoid(x @ W["r"] + h @ U["r"] + b["r"])  # 2 how much the new content sees
    n = np.tanh(x @ W["n"] + (r * h) @ U["n"] + b["n"])  # 3 the new content
    return z * h + (1 - z) * n  # 4 the mixture
    ### END SOLUTION


# %%
gru_step = check("gru_step", gru_step)

# %% [markdown]
# ### The LSTM, and two kinds of GRU
#
# The **long short-term memory** (Hochreiter and Schmidhuber 1997) is older and has more parts: two states and three
# gates. The *cell state* $c$ is what it keeps, $h$ is what it shows. The *forget gate* $f$ (Gers et al. 2000) says
# how much of $c$ stays, the *input gate* $i$ how much of the new content $g$ comes in, the *output gate* $o$ how much
# is shown:
#
# $$ c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c') . $$
#
# (This $g$ is another one than in `bptt`.) All three gates are made of $x$ and $h$ as in the GRU, $f = \sigma(x W_f +
# h U_f + b_f)$, and $g$ as well, with $\tanh$ in place of $\sigma$. In the course's code it is `lstm_step`; four
# lines as well.
#
# Who compares a GRU of his own with a library's should know that there are two. The paper applies $r$ to the state,
# *before* the product with $U_n$: $(r \odot h) U_n$. PyTorch applies it *after* the product, and to a bias of its own
# in it: $r \odot (h U_n + b')$. That is faster, as $h U$ can be made for all three gates at once. Is it the same?

# %% name="two-kinds-of-gru"
rng = np.random.default_rng(1)
d = 4
W, U = ({gate: rng.standard_normal((d, d)) for gate in "zrn"} for _ in range(2))
b = {gate: np.zeros(d) for gate in "zrn"}
x, h = rng.standard_normal((2, 1, d))

z, r = (sigmoid(x @ W[gate] + h @ U[gate] + b[gate]) for gate in "zr")
n_torch = np.tanh(x @ W["n"] + r * (h @ U["n"]) + b["n"])
print("paper:  ", gru_step(x, h, W, U, b)[0])
print("PyTorch:", (z * h + (1 - z) * n_torch)[0])

c = np.zeros_like(h)
four = [{gate: rng.standard_normal(shape) for gate in "ifgo"} for shape in ((d, d), (d, d), (d,))]
h_lstm, c_lstm = lstm_step(x, h, c, *four)
print("an LSTM shows", h_lstm[0], "and keeps", c_lstm[0])

# %% [markdown]
# It is not the same: with equal matrices the two give different numbers. Each trains as well as the other; only
# weights cannot be carried from one to the other. (PyTorch's LSTM stores its gates in the order *i, f, g, o*.)
#
# ### Follow one word
#
# Below, a cell of a single number reads *France*, some words that say nothing, and *country*. The upper bars are the
# state. The lower ones say how far the *last* state would move if the state at that word moved by 1: the gradient, by
# finite differences. `keep` is $U$ in the plain network. For GRU and LSTM it is the gate at words that say nothing,
# and anything above 1 counts as 1. It runs on your `rnn_step` and `gru_step`.
#
# 1. *RNN*, `keep` 0.9. How many words may stand between until less than 0.1 is left of *France*? Compare with the
#    *GRU*.
# 2. *RNN*, `keep` 1.2, 30 words. Does it remember France? Could it have learned to?
# 3. *GRU* or *LSTM*, 30 words. Which `keep` does it need so that half of the gradient arrives?

# %% name="explore-memory"
explore(
    draw_memory,
    rnn_step=rnn_step,
    gru_step=gru_step,
    cell=["RNN", "GRU", "LSTM"],
    between=slider(1, 40, start=6),
    keep=slider(0.5, 1.2, start=0.9, step=0.01),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. The state falls below 0.1 with 15 words in the RNN and with 21 in the GRU. In the RNN tanh takes its part as
#    well, above all at the beginning, where the state is large. Look at the lower bars too: with 15 words 0.03 of the
#    gradient arrives in the RNN, and in the GRU 0.19.
# 2. It remembers: the state settles at 0.66 and stays there for ever. But of the gradient 0.000002 arrives. The state
#    sits where $U$ pushes up as much as tanh squeezes down, and whatever moves it is pushed back. *It remembers and
#    cannot be taught to:* a network that does not do this by chance is not told that it should.
# 3. 0.98 is enough: $0.98^{31} = 0.53$. A gate gets there with a bias of 3.9: $\sigma(3.9) = 0.98$.
#
# </details>
#
# ## 5. How far does a gradient reach?
#
# Now the real thing: 32 numbers in a state, random words, sentences of 100. The networks are as PyTorch begins them,
# all numbers drawn between $-1/\sqrt{d}$ and $1/\sqrt{d}$, and nobody has trained them. Measured is the gradient of a
# word $k$ steps before the end, in parts of that of the last word, as the median of 9 networks. Besides PyTorch's
# start there are others: $U$ multiplied by a number, and a bias added to the gate that keeps, so that it starts wider
# open.
#
# *Before you run the cell:* with how many zeros behind the point does the gradient of the first word begin in the
# plain network? The LSTM was invented to mend this. How many zeros does it have?

# %% name="measured-starts" tags=["predict"]
reaches = gradients.measure_starts()
gradients.starts_table(reaches)

# %% [markdown]
# `2e-34` is 0.000...2 with 33 zeros behind the point. Three things stand in this table.
#
# - **A gate alone mends little.** As PyTorch begins them, LSTM and GRU are better than the plain network by twelve
#   powers of ten, and still hopeless: 21 zeros and 20. Their gates start half open, and half of a half of a half does
#   not go far.
# - **One number mends a lot.** Add 1 to the bias of the forget gate, and 4e-22 becomes 1e-9; add 4, and nothing is
#   lost on the way: from 0.32 one step back it even grows to 3.15 at the first word. (Above 1 means that the first
#   word moves the end more than the last word does. What is never forgotten goes into every later gate as well.)
#   Jozefowicz et al. (2015) tried ten thousand kinds of cells, and their advice in the end was: set that bias to 1.
#   PyTorch does not.
# - **Scaling the plain network is walking on a ridge.** With $U$ times 1.7 the gradient vanishes as before. With 3
#   the median is 1.83, and that says little: from network to network it goes from 0.01 to 200. (The table has medians
#   only; the band in the picture below shows it.)
#
# ### A trap in measuring
#
# Who measures this with numbers of 32 bits, PyTorch's default, can be told that the gradient is exactly 0 when it is
# not.

# %% name="exactly-zero"
rng = np.random.default_rng(1)
p = gradients.start("RNN", 32, rng)
x, g = rng.standard_normal((gradients.RUNS, 100, 32)), np.ones((gradients.RUNS, 1, 32))
exact = gradients.word_gradients("RNN", p, x, g)[0]
single = gradients.word_gradients(
    "RNN",
    *({k: v.astype(np.float32) for k, v in p.items()}, x.astype(np.float32), g.astype(np.float32)),
)[0]
rows = []
for back in (10, 50, 80):
    there, here = exact[-1 - back], single[-1 - back]
    sizes = np.linalg.norm(there), np.linalg.norm(here), np.abs(here).max()
    rows.append((back, *(f"{size:.0e}" if size else "0" for size in sizes)))
show_table(("words back", "norm, 64 bits", "norm, 32 bits", "largest entry, 32 bits"), rows)

# %% [markdown]
# The *norm* is the length of a vector, the root of the sum of squares. The square of 1e-24 is 1e-48, and below 1e-45
# numbers of 32 bits are 0. The entries are still there, but the norm is not. Take the largest entry, or 64 bits.
#
# ### Take it in your hand
#
# The same measurement with all its settings. On the left is the last word of the sentence, on the right the first
# one; the band goes from the least of the nine networks to the most.
#
# 1. Compare the three cells at `bias` 0 and `scale` 1. Does a wider state (`d`) help?
# 2. *LSTM*: how much bias does it take until the line is nearly flat over 100 words?
# 3. *RNN*, `d` 32: look for the `scale` at which the line turns upward. What does the picture say of single networks
#    there?

# %% name="explore-reach"
explore(
    draw_reach,
    cell=["RNN", "LSTM", "GRU"],
    d=slider(8, 64, start=32, step=8),
    words=slider(10, 100, start=100, step=10),
    bias=slider(0.0, 6.0, start=0.0, step=0.5),
    scale=slider(0.5, 4.0, start=1.0, step=0.25),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Width makes no great difference: numbers of $1/\sqrt{d}$ were chosen so that it does not. The three lines keep
#    their order.
# 2. With 3 about a third is left, and with 4 the line no longer falls. Too much is not good either: what never
#    forgets has no room for anything new.
# 3. Between 2.75 and 3. At 3 the single networks go from 0.01 to 200.
#
# </details>
#
# ### What training changes
#
# These were networks that nobody had trained. So a task in which distance is all: the first word is one of four
# countries, then come words that say nothing, and at the end the network is asked which country it was. Each cell has
# 500 updates on fresh sentences, three times from different starts. (It takes some minutes; the log is kept, with the
# command in `course/lessons/lesson_01/experiments.py`.)

# %% name="remembering"
remembered = experiments.read("remembering")
show(experiments.remembering_table(remembered))

# %% [markdown]
# - **Training opens the way.** GRU, 20 words: at the start 0.00009 of the gradient arrives at the country, after 500
#   updates 0.62. What section 5 measured is where a network starts, and not where it has to stay. (The last two
#   columns are medians of three trainings. And the way need not open: the LSTM with its bias raised learns, and less
#   arrives afterward than before.)
# - **Where nothing arrives, little is opened.** At 40 words some hundred-millionths arrive at most in plain network,
#   GRU and LSTM. (The log has these numbers; the table does not show them.) GRU and LSTM guess, and so does the plain
#   network in two of three trainings; in the third it gets half of the answers. The LSTM whose forget bias was raised
#   gets half in two of three.
# - **The gradient is not everything.** The plain network learns 20 words though less arrives than in the LSTM, which
#   does not learn them in 500 updates: with all its gates half open it takes in half and shows half of that. And
#   chance has a say: look at the plain network's three trainings at 10 words.
#
# ## 6. A batch, and where a sentence ends
#
# From one sentence to many. Sentences have different lengths and arrays have not, so short ones are filled up with a
# token that stands for nothing, the **pad** `<pad>`. A recurrent network does not know that it is nothing. It reads
# it like a word, and rewrites its page: by $h U + b$ at least, even if the pad's vector is all zeros.
#
# For a short sentence in a batch with a long one that is the end of it. What the encoder hands over is the *last*
# state, and with forty pads behind the last word the last state is a state of having read forty pads. It trains, and
# the loss falls; translations are good as long as the sentences of a batch are about equally long.
#
# The rule: **at a pad, the state stays as it is.** Then the last state of every sentence is the state after its last
# word, and pads on the left do no harm either.
#
# ### Exercise `encode`
#
# *difficulty ●●●○○ · importance ●●●●● · 15 minutes*
#
# `step(x_t, h)` is one step of a cell whose matrices it knows: words (B, d_in) and states (B, d_h) in, new states
# out. `x` (B, T, d_in) are words, `real` (B, T) booleans, True at a word and False at a pad, `h0` (B, d_h) the states
# to begin with. Pads may stand on either side of a sentence. Return two arrays: `states` (B, T, d_h), the state after
# each position, and `last` (B, d_h).
#
# `np.where(condition, a, b)` takes from `a` where the condition is True, and from `b` elsewhere. The condition must
# line up: `real[:, t, None]` is (B, 1), a column. `np.stack(list_of_arrays, axis=1)` puts arrays side by side along a
# new axis.


# %% name="exercise-encode"
def encode(step, x, real, h0):
    """The states after every position (B, T, d_h), and each sentence's last one (B, d_h)."""
    ### BEGIN SOLUTION
    h, states = h0, []
    for t in range(x.shape[1]):
        h = np.where(real[:, t, None], step(x[:, t], h), h)
        states.append(h)
    return np.stack(states, axis=1), h
    ### END SOLUTION


# %%
encode = check("encode", encode)

# %% [markdown]
# The needle and the people share a batch. The needle's sentence is shorter by two words. Is its last state the one
# that it has alone? Three ways: to read on, to read on with pads whose vectors are zeros, and yours.

# %% name="alone-and-in-company"
sentences = ["The needle has a sharp point .", "It is not polite to point at people ."]
both = [sentence.split() for sentence in sentences]
vocabulary = {word: 4 + i for i, word in enumerate(dict.fromkeys(both[0] + both[1]))}
ids = np.full((2, 9), PAD)
for row, sentence in zip(ids, both, strict=True):
    row[: len(sentence)] = [vocabulary[word] for word in sentence]

rng = np.random.default_rng(6)
d = 8
table = rng.standard_normal((4 + len(vocabulary), d))
W, U, b = (
    rng.standard_normal((d, d)) / 3,
    rng.standard_normal((d, d)) / 3,
    rng.standard_normal(d) / 3,
)


def step(x_t, h):
    return rnn_step(x_t, h, W, U, b)


x, real, h0 = table[ids], ids != PAD, np.zeros((2, d))
_, alone = encode(step, x[:1, :7], real[:1, :7], h0[:1])
everything = np.ones_like(real)
ways = {
    "read on": encode(step, x, everything, h0),
    "read on, pads are zeros": encode(step, x * real[..., None], everything, h0),
    "stop at the end": encode(step, x, real, h0),
}
rows = [(name, f"{np.abs(last[0] - alone[0]).max():.3f}") for name, (_, last) in ways.items()]
show_table(("at a pad", "the needle's last state moved by"), rows)

# %% [markdown]
# ## 7. Two networks make a translator
#
# In 2014 two groups had the same thought at the same time (Cho et al., Sutskever et al.; Kalchbrenner and Blunsom had
# come near it a year before): one recurrent network to read, the **encoder**; another one to write, the **decoder**;
# and between them a single vector. Step by step, as in Sutskever et al.:
#
# 1. The encoder reads the English sentence word by word. Nothing is written yet.
# 2. Its last state is the **fixed vector**. It has as many numbers for *Go!* as for a sentence of forty words, and it
#    is all that the decoder will ever know of the source. (Cho et al. also let the decoder read it again at every
#    step.)
# 3. The decoder begins with that state, and with the **start token** `<bos>` in place of a word.
# 4. Its new state is turned into a score for every word of the vocabulary: $h\,W_{\text{out}} + b_{\text{out}}$.
# 5. The word with the best score is written. (Always the best: *greedy*. Lesson 11 looks further ahead.)
# 6. That word is fed to the decoder, and steps 4 to 6 are repeated, until it writes the **end token** `<eos>`.
#
# Without a start token there would be nothing to feed at the first step. Without an end token nobody would know when
# to stop: the network has to learn that, too.
#
# In training, step 6 feeds the *right* word instead of the written one, since the translation is known. Lesson 10
# shows what that is good for and what it costs.
#
# ### Find the bug
#
# A colleague's decoder. `step(tokens, h)` takes the last tokens (B,) and the states (B, d_h) to scores (B, V) and new
# states. She has tested it on a hundred sentences, one at a time, and then on batches of equal length: all right. Now
# she writes whole batches, and her scores are worse than before; also it takes much longer than it should.


# %% name="a-decoder-that-passes"
def colleagues_decode(step, h, bos, eos, pad, max_len):
    """Write greedily until the end: ids (B, L), filled up with pad behind each end."""
    tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool)
    written = []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = np.where(done, pad, scores.argmax(axis=-1))
        written.append(tokens)
        done = tokens == eos
        if done.all():
            break
    return np.stack(written, axis=1)


def recite(tokens, h):
    """A decoder that knows by heart what to write: h (B, 1 + L) is a position, then the tokens."""
    # row b writes h[b, 1], then h[b, 2] and so on, one a step, whatever it is fed
    at = h[:, 0].astype(int)
    scores = np.eye(10)[h[np.arange(len(h)), 1 + np.minimum(at, 7)].astype(int)]
    return scores, np.concatenate([h[:, :1] + 1, h[:, 1:]], axis=1)


by_heart = np.array([[0, 5, 6, EOS, 7, 8, 7, 8, 7], [0, 8, 5, 7, 6, 5, EOS, 7, 8]], dtype=float)
for chosen in (by_heart[:1], by_heart[1:], by_heart):
    print(colleagues_decode(recite, chosen, BOS, EOS, PAD, max_len=12).tolist())

# %% [markdown]
# ### Exercise `repair_decode`
#
# *difficulty ●●○○○ · importance ●●●●○ · 10 minutes*
#
# The start token (1 above) is fed and not returned; the end token (2 above) is returned; behind it stands `pad` (0
# above); the ids have as many columns as the longest sentence needs, and at most `max_len`. The ids may be other
# numbers, and `pad` never has the best score. Copy her lines and repair them.


# %% name="exercise-repair-decode"
def repair_decode(step, h, bos, eos, pad, max_len):
    """Write greedily until the end: ids (B, L), filled up with pad behind each end."""
    ### BEGIN SOLUTION
    tokens, done = np.full(len(h), bos), np.zeros(len(h), dtype=bool)
    written = []
    for _ in range(max_len):
        scores, h = step(tokens, h)
        tokens = np.where(done, pad, scores.argmax(axis=-1))
        written.append(tokens)
        done = done | (tokens == eos)  # who has ended stays so
        if done.all():
            break
    return np.stack(written, axis=1)
    ### END SOLUTION


# %%
repair_decode = check("repair_decode", repair_decode)

# %% [markdown]
# <details><summary>What the mistake is, and why her tests could not see it</summary>
#
# `done = tokens == eos` knows who ends *now*, and forgets who ended before. One step behind its end a sentence is
# filled with a pad, since `done` is still true; the pad is no end, so it counts as not done again, and the next word
# is written. It needs a second sentence that is longer: alone, or with equal lengths, all are done in the same step
# and the loop is over. And as the sentences are never done at the same time, the loop runs to `max_len`, every time.
#
# </details>
#
# ## 8. Remember a telephone number
#
# Now all pieces together, in a task that needs memory and nothing else: hear a telephone number digit by digit, then
# say it. Humans do this with about seven digits (Miller 1956). The numbers here have 1 to 8 digits, and the encoder
# and the decoder are GRUs with a state of 64. Training takes a few seconds, with the gradient by hand as in section
# 2; what it leaves are matrices, and they run in *your* `gru_step`, `encode` and `repair_decode`.

# %% name="train" tags=["nbval-ignore-output"]
UPDATES = 500
trained = telephone.train(d=64, updates=UPDATES)
for update in range(0, UPDATES, 100):
    print(f"update {update:4}  loss {trained.loss[update]:.2f}")
print(f"update {UPDATES:4}  loss {trained.loss[-1]:.2f}")

own = {"gru_step": gru_step, "encode": encode, "decode": repair_decode}
heard = telephone.draw(6, [2, 4, 6, 8], np.random.default_rng(3))
for number, said in zip(heard, telephone.say_again(heard, trained, **own), strict=True):
    print(f"heard {telephone.as_text(number):8}  said {telephone.as_text(said)}")

# %% [markdown]
# *Before you run the cell:* at how many digits will half of the numbers be wrong?

# %% name="right-by-length" tags=["nbval-ignore-output", "predict"]
by_digits = telephone.right_by_length(trained, range(1, 9), **own)
rows = [(f"{length}", [100 * share]) for length, share in by_digits.items()]
show(draw_lengths, rows=rows, what="telephone numbers said again", unit="digits")

# %% name="right-by-length-holds"
errors = telephone.how_wrong(trained, 5, **own)
holds(
    ("Of one and two digits, nearly all numbers are right.", min(by_digits[1], by_digits[2]) > 0.9),
    ("Of eight digits, most are not.", by_digits[8] < 0.5),
    ("Eight digits are harder than four.", by_digits[8] < by_digits[4]),
    ("Wrong numbers of five digits have nearly always five digits.", errors["length"] > 0.9),
    ("Most of them have the right digits in another order.", errors["digits"] > 0.5),
)

# %% [markdown]
# Look at what is wrong. The wrong numbers are nearly all of the right length, and of those with five digits most have
# the right digits, in another order. What the vector loses first is not *what* there was, but *where*.
#
# Is it the vector that is too small, or the training that was too short? Both can be varied. Here are the kept
# results for four widths, each with 500, 2,000 and 8,000 updates.

# %% name="widths"
kept = experiments.read("telephone")
rows = [
    (run["d"], f"{run['updates']:,}", *(f"{100 * share:.0f}" for share in run["right"]))
    for run in kept["runs"]
]
show_table(("width", "updates", *(f"{n} digits" for n in kept["lengths"])), rows, "% exactly right")

# %% [markdown]
# Both, and the table is worth a second look. At 500 updates width decides: of four digits, 8 numbers get none right
# and 64 get 84 %. But 16 numbers after 8,000 updates do better than 64 after 500, and with 32 numbers and enough
# training all of it is right, up to eight digits. So the vector was not *full*. Eight digits are 27 bits, and a
# single number of 32 bits has room for them. What is hard is to *learn* to write them into a state that is rewritten
# at every step, and to get them out again in order. What a fixed vector cannot do today, it could do with more width
# and more training; but every word that is added raises the price, and all sentences pay it.
#
# ## 9. The same with sentences
#
# A sentence is more than digits: words belong together, and some can be guessed. So a fixed vector holds more of it.
# How much more? Here is a GRU encoder-decoder with a fixed vector of 192 numbers, trained on the course's own corpus,
# English to German, twice from different starts: 1,200 updates, a few minutes each, the log is kept. The command line
# trains such a model with
#
#     course train --architecture gru --attention none --out my_gru

# %% name="by-length"
log = experiments.read("by_length")
rows = experiments.share_by_length(log)
show(draw_lengths, rows=rows, what="GRU with a fixed vector, English to German", unit="words")
show(experiments.country_table(log))

# %% [markdown]
# The bars are the mean of both trainings, the dots each of them. Of sentences of up to four words 96 % are exactly
# right, of those with 13 or 14 words one third, and all these lengths occur in training. Beyond, at 15 to 18 words,
# it is 3 %, and above that none; sentences of that length were not in training, so there two things come together.
#
# Now read the German sentences. The second row, the sentence of section 1, is right, with its president and its
# country. The first is shorter, and yet the *queen* stands where the *people* should: *The queen hopes that the queen
# of that country love people*, with a verb that does not fit. With a reason put between, the president becomes a
# king, and the reason is gone: *Clara loves France, and the king of that country often invites.* All of it is German,
# and most of it is grammatical. That is how a fixed vector fails: it seldom stammers, it tells another story.
# Beginnings mostly survive; what is lost is who did what to whom.
#
# Lesson 02 draws this curve once more, with a decoder that may look back.
#
# ## 10. One after the other
#
# There is a second price, and more training does not lower it. State 7 needs state 6, which needs state 5. Forty
# words are forty steps, *one after the other*, and a computer that could do a thousand things at once has to wait.
# The opposite is a network in which every word looks at every other one directly: that is attention, the subject of
# the next lessons. Of it you need to know one thing here. It compares all pairs, so it needs $T^2$ comparisons; but
# none of them has to wait for another, and all together they are two matrix products.
#
# Count multiplications for $T$ words of width $d$: the GRU has six products with a $d \times d$ matrix a word, $6\,T
# d^2$. Comparing all pairs and mixing costs $2\,T^2 d$. The two are equal at $T = 3 d$, which is 192 words for the
# width of 64 here. Beyond that, attention has more to compute.
#
# *Before you run the cell:* at which length will the *clock* say that word by word is faster? It runs on your
# `gru_step`, and on your computer.

# %% name="clock" tags=["nbval-ignore-output", "predict"]
found = experiments.clock(gru_step)
show(experiments.clock_table(found))
show(draw_clock, found=found)

# %% [markdown]
# By the count, word by word has less to compute from 192 words on. The clock disagrees: on the computer where this
# page was made, all at once is still far ahead at 256 words, and the two are level only at about a thousand words or
# at several thousand, many times as far out. (Single times jump, above all where other programs run.) In between,
# word by word computes less and takes longer. Beyond, it should win, since the one time grows with $T$ and the other
# with $T^2$, and nothing is to be glossed over: for very long texts $T^2$ is too much, and there recurrent networks
# have come back in new clothes. Where the two are level depends on the machine. The more it can do at once, the
# farther out: on a graphics card, farther than on a laptop.
#
# In training the sequential steps are paid twice, forward and backward. When you *write*, word by word is the only
# way for both; nobody can look at a word that is not there yet.
#
# ## 11. What else such models do
#
# Nothing in section 7 is about German. What is read must come in steps, and what is written too; the rest is
# training.
#
# | task | what the encoder reads | what the decoder writes | in this course |
# |---|---|---|---|
# | translation | an English sentence | a German sentence | lessons 02 to 12 |
# | summary | a long text | a short one | lesson 15 |
# | speech recognition | pieces of sound, a hundred a second | what was said | lesson 15 |
# | captions | a picture, by another network | a sentence about it | lesson 15 |
# | conversation | what you said | an answer | lesson 15: the decoder alone |
#
# Where the input is long (a text to be summarized, sound), the fixed vector hurts most. In captions the whole input
# *is* one vector, and looking back at parts of the picture was one of the first uses of attention outside of
# translation.
#
# ## 12. Three questions

# %% name="quiz"
quiz("01")

# %% [markdown]
# ## 13. The whole lesson in one picture

# %% name="summary"
show(
    draw_summary,
    source=["I", "love", "France", "."],
    target=["Ich", "liebe", "Frankreich", "."],
)

# %% [markdown]
# What you can take along:
#
# - A recurrent network rewrites its state at every word. What a word has to say to the end goes through every state
#   between, and the gradient comes back the same way: one factor for each word.
# - Gates let a state pass unchanged. They help as far as they are open, and whether they start open is one bias.
# - To remember and to learn to remember are two things: a state may stay and its gradient vanish.
# - At a pad the state stays. Whoever ended stays ended.
# - A fixed vector has one size for every sentence. Long sentences pay for it, and so does everybody who waits for one
#   step after the other.
#
# In lesson 02 the decoder may look back: at every step it asks all states of the encoder, and takes what it needs.
#
# ## A task for four
#
# *Pass it on, 15 minutes.* Sit in a row. The first writes a sentence with a country at its beginning and twelve
# words, and passes it on *word by word*, by whispering. Each of the others keeps one slip of paper with room for
# three words, rewrites it at every word that comes, and shows the next one the slip only. The last one answers: which
# country, and what happened there? Then a second round, in which the slip may be left unchanged at a word. Agree on
# one sentence: *what did each of you do when a word came that said nothing, and who told you that France would be
# asked for?*
#
# ## How to teach it
#
# Let people fill in the table of section 2 by hand, a factor each, before anybody says *vanishing*. The second
# question below the demo of section 4 is the heart of the lesson: it remembers, and could not have learned to. If
# time is short, leave out `gru_step` and section 10, and keep `encode`.
#
# <details><summary>What the task for four ends in</summary>
#
# In the first round people write down *something* at every word, and the country is crowded out. In the second it
# stays, but only if somebody guesses that it will be needed, since the question comes at the end. That guess is what
# training has to teach, and it can do so only where the gradient of the question reaches back to the country.
#
# </details>
#
# ## Further reading
#
# - I. Sutskever, O. Vinyals, Q. V. Le (2014), [Sequence to Sequence Learning with Neural
#   Networks](https://arxiv.org/abs/1409.3215). Section 3.3 has a trick: to read the English sentence backward. What
#   does that do to the distance between the first words?
# - K. Cho et al. (2014), [Learning Phrase Representations using RNN
#   Encoder-Decoder](https://arxiv.org/abs/1406.1078). Where the GRU comes from: section 2.3.
# - K. Cho et al. (2014), [On the Properties of Neural Machine Translation](https://arxiv.org/abs/1409.1259). The
#   first curves of what you saw in section 9.
# - Y. Bengio, P. Simard, P. Frasconi (1994), *Learning Long-Term Dependencies with Gradient Descent is Difficult*.
#   IEEE Transactions on Neural Networks 5. To remember, or to be taught: this lesson's section 4 in theorems.
# - R. Jozefowicz, W. Zaremba, I. Sutskever (2015), [An Empirical Exploration of Recurrent Network
#   Architectures](https://proceedings.mlr.press/v37/jozefowicz15.html). Ten thousand cells, and a bias of 1.
# - C. Olah (2015), [Understanding LSTM Networks](https://colah.github.io/posts/2015-08-Understanding-LSTMs/). The
#   pictures that everybody knows.
