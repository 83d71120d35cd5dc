# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Training
#
# *Lesson 10 · 200 minutes · torch, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - say what a decoder is given and what it is asked for, and why one pass is enough for a whole sentence;
# - write a loss that padding cannot flatter, and say what it is worth when nobody knows anything;
# - tell three definitions of label smoothing apart, and say how low the loss can get under each;
# - say what SGD, AdamW and Muon do with the same gradient, and what a warm-up is good for;
# - make several small batches count exactly like a large one, and clip the right thing at the right time;
# - find four mistakes in a training loop that runs, with tests;
# - measure whether a model is as sure as it is right, and what becomes of it when it hears its own words.
#
# **Prerequisites.** Lesson 05: masks, and the test that changes something and watches what moves. Lesson 08: the
# Transformer, from ids to logits. Lesson 09: batches and padding. You have seen `loss.backward()` before, or believe
# that it computes for every weight how the loss moves if the weight does: the **gradient**.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `shift` | what is given, what is asked for | ●○○○○ | ●●●●● | 5 |
# | `loss` | cross-entropy without padding | ●●○○○ | ●●●●● | 12 |
# | `smooth_labels` | labels with a little doubt | ●●○○○ | ●●●●○ | 12 |
# | `noam` | warm up, then slow down | ●○○○○ | ●●●●○ | 8 |
# | `train` | find four bugs in a loop | ●●●○○ | ●●●●● | 30 |

# %% name="setup"
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course.data import Tokenizer, encode_pairs, load_corpus, make_batch
from course.lab import (
    check,
    explore,
    hint,
    holds,
    quiz,
    show,
    show_table,
    solution,
)
from course.lessons.lesson_10 import experiments, figures
from course.lessons.lesson_10.observe import Small, sentences, watch
from course.lessons.lesson_10.small import ForLoops
from course.pretrained import run_folder
from course.special import BOS, EOS, PAD
from course.training.loss import summed_loss
from course.training.muon import orthogonalized
from course.training.schedule import warmup_inverse_sqrt

torch.set_printoptions(precision=3, sci_mode=False)
np.set_printoptions(precision=3, suppress=True)
runs = experiments.read_runs()  # trainings that were kept, because they take minutes

# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | label | the word that should be said at a place |
# | teacher forcing | the decoder is given the right words so far, whatever it would have said |
# | nat | the unit of a loss that uses the natural logarithm |
# | batch, update | sentences that are computed together; a step of all weights |
# | training mode, evaluation mode | dropout drops numbers, or does nothing; `model.train()` and `model.eval()` switch |
# | rate | how far an update goes, in the direction that the optimizer chooses |
# | warm-up | the first updates, in which the rate grows |
# | calibrated | as sure as it is right: of the guesses with probability 0.7, 70 % are right |
#
# ## 1. What is given, and what is asked for
#
# A decoder is asked one question over and over: *given these words, which comes next?* A sentence of six words and
# its two signs contains seven such questions:
#
# | given so far | say |
# |---|---|
# | `<bos>` | Die |
# | `<bos>` Die | Nadel |
# | `<bos>` Die Nadel | hat |
# | ... | ... |
# | `<bos>` Die Nadel hat eine Spitze . | `<eos>` |
#
# So one row of ids makes both the decoder's input and its labels. The input is the row without its last word, behind
# which nothing is asked. The labels are the row without its first one, which nobody has to say.
#
# ### Exercise `shift`
#
# *difficulty ●○○○○ · importance ●●●●● · 5 minutes*
#
# `tgt` holds sentences as rows of ids, (B, T): begin sign, words, end sign, and padding where others are longer.
# Return the inputs and the labels, both (B, T − 1). `tgt[:, a:b]` takes some columns of all rows.


# %% name="exercise-shift"
def shift(tgt):
    """What the decoder is given, and what it must say there: twice (B, T - 1)."""
    ### BEGIN SOLUTION
    return tgt[:, :-1], tgt[:, 1:]
    ### END SOLUTION


# %%
shift = check("shift", shift)

# %% [markdown]
# Two sentences in one batch. Read the columns: above what has been heard last, below what should be said now.

# %% name="given-and-asked"
signs = {PAD: "<pad>", BOS: "<bos>", EOS: "<eos>"}
told = (
    dict(enumerate(["Die", "Nadel", "hat", "eine", "Spitze", ".", "Sie", "sticht"], start=4))
    | signs
)
tgt = torch.tensor([[BOS, 4, 5, 6, 7, 8, 9, EOS], [BOS, 10, 11, 9, EOS, PAD, PAD, PAD]])
inputs, labels = shift(tgt)
rows = [
    (name if b == 0 else f"{name} ", *(told[int(word)] for word in row))
    for b in (0, 1)
    for name, row in ((f"given {b}", inputs[b]), (f"asked {b}", labels[b]))
]
show_table(("sentence", *(f"place {t}" for t in range(7))), rows)

# %% [markdown]
# The short sentence has its end sign among the inputs, and padding is asked for there. That harms nobody, as long as
# the loss looks away (section 3).
#
# Who forgets to shift asks for the very word that is given. The loss falls to nearly 0 within minutes, since copying
# is easy, and the model has learned nothing else.
#
# ## 2. All places at once
#
# When you train, you know the right words. So the decoder is given *them*, and not what it said itself: **teacher
# forcing**. It has a consequence that is easy to miss. What place 5 is given does not depend on what the model says
# at place 4. No place has to wait for another one, and with the causal mask of lesson 05 no place can look ahead. So
# all places of all sentences are computed **in one pass**, as if they were separate questions.
#
# The decoder of lesson 01 was trained with teacher forcing as well, and still had to go word by word, because its
# state at place 5 is made of its state at place 4. That is the other half of the matter: attention has no such state.
#
# `ForLoops` in the cell is a small Transformer that makes its masks itself, from the ids of padding.
#
# *Before you run the cell:* a sentence of 20 places, once in one pass and once in 20 passes, where pass number $t$ is
# given the first $t$ words and only its last answer is used. How many positions does the decoder compute in both
# cases? And by how much do the logits differ?

