# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Masking
#
# *Lesson 05 · 150 minutes · numpy only, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - say who must not see what in a Transformer, and why: the future, and the padding;
# - build the causal mask, the padding mask and the decoder's mask, and say why a mask closes *columns*, acts *before*
#   the softmax, and puts $-\infty$ there and not 0;
# - prove that nothing leaks, with a meter that knows nothing of the code that it measures;
# - decide what a row returns that may see nothing, and say what others return;
# - find a mask that is right on every batch its author had, and wrong on the next.
#
# **Prerequisites.** Lesson 03: scores, softmax, attention with a mask. Lesson 04 for the axis H of the heads; the
# names of the axes are in lesson 00. Nothing here is trained.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `causal_mask` | nobody sees the future | ●○○○○ | ●●●●● | 5 |
# | `padding_mask` | nobody looks at a pad | ●○○○○ | ●●●●● | 7 |
# | `decoder_mask` | both at once | ●●○○○ | ●●●●● | 5 |
# | `influence` | the meter: which output moves with which token | ●●○○○ | ●●●●● | 18 |
# | `repair_decoder_mask` | find the bug | ●●○○○ | ●●●●○ | 15 |
#
# A cell with `check` follows each exercise. `hint("causal_mask")` asks a helpful question, and
# `solution("causal_mask")` shows an answer. Softmax and attention are your own from lesson 03, if your workbook has
# kept them.

# %% name="setup"
import numpy as np

from course.lab import check, explore, hint, quiz, show, show_table, slider, solution, workbook
from course.lab.drawing import draw_map
from course.lessons.lesson_05 import experiments
from course.lessons.lesson_05.figures import (
    draw_leak_meter,
    draw_masks,
    draw_measured_masks,
    draw_summary,
)
from course.lessons.lesson_05.mask_builder import MaskBuilder
from course.special import PAD

np.set_printoptions(precision=4, suppress=True)
softmax, attention = workbook.load("softmax"), workbook.load("attention")

# %% [markdown]
# **Words of this lesson.** Some of them mean something else elsewhere.
#
# | word | what it means here |
# |---|---|
# | token | a word, or a piece of one, as it stands in an array: a number of its own, its *id* |
# | pad | the token `<pad>`, id 0: it stands for nothing and fills short sentences up |
# | mask | booleans, one for each pair of query and key: True = *may attend* |
# | causal | only what came before may have an effect, as with causes |
# | encoder, decoder | the half of a translator that reads the English, and the half that writes the German |
# | leak | an output moves although only something moved that it must not see |
#
# *Mask* is the word to be careful with. In PyTorch's `nn.MultiheadAttention` True means *blocked*; in PyTorch's
# function `scaled_dot_product_attention` it means *may attend*, as here. And in a *masked language model* such as
# BERT a masked word is one that the model has to guess.
#
# ## 1. Two reasons to look away
#
# **It is not there yet.** A decoder writes from left to right. When it has written *Die Nadel hat*, the word that
# comes next cannot be looked at, because nobody has written it. In training it can be. There the whole German sentence
# is known and lies in one array, so that all its words can be computed at once, and for the word *hat* the right
# answer, *eine*, stands one place to the right. A model that may look there will look there. Its loss, the number
# that training makes small, falls beautifully: it has learned to copy. Then somebody asks it for a translation, and
# there is nothing to copy from. (Lesson 12 has the log of such a training.)
#
# **It is nothing.** Sentences have different lengths and arrays have not. So the short ones are filled up with a
# token that stands for no word.

# %% name="a-batch-of-two"
sentences = ["The needle has a sharp point .", "It is not polite to point at people ."]
english = [sentence.split() for sentence in sentences]
# Ids 0 to 3 are kept for special tokens: 0 is <pad>, and another one is <bos>.
vocabulary = {word: 4 + i for i, word in enumerate(dict.fromkeys(english[0] + english[1]))}

ids = np.full((2, max(map(len, english))), PAD)  # (B, T)
for row, words in zip(ids, english, strict=True):
    row[: len(words)] = [vocabulary[word] for word in words]
print("ids", ids.shape, "= (B, T)")
print(ids)