# %% name="one-pass" tags=["predict"]
torch.manual_seed(10)
model = ForLoops(50, d_model=32, d_ff=64).eval()  # a Transformer that makes its own masks
src, given = torch.randint(4, 50, (1, 12)), torch.randint(4, 50, (1, 20))
computed = []  # positions of each pass of the decoder
hook = model.inner.decoder.register_forward_pre_hook(
    lambda module, arguments: computed.append(arguments[0].shape[1])
)
with torch.no_grad():
    at_once = model(src, given)[0]
    one_pass = computed.copy()
    computed.clear()
    one_by_one = torch.stack([model(src, given[:, :t])[0, -1] for t in range(1, 21)])
hook.remove()
show_table(
    ("", "passes", "positions computed"),
    [("all at once", len(one_pass), sum(one_pass)), ("word by word", len(computed), sum(computed))],
)
holds(("The logits are the same to 4 digits.", torch.allclose(at_once, one_by_one, atol=1e-4)))

# %% [markdown]
# 20 positions against 210, in one pass against 20 that wait for each other. Without a causal mask the logits of
# the two ways would have nothing to do with each other. The loss would not tell you: it gets *better*, since each
# place can look at the word that it should say. The price of teacher forcing
# comes in section 11.
#
# ## 3. The loss of a word
#
# At every place the model gives each of the $V$ words a share (its probability), by a softmax over its logits. Only
# one of the shares matters, that of the word which should be said. If it is $p$, the loss of that place is $-\ln p$:
# 0 for a share of 1, and more for less. Twice as unlikely costs 0.69 more, wherever you begin.
#
# By hand, with four words. At the first place the powers $e^{\text{logit}}$ are 1, 1, 1, 5, and word 3 is right; at
# the second they are 1, 2, 4, 1, and word 1 is right. The shares are 5/8 and 2/8, the losses $-\ln\frac58 = 0.470$
# and $-\ln\frac28 = 1.386$, and their mean is 0.928.
#
# It is good to know the loss of someone who knows *nothing*: $V$ equal shares, so $\ln V$. For 2,000 words that is
# 7.60. A model that starts far above is too sure of its nonsense, and one that starts far below has been told
# something.
#
# The mean goes over *words*. Padding is no word; nobody will ever ask for it. With $N$ for the number of labels $y$
# that are not padding,
#
# $$
# \mathrm{loss} = -\frac{1}{N} \sum_{b,t:\; y_{bt} \ne \mathrm{pad}} \ln\ \mathrm{softmax}(z_{bt})_{y_{bt}}
# $$
#
# ### Exercise `loss`
#
# *difficulty ●●○○○ · importance ●●●●● · 12 minutes*
#
# `logits` is (B, T, V), `labels` (B, T), and `pad` is the number of padding, which need not be 0. Return the mean as
# a tensor of no axes, through which a gradient can flow. `z.log_softmax(-1)` is the logarithm of the softmax,
# without numbers that become too large on the way; `.gather(-1, labels[..., None])` picks an entry along the last
# axis; that is (B, T, 1), and `[..., 0]` takes the last axis away. Or take `F.cross_entropy`, which wants (N, V) and
# (N,): `z.flatten(0, 1)` makes one axis of the first two, and `ignore_index=` names the label that does not count.


# %% name="exercise-loss"
def loss(logits, labels, pad):
    """Mean cross-entropy in nats of the words that are no padding: a scalar."""
    ### BEGIN SOLUTION
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)
    ### END SOLUTION


# %%
loss = check("loss", loss)

# %% [markdown]
# Two ways to get this wrong, and both train. You will meet them in public code.
#
# *Padding counts.* The small translator (2+2 layers, 64 wide, whole words; AdamW, rate 0.004, 600 updates unless
# something else is said) was trained twice, without smoothing (section 4), on batches that are not
# sorted by length, so that 41 % of their label places are padding. One loss leaves padding out, the other one counts
# it. *Predict:* what does each say at the end, and which translator knows more?
#
# *Softmax twice.* `F.cross_entropy` takes logits. Hand it shares instead, and it takes the softmax of shares.
# *Predict:* a model that gives the right one of 2,000 words a share of 1 has which loss then, and one that knows
# nothing?

# %% name="two-that-train" tags=["predict"]
show(experiments.padding_table(runs))
counted, left_out = runs["padding-counted"], runs["padding-left-out"]
sure, clueless = torch.zeros(1, 1, 2000), torch.zeros(1, 1, 2000)
sure[0, 0, 7] = 100.0
seven = torch.tensor([[7]])
for name, z in (("everything", sure), ("nothing", clueless)):
    once, twice = loss(z, seven, PAD).item(), loss(z.softmax(-1), seven, PAD).item()
    print(f"it knows {name}: loss {once:.2f}, after two softmaxes {twice:.2f}")
holds(
    (
        "Counting padding takes more than a third off the loss.",
        counted.reported < 0.66 * left_out.reported,
    ),
    ("Both know the same.", abs(counted.accuracy - left_out.accuracy) < 1),
)

# %% [markdown]
# **Padding** is always the same word in the same situation, behind an end sign, so it is learned in no time. From
# then on every place of padding is a free gift, and the loss says how much padding there is. Sort the batches by
# length, and the same model becomes "worse". Here the two translators are about equally good, 86 % of new words each.
# The losses in training do not say so: 0.90 in training, with dropout, against 0.51. Of new words they are 0.63 and
# 0.60. So 0.90 is higher than 0.63 only because of dropout, and 0.51 is lower than 0.60, in spite of dropout, only
# because of padding. (The other harm is that nobody notices *when* something is wrong.)
#
# **After two softmaxes** everything that can be known is worth one nat, 7.60 against 6.60: shares lie between 0 and
# 1, and the second softmax takes them for logits, which nearly agree. There is a gradient, and the loss falls, but
# never below 6.60. (Handing over *logarithms* of shares instead does no harm. A softmax over them takes away the
# logarithm of their sum, and shares add up to 1: it takes away $\ln 1 = 0$.)
#
# ## 4. Labels with a little doubt
#
# $-\ln p$ is 0 only for $p = 1$, which a softmax reaches only when a logit is infinitely far above the others. So
# cross-entropy is never content. It pulls the right logit up long after the word is right, and with sentences that
# are seen again and again it goes on until the model is sure of every accident in them.
#
# **Label smoothing** (Szegedy et al., 2016, section 7) asks for a little less. The right word should get
# $1-\varepsilon$, and the others share $\varepsilon$ among them. Among whom exactly? There are three customs:
#
# | who | the right word | each other word | padding |
# |---|---|---|---|
# | torch; Szegedy et al. | $1-\varepsilon+\varepsilon/V$ | $\varepsilon/V$ | $\varepsilon/V$ |
# | tensor2tensor (the paper's authors); fairseq | $1-\varepsilon$ | $\varepsilon/(V-1)$ | $\varepsilon/(V-1)$ |
# | the Annotated Transformer; Joey NMT | $1-\varepsilon$ | $\varepsilon/(V-2)$ | 0 |
#
# With $V$ in the thousands the three tables are nearly the same, and so is what they teach. What differs is the
# number that is printed. Some subtract the lowest loss that there can be (tensor2tensor does, and so does everyone
# who takes the **KL divergence**, which is the loss minus that lowest one, as the Annotated Transformer and Joey NMT
# do), others print it as it is (torch, fairseq). Compare two losses only if both use the same custom and the same
# $\varepsilon$. You write the third table, in which padding, which is never right, gets nothing. **The course's own
# package uses torch's**, as it is. (Section 10 turns your table into torch's.)
#
# ### Exercise `smooth_labels`
#
# *difficulty ●●○○○ · importance ●●●●○ · 12 minutes*
#
# `target` holds N ids. Return the table of shares, (N, V): the right word has `1 - eps`, and the `V - 2` others that
# may be said have the same share each, so that a row adds up to 1. The column of padding is 0, and so is the whole
# row where the target is padding. `torch.full((N, V), x)` is a table full of x; `table[torch.arange(N), target]` is
# an entry in each row, which can be written to.


# %% name="exercise-smooth-labels"
def smooth_labels(target, V, pad, eps):
    """Targets in which the right word keeps 1 - eps: (N, V)."""
    ### BEGIN SOLUTION
    targets = torch.full((len(target), V), eps / (V - 2))
    targets[torch.arange(len(target)), target] = 1 - eps
    targets[:, pad] = 0
    targets[target == pad] = 0
    return targets
    ### END SOLUTION


# %%
smooth_labels = check("smooth_labels", smooth_labels)

# %% [markdown]
# The three customs side by side, for six words, padding 0, the right word 3 and $\varepsilon = 0.1$, and the loss of
# one and the same model by each. The loss of a table of shares $q$ is $-\sum_v q_v \ln p_v$, and torch's own loss
# says whether its row is right.

# %% name="three-customs"
V, eps, right = 6, 0.1, torch.tensor([3])
customs = {
    "torch": torch.full((1, V), eps / V),
    "tensor2tensor, fairseq": torch.full((1, V), eps / (V - 1)),
    "yours": smooth_labels(right, V, PAD, eps),
}
customs["torch"][0, 3] += 1 - eps
customs["tensor2tensor, fairseq"][0, 3] = 1 - eps
z = torch.tensor([[-2.0, 0.0, 1.0, 3.0, 0.5, -1.0]])
losses = {name: -(shares * z.log_softmax(-1)).sum().item() for name, shares in customs.items()}
rows = []
for name, shares in customs.items():
    lowest = figures.entropy(shares[0].numpy())
    numbers = (*shares[0].tolist(), losses[name], lowest, losses[name] - lowest)
    rows.append((name, *(f"{number:.3f}" for number in numbers)))
words = ("pad", "1", "2", "3: right", "4", "5")
show_table(("custom", *words, "loss", "lowest", "difference"), rows)
by_torch = F.cross_entropy(z, right, label_smoothing=eps).item()
nothing = torch.zeros(1)
holds(
    ("torch's own loss is that of its row.", math.isclose(losses["torch"], by_torch, rel_tol=1e-5)),
    (
        "KL of a share of exactly 0 is no number.",
        F.kl_div(nothing.log(), nothing, reduction="sum").isnan().item(),
    ),
)

# %% [markdown]
# The last line is a trap: where a model's share is exactly 0, 0 times $\ln 0$ is no number, even if nobody wants that
# word (torch 2.13). Hand over logarithms that come from `log_softmax`, and no share is ever exactly 0.
#
# ### Doubt has a floor
#
# On the left the target of one place, on the right the loss against the share $p$ that the model gives the right word
# (the other words share the rest evenly). The green dot is the lowest loss that there is.
#
# 1. Move *epsilon* from 0 to 0.3. Where does the lowest point go, and what happens to a model that is *surer* than
#    that?
# 2. Set *epsilon* to 0.1 and make *words* larger, up to 37,000. What is the lowest loss of a perfect model then?
# 3. A colleague writes: "My loss has been stuck at 1.3 for a day." Vocabulary 10,000, $\varepsilon = 0.1$. What do
#    you tell him?