# %% [markdown]
# The first sentence has two pads. Attention does not know that they are nothing. A pad has a vector as every token
# has, so it has a key that queries may match, and a value that is mixed in. The needle's sentence would come out in one
# way when it is alone, and in another way in the company of a longer one.
#
# Both problems have one answer, which you know from lesson 03: a **mask**, booleans that say which query *may attend*
# to which key.
#
# ## 2. One row, by hand
#
# Take a pencil. The German sentence begins *Die Nadel hat eine*; `<bos>`, "begin of sentence", stands before it. You
# are the row of *hat*: you ask, and what you gather has to predict the next word. Steps 1 and 2 of attention (match,
# scale) are done, and their scores are such that the powers $e^{s_j}$ are whole numbers. The value of each word is a
# single number here.
#
# | | `<bos>` | Die | Nadel | hat | eine |
# |---|---|---|---|---|---|
# | power $e^{s_j}$ | 1 | 1 | 4 | 2 | 8 |
# | value $v_j$ | 0 | 8 | 2 | 4 | 16 |
#
# **Nothing hidden.** The powers add up to 16. *Eine*, the answer, gets $8/16$: half of all attention goes to the word
# that is to be guessed. The output is $\frac{1}{16}(1 \cdot 0 + 1 \cdot 8 + 4 \cdot 2 + 2 \cdot 4 + 8 \cdot 16) = 9.5$.
#
# ***Eine* hidden.** It takes part in nothing. The remaining powers add up to 8, so *Nadel* gets $4/8 = 0.5$, and the
# output is $\frac{1}{8}(8 + 8 + 8) = 3$.

# %% name="one-row-with-loops"
german = ["<bos>", "Die", "Nadel", "hat", "eine"]
powers_of_hat, values = [1, 1, 4, 2, 8], [0, 8, 2, 4, 16]


def mix_visible(powers, values, may):
    """Steps 3 and 4 for one row: shares of those words that may be seen, and what they mix."""
    total = sum(power for power, sees in zip(powers, may, strict=True) if sees)
    weights = [power / total if sees else 0.0 for power, sees in zip(powers, may, strict=True)]
    return weights, sum(weight * value for weight, value in zip(weights, values, strict=True))


for name, may in [("nothing hidden", [True] * 5), ("eine hidden", [True] * 4 + [False])]:
    weights, output = mix_visible(powers_of_hat, values, may)
    print(f"{name:15}", "weights", np.array(weights), " output", output)

# %% [markdown]
# ### Why before the softmax, and why $-\infty$
#
# With arrays nobody is left out of a sum; every key has a score, and something must be written where it is forbidden.
# Two things come to mind that are simpler than $-\infty$.
#
# *Take the weights as they are and put 0 where they are forbidden.* Then *eine* has weight 0. But the others keep
# what they had: *Nadel* has $4/16$ and not $4/8$, the row sums to 0.5, and the output is $1.5$, half of what it should
# be. And *eine* is not gone. Its power still stands in the denominator, where it decides how small the others are.
#
# *Put 0 where a score is forbidden.* But 0 is a score like any other, and $e^0 = 1$. *Eine* gets one part of nine.
#
# A forbidden score has to become something whose power is 0, and only $-\infty$ is that.
#
# Here is a test which needs no formula. Change what must not be seen, and look whether the output moves. *Eine* has
# two things that can change: its value (from 16 to 0), and its key, and with it its power (from 8 to 2).
#
# *Before you run the cell:* which of the four ways stays put in both tests? Two of them fail in one test only: which
# of these lets the value through, and which the key?

# %% name="four-ways" tags=["predict"]
ways = {
    "nothing hidden": lambda scores, may: softmax(scores),
    "−∞ before the softmax": lambda scores, may: softmax(np.where(may, scores, -np.inf)),
    "0 after the softmax": lambda scores, may: softmax(scores) * may,
    "0 before the softmax": lambda scores, may: softmax(np.where(may, scores, 0.0)),
}
v, may = np.array(values, dtype=float), np.array([True, True, True, True, False])
scores_of_hat = np.log(powers_of_hat)  # e to these gives the powers again
other_value, other_scores = v.copy(), scores_of_hat.copy()
other_value[4], other_scores[4] = 0, np.log(2)

rows = []
for name, way in ways.items():
    weights = way(scores_of_hat, may)
    outputs = [weights @ v, weights @ other_value, way(other_scores, may) @ v]
    rows.append((name, *(f"{x:.3f}" for x in (weights[2], weights[4], weights.sum(), *outputs))))
head = ("way to hide eine", "Nadel", "eine", "sum", "output", "other value", "other key")
show_table(head, rows)

# %% [markdown]
# The second line is the row that you computed, and the only one that stays at 3 whatever *eine* says. The third leaks
# through the key: 1.5 becomes 2.4, although the weight of *eine* is 0 both times. The fourth leaks through the value.
# (Who divides the third row by its sum again gets the second one, and pays for the division twice.)
#
# This test, *change what is hidden, watch what moves*, is the idea of this lesson. Section 6 makes a meter of it.
#
# ## 3. Nobody sees the future
#
# All rows at once. A mask is a table of permissions, and it is read as the map of weights is: **who asks stands at the
# left, who is asked on top.** Row *hat* allows `<bos>`, *Die*, *Nadel* and *hat* itself, for a word may look at itself:
# it has been written. Row by row the permissions grow by one, which makes a triangle. In symbols, query $i$ may attend
# to key $j$ if
#
# $$ j \le i . $$
#
# ### Exercise `causal_mask`
#
# *difficulty ●○○○○ · importance ●●●●● · 5 minutes*
#
# Return booleans of shape (T, T), True where row $i$ may see column $j$. `np.ones((T, T), dtype=bool)` is a table in
# which all is allowed, and `np.tril` keeps the lower triangle of a table; or compare two `np.arange(T)`, one of which
# stands upright.


# %% name="exercise-causal-mask"
def causal_mask(T):
    """Who may see whom when the future is hidden: (T, T) booleans."""
    ### BEGIN SOLUTION
    return np.tril(np.ones((T, T), dtype=bool))
    ### END SOLUTION


# %%
causal_mask = check("causal_mask", causal_mask)

# %% [markdown]
# Five rows of powers, in which the row of *hat* is the one above. Under the mask they make five rows of weights.
#
# What is it good for that all five are computed at once? The last lines of the cell make the same outputs in the slow
# way: one word after another, each from the words up to it, with no mask at all.

# %% name="word-by-word"
powers = np.array(
    [
        [1, 3, 4, 2, 2],  # <bos>
        [1, 3, 4, 2, 2],  # Die
        [1, 1, 6, 4, 2],  # Nadel
        [1, 1, 4, 2, 8],  # hat
        [1, 1, 2, 4, 2],  # eine
    ]
)
scores = np.log(powers)
weights = softmax(scores, causal_mask(5))
show(draw_map, weights=weights, rows=german, columns=german, sums="rows")

print("all at once, under the mask:  ", weights @ v)
one_by_one = [softmax(scores[t, : t + 1]) @ v[: t + 1] for t in range(5)]
print("word by word, without a mask: ", np.array(one_by_one))

# %% [markdown]
# That is what the mask buys. A sentence of five words is five training examples, *given these words, guess the next*,
# and one pass computes all five, each exactly as it will be when the model writes by itself. Without the mask each of
# the five would see the whole sentence, its answer included.
#
# (It is not free: 25 scores are computed, and 10 of them thrown away. Fast implementations leave out whole blocks of
# the upper triangle.)
#
# ## 4. Nobody looks at a pad
#
# The second rule does not depend on who asks. A pad is nothing for everybody. So it has to disappear as a *key*: **the
# column of a pad is closed, in every row.**
#
# What about its row? A pad asks as every token does, and it gets an answer. Nobody ever uses that answer: no loss is
# taken from it, and as a key it is hidden in the next layer too. Closing its row would change nothing that anybody
# reads, and leaving its column open would change everything. So rows stay as they are. A closed one is no gain, and it
# makes a row that may see nothing; section 7 tells what trouble that can be.
#
# One row of permissions serves all queries of a sentence, and all heads. But the scores have four axes, (B, H, Tq,
# Tk). numpy lines up the axes of two arrays from the right, and repeats an axis of length 1 as often as needed
# (*broadcasting*). So the mask of a batch has the shape (B, 1, 1, T): B where the sentences are, T where the keys are,
# and 1 for the heads and for those who ask.
#
# ### Exercise `padding_mask`
#
# *difficulty ●○○○○ · importance ●●●●● · 7 minutes*
#
# `tokens` are ids (B, T) and `pad` is the id of padding, which may stand on either side and need not be 0. Return
# booleans of shape (B, 1, 1, T), True where a real token stands. `array[:, None]` puts an axis of length 1 behind the
# first one.


# %% name="exercise-padding-mask"
def padding_mask(tokens, pad):
    """Which keys are real tokens: (B, 1, 1, T) booleans."""
    ### BEGIN SOLUTION
    return (tokens != pad)[:, None, None, :]
    ### END SOLUTION


# %%
padding_mask = check("padding_mask", padding_mask)

# %% [markdown]
# Now the two English sentences, with random vectors and two heads. The outputs of the needle's sentence must be the
# same alone and in the batch. Three masks are tried: none, one that closes the rows of pads, and yours, which
# closes their columns. *Weight on the pads* is what a word gives to both pads together, the mean over words and heads.

# %% name="alone-and-in-company"
rng = np.random.default_rng(5)
d, H, d_k = 8, 2, 4
table = rng.standard_normal((4 + len(vocabulary), d))  # a vector for each id, <pad> too
W_Q, W_K, W_V = rng.standard_normal((3, H, d, d_k)) / np.sqrt(d)


def read_english(ids, mask=None):
    """Self-attention of a batch (B, T): outputs (B, H, T, d_k) and weights (B, H, T, T)."""
    x = table[ids][:, None]  # (B, 1, T, d): the same vectors for all heads
    return attention(x @ W_Q, x @ W_K, x @ W_V, mask)