# %% name="explore-targets"
explore(
    figures.draw_targets,
    smooth_labels=smooth_labels,
    epsilon=figures.EPSILONS,
    words=figures.VOCABULARIES,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. It moves left, to $p = 1-\varepsilon$, and up. To the right of it the curve climbs again: being too sure costs.
#    Without smoothing (dashed) surer is always better.
# 2. 1.38. The lowest loss is the entropy of the target, $-(1-\varepsilon)\ln(1-\varepsilon) - \varepsilon \ln
#    \frac{\varepsilon}{V-2}$, and a perfect model can do no better. It grows with the logarithm of the vocabulary.
# 3. That the floor is 1.25, so he is nearly there, or so he may be: he should look at the loss *without* smoothing,
#    on sentences that were not trained on. That is what every validation of this course prints.
#
# </details>
#
# ### As sure as it is right?
#
# What does the doubt do to the model? Ask it for its best guess at each place of 1,000 new sentences, and note how
# sure it was. Sort the guesses by probability into ten boxes. A model is **calibrated** if of the guesses with a
# probability of about 0.7, about 70 % are right. The *expected calibration error* (Guo et al., 2017) is how far the
# boxes are off, in the mean over all guesses.
#
# Four trainings of the small translator: on all 24,000 sentences, so that it sees each two or three times, and on
# 1,500 of them, so that it sees each thirty-five times; once without smoothing and once with $\varepsilon = 0.1$.
# *Predict:* which of the four is surer than it is right, and which is not sure enough? Which guess more words
# rightly?

# %% name="calibration" tags=["predict"]
show(figures.draw_reliability, runs=runs)
show(experiments.calibration_table(runs))
many, many_smoothed, few, few_smoothed = (runs[n] for n in experiments.CALIBRATED.values())
holds(
    ("On few sentences it gets too sure without smoothing ...", few.overconfidence > 3),
    (
        "... and smoothing takes more than half of the error away.",
        few_smoothed.calibration_error < 0.5 * few.calibration_error,
    ),
    ("On many it is not sure enough even without ...", many.overconfidence < -3),
    (
        "... and smoothing doubles the error.",
        many_smoothed.calibration_error > 2 * many.calibration_error,
    ),
    (
        "Smoothing moves the accuracy by less than a point.",
        abs(many.accuracy - many_smoothed.accuracy) < 1 > abs(few.accuracy - few_smoothed.accuracy),
    ),
)

# %% [markdown]
# What is usually told of smoothing is that it cures too much confidence. With few sentences it does. Seen thirty-five
# times, they are known by heart, and the guesses for *new* sentences are 5.5 points surer than they are right. With
# smoothing they are 1.8 points not sure enough, and the calibration error falls from 5.5 to 2.3.
#
# With many sentences it does harm. Seen two or three times, with dropout, they leave a model that is not sure enough
# as it is, by 4.8 points, and smoothing makes 10.1 of it. **Smoothing takes confidence away, whether there was too
# much or not.** What it did not do here is improve the guesses: 83.9 and 84.0 % on many sentences, 73.0 and 73.4 % on
# few.
#
# Vaswani et al. (2017, section 5.4) report a similar bargain on a large scale: with $\varepsilon = 0.1$ perplexity
# ($e$ to the power of the loss) gets worse and BLEU (how many words and phrases of a translation stand in the
# reference, up to 100; lesson 11) better, 25.8 against 25.3 without (table 3). A single
# training each, so take the half point with a grain of salt.
#
# ## 5. A step
#
# The gradient says which way is uphill. How far should each weight go downhill? $W$ is a matrix of weights, $G$ its
# gradient, and $\eta$ the rate.
#
# **SGD**, *stochastic gradient descent*, walks in proportion. Where the slope is a hundred times steeper, it goes a
# hundred times as far.
#
# $$ W \leftarrow W - \eta\, G $$
#
# **AdamW** (Kingma & Ba, 2015; Loshchilov & Hutter, 2019) keeps two running means for every weight, of its gradient
# and of its gradient's square, and divides one by the root of the other. So each weight takes steps of about $\eta$,
# whether its slope is steep or shallow, as long as the sign stays. ($\hat m$ and $\hat v$ are $m$ and $v$ divided by
# $1-\beta^t$, since both begin at 0. $\lambda W$ pulls weights toward 0.)
#
# $$
# m \leftarrow \beta_1 m + (1-\beta_1) G \qquad v \leftarrow \beta_2 v + (1-\beta_2) G^2 \qquad
# W \leftarrow W - \eta \left( \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda W \right)
# $$
#
# **Muon** (Jordan et al., 2024) looks at the matrix as a whole. Every matrix is a rotation, a stretch along each
# axis, and another rotation: $M = U S V^\top$, and the stretches on the diagonal of $S$ are its **singular values**.
# In a running mean of gradients a few of them are large and the rest tiny. Muon makes *all* of them about 1 and
# leaves the rotations alone, so that rare directions go as far as common ones.
#
# $$
# M \leftarrow \beta M + (1-\beta) G \qquad W \leftarrow W - \eta \left( 0.2 \sqrt{n}\; U V^\top + \lambda W \right)
# $$
#
# ($n$ is the larger side of the matrix; $0.2\sqrt n$ makes an entry about as large as in a step of AdamW, so that
# both can share a rate: Liu et al., 2025. $UV^\top$ is approximated by a few matrix products;
# `course/training/muon.py` is a page long, and worth reading.) It is for matrices between layers; embeddings and
# single rows stay with AdamW. The presets of the course, its ready-made settings of a training, use it. ($M$ and $m$,
# running means of gradients, are called *momentum*.)
#
# One gradient whose singular values are 10, 1, 0.1 and 0.01. *Predict* how they look in the first update of each.

# %% name="one-update" tags=["predict"]
torch.manual_seed(3)
U, R = (torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0] for _ in range(2))
G = U @ torch.diag(torch.tensor([10.0, 1.0, 0.1, 0.01], dtype=torch.float64)) @ R.T
updates = {
    "SGD": G,
    "AdamW": G / G.abs(),  # in the first update both running means are the gradient's own
    "Muon": orthogonalized(G[None])[0],
}
rows = []
for name, update in updates.items():
    values = torch.linalg.svdvals(update)
    rows.append((name, *(f"{value:.4f}" for value in values / values[0])))
show_table(
    ("update by", "largest", "", "", "smallest"), rows, "singular values, the largest set to 1"
)

# %% [markdown]
# SGD hardly moves in three of four directions. AdamW's first step is nothing but signs, plus or minus $\eta$ for
# every weight; where one direction dominates the numbers, it dominates their signs, and here two of four directions
# do not move at all. Muon has brought 1000 : 1 down to 18 : 1, with the three rounds of products that the course
# makes; more rounds would go on.
#
# Now a race: the small translator, 600 updates, the same batches, $\varepsilon = 0.1$. The rate climbs for 100
# updates and then goes down to 0 (section 6); what is called its rate is the peak. Each of the three may choose among
# three. *Predict* the order, and by how much.

# %% name="race" tags=["predict"]
show(figures.draw_race, runs=runs)
show(experiments.race_table(runs))
ends = {name: experiments.best_of(runs, name) for name in ("sgd", "adamw", "muon")}
sgd, adamw, muon = (ends[name].curve[-1][1] for name in ends)
soon = ends["muon"].loss_after(350)
holds(
    ("Muon before AdamW before SGD.", muon < adamw < sgd),
    ("After 350 updates Muon is where AdamW ends.", soon < 1.1 * adamw),
    ("SGD does learn, with a rate some hundred times as high.", ends["sgd"].accuracy > 60),
)

# %% [markdown]
# Each with the best of its rates: Muon ends at 0.14, AdamW at 0.30 and SGD at 1.45, with 98, 94 and 73 % of new words
# right. Muon passes AdamW's last loss after 350 of 600 updates. That is why the presets of the course use it: where
# minutes count, it gets by with little more than half of the updates.
#
# Look at the table before you say that SGD is bad. Its best rate is 3, two hundred times that of AdamW, since its
# steps shrink with the gradient and AdamW's do not. And at four times its best rate AdamW ends at 2.76, no better
# than SGD with a bad rate. **A race with one rate for all is a race of rates.** (Three rates are few, too, and it is
# one training each. On Multi30k, 29,000 captions of photographs in two languages, with ten minutes each, a prototype
# of Muon reached 36.9 BLEU and AdamW 35.8; lesson 14 shows that such a difference of two single trainings proves
# nothing by itself.)
#
# ## 6. Warm up, then slow down
#
# At the start the weights are random, the second running mean of AdamW has seen a handful of gradients, and large
# steps in wrong directions are hard to undo. So the rate begins near 0 and climbs: the **warm-up**. Later the model
# should settle, so the rate falls again. Vaswani et al. (2017, section 5.3, equation 3) have both in one line:
#
# $$
# \mathrm{rate} = d^{-0.5} \cdot \min\left(\mathrm{step}^{-0.5},\ \mathrm{step} \cdot \mathrm{warmup}^{-1.5}\right)
# $$
#
# The second term is a straight line up. The first is a curve that falls. They meet where step is warmup, since $w
# \cdot w^{-1.5} = w^{-0.5}$. By hand, for a width and a warm-up of 4: at step 1 the terms are 1 and 1/8, times 1/2
# makes 0.0625. At step 4 both are 1/2, which makes 0.25, the peak. At step 16 they are 1/4 and 2, which makes 0.125:
# four times the warm-up, half of the peak.
#
# ### Exercise `noam`
#
# *difficulty ●○○○○ · importance ●●●●○ · 8 minutes*
#
# Return the rate as a plain float, no tensor. Updates are counted from 1; some loops ask for step 0 before the first
# one, and 0 should count as 1. (The schedule got its nickname from Noam Shazeer, one of the paper's authors.)


# %% name="exercise-noam"
def noam(step, d, warmup):
    """The rate of an update, counted from 1; 0 counts as 1."""
    ### BEGIN SOLUTION
    step = max(step, 1)
    return d**-0.5 * min(step**-0.5, step * warmup**-1.5)
    ### END SOLUTION


# %%
noam = check("noam", noam)

# %% [markdown]
# ### Two sliders for one rate
#
# Your schedule, and the paper's in gray. On the right the same with both axes logarithmic, where each of the two
# terms is a straight line.
#
# 1. Move *warmup* from 100 to 16,000. What happens to the peak, and what to the rates *behind* the peak?
# 2. *warmup* 4000: make *width* four times as large. What happens to the whole curve?
# 3. *warmup* 1. Which rate has the first update, and how does it compare with the paper's highest?