alone, _ = read_english(ids[:1, :7])
real = ids != PAD
masks = {
    "none": None,
    "rows of pads closed": real[:, None, :, None],
    "columns of pads closed": padding_mask(ids, PAD),
}
rows = []
for name, mask in masks.items():
    outputs, weights = read_english(ids, mask)
    moved = np.abs(outputs[0, :, :7] - alone[0]).max()
    on_pads, of_pads = weights[0, :, :7, 7:].sum(-1).mean(), weights[0, :, 7:].sum(-1).mean()
    rows.append((name, f"{moved:.3f}", f"{on_pads:.2f}", f"{of_pads:.0f}"))
head = ("mask", "outputs of words moved by", "weight on the pads", "row sums of the pads")
show_table(head, rows, "the needle's sentence, alone and in company")

# %% [markdown]
# Closing rows does nothing for the words: they look at the pads as if there were no mask. All that it brings are rows
# without any permission, which sum to 0. Closing columns makes the company unnoticeable.
#
# ## 5. Both at once
#
# The encoder needs the padding mask alone. So does the decoder where it asks the English sentence (the cross-attention
# of lesson 04): the keys are English words then, all of them written long ago, so the mask is that of the *English*
# ids, (B, 1, 1, Tk). But the decoder also reads its own German, in a batch with other sentences, and there it needs
# both rules. A key may be seen if it is no pad **and** lies not in the future.
#
# ### Exercise `decoder_mask`
#
# *difficulty ●●○○○ · importance ●●●●● · 5 minutes*
#
# From ids (B, T) and the pad's id make a mask of shape (B, 1, T, T). You have both halves already, and `&` is True
# where both sides are. (Python does `&` before `!=` and `==`, so put parentheses around comparisons.) The rows of pads
# stay open, as in section 4.


# %% name="exercise-decoder-mask"
def decoder_mask(tokens, pad):
    """Who may see whom in the decoder: (B, 1, T, T) booleans."""
    ### BEGIN SOLUTION
    return padding_mask(tokens, pad) & causal_mask(tokens.shape[1])
    ### END SOLUTION


# %%
decoder_mask = check("decoder_mask", decoder_mask)

# %% [markdown]
# Three words and two pads, once with the pads on the right and once on the left. On the right is usual. On the left is
# common where a model continues texts of different lengths, since the ends then lie in one column.

# %% name="right-and-left"
two_ways = np.array([[4, 5, 6, PAD, PAD], [PAD, PAD, 4, 5, 6]])
both = decoder_mask(two_ways, PAD)
print("tokens", two_ways.shape, "-> mask", both.shape, "= (B, 1, T, T)")
padded_words = [
    ["<bos>", "Die", "Nadel", "<pad>", "<pad>"],
    ["<pad>", "<pad>", "<bos>", "Die", "Nadel"],
]
captions = ("pads on the right", "pads on the left")
show(draw_masks, masks=list(zip(captions, both[:, 0], strict=True)), words=padded_words)

# %% [markdown]
# Look at the first two rows of the second mask. A pad on the left may look at nothing: what stands before it are pads,
# and it is one itself. Such **empty rows** are the subject of section 7.
#
# ### Build it with your hands
#
# Below are two German sentences in one batch. For each you see the mask that the switches build, and beside it the
# weights that follow, their sums, and for each word how far its output moves when a later word, or a pad, is exchanged
# for a stranger: its *leak*. Cells that are against the rule have an exclamation mark. (*Man zeigt nicht auf fremde
# Leute:* one does not point at strangers.)
#
# 1. Shift the diagonal by +1, then by −1. Which of the two leaks? What happens to the first row with the other one?
# 2. Press *Reset*, put the pads on the left, and shorten sentence 2 to 3 words (`<bos>` counts). Which rows sum to 0?
#    Then join the rules by *or*: one word still sees only what it may. Which, and why?
# 3. Press *Reset* and let True mean *blocked*. One row of words is empty now. Which, and why this one?