# %% name="explore-schedule"
explore(
    figures.draw_schedule,
    noam=noam,
    width=figures.WIDTHS,
    warmup=figures.WARMUPS,
    step=figures.UPDATES,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. The peak comes later and is lower. Behind it nothing changes: that part depends on the step alone, so a longer
#    warm-up only cuts off the top.
# 2. It goes down to half everywhere. Large models get small rates.
# 3. $512^{-0.5} = 0.0442$, 63 times the paper's peak of 0.0007. Without a warm-up this formula begins with its
#    largest rate.
#
# </details>
#
# Is a warm-up needed here? The small translator with AdamW, with a warm-up of 100 updates and without one, at the
# peak 0.004 and at four times that. *Predict* the four losses.

# %% name="warm-ups" tags=["predict"]
show(figures.draw_warmups, runs=runs)
last = {name: runs[name].curve[-1][1] for name in runs}
holds(
    ("At 0.004 the warm-up is a loss of time.", last["cold-0.004"] < last["adamw-0.004"]),
    ("At 0.016 it decides.", last["cold-0.016"] > 4 * last["adamw-0.016"]),
)

# %% [markdown]
# At 0.004 the warm-up is a loss of time: 0.82 with it, 0.69 without. A hundred of 600 updates were spent at small
# rates, and nothing was in danger. At 0.016 it is the difference between 0.30 and 2.05, or between 94.4 % and 52.2 %
# of new words right. And 0.30 is better than anything at the lower rate. So the question is not whether a warm-up is
# "needed". **It lets you go faster.**
#
# (One training each; and this model is shallow, with its norms *before* the sublayers. In lesson 07 stacks of six
# layers with the norms behind learn next to nothing without a warm-up, at a rate at which pre-norm does not mind.)
#
# ## 7. Small batches that count like a large one
#
# A batch is as large as the memory allows. If that is too small, compute several batches and let their gradients add
# up before the step: `backward()` *adds* to what is there, until `optimizer.zero_grad()` clears it. So accumulation
# costs nothing but patience. But what does the sum have to be divided by?
#
# Take a batch of 2 sentences with 12 words each, and one of 2 sentences with 2 words each (their end signs count, so
# 26 and 6 words). The large batch of all four is a mean over 32 words. The mean of the two means gives a word of the
# second batch more than four times the weight of a word of the first.
#
# And **clipping** (Pascanu et al., 2013): now and then a batch has a gradient far longer than all others, and one
# such step can ruin a day. So the gradient is shortened to a limit. *The* gradient is the vector of all numbers of
# all parameters. By hand: two parameters have the gradients $(3, 4)$ and $(12)$. Together they are 13 long. Clipped
# to 1 they become $(0.23, 0.31)$ and $(0.92)$: shorter, with the same direction. Whoever clips each to 1 by itself
# gets $(0.6, 0.8)$ and $(1)$, which points elsewhere.
#
# So: divide, then clip, once for each update, then step. (`p.grad` is a tensor like others, and you may change it:
# `p.grad /= n` divides it in place.) `Small` in the cell is a tiny model that says the next word from the last one
# and the source, and `sentences` makes sentences of so many words.
#
# *Predict:* by how many percent does the mean of means miss the large batch's gradient?

# %% name="accumulate-and-clip" tags=["predict"]
src, tgt = sentences((12, 12, 2, 2), seed=4)
parts = [(src[:2], tgt[:2]), (src[2:], tgt[2:])]


def gradient(batches, weigh):
    """The gradient of some batches; weigh(words): what each of their losses is multiplied by."""
    model = Small()
    for src, tgt in batches:
        inputs, labels = shift(tgt)
        (loss(model(src, inputs), labels, PAD) * weigh(int((labels != PAD).sum()))).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


large = gradient([(src, tgt)], lambda words: 1.0)
rows = []
off = {}
for name, weigh in (("mean of means", lambda n: 1 / 2), ("weighed by words", lambda n: n / 32)):
    off[name] = float((gradient(parts, weigh) - large).norm() / large.norm())
    rows.append((name, f"{100 * off[name]:.0f} %"))
show_table(("two batches", "off by"), rows, "the gradient, against that of one large batch")

two = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
two[0].grad, two[1].grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
before = nn.utils.clip_grad_norm_(two, 1.0)
print(f"length {before:.0f}, clipped to 1:", [[round(x, 2) for x in p.grad.tolist()] for p in two])

# %% [markdown]
# So the mean of means misses by almost half of the gradient's length, and weighing by words not at all.
#
# With AdamW a *constant* factor hardly matters (it divides by the size of the gradient anyway), which is why
# forgotten divisions live so long. Clipping sees such a factor, though, and a wrong *weighting* is no constant
# factor.
#
# ## 8. Find four bugs
#
# A colleague has written a loop. `batches` is a list of pairs (src, tgt) of ids, as many as a multiple of `accum`;
# `model(src, inputs)` gives logits; after every `accum` batches there should be one update, along the gradient of the
# mean over all their words, no longer than `clip`; and the losses come back, one for each batch, in nats a word. The
# model may come right from a validation, and then it is in evaluation mode, in which dropout does nothing:
# `model.eval()` switches to it, and `model.train()` back. He has watched his loss fall all day.


# %% name="the-loop"
def colleagues_train(model, batches, lr, clip, accum):
    """Update the weights after every accum batches; return the loss of each batch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    losses = []
    for i, (src, tgt) in enumerate(batches):
        inputs, labels = shift(tgt)
        mean = loss(model(src, inputs), labels, PAD)
        (mean / accum).backward()
        losses.append(mean.item())
        if i % accum == 0:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return losses


# %% [markdown]
# Reading finds some of them. Tests find all, and go on finding them when somebody changes the loop next year. A good
# one says beforehand what it must see, and looks at *one* thing. Here are five. They let a loop train a tiny model on
# tiny batches, and watch: after which batches it made updates, in which mode the model was, and with which gradient
# each update was made. With rate 0 nothing moves, so that one can look at gradients in peace.


# %% name="five-tests"
def five_tests(train):
    """Each test: what is looked at, what must be seen, what is seen."""
    six = [sentences((3, 3), seed=i) for i in range(6)]
    seen = watch(train, six, accum=3)
    yield "six batches, accum 3: updates come after batch", [3, 6], seen.updates

    seen = watch(train, six, dropout=0.5, training=False)
    yield "the model comes from a validation: mode at the batches", ["training"] * 6, seen.modes

    alone = sum(watch(train, six[:1]).lengths) or 1
    lengths = np.array(watch(train, six[:1] * 4, accum=2).lengths) / alone
    yield "one batch four times, accum 2: length of the gradient, to that of one", [1, 1], lengths

    src, tgt = sentences((9, 8, 1, 1), seed=7)
    halves = [(src[:2], tgt[:2]), (src[2:], tgt[2:])]
    large, both = (
        watch(train, batches, accum=len(batches)).gradients[0] for batches in ([(src, tgt)], halves)
    )
    off = np.linalg.norm(both - large) / (np.linalg.norm(large) or 1)
    yield "four sentences as one batch, and as two: gradients differ by", 0, off

    lengths = watch(train, halves * 2, clip=0.05, accum=2).lengths
    yield "the same two batches twice, clip 0.05: length of the gradient", [0.05, 0.05], lengths


# %% [markdown]
# ### Exercise `train`
#
# *difficulty ●●●○○ · importance ●●●●● · 30 minutes*
#
# Copy his loop into the cell below. Then run the tests in the cell behind it: you see all that pass and the first
# that fails. Say what it is, *in words*, before you change a line; repair it; run the tests again, until all five
# pass. That does not mean that all is right: the check looks at some more, also at which way the gradient points and
# what comes back, and names the first mistake that is left.


# %% name="exercise-train"
def train(model, batches, lr, clip, accum):
    """Update the weights after every accum batches; return the loss of each batch."""
    ### BEGIN SOLUTION
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    model.train()  # it may come from a validation
    losses = []
    for i, (src, tgt) in enumerate(batches):
        if i % accum == 0:  # a new update begins
            optimizer.zero_grad()
            words = 0
        inputs, labels = shift(tgt)
        mean = loss(model(src, inputs), labels, PAD)
        n = int((labels != PAD).sum())
        (mean * n).backward()  # a sum over words, added to what is there
        words += n
        losses.append(mean.item())
        if (i + 1) % accum == 0:
            for p in model.parameters():
                p.grad /= words  # now a mean over all words of the update
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return losses
    ### END SOLUTION


# %% name="run-the-tests"
show(experiments.one_at_a_time(five_tests, train, handed_out=colleagues_train))

# %%
train = check("train", train)

# %% [markdown]
# <details><summary>What the four are, and why his loss fell all the same</summary>
#
# 1. *An update after the first batch of a group.* `i % accum == 0` is true for `i = 0`: the first update is made of
#    one batch, and the last batches never get theirs. `(i + 1) % accum == 0` it should be. Seen in public code more
#    than once; with thousands of updates nobody notices.
# 2. *The model is never put into training mode.* This line is not wrong, it is missing. Behind a validation dropout
#    stays off from then on: the loss gets *better*, and what dropout was for is gone.
# 3. *Gradients are never cleared.* Every update walks along the sum of all gradients since the beginning, also those
#    of weights that are long gone. Clipping hides how long that sum gets.
# 4. *A mean of means.* Right only if all batches have the same number of words.
#
# Each of them leaves a loop that moves roughly downhill. A loss that falls proves that something is learned, and no
# more.
#
# </details>
#
# ## 9. It trains
#
# Your loop, on 200 sentences, as 10 batches of 20, twelve times over, with two batches an update. It is a small model
# with much dropout, for some seconds: it will not translate, but it should learn which words there are and what
# follows what. The colleague's loop gets half of the same, which
# is enough to see its loss fall.
#
# Behind the training there is one more trap. A validation needs evaluation mode, `model.eval()`, or dropout goes on
# guessing. *Predict:* the loss of the same 100 sentences, twice with dropout left on and twice without: which two
# numbers are equal, and which are lower?

# %% name="it-trains" tags=["predict"]
tokenizer = Tokenizer.load(run_folder("en-de") / "tokenizer.json")
pairs = encode_pairs(load_corpus("embedded-en-de", "dev"), tokenizer)
batches = []
for start in [*range(0, 200, 20)] * 12:
    batch = make_batch(pairs[start : start + 20])
    batches.append((batch.src, torch.cat([batch.tgt_in[:, :1], batch.labels], dim=1)))
torch.manual_seed(1)
model = ForLoops(tokenizer.vocab_size, dropout=0.3)
losses = train(model, batches, lr=4e-3, clip=1.0, accum=2)
torch.manual_seed(1)
his = ForLoops(tokenizer.vocab_size, dropout=0.3)
his_losses = colleagues_train(his, batches[:60], lr=4e-3, clip=1.0, accum=2)

new = make_batch(pairs[200:300])
validations = []
for mode in (True, True, False, False):
    model.train(mode)
    with torch.no_grad():
        validations.append(loss(model(new.src, new.tgt_in), new.labels, PAD).item())
with_dropout, without = validations[:2], validations[2:]
holds(
    ("The first batch costs about ln V, 7.6 nats a word.", abs(losses[0] - 7.6) < 1),
    ("The last ten cost less than half of that.", np.mean(losses[-10:]) < losses[0] / 2),
    ("The colleague's loss falls, too.", np.mean(his_losses[-10:]) < 0.75 * his_losses[0]),
    ("With dropout two validations differ.", with_dropout[0] != with_dropout[1]),
    ("Without it they do not.", without[0] == without[1]),
    ("Without dropout the loss is lower.", without[0] < min(with_dropout)),
)

# %% [markdown]
# ## 10. Where the package begins
#
# `course/training` does with more care for speed what you have written: `loss.py` is your `loss` and a smoothing of
# torch's custom in one function, which computes logits only where there is a label; `schedule.py` has your `noam`;
# `loop.py` has a loop with checkpoints, and lesson 12 runs *your* step in it. Are they the same?
#
# *The loss* should be equal as it is. *The smoothing* differs in its custom. Torch's gives $\varepsilon/V$ to
# everybody. Yours leaves out one word, padding, and the right word keeps exactly $1-\varepsilon$. So hand your
# function a vocabulary with one word *more*, call that padding, and make $\varepsilon$ a little smaller,
# $\varepsilon(V-1)/V$: then the right word keeps $1-\varepsilon+\varepsilon/V$, and the $V-1$ others get
# $\varepsilon/V$ each. Cut off the additional column, and you have torch's table. *The schedule* of the package has a
# peak of 1 and counts from 0; the peak is a setting. (It has a second one, which the presets use: the same way up,
# and then a straight line down to 0 at the end of the run.)

# %% name="the-packages-own"
with torch.no_grad():
    memory = model.inner.encode(new.src)
    states = model.inner.decoder_states(new.tgt_in, memory)
    logits = model.inner.output(states)
    real = new.labels != PAD
    n = int(real.sum())
    own = {
        e: summed_loss(model.inner.output, states[real], new.labels[real], label_smoothing=e) / n
        for e in (0.0, 0.1)
    }
    V = logits.shape[-1]
    table = smooth_labels(new.labels[real], V + 1, V, 0.1 * (V - 1) / V)[:, :V]
    yours = -(table * logits[real].log_softmax(-1)).sum(-1).mean()
warm = [noam(t + 1, 128, 400) / noam(400, 128, 400) for t in range(0, 3000, 7)]
package = [warmup_inverse_sqrt(t, warmup_steps=400) for t in range(0, 3000, 7)]

words, following = torch.tensor([[BOS, 5, 6]]), torch.tensor([[5, 6, EOS]])
of_padding = {}  # how long the gradient of padding's row is
for tied in (True, False):
    table = nn.Embedding(20, 8, padding_idx=PAD)
    output = table.weight if tied else torch.randn(20, 8)
    loss(table(words) @ output.T, following, PAD).backward()
    of_padding[tied] = table.weight.grad[PAD].norm().item()
holds(
    ("loss: the same.", torch.allclose(own[0.0], loss(logits, new.labels, PAD), rtol=1e-4)),
    ("Smoothing: the same, by another name.", torch.allclose(own[0.1], yours, rtol=1e-4)),
    ("noam: the same, but for the peak.", np.allclose(warm, package)),
    ("padding_idx keeps the gradient of padding's row at 0 ...", of_padding[False] == 0),
    ("... unless the table is the output layer as well.", of_padding[True] > 0),
)

# %% [markdown]
# The last two lines are a trap in which people have lost days. `padding_idx` promises that the row of padding gets no
# gradient. It keeps the promise for *looking up*. But where the table is also the output layer (tied weights, lesson
# 08), the softmax looks at every row, the one of padding too, and pushes it away from everything: training moves it
# (torch 2.13). Whoever exports such a model to software that takes the row for zeros gets other translations; lesson
# 14 comes back to it.
#
# ## 11. Hearing one's own words
#
# In training the decoder hears the right words. When it translates, it hears its own. If one of them is wrong, it
# stands behind a beginning that it never met in training. The name for this is **exposure bias** (Ranzato et al.,
# 2016).
#
# How bad is it? A first thought that needs no computer: greedy search takes the most probable word at every place. Up
# to the first mistake it hears exactly what teacher forcing would have let it hear. So it makes its first mistake at
# *the same place*, and a sentence is right as a whole in one way if and only if it is in the other. The price is paid
# *behind* the first mistake.
#
# Two translators. The small one (section 4's, with smoothing), on 1,000 new sentences of the kind it was trained on,
# called `test_iid`; and the one that ships with the course, on 400 sentences of 15 to 18 words, longer than any that
# it was trained on. Each was asked twice: led by the reference, and left to its own words. *Predict* the curves:
# where do they part, and how far?

# %% name="exposure-bias" tags=["predict"]
found = experiments.read_exposure()
show(figures.draw_exposure, found=found)
show(experiments.exposure_table(found))
small, shipped = (each["after an error"] for each in found.values())
holds(
    (
        "Led or not, the same sentences are right as a whole.",
        all(
            each["exactly right when led"] == each["exactly right alone"] for each in found.values()
        ),
    ),
    (
        "Behind a mistake far fewer words are right at their place.",
        all(each["own"][2] < each["led"][1] - 40 for each in (small, shipped)),
    ),
    (
        "Most of that is words that stand at another place ...",
        all(each["own, in order"][1] > each["own"][2] + 40 for each in (small, shipped)),
    ),
    (
        "... and the rest is more than chance.",
        all(each["own, in order"][2] < each["led"][1] for each in (small, shipped)),
    ),
)

# %% [markdown]
# Led by the reference, the small translator says 80.0 % of the words behind its first mistake rightly (95 % interval
# 78.7 to 81.3). Left alone it has 25.5 % of them right (22.9 to 28.2), place by place. (The curves are over *all*
# sentences, right ones too, and so lie higher; the orange one falls and falls.) With the long sentences it is 85.9 %
# against 9.7 %. It looks as if one mistake ruined the rest.
#
# It does not. If one word is missing, all others stand one place too early, and a count by places calls all of them
# wrong. So count the words that come in the right order, wherever they stand: 71.1 % (69.6 to 72.6) of the small
# one's, 62.0 % (59.2 to 64.8) of the other's on long sentences. What is left of exposure bias is 9 points in one case
# and 24 in the other: real, beyond chance, and far from what the curves suggest.
#
# These are no exact numbers. Counted in order, some words match by chance, so that the gap is larger. And behind
# another beginning another continuation may be *right*, so that it is smaller: whoever has said *die Mütze* instead
# of *der Hut* has to go on with *sie*, and the reference, with its *er*, calls it a mistake. The green curve, led,
# never has this trouble. And the sentences with a mistake are the hard ones, in which there is more to be got wrong.
#
# There are remedies that mix the model's own words into training. None of them became a habit in translation: they
# cost the one pass of section 2, and with good models first mistakes are rare. On sentences like those of the
# training, the shipped translator makes none in 98.6 of 100 (its `scores.txt`).
#
# ## 12. Three questions

# %% name="quiz"
quiz("10")

# %% [markdown]
# ## 13. The whole lesson in one picture
#
# One update. In orange what goes wrong where.

# %% name="summary"
show(figures.draw_summary)

# %% [markdown]
# What you can take along:
#
# - A row of words makes inputs and labels: all but the last, all but the first. With the right words given, all
#   places are computed in one pass.
# - The loss is a mean over words, in nats. It begins at $\ln V$. Padding in it is flattery.
# - Smoothing gives the loss a floor, the entropy of its target. Compare losses of one custom only, or without
#   smoothing.
# - SGD walks in proportion, AdamW makes each weight's steps alike, and Muon each direction's.
# - Small batches count like a large one if every *word* counts the same. Clip all gradients together, before the
#   step.
# - A falling loss proves next to nothing. Say what a loop must do, and test it.
# - The first mistake comes at the same place, led or not. What follows is what exposure bias costs.
#
# In lesson 11 the model speaks for itself.
#
# ## A task for four
#
# *The living update, 20 minutes, no computer.* Three of you are batches, with 2, 3 and 10 words; the fourth is the
# optimizer and stands on a line of tape. Each batch draws the losses of its words from a hat (slips with numbers from
# 0 to 6) and knows only its own mean. First round: each calls out its mean, and the optimizer takes the mean of the
# three as his number of steps. Second round: do it so that every *word* counts the same, and agree beforehand what
# each batch has to call out. Third round: the largest batch is told nothing about its padding, three slips with a 0.
# By how many steps do the rounds differ? Agree on one sentence: *what must a batch say besides its mean?*
#
# ## How to teach it
#
# Draw the table of section 1 on the board and let the class fill in what is asked for; half of them will begin with
# `<bos>`. Let section 8 be done in pairs: one reads only the tests, the other only the loop, and they may talk.
# Collect the predictions of sections 4 and 5 by a show of hands. Section 5's formulas may be left out; the race may
# not. Section 10 is for those who will open the package.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Sections 5.3 (equation 3)
#   and 5.4; row D of table 3.
# - C. Szegedy et al. (2016), [Rethinking the Inception Architecture](https://arxiv.org/abs/1512.00567). Section 7.
# - C. Guo et al. (2017), [On Calibration of Modern Neural Networks](https://arxiv.org/abs/1706.04599). Section 2.
# - D. Kingma and J. Ba (2015), [Adam](https://arxiv.org/abs/1412.6980), algorithm 1; I. Loshchilov and F. Hutter
#   (2019), [Decoupled Weight Decay Regularization](https://arxiv.org/abs/1711.05101), algorithm 2.
# - K. Jordan et al. (2024), [Muon](https://kellerjordan.github.io/posts/muon/); J. Liu et al. (2025), [Muon is
#   Scalable for LLM Training](https://arxiv.org/abs/2502.16982), section 2.2.
# - R. Pascanu et al. (2013), [On the difficulty of training recurrent neural
#   networks](https://arxiv.org/abs/1211.5063). Section 3.2 has the clipping.
# - R. Xiong et al. (2020), [On Layer Normalization in the Transformer
#   Architecture](https://arxiv.org/abs/2002.04745). Why post-norm needs a warm-up.
# - M. Ranzato et al. (2016), [Sequence Level Training with Recurrent Neural
#   Networks](https://arxiv.org/abs/1511.06732). Section 2 names exposure bias.