# %% name="mask-builder"
MaskBuilder(
    sentences=[
        ["<bos>", "Die", "Nadel", "hat", "eine", "scharfe", "Spitze"],
        ["<bos>", "Man", "zeigt", "nicht", "auf", "fremde", "Leute"],
    ],
    lengths=(7, 5),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. +1 leaks: every word sees the next one, and its output moves with it. −1 leaks nothing, but it is wrong all the
#    same. No word sees itself, and the first row has nothing left to see: its sum is 0.
# 2. The four rows of pads in sentence 2. With *or*, a key may be seen if it is a word, future or not, or if it lies
#    in the past, pad or not. *Spitze* is spared: it is the last word of the sentence without pads, so it may see
#    everything anyway.
# 3. *Spitze* again. It was allowed everything, so now it is allowed nothing. All others see exactly what they must not.
#
# </details>

# %% [markdown]
# ## 6. Measure who sees whom
#
# A mask can be read. But between the mask and the output stand a lot of lines, and a mask that is right and used in
# the wrong place helps nobody. Section 2 had a test that looks at outputs alone: exchange one token, see which outputs
# move. Do it for every token, and you get a table of the same shape as the mask: **entry $(i, j)$ says how far output
# $i$ moves when token $j$, and no other, is exchanged.** It is measured from outside. Whatever is inside, your own
# attention, a library, a model of forty layers, the table shows who sees whom.
#
# ### Exercise `influence`
#
# *difficulty ●●○○○ · importance ●●●●● · 18 minutes*
#
# `f` is any function that takes the vectors of a sentence (T, d) to outputs (T, d_v). `x` are the vectors of a
# sentence, and `other` (T, d) are vectors to exchange them for, one at a time. Return (T, T) numbers: in row $i$ and
# column $j$ the largest absolute change of output $i$ when `x[j]` becomes `other[j]`. Leave `x` as it was: `x.copy()`
# makes a second array. `np.zeros((T, T))` is a table to write into, and `np.abs(...).max(axis=-1)` takes the largest
# size along the last axis.


# %% name="exercise-influence"
def influence(f, x, other):
    """How far output i moves when token j is exchanged: (T, T) numbers."""
    ### BEGIN SOLUTION
    before = f(x)
    moved = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        changed = x.copy()  # all tokens but j stay as they were
        changed[j] = other[j]
        moved[:, j] = np.abs(f(changed) - before).max(axis=-1)
    return moved
    ### END SOLUTION


# %%
influence = check("influence", influence)

# %% [markdown]
# First on a decoder that is as it should be: your attention under your mask. Five words and two pads, random vectors.

# %% name="measured"
rng = np.random.default_rng(5)
T, d = 7, 4
projections = W_Q, W_K, W_V = rng.standard_normal((3, d, d))
x, other = rng.standard_normal((2, T, d))
tokens = np.array([4, 5, 6, 7, 8, PAD, PAD])
may = decoder_mask(tokens[None], PAD)[0, 0]  # (T, T)


def decoder(x):
    """The decoder's self-attention, one head: (T, d) to (T, d)."""
    return attention(x @ W_Q, x @ W_K, x @ W_V, may)[0]


moved = influence(decoder, x, other)
print(moved.round(2))

moves = moved > 1e-9  # a smaller change is noise of the arithmetic
german = ["<bos>", "Die", "Nadel", "hat", "eine", "<pad>", "<pad>"]
show(draw_masks, masks=[("the mask", may), ("which outputs move", moves)], words=[german, german])
words = tokens != PAD
print("the same, in the rows of words:", np.array_equal(moves[words], may[words]))

# %% [markdown]
# You see the mask again, and no line of code has been read. (The two rows of pads, which nobody uses, move with their
# own pad, though its column is closed. The token asks, too, and another query gets another answer.)
#
# ### What the classic mistakes let through
#
# Now twelve *readers*, decoders as the one above: one as it should be, and eleven with one mistake each, those that
# people make again and again. Each is measured on a sentence with two pads, once padded on the right and once on the
# left.
#
# - *From the future* is the largest move of a word's output by a later word, on either side. *From pads* is the largest
#   move by a pad, and there the sides have a column each.
# - *Not seen* counts entries $(i, j)$, with the pads on the right, where word $i$ may see word $j$ and its output does
#   not move.
# - *Row sums of words* are the least and the largest sum of weights in the rows of words, on either side. The rows of
#   pads are left out: on the left they may be empty, as you saw in section 5, even if all is right.
#
# *Before you run the cell:* how many of the eleven mistakes would a test find that asks whether the rows of all words
# sum to 1? And is there one that the meter reads as 0 in all three columns that begin with *from*?

# %% name="classic-mistakes" tags=["predict"]
made = experiments.readers(attention=attention, decoder_mask=decoder_mask, projections=projections)
measured = experiments.measure_mistakes(made, pad=PAD, x=x, other=other, influence=influence)
experiments.show_mistakes(measured)

# %% [markdown]
# Three things stand in this table.
#
# - **Sums of rows accuse two of eleven** on these sentences. Nine mistakes make proper weights in the rows of words,
#   between 0 and 1, with sums of 1. A softmax makes such weights of anything. (Without pads the sums would accuse a
#   third: *True and False exchanged* empties the last row, as it did in the builder. Here a pad is there to be seen.)
# - **Two mistakes cannot be seen with pads on the right.** Whether pads are not hidden at all, or hidden as queries: on
#   the right the meter reads 0.00, and that is the truth. Every pad stands *after* every word, so the causal half of
#   the mask hides it already. Padded on the left, the same code leaks by 1.17. So a decoder that was only ever trained
#   on batches padded to the right may carry the mistake along for years.
# - **A mask that hides too much leaks nothing.** *One step too few* reads 0.00 everywhere. Whoever looks for leaks
#   alone would be content with a mask that forbids everything. So a test has two halves: what is hidden must not
#   matter, *and what is allowed must*.
#
# In the picture every reader has a small map, padded on the left. The rows are the five words.

# %% name="small-maps"
show(draw_measured_masks, measured={name: sides["left"] for name, sides in measured.items()})

# %% [markdown]
# ### Take the meter in your hand
#
# The slider says how many of the seven tokens are pads. Framed cells are against the rule: a number where nothing
# should move, or none where something should. It runs on your `influence`.
#
# 1. Choose *pads hidden as queries* and move *pads* from 0 to 3, with the pads on the right and then on the left. When
#    does the meter speak up?
# 2. Compare *no mask at all* with *the future not hidden*. Which columns tell them apart?
# 3. In *one step too few* no word may see itself. All the same only two cells are framed. Why not all of the diagonal?

# %% name="explore-leaks"
explore(
    draw_leak_meter,
    influence=influence,
    made=made,
    reader=list(made),
    pads=slider(0, 3, start=2),
    side=["left", "right"],
    x=x,
    other=other,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. On the left, from one pad on: the columns of the pads light up in every row. On the right never.
# 2. The columns of the pads. With no mask at all, words move with pads; where only the future is not hidden, they do
#    not.
# 3. A token does two things in its own row. It may be seen, as key and value, *and it asks.* Exchange it, and another
#    query deals out the weights, so the output moves although the token does not see itself. Two rows are exceptions:
#    that of `<bos>`, which sees nothing at all, and that of *Die*, which sees `<bos>` alone and gives it all its weight
#    whatever it asks. The meter shows who moves whom; it cannot show by which way.
#
# </details>
#
# ## 7. The row that may see nothing
#
# With pads on the left, the rows of the first pads are empty. All scores become $-\infty$, all powers 0, and $0/0$ is
# *not a number*, NaN. What should such a row return? Nobody reads it, so anything would do. Anything but NaN, because
# NaN does not stay where it is: a number that is added to it, or multiplied by it, is NaN as well, even if it is 0.
#
# In this course an empty row gives **weights of zero and an output of zero**. Nothing was seen, so nothing is mixed;
# and a sum of 0 is easy to recognize. Others do it differently. Many write $-10^9$ instead of $-\infty$, so that
# nothing can become NaN. There are two ways to do that: *put* $-10^9$ in place of a forbidden score, or *add* it.
#
# *Before you run the cell:* softmax sees differences only (lesson 03). What weights does a row have in which
# everything is forbidden, if $-10^9$ is put in place of each score? And if it is added to each?

# %% name="empty-row" tags=["predict"]
experiments.show_empty_row(scores_of_hat, softmax=softmax)

# %% [markdown]
# Put in place, all scores are equal, so all weights are: 0.2 for each, the hidden ones included. Added, $-10^9$ is
# the same shift for every score, and a shift changes nothing. So the row that may see nothing sees **everything, as
# if there were no mask**. With numbers of 32 bits it is again 0.2: near $10^9$ they are 64 apart, and what the scores
# had to say is rounded away. The same line of code, on the same data, does one thing in float64 and another in
# float32.
#
# For a pad's row nobody cares. But a row can be empty where it counts: a question about a document that turned out to
# be empty, a sentence of which nothing is left after cleaning. Then zeros say "there is nothing", and a mean of pads
# says something, and means nothing.
#
# ### How NaN travels
#
# The rows of two pads are NaN, and the mask hides these pads from everybody. What harm can be done? The cell runs
# attention twice, as two layers do: the second reads what the first has written. Once it runs *naive* attention, which
# is right but for the missing rule, and once yours.

# %% name="two-layers"
left = decoder_mask(np.array([[PAD, PAD, 4, 5, 6, 7, 8]]), PAD)[0, 0]
rows = []
for name, attend in (("naive", experiments.naive_attention), ("yours", attention)):
    first, _ = attend(x, x, x, left)
    second, _ = attend(first, first, first, left)
    rows.append((name, *(int(np.isnan(layer).any(axis=1).sum()) for layer in (first, second))))
show_table(
    ("attention", "NaN rows after layer 1", "after layer 2"), rows, "seven tokens, two of them pads"
)

# %% [markdown]
# After one layer two rows are lost, the unimportant ones. After two layers all seven are. The pads are hidden as they
# were before, and their weight is 0; but step 4 multiplies every value by its weight, and $0 \cdot \mathrm{NaN}$ is
# NaN.
#
# ## 8. A mask acts on weights
#
# That is worth a sentence of its own. **A mask keeps a finite number out of the mixture. It does not keep garbage
# out**: memory that was never written to, a logarithm of 0, a measurement that is missing. In a *key*, garbage makes
# a NaN score. Where the score is *replaced* by $-\infty$, it is gone; where $-\infty$ is *added* to it, it stays. In
# a *value* it meets a weight of 0, and stays.

# %% name="garbage"
everybody = np.array([True, True, False, True, True, True, True])  # token 2 is hidden from all
for place in ("key", "value"):
    keys, vals = x.copy(), x.copy()
    (keys if place == "key" else vals)[2] = np.nan
    bad = np.isnan(attention(x, keys, vals, everybody)[0]).any(axis=1).sum()
    print(f"NaN in a hidden {place:5}: {bad} of 7 outputs are NaN")
cleaned = np.where(everybody[:, None], vals, 0.0)  # the mask acts on the values too
bad = np.isnan(attention(x, x, cleaned, everybody)[0]).any(axis=1).sum()
print(f"values behind the mask set to 0: {bad} of 7")

# %% [markdown]
# So one of two things has to hold: what lies behind a mask is finite, or the mask acts on the values as well, as in the
# last lines. In this course it is finite.
#
# What do others do? Measured with PyTorch 2.13.0 on a CPU; this course's tests measure it again. PyTorch's own function
# makes of a boolean mask numbers that are added, 0 and $-\infty$; `masked_fill` replaces.
#
# | | an empty row | NaN in a hidden key | NaN in a hidden value |
# |---|---|---|---|
# | this course | zeros | harmless | NaN everywhere |
# | `scaled_dot_product_attention`, boolean mask | zeros | NaN everywhere | NaN everywhere |
# | `masked_fill` with $-\infty$, then softmax | NaN | harmless | NaN everywhere |
# | `masked_fill` with $-10^9$, then softmax | equal weights, hidden keys too | harmless | NaN everywhere |
#
# PyTorch's `nn.MultiheadAttention` answers an empty row in more than one way. It depends on whether you ask for the
# weights, and on whether the model is being trained or used (for which PyTorch has the two switches `model.eval()` and
# `torch.no_grad()`):
#
# | an empty row | in training | in use |
# |---|---|---|
# | weights asked for, which is the default | NaN | NaN |
# | `need_weights=False` | zeros | NaN |
#
# And an `nn.Transformer` of two layers, its decoder's sentence padded on the left, gives finite numbers all through
# training, and when it is used, NaN at *every* position of that sentence. You have just seen how two rows become all
# of them.
#
# ## 9. Find the bug
#
# A colleague's decoder mask. She has read section 6, and tests it on a batch of two sentences: shape and type, the
# triangle, and with the meter what comes from the future, what comes from pads, whether anything is not seen, and the
# sums of the rows of words. She trains, and her translations are good. A year later somebody lets the model continue
# texts of different lengths, a whole batch at once. The longest comes out as it always did; the others do not.


# %% name="a-mask-that-passes"
def colleagues_mask(tokens, pad):
    """Who may see whom in the decoder: (B, 1, T, T) booleans."""
    T = tokens.shape[1]
    real = tokens != pad
    return real[:, None, :, None] & np.tril(np.ones((T, T), dtype=bool))


def reading(mask, tokens):
    """What your meter reads of your attention under a mask, on one sentence of seven ids (T,)."""
    given = {"attention": attention, "projections": projections, "x": x, "other": other}
    return experiments.read_mask(mask, tokens, PAD, influence=influence, **given)


batch = np.array([[4, 5, 6, 7, 8, PAD, PAD], [4, 5, 6, 7, 8, 9, 10]])
hers = colleagues_mask(batch, PAD)
print("shape", hers.shape, hers.dtype, "  triangle:", not np.triu(hers, k=1).any())
for tokens in batch:
    print(reading(colleagues_mask, tokens))

# %% [markdown]
# ### Exercise `repair_decoder_mask`
#
# *difficulty ●●○○○ · importance ●●●●○ · 15 minutes*
#
# Before you search her lines: which readers of section 6 would pass all of her tests? Which is hers? Make `tokens`,
# seven ids in one axis (`x` has seven vectors), on which `reading(colleagues_mask, tokens)` gives her mask away. Then
# copy her lines into the cell below and repair them.


# %% name="exercise-repair-decoder-mask"
def repair_decoder_mask(tokens, pad):
    """Who may see whom in the decoder: (B, 1, T, T) booleans."""
    ### BEGIN SOLUTION
    T = tokens.shape[1]
    real = tokens != pad
    return real[:, None, None, :] & np.tril(np.ones((T, T), dtype=bool))  # pads closed as keys
    ### END SOLUTION


# %%
repair_decoder_mask = check("repair_decoder_mask", repair_decoder_mask)

# %% name="how-the-bug-shows"
rows = []
for side in ("right", "left"):
    tokens = experiments.padded(5, 2, side, pad=PAD)
    both_masks = [reading(mask, tokens) for mask in (colleagues_mask, repair_decoder_mask)]
    rows.append((f"pads on the {side}", *(f"{found.pads:.2f}" for found in both_masks)))
show_table(("five words, two pads", "hers, from pads", "repaired"), rows)

# %% [markdown]
# <details><summary>What the mistake is, and why her tests could not see it</summary>
#
# `real[:, None, :, None]` has its T where the queries stand: she closes the *rows* of pads and leaves their columns
# open. In both of her sentences no word has a pad before it, so the triangle alone hides every pad, and the wrong
# half has nothing to do. All her tests were good tests, and the meter told the truth. What was missing was a sentence
# in which the padding half of the mask makes a difference. Texts of different lengths that are continued in one batch
# are padded on the left.
#
# </details>
#
# A test finds only what its data can show. For every rule, have at least one case in which the rule is the only one
# that holds.
#
# ## 10. Three questions

# %% name="quiz"
quiz("05")

# %% [markdown]
# ## 11. The whole lesson in one picture
#
# *Die Nadel hat* with one pad on the left. In the last row you know every number.

# %% name="summary"
tokens = np.array([[PAD, 4, 5, 6, 7]])
may = decoder_mask(tokens, PAD)[0, 0]
shifted = np.zeros((5, 5))  # the scores of section 3, one place to the right and down
shifted[1:, 1:] = scores[:4, :4]
show(
    draw_summary,
    words=["<pad>", "<bos>", "Die", "Nadel", "hat"],
    causal=causal_mask(5),
    padding=padding_mask(tokens, PAD)[0, 0, 0],
    weights=softmax(shifted, may),
)

# %% [markdown]
# What you can take along:
#
# - A mask says who may attend to whom: rows ask, columns are asked, True opens. Two rules make it: not the future,
#   `j <= i`, and no pads, whose *columns* are closed.
# - It acts before the softmax, and a forbidden score becomes $-\infty$: a score of 0 has the power 1, and a weight that
#   is zeroed later has already been counted.
# - The causal mask makes one sentence into T training examples that are exactly those of writing word by word.
# - Sums of rows prove nothing. Exchange what is hidden: nothing may move. Exchange what is allowed: something must.
# - An empty row gives zeros here, and other things elsewhere. NaN behind a mask is not hidden by it.
#
# In lesson 06 the words get places. Without a mask, attention cannot tell *the needle has a point* from *a point has
# the needle*.
#
# ## A task for four
#
# *Blind tasting, 15 minutes.* Each of you in turn chooses one of the twelve readers of section 6, without telling, runs
#
#     tokens = experiments.padded(5, 2, "left", pad=PAD)
#     mystery = lambda x: made["one step too far"](tokens, PAD)(x)[0]
#
# with its name, deletes the cell, and passes the keyboard on. Whoever gets it may run `influence` on `mystery`, with
# any `x` and `other`, and look at nothing else. Name the mistake. When all four are named, agree on one sentence:
# *which mistakes can nobody tell apart who sees the outputs of words alone, and does it matter?*
#
# ## How to teach it
#
# Draw the row of *hat* with its powers 1, 1, 4, 2, 8 on the board and let people hide *eine* in their own way before
# you show one: somebody will zero the weight, somebody the score, and the class can test both by changing the 8 and
# the 16. Section 8 may be left out; the prediction in section 6 may not.
#
# <details><summary>What the task for four ends in</summary>
#
# *Pads not hidden* and *pads hidden as queries* move the same words by the same numbers. They differ in the outputs of
# pads alone, which nobody uses, so for words it does not matter which of the two it is. Both are wrong.
#
# </details>
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 3.2.3 has the
#   causal mask in one sentence, with its $-\infty$.
# - PyTorch's issues [103963](https://github.com/pytorch/pytorch/issues/103963) on rows that are empty, and
#   [101967](https://github.com/pytorch/pytorch/issues/101967) on NaN behind a mask: how people found out.
# - J. Devlin et al. (2019), [BERT](https://arxiv.org/abs/1810.04805). The other meaning of *mask*: section 3.1 hides
#   words so that a model without a causal mask has something to guess.
# - T. Dao (2023), [FlashAttention-2](https://arxiv.org/abs/2307.08691). How fast attention leaves out the blocks that
#   a causal mask closes.
