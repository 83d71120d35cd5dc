# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Decoding and scoring
#
# *Lesson 11 · 250 minutes · numpy, torch and sacreBLEU, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - turn a model that knows what comes *next* into one that writes sentences: greedily, with a beam, or by lot;
# - prove a beam search right against every sentence that there is;
# - say what length bias is, show it, and name the length penalty that you use;
# - write attention with a cache, count what it saves, and find a cache that belongs to somebody else;
# - compute BLEU by hand, get sacreBLEU's number to the last digit, and say why three right words score 0.
#
# **Prerequisites.** Lesson 03: match, scale, softmax, mix. Lesson 06: a table of positions. Lesson 08: a decoder's
# logits. Logarithms: the logarithm of a product is a sum. Lessons 09 and 10 help and are not needed.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `greedy` | the likeliest word, again and again | ●●○○○ | ●●●●● | 15 |
# | `beam` | several sentences side by side | ●●●●○ | ●●●●● | 30 |
# | `incremental` | attention with a cache | ●●●○○ | ●●●●● | 20 |
# | `repair_beam` | find the bug | ●●●○○ | ●●●●● | 15 |
# | `sample` | who may be drawn, and how often | ●●●○○ | ●●●○○ | 15 |
# | `bleu` | a score for a whole corpus | ●●●○○ | ●●●●● | 25 |

# %% name="setup"
import math
from collections import Counter

import torch
from sacrebleu.metrics import BLEU

from course import decoding, scoring
from course.data.embedded import embedded_pairs
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
from course.lessons.lesson_11 import experiments, figures, toys, work
from course.pretrained import pretrained_translator
from course.special import BOS, EOS, PAD

torch.set_grad_enabled(False)  # nothing is trained in this lesson
toy = toys.NEEDLE
translator = pretrained_translator("en-de")


def step_for(translator, *sentences):
    """The translator as a step function for these sentences: ids (n, T) -> logits (n, T, V)."""
    source = [torch.tensor([*translator.tokenizer.encode(text), EOS]) for text in sentences]
    source = torch.nn.utils.rnn.pad_sequence(source, batch_first=True, padding_value=PAD)
    mask = (source != PAD)[:, None, None]  # (B, 1, 1, S)
    memory = translator.model.encode(source, src_mask=mask)

    def step(ids):
        n = len(ids) if len(source) == 1 else 1  # one sentence may have n beginnings
        rows, seen = memory.repeat(n, 1, 1), mask.repeat(n, 1, 1, 1)
        logits = translator.model.decode(ids, rows, src_mask=seen)
        logits[..., [PAD, BOS]] = -torch.inf  # nobody says these
        return logits

    return step


# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | token | a word or a piece of one (we often say *word* for both); behind the last one stands `<eos>`, the end token |
# | prompt | the beginning that a sentence is continued from; mostly `<bos>` alone |
# | hypothesis | a translation that is being written, or has been |
# | search | how one goes from probabilities of words to a sentence |
# | log-probability | the natural logarithm of a probability: 0 for 1, and the lower the less likely |
# | cache | what is kept so that it need not be computed again |
# | n-gram | n words in a row |
# | reference | the translation that somebody has written down as the right one |
#
# ## 1. It says what comes next
#
# A trained decoder answers one question: given the source and these words, how likely is each word to be the next
# one? It does not say sentences. Whoever wants one has to choose a word, hand it back in, ask again, and stop at some
# time. This is called **decoding**, no weight of the model changes in it, and two people with the same model get
# different translations from it.
#
# All searches below see the model through one little window, a function
#
# `step(ids)`: ids (B, T) in, logits (B, T, V) out, where `logits[b, t]` speaks of the word behind `ids[b, : t + 1]`.
#
# The first model that we look at through it is small enough to be read. It translates one sentence, *The needle is
# sharp*, and never looks farther back than one word. *Spitze* is a point, *Spritze* a syringe, *spitz* means sharp and
# *lang* long. What the table leaves out, at most one in a hundred, goes to all the other words.

# %% name="the-toy"
rows = []
for word in ("<bos>", "Die", "Eine", "Spitz", "Nadel", "Spitze", "Spritze", "ist", "spitz", "lang"):
    p = toy.table[toy.words.index(word)]
    likely = [f"{toy.words[i]} {p[i]:.2f}" for i in (-p).argsort() if p[i] >= 0.03]
    rows.append((word, ", ".join(likely)))
show_table(("behind", "comes"), rows, "the whole toy translator")
print("ids:", dict(zip(toy.words, range(len(toy.words)), strict=True)))
print("step([[1, 5]]) is", tuple(toy(torch.tensor([[1, 5]])).shape), "= (B, T, V)")

# %% [markdown]
# ## 2. Greedy: the likeliest word, again and again
#
# With a pencil: begin at `<bos>` and always take the likeliest word. *Die* 0.47, then *Spitze* 0.40, *ist* 0.64,
# *spitz* 0.60, `<eos>` 0.90: "The point is sharp". Its probability is the product,
# $0.47 \cdot 0.40 \cdot 0.64 \cdot 0.60 \cdot 0.90 = 0.065$.
#
# In a batch, sentences end at different times. The loop goes on until the last one has ended, and behind the end of
# the others stands padding.
#
# ### Exercise `greedy`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# `prompts` (B, P) are the beginnings. Append the likeliest word to each, at most `max_len` times, and stop when all
# sentences have ended. Return (B, P + n) ids: a sentence that has ended is filled with `PAD`. `.argmax(dim=...)` finds
# the likeliest, `x.masked_fill(where, value)` puts a value where `where` is True, `torch.cat([a, b], dim=1)` puts two
# tensors side by side, and `token[:, None]` makes a column of (B,). `torch.zeros(B, dtype=torch.bool)` is B times
# False, `a | b` is *or*, and `done.all()` asks whether all are True.


# %% name="exercise-greedy"
def greedy(step, prompts, max_len):
    """Append the likeliest word to each beginning until all have ended: (B, P + n)."""
    ### BEGIN SOLUTION
    ids = prompts
    done = torch.zeros(len(ids), dtype=torch.bool)
    for _ in range(max_len):
        token = step(ids)[:, -1].argmax(dim=-1)  # (B,): what follows the last word
        token = token.masked_fill(done, PAD)  # who has ended says nothing more
        ids = torch.cat([ids, token[:, None]], dim=1)
        done = done | (token == EOS)
        if done.all():
            break
    return ids
    ### END SOLUTION


# %%
greedy = check("greedy", greedy)

# %% [markdown]
# The toy, from the beginning and from two words that are put into its mouth. And the translator that ships with the
# course, with three sentences in one batch.

# %% name="greedy-at-work"
for start in ("<bos>", "<bos> Eine", "<bos> Spitz"):
    prompt = torch.tensor([[toy.words.index(word) for word in start.split()]])
    print(f"{start + ' ...':15}", toy.spell(greedy(toy, prompt, 8)[0], ends=True))

texts = [
    "The needle is sharp.",
    "The old doctor points at the tree.",
    "Clara watches the dog that sleeps.",
]
ids = greedy(step_for(translator, *texts), torch.full((3, 1), BOS), 30)
print("ids", tuple(ids.shape), "padding behind each:", (ids == PAD).sum(dim=1).tolist())
for text, row in zip(texts, ids.tolist(), strict=True):
    print(f"{text:36}", translator.tokenizer.decode([i for i in row if i not in (PAD, BOS, EOS)]))

# %% [markdown]
# What if two words are *equally* likely? In float32 this is rare. But large models compute in bfloat16, a number
# format that keeps 8 binary digits of a number, less than three decimal ones, and there many logits meet in the same
# number.
#
# *Predict:* in how many of 100 rows of 6,000 random logits do two or more share the first place, in bfloat16?

# %% name="ties" tags=["predict"]
draws = torch.randn(4000, 6000, generator=torch.Generator().manual_seed(0)).bfloat16()
first, tied = draws.argmax(dim=-1), (draws == draws.amax(dim=-1, keepdim=True)).sum(dim=-1) > 1
top = draws.topk(5, dim=-1).indices[:, 0]
holds(
    (
        "Of 100 rows, 2 to 4 have a tie at the top.",
        0.02 < tied.float().mean().item() < 0.04,
    ),
    (
        "argmax takes the first of those that tie.",
        bool(((draws == draws.amax(-1, True)).int().argmax(-1) == first).all()),
    ),
    ("topk(5) begins with another one in some of them.", bool((top != first).any())),
    ("Where there is no tie they agree.", bool((top == first)[~tied].all())),
)
del draws

# %% [markdown]
# Three rows in a hundred. `argmax` promises the first of those that tie, `topk` and `sort` promise nothing: in
# about half of these rows `topk` began with another one when we counted (torch 2.13, on one processor). So greedy
# search and a beam of width 1 may write different translations *without any error*, and the same program on another
# processor, too. When you compare two searches, compare in float32 or better, and when one sentence differs, look for
# a tie before you look for a bug.
#
# ## 3. The best sentence is not made of best words
#
# Back to the toy. It took *Die* because 0.47 is more than 0.36. But behind *Die* everything is uncertain, and behind
# *Eine* it is not:
#
# $$ \textit{Die Spitze}: 0.47 \cdot 0.40 = 0.188 \qquad \textit{Eine Nadel}: 0.36 \cdot 0.90 = 0.324 $$
#
# After two words the second choice is far ahead, and greedy search has thrown it away. It cannot go back.
#
# The remedy is to keep several hypotheses and to decide later. A **beam search** has $k$ *places*. In every round each
# hypothesis is continued by every word, which makes $n \cdot V$ candidates, all in one list, and the best of them get
# the places. One that ends keeps its place for good, and the others share those that are left. When all places are
# taken, or after `max_len` words, the best one wins.
#
# Products of many probabilities get too small to be stored, so one adds logarithms: $\ln 0.36 + \ln 0.90 = -1.127$.
# The larger, the better; all of them are negative. And what is compared at the end? For now take it as given that the
# sum is divided by the length to the power of $\alpha$,
#
# $$ \text{score} = \frac{\sum_t \ln p(y_t \mid y_{<t},\, x)}{\text{length}^{\,\alpha}} $$
#
# where $y_t$ is word $t$ of the translation, $y_{<t}$ are those before it, $x$ is the source, and the length counts
# the end token, which was chosen like every word, and not the begin token, which nobody chose. Section 4 says why.
#
# ### Exercise `beam`
#
# *difficulty ●●●●○ · importance ●●●●● · 30 minutes*
#
# 1. Begin with *one* hypothesis, `[[BOS]]`, whose sum is 0. (Beginning with $k$ equal ones, all would go the same
#    way.)
# 2. In each round: `step(ids)[:, -1].log_softmax(dim=-1)` are log-probabilities (n, V). Add each hypothesis' sum.
# 3. Of the flat list take the best, as many as there are free places: `sums.flatten().topk(m)` has `.values` and
#    `.indices`. There may be fewer candidates (`sums.numel()`) than free places: take the `min` of both. Index // V is
#    the hypothesis (the row), index % V the word. Keep sums in float64 (`torch.zeros(1, dtype=torch.float64)`).
# 4. Those that end with `EOS` go to a list with their sums (`ended.extend(zip(...))`), and the others go on:
#    `ids[~over]` are the rows where `over` is False.
# 5. At the end divide every sum, of those that have ended and of those that were cut off, and return
#    (score, ids): a number, and a tensor from `BOS` on; one that was cut off has no end token, and none is added.
#    `max(pairs, key=lambda pair: pair[0])` finds the best.


# %% name="exercise-beam"
def beam(step, k, max_len, alpha=0.6):
    """The best of what k places have seen: (score, ids)."""
    ### BEGIN SOLUTION
    ids, total = torch.tensor([[BOS]]), torch.zeros(1, dtype=torch.float64)  # (n, t) and (n,)
    ended = []
    for _ in range(max_len):
        sums = total[:, None] + step(ids)[:, -1].log_softmax(dim=-1)  # (n, V)
        best = sums.flatten().topk(min(k - len(ended), sums.numel()))
        row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
        over = token == EOS
        ended.extend(zip(total[over].tolist(), ids[over], strict=True))
        ids, total = ids[~over], total[~over]
        if len(ids) == 0:  # all places are taken by those that have ended
            break
    found = [*ended, *zip(total.tolist(), ids, strict=True)]
    return max(((log_p / (len(y) - 1) ** alpha, y) for log_p, y in found), key=lambda pair: pair[0])
    ### END SOLUTION


# %%
beam = check("beam", beam)

# %% [markdown]
# Is it right? There is a judge that no search can argue with: write down **every sentence that there is** and take
# the best. The toy has 13 ids, of which ten are words (`<unk>` is one). That makes 111,111 sentences of up to five
# words, which a computer can do; the 100,000 of five words have no `<eos>`, they are cut off. (A vocabulary of 2,000
# and ten words make $10^{33}$, which no computer can.) A beam with a place for everybody must find the same one.
#
# Then 50 models with random numbers and 8 ids, of which five are words, up to five in a row: how often do few places
# find the best of all 3,906 sentences?
#
# *Predict:* of 50, how many with one place? With 2? With 10?

# %% name="every-sentence" tags=["predict"]
score, ids, n = toys.exhaustive(toy, 5, alpha=0.6)
print(f"best of {n:,}: {toy.spell(ids)}, {score:.3f}")
for k in (1, 2, 200):
    score, ids = beam(toy, k, 5, 0.6)
    print(f"{k:3} places: {toy.spell(ids)}, {score:.3f}")

widths = (1, 2, 3, 5, 10, 4000)
hits = dict.fromkeys(widths, 0)
for seed in range(50):
    random_toy = toys.RandomToy(8, seed, ending=0.3, sharp=0.5)
    best = toys.exhaustive(random_toy, 5)[1].tolist()
    for k in widths:
        hits[k] += list(map(int, beam(random_toy, k, 5)[1])) == best
show_table(("places", *map(str, widths)), [("found the best, of 50", *hits.values())])
holds(
    ("With a place for everybody, beam search finds the best of all sentences.", hits[4000] == 50)
)

# %% [markdown]
# A few places find most of what there is to find, and only a place for everybody finds it always. Two places already
# do much better than one. This is why beams of 4 to 6 are so common: the next doubling costs as much as all before and
# brings little.
#
# ### The search as a picture
#
# Each column is a round, each row a place. A box has the newest word and the probability of the whole hypothesis up to
# there; a purple box has ended, and keeps its place. Pale boxes at the bottom got none. Behind the last column stand
# the scores. The **green** path is the sentence that your `beam` returns, the **blue** one that of your `greedy`.
#
# 1. Begin with *places* 1, then 2. In which round do green and blue part, and where does blue end?
# 2. Set *alpha* to 0 and *places* to 3, then 4. What wins now? Has the search become better or worse?
# 3. *Places* 8: how many of the eight are taken by sentences that nobody would say? What is their use?

# %% name="explore-search"
explore(
    figures.draw_search,
    beam=beam,
    greedy=greedy,
    places=slider(*figures.PLACES, start=2),
    alpha=slider(0.0, 1.0, start=0.6, step=0.2),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. With one place they are the same. With two they part at the first word, and come together at none: *Eine* has the
#    second place, and its *Nadel* takes the first one away from *Die Spitze*. Blue is dropped in round 4.
# 2. *Spitz* ("Sharp."), with 0.152, before *Eine Nadel ist spitz* with 0.140. With four places the search finds a
#    sentence that is more probable, and it is the worse translation. It had lost it by accident with three.
# 3. From the fourth on, the first words are accidents of a thousandth, and four places are soon taken by hypotheses
#    that end at once or never come to anything. A wide beam is mostly filled with what nobody needs.
#
# </details>
#
# ## 4. The longer, the less likely
#
# Question 2 is no accident of the toy. Every word multiplies by a number below 1, so that **every word makes a
# sentence less likely**, a right one too. Among a thousand hypotheses there is always some short one, and a wide beam
# will find it. A sum of log-probabilities has a *length bias*: it prefers what ends early.
#
# Hence the **length penalty**: the sum is divided by something that grows with the length. (A negative number becomes
# larger by that. It rewards long hypotheses, and is called a penalty all the same.) At least three definitions go by
# the same name:
#
# | divided by | with $\alpha = 1$ and 10 tokens | who |
# |---|---|---|
# | $\text{length}^{\,\alpha}$, the end token counts | 10: the mean of a token | transformers; your `beam` |
# | $\big((5 + \text{length}) / 6\big)^{\alpha}$ | 2.5 | Wu et al. ("GNMT"), Joey NMT, this course's package |
# | $\text{length}^{\,\text{lenpen}}$ | 10 | fairseq |
#
# (transformers calls $\alpha$ `length_penalty` and takes 1 if you say nothing, as fairseq does for `lenpen`. Wu et
# al., 2016, equation 14, found 0.6 to 0.7 best with the second rule; the package takes 1.)
#
# The first and the third agree in form, but whether the end token counts, and what happens to hypotheses that are cut
# off, is each program's own affair. **Say which one you use.** "Length penalty 0.6" alone says nothing: with the
# second rule 0.6 is mild, with the first it is not.
#
# Here is where it hurts, in the translator that ships. *Clara knows that the president who wants to have three dogs
# lives next to the hotel*: 16 words, and it was trained on up to 14. The cell runs a beam with 24 places without any
# penalty. Each dot is one of the 24 hypotheses.
#
# 1. *Predict:* at alpha 0, which one wins, and what is missing in it? Then look.
# 2. From which *alpha* on does a longer one win, under the first rule and under the second? What changes in the
#    picture when *alpha* grows?
# 3. The right translation ends in "neben dem Hotel wohnt." It is among the 24, with 20 tokens and a sum of −5.67.
#    Which *alpha* makes it win?

# %% name="explore-candidates"
clara = "Clara knows that the president who wants to have three dogs lives next to the hotel."
source = torch.tensor([[*translator.tokenizer.encode(clara), EOS]])
found = decoding.beam_search(
    translator.model,
    source,
    beam_size=24,
    max_len=40,
    n_best=24,
    length_penalty=decoding.LengthPenalty("none"),
)[0]
candidates = [
    figures.Candidate(translator.tokenizer.decode(h.ids), h.log_prob, len(h.ids) + 1) for h in found
]
explore(figures.draw_candidates, candidates=candidates, rule=figures.RULES, alpha=figures.ALPHAS)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. *Clara weiß, dass der Präsident, der drei Hunde haben will.* "Clara knows that the president who wants to have
#    three dogs." A whole clause is missing, and the sentence is no sentence; but five tokens less are five factors
#    less, and −1.51 is more than −1.53.
# 2. From 0.1 on, under both. Without a penalty the dots fall with the length; the larger *alpha*, the more those on
#    the right are lifted.
# 3. None. The one that wins, "... neben dem Hotels.", has 20 tokens as well, so both are divided by the same. A length
#    penalty repairs a bias of the *sum of log-probabilities*; it cannot make a model know better. Nine other
#    hypotheses have a higher sum than the right one.
#
# </details>
#
# ### Measured: more places, worse translations
#
# Now in earnest. The same translator, 100 sentences of each of three lengths, beams of 1 to 32 places, once without a
# penalty and once with the package's own, $(5 + \text{length}) / 6$. It takes minutes, so the cell reads what
# `python -m course.lessons.lesson_11.experiments` has kept. BLEU is a score from 0 to 100, which section 8 explains;
# *words* is how many words came out for each word that was wanted.
#
# *Predict:* with 32 places instead of one, is BLEU higher or lower, for short sentences and for long ones, with a
# penalty and without?

# %% name="widths" tags=["predict"]
kept = experiments.read_widths()
for penalty in experiments.PENALTIES:
    show(experiments.widths_table(kept, penalty))
show(figures.draw_widths, rows=kept)

# %% [markdown]
# **In the trained lengths** nothing hurts. Two places are a little better than one (97 of 100 exactly right instead of
# 96, which is one sentence and within chance), and 32 do what 2 do, with a penalty and without. Where a model is sure,
# the short sentence that a wide beam could fall for is simply not likely enough. The "curse" that the literature
# reports does not exist here.
#
# **With 15 to 18 words** BLEU falls by one point without a penalty and rises by .3 with it. A hundred sentences cannot
# tell that from chance (lesson 14 shows how one finds out). The words can be counted, though: 0.92 for each word
# wanted become 0.90.
#
# **With 20 to 30 words**, where the model is lost, there it is. Without a penalty the score that the search looks for
# rises from −3.54 to −2.54 on average (`score` in `logs/widths.jsonl`, which is no column of the table): *the search
# does better and better what it was asked to do*. BLEU falls from 33.6 to 26.5, since only 0.56 words come out for
# every word that was wanted. With the penalty it stays at 33 to 34, whatever the width. It does not make the model
# better, and 0.70 words for one are still too few; it takes away the reason to stop early.
#
# One model, one corpus, 100 sentences of each length. In eight real language pairs Koehn and Knowles (2017) saw the
# same: from some width on, often 30 or less, scores fall, and a penalty softens it.
#
# What programs do at the edges, measured, since nobody would guess it:
#
# | program | what happens |
# |---|---|
# | transformers 5.24 | At the limit (`max_len`) an end token is *forced*: free, but it counts in the length. |
# | | One hypothesis was reported with −1.11; by the model's own probabilities it had −3.23. |
# | ctranslate2 4.8.5 | (It runs trained models, fast.) An empty translation is impossible: the least length is 1, |
# | | and the first word's probabilities are computed anew without the end token. |
# | both | 60 of 60 beams agree if transformers stops once k have ended (`early_stopping=True`), |
# | | and 57 of 60 if it goes on, as it does when you say nothing. |
# | this course | What reaches the limit is returned as it is, with `finished=False`; an empty translation |
# | | is possible, with the probability that the model gives it. |
#
# ## 5. Do not compute it again
#
# Your searches hand the whole beginning to the model in every round. It computes queries, keys and values of all the
# words once more, although nothing has changed: behind a causal mask a word's states depend on the words *before* it,
# and those are already written.
#
# So keep them. In round $t$ one word is new. Its query asks, and it is needed now and never again. Its key and its
# value will be needed in every round that follows: they go into the **cache**. Three products with one word, instead
# of three products with $t$.
#
# ### Exercise `incremental`
#
# *difficulty ●●●○○ · importance ●●●●● · 20 minutes*
#
# One head, word by word. `x` (B, T, d) are the words, `W` a dict of the (d, d) matrices `"q"`, `"k"` and `"v"`, and
# `table` (T or more, d) the positions. For $t = 0, 1, \dots$ use `x[:, t : t + 1]`, which has still three axes, and
# nothing of `x` that comes after it: add its position, make q, k and v (`new @ W["q"]`), put k and v into the cache,
# and attend with the one query to everything in the cache, scores divided by `math.sqrt(d)`. Return all outputs,
# (B, T, d). `x.new_zeros(B, 0, d)` is an empty cache, and `keys.transpose(1, 2)` is (B, d, t + 1).


# %% name="exercise-incremental"
def incremental(x, W, table):
    """Attend word by word with a cache of keys and values: (B, T, d)."""
    ### BEGIN SOLUTION
    B, T, d = x.shape
    keys, values = x.new_zeros(B, 0, d), x.new_zeros(B, 0, d)
    outputs = []
    for t in range(T):
        new = x[:, t : t + 1] + table[t]  # (B, 1, d): it comes alone, and it is word t
        q, k, v = new @ W["q"], new @ W["k"], new @ W["v"]
        keys, values = torch.cat([keys, k], dim=1), torch.cat([values, v], dim=1)
        weights = (q @ keys.transpose(1, 2) / math.sqrt(d)).softmax(dim=-1)  # (B, 1, t + 1)
        outputs.append(weights @ values)
    return torch.cat(outputs, dim=1)
    ### END SOLUTION


# %%
incremental = check("incremental", incremental)

# %% [markdown]
# No mask in it: what is not in the cache cannot be seen. Two things to find out. Does it give what attention with a
# causal mask gives, all at once? And what does it save? The cell *counts* multiplications, for yours and for somebody
# who calls attention anew in every round. With $d = 64$ and $T$ words, the three products with $W$ take
# $3 T d^2$ with a cache, and $3 d^2 (1 + 2 + \dots + T) = \frac32 T (T + 1)\, d^2$ without.
#
# *Predict:* how many times fewer with 10 words? And with 100?


# %% name="multiplications" tags=["predict"]
def attend_again(x, W, table):
    """The same without a cache: all words so far through all matrices, in every round."""
    outputs = []
    for t in range(1, x.shape[1] + 1):
        words = x[:, :t] + table[:t]
        q, k, v = (words @ W[name] for name in "qkv")
        scores = q @ k.transpose(1, 2) / math.sqrt(x.shape[-1])
        blocked = torch.ones(t, t, dtype=torch.bool).triu(1)
        outputs.append((scores.masked_fill(blocked, -torch.inf).softmax(dim=-1) @ v)[:, -1:])
    return torch.cat(outputs, dim=1)


g = torch.Generator().manual_seed(1)
x, table = (
    torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((1, 100, 64), (100, 64))
)
W = {name: torch.randn(64, 64, generator=g, dtype=torch.float64) / 8 for name in "qkv"}
rows = []
for T in (1, 10, 100):
    counts = [work.multiplications(f, x[:, :T], W, table) for f in (attend_again, incremental)]
    rows.append((T, *(f"{n:,}" for n in counts), f"{counts[0] / counts[1]:.1f}"))
show_table(("words", "without a cache", "with", "times"), rows, "multiplications, d = 64")

pairs = embedded_pairs("embedded-en-de", "test_iid")[:20]
source = torch.nn.utils.rnn.pad_sequence(
    [torch.tensor([*translator.tokenizer.encode(p.source), EOS]) for p in pairs], batch_first=True
)
with_it, without = (
    decoding.greedy(translator.model, source, max_len=40, use_cache=c) for c in (True, False)
)
holds(
    (
        "Cached attention is attention.",
        torch.allclose(incremental(x, W, table), attend_again(x, W, table)),
    ),
    (
        "Twenty sentences, translated with the package's cache and without: the same words.",
        [h.ids for h in with_it] == [h.ids for h in without],
    ),
    (
        "... and the same log-probabilities to 4 digits.",
        max(abs(a.log_prob - b.log_prob) for a, b in zip(with_it, without, strict=True)) < 1e-4,
    ),
)

# %% [markdown]
# The two formulas alone make $(T + 1) / 2$ times, 5.5 and 50.5; the rest is attention's own part, the scores and the
# mix. Multiplications without a cache grow with the square of the length, and attention's own part of them with its
# third power. With one they grow in proportion, apart from attention's own part, which still looks back at everything.
# A decoder has a second kind of keys and values, those of the *source* for cross-attention: they do not change at all
# and are computed once.
#
# The price is memory. And "times as many multiplications" is not "times as many seconds". The next cell reads what was
# kept of the translator that ships, writing sentences of 8 to 250 words for one source, on one core.
#
# *Predict:* at 32 words, how many times faster is it with a cache? At 250?

# %% name="costs" tags=["predict"]
costs = experiments.read_costs()
show(experiments.costs_table(costs))
show(figures.draw_costs, rows=costs)

# %% [markdown]
# The multiplications say 5 times at 8 words, and the clock says: no gain at all. At 32 words it is twice as fast, at
# 250 nine times, and multiplications are 126 times fewer there. Why so little? In a model this small most of the time
# goes into *calling* hundreds of little operations, whether there is one word for them or thirty; in a large one,
# into *fetching the matrices*. Counting says what must be done; only a clock says what it takes. (Yours will show
# other numbers. These were measured on one core of a computer that had other things to do.) Batches change the
# balance: with 64 sentences at once there is work for every operation that is called and every matrix that is fetched.
#
# And what is kept: keys and values of each word, for two layers, $2 \cdot 2 \cdot 128$ numbers of 4 bytes, which is
# 2 kB for each word, and for each of the source's too. That sounds like nothing. A large model keeps a hundred times
# as much for a word, and it has a hundred thousand words, several users and several places of a beam: there the cache
# is what fills the memory.
#
# ## 6. Find the bug
#
# A colleague puts the two together: a beam search *with* a cache. `step(tokens, cache)` takes the newest word of each
# hypothesis, (n,), puts it into the cache and returns (n, V). The cache has a row for each hypothesis, and
# `cache.select(rows)` makes one whose row i continues row `rows[i]` of the old one. That is all that the course's own
# model offers as well (`Transformer.step`, `DecoderCache.select`).
#
# He knows that hypotheses end and that their rows must go. He tests. With one place it is greedy search, to the last
# word. The cache never has a row too many or too few. With a cache and without, a sentence that is fed word by word
# gets the same logits. No length penalty; the likeliest sentence wins. (His second test only looks whether a pair
# comes back: a row too many or too few would have raised an error.)


# %% name="three-tests"
def colleagues_beam(step, cache, k, max_len):
    """Beam search with a cache of k rows, all at the same beginning: (log-probability, ids)."""
    ids = torch.full((k, 1), BOS)
    total = torch.tensor([0.0] + [-torch.inf] * (k - 1), dtype=torch.float64)  # one is real
    ended = []
    for _ in range(max_len):
        sums = total[:, None] + step(ids[:, -1], cache).log_softmax(dim=-1)
        best = sums.flatten().topk(k - len(ended))
        row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
        over = token == EOS
        ended.extend(zip(total[over].tolist(), ids[over], strict=True))
        ids, total = ids[~over], total[~over]
        if len(ids) == 0:
            break
        goes_on = (~over).nonzero()[:, 0]  # the places of those that have not ended
        cache = cache.select(goes_on)
    return max([*ended, *zip(total.tolist(), ids, strict=True)], key=lambda pair: pair[0])


def cached_step(tokens, cache):
    """One more word for each row of the cache: (n,) -> (n, V)."""
    logits = translator.model.step(tokens, cache)
    logits[:, [PAD, BOS]] = -torch.inf
    return logits


def empty_cache(text, k):
    """Return a cache of k rows, all at the beginning of the same sentence's translation."""
    source = torch.tensor([[*translator.tokenizer.encode(text), EOS]])
    return translator.model.start_cache(translator.model.encode(source).repeat(k, 1, 1))


texts = [pair.source for pair in embedded_pairs("embedded-en-de", "longer")[:8]]
steps = [step_for(translator, text) for text in texts]
plain = [greedy(step, torch.tensor([[BOS]]), 40)[0].tolist() for step in steps]
his = [colleagues_beam(cached_step, empty_cache(text, 1), 1, 40)[1].tolist() for text in texts]
cache = empty_cache(texts[0], 1)
one_by_one = torch.stack([cached_step(torch.tensor([i]), cache)[0] for i in plain[0][:-1]])
at_once = steps[0](torch.tensor([plain[0][:-1]]))[0]
print("one place is greedy search:", his == plain)
print(
    "with five places it runs to the end, rows fit:",
    len(colleagues_beam(cached_step, empty_cache(clara, 5), 5, 40)) == 2,
)
print("cached logits are the model's own:", torch.allclose(one_by_one, at_once, atol=1e-4))

# %% [markdown]
# ### Exercise `repair_beam`
#
# *difficulty ●●●○○ · importance ●●●●● · 15 minutes*
#
# In which of his tests can hypotheses change places, and does that test look at what they say? Which variable knows
# where each of the new ones has come from? Copy his function into the cell below and repair it.


# %% name="exercise-repair-beam"
def repair_beam(step, cache, k, max_len):
    """Beam search with a cache of k rows, all at the same beginning: (log-probability, ids)."""
    ### BEGIN SOLUTION
    ids = torch.full((k, 1), BOS)
    total = torch.tensor([0.0] + [-torch.inf] * (k - 1), dtype=torch.float64)
    ended = []
    for _ in range(max_len):
        sums = total[:, None] + step(ids[:, -1], cache).log_softmax(dim=-1)
        best = sums.flatten().topk(k - len(ended))
        row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]
        ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
        over = token == EOS
        ended.extend(zip(total[over].tolist(), ids[over], strict=True))
        ids, total = ids[~over], total[~over]
        if len(ids) == 0:
            break
        cache = cache.select(row[~over])  # the rows that those which go on have come from
    return max([*ended, *zip(total.tolist(), ids, strict=True)], key=lambda pair: pair[0])
    ### END SOLUTION


# %%
repair_beam = check("repair_beam", repair_beam)

# %% [markdown]
# How does it show? Ask the model again. A search reports a log-probability; the model, given the whole sentence at
# once, says its own. If the two differ, somebody's memory was exchanged. This test needs no second program, and it is
# worth keeping: **rescore what a search returns.**


# %% name="rescoring"
def own_log_probability(step, ids):
    """What the model itself says of a whole sentence of ids."""
    words = torch.tensor([list(map(int, ids))])
    log_p = step(words[:, :-1]).log_softmax(dim=-1)
    return log_p.gather(2, words[:, 1:, None]).sum().item()


def honest(search, step, *cached):
    """Whether the log-probability that a search reports is what the model says of its sentence."""
    log_p, ids = search(*cached, 5, 40)
    return abs(log_p - own_log_probability(step, ids)) < 1e-3


rescored = []
for split, name in experiments.SPLITS.items():
    texts = [pair.source for pair in embedded_pairs("embedded-en-de", split)[:12]]
    tests = [(step_for(translator, text), cached_step, text) for text in texts]
    counts = [
        sum(honest(search, step, cached, empty_cache(text, 5)) for step, cached, text in tests)
        for search in (colleagues_beam, repair_beam)
    ]
    rescored.append((f"the translator, {name.removesuffix(' words')} words", *counts))
random_toys = [toys.RandomToy(9, seed, ending=-0.1, sharp=0.7) for seed in range(12)]
counts = [
    sum(honest(search, each, each.next, each.start(5)) for each in random_toys)
    for search in (colleagues_beam, repair_beam)
]
rescored.append(("random toys", *counts))
show_table(("of 12, reports what the model itself says", "his", "repaired"), rescored)
holds(
    ("The repaired one does so always.", all(row[2] == 12 for row in rescored)),
    ("His does, too, in the lengths that the model was trained on.", rescored[0][1] == 12),
    ("It does not with long sentences.", rescored[2][1] < 12),
)

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# `goes_on` are places in the *new* order. The cache is still in the old one: its row 2 remembers what the old
# hypothesis 2 said, and the new hypothesis 2 may continue old hypothesis 0. `row[~over]` says so.
#
# With one place there is no other row. A sentence that is fed in has no rivals. And the number of rows is right in
# any case: it is the wrong *people* who sit in them. The words that are returned are those that were chosen, so they
# even look fine; only the model was asked about other beginnings than those it was told of.
#
# And the table shows something worse. Where the winner stays in the same place from the first word to the last, its
# row of the cache is its own, and **the bug does nothing to it**: twelve of twelve in the first two lengths, although
# the model is less sure of itself in the second. It waits for the
# sentences that are hard. A test on easy data would have passed it for years.
#
# </details>
#
# ## 7. By lot
#
# A search for the most probable sentence is what a translation wants. A story, a poem or a dialog does not: always the
# likeliest word makes dull text that repeats itself. There one **samples**, drawing the next word by its probability.
# Three knobs, in this order:
#
# 1. **Temperature** $\tau$: the logits are divided by it. Below 1 the likely gets likelier, above 1 all become more
#    alike; near 0 it is greedy search.
# 2. **top_k** (Fan et al., 2018): only the $k$ likeliest words may be drawn.
# 3. **top_p**, the *nucleus* (Holtzman et al., 2020): of these only the fewest, likeliest first, that hold at least
#    the share $p$ together. Where the model is sure this is one word, where it is not it may be hundreds. The word
#    that reaches the share is in.
#
# After each filter what is left is made to add up to 1 again. By hand: words with 0.4, 0.3, 0.2 and 0.1. *top_k* 3
# leaves 4/9, 3/9 and 2/9. Then *top_p* 0.75: the first two hold 7/9 = 0.78, so the third one goes, and the result is
# 4/7 and 3/7.
#
# ### Exercise `sample`
#
# *difficulty ●●●○○ · importance ●●●○○ · 15 minutes*
#
# `logits` is (V,), `top_k` and `top_p` may be None, and `top_k` may be larger than V. Return the probabilities (V,) to
# draw with, each where its word stands, 0 for those that may not be drawn. `x.sort(descending=True)` returns the
# sorted numbers and where each stood; `p.cumsum(dim=-1)` adds up from the front; `torch.zeros_like(p).scatter(0,
# index, p)` puts `p[i]` at place `index[i]`.


# %% name="exercise-sample"
def sample(logits, temperature, top_k, top_p):
    """The probabilities that the next word is drawn with: (V,)."""
    ### BEGIN SOLUTION
    ordered, index = (logits / temperature).sort(descending=True)
    if top_k is not None:
        ordered[top_k:] = -torch.inf
    p = ordered.softmax(dim=-1)
    if top_p is not None:
        before = p.cumsum(dim=-1) - p  # what the likelier words hold together
        p = p.masked_fill(before >= top_p, 0.0)
        p = p / p.sum()
    return torch.zeros_like(p).scatter(0, index, p)
    ### END SOLUTION


# %%
sample = check("sample", sample)

# %% [markdown]
# The translator's words behind "Clara weiß, dass der Präsident, der drei Hunde haben will, neben dem Hotel": in gray
# outlines what it says, in purple what your function draws with. A piece that begins with a hyphen continues the word
# before it. The right word here is *wohnt*, and the model does not know it: it is fourth.
#
# 1. *Temperature* down to 0.1, then up to 2. Does the order of the words ever change? What has become of the
#    likeliest one's 0.59, and where has it gone?
# 2. *Temperature* 1 again. How many words can be drawn with *top_p* 0.7, with 0.8 and with 0.9? Why does the number
#    jump so?
# 3. *Temperature* 2 with *top_p* 0.9, then with *top_p* 1 and *top_k* 3. Which of the two brings sense back?

# %% name="explore-lots"
begun = translator.tokenizer.encode(
    "Clara weiß, dass der Präsident, der drei Hunde haben will, neben dem Hotel"
)
logits = step_for(translator, clara)(torch.tensor([[BOS, *begun]]))[0, -1].double()
explore(
    figures.draw_lots,
    sample=sample,
    logits=logits,
    words=tuple(translator.tokenizer.tokens(list(range(len(logits))))),  # a list would be choices
    temperature=figures.TEMPERATURES,
    top_k=figures.TOP_K,
    top_p=figures.TOP_P,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Never: dividing does not change an order. At 2 the likeliest word has 0.05. What it lost has gone to two thousand
#    words that have next to nothing each, and together more than all the rest.
# 2. Two, 8 and 121. Behind the first words there are only crumbs (label smoothing, lesson 10, makes a model leave some
#    for everybody), and it takes more than a hundred of them to fill up the share from 0.8 to 0.9. With 0.9, one draw
#    in six takes a crumb.
# 3. *top_k*: three words are left. *top_p* keeps 1,448, since at this temperature nine tenths of everything are a
#    great many words. Where the model is sure it is the other way round: *top_p* lets one word in, *top_k* three.
#
# None of the knobs makes *wohnt* likely. For a translation the lot is a bad adviser.
#
# </details>
#
# ## 8. How good is it? BLEU
#
# A translation has been written. Is it good? The measure that everybody reports is BLEU (Papineni et al., 2002). It
# compares with a reference and asks two things: is what was said *right*, and was *enough* said?
#
# **Right:** of the n-grams of the translation, how many stand in the reference? Do it for single words, pairs, triples
# and fours. An n-gram may count only as often as it stands in the reference, or *the the the the* would be perfect:
# the counts are **clipped**, within each sentence and against its own reference. By hand:
#
# > translation: die Nadel hat eine Spritze .
# >
# > reference: die Nadel hat eine Spitze .
#
# | n | n-grams that are right | precision |
# |---|---|---|
# | 1 | 5 of 6 | 0.833 |
# | 2 | *die Nadel*, *Nadel hat*, *hat eine*: 3 of 5 | 0.600 |
# | 3 | 2 of 4 | 0.500 |
# | 4 | 1 of 3 | 0.333 |
#
# They are put together by the geometric mean, the fourth root of the product, $\sqrt[4]{1/12} = 0.537$. One letter too
# many, and a bit more than half is left: a wrong word spoils up to n of the n-grams of length n.
#
# **Enough:** who says only what is certain gets high precisions. So a **brevity penalty** multiplies the result if
# there are fewer words $c$ than the reference has, $r$:
#
# $$
# \text{BLEU} = \underbrace{\min\!\big(1,\ e^{\,1 - r/c}\big)}_{\text{brevity penalty}} \cdot
# \Big( p_1\, p_2\, p_3\, p_4 \Big)^{1/4}
# $$
#
# *die Nadel hat eine Spitze*, without the full stop: all precisions are 1, and $e^{1 - 6/5} = 0.819$ is left. Too long
# is punished by the precisions already.
#
# **Over a whole corpus.** All counts, of n-grams that are right and of n-grams, and both lengths are added up over all
# sentences *first*; only then is anything divided. BLEU is *not* the mean of sentence scores. A sentence without a
# single right 4-gram would be 0 by itself, whatever else is right in it; in the sum it just adds nothing above the
# line.
#
# ### Exercise `bleu`
#
# *difficulty ●●●○○ · importance ●●●●● · 25 minutes*
#
# `hyps` and `refs` are lists of sentences, and a sentence is a list of words. Return BLEU of the corpus, from 0 to 1,
# with n-grams up to `N`. If nothing is right for some n, the score is 0 (no smoothing). `tuple(words[i : i + n])` is
# an n-gram that starts at i, `Counter(list)` counts what is in a list, `counter[gram]` is 0 for what it has not seen,
# and `counter.items()` are pairs of n-gram and count. The mean of the logarithms, and then `math.exp`, is the
# geometric mean.


# %% name="exercise-bleu"
def bleu(hyps, refs, N=4):
    """BLEU of a corpus, from 0 to 1."""
    ### BEGIN SOLUTION
    matched, total = [0] * N, [0] * N
    for hyp, ref in zip(hyps, refs, strict=True):
        for n in range(1, N + 1):
            ours = Counter(tuple(hyp[i : i + n]) for i in range(len(hyp) - n + 1))
            theirs = Counter(tuple(ref[i : i + n]) for i in range(len(ref) - n + 1))
            matched[n - 1] += sum(min(count, theirs[gram]) for gram, count in ours.items())
            total[n - 1] += sum(ours.values())
    if min(matched) == 0:
        return 0.0
    c, r = sum(map(len, hyps)), sum(map(len, refs))
    mean = sum(math.log(m / t) for m, t in zip(matched, total, strict=True)) / N
    return math.exp(min(0, 1 - r / c) + mean)
    ### END SOLUTION


# %%
bleu = check("bleu", bleu)

# %% [markdown]
# The world's programs disagree about BLEU by whole points, mostly since they cut text into words in different ways.
# **sacreBLEU** (Post, 2018) ended that: it takes plain text, cuts it itself, and prints a *signature* that belongs
# beside every score. Four cases in which one would guess wrong.
#
# *Predict:* (a) two sentences of three words each, both perfect: what does sacreBLEU say, for the corpus? (b) For one
# of them alone? (c) A list of perfect sentences of which the references are handed in as nltk wants them,
# `[[r1], [r2], ...]`, while sacreBLEU wants `[[r1, r2, ...]]`? (d) The same, with every sentence wrong but the first?

# %% name="short-lines" tags=["predict"]
metric = BLEU(tokenize="none", smooth_method="none")
noisy = [pair.target for pair in embedded_pairs("embedded-en-de", "longer")[:50]]
said = [
    t.text
    for t in translator.translate(
        [p.source for p in embedded_pairs("embedded-en-de", "longer")[:50]], beam=1
    )
]
theirs = metric.corpus_score(said, [noisy]).score
ours = 100 * bleu([s.split() for s in said], [r.split() for r in noisy])

short = ["sie ist spitz", "er zeigt darauf"]
right = ["die Nadel hat eine Spitze", "sie ist nicht lang", "er zeigt auf den Baum"]
wrong = [right[0], "ja ja ja ja", "nein nein nein nein"]
cases = (
    ("(a) corpus of three-word sentences, all right", BLEU().corpus_score(short, [short])),
    (
        "(b) one of them alone, as a sentence",
        BLEU(effective_order=True).sentence_score(short[0], [short[0]]),
    ),
    ("(c) all right, references as for nltk", BLEU().corpus_score(right, [[r] for r in right])),
    (
        "(d) the first one right, references as for nltk",
        BLEU().corpus_score(wrong, [[r] for r in right]),
    ),
    ("     ... and as sacreBLEU wants them", BLEU().corpus_score(wrong, [right])),
)
show_table(
    ("", "BLEU", "words counted"), [(name, f"{s.score:.1f}", s.sys_len) for name, s in cases]
)
holds(
    ("On fifty translations, sacreBLEU's number is yours to 9 digits.", abs(ours - theirs) < 1e-7),
    ("Three right words make a corpus score of 0 ...", cases[0][1].score == 0),
    ("... and a sentence score of 100.", abs(cases[1][1].score - 100) < 1e-9),
    (
        "References in nltk's form: the first sentence alone is scored, without a word.",
        cases[3][1].score > 99,
    ),
)
print("signature of the fifty:", metric.get_signature())

# %% [markdown]
# (a) In sentences of three words there are no fours at all: 0 of 0. sacreBLEU takes $p_4$ as 0, and a product with a
# zero is 0, for a perfect corpus. (b) Its sentence score uses only the lengths that there are (*effective order*), so
# the same sentence is perfect by itself. (c) and (d) look at the column on the right: five words were counted, not 13.
# Handed `[[r1], [r2], [r3]]`, sacreBLEU reads three *sets* of references of one sentence each, pairs the first
# sentence with all three and ignores the others, **and says nothing**. That is a perfect score for a system that got
# two of three wrong. Look at the number of words before you believe a score.
#
# The other program that many people use does it in other ways again:
#
# | | nltk | sacreBLEU |
# |---|---|---|
# | references | `[[r1], [r2]]`: for each sentence a list | `[[r1, r2]]`: a list for each *set* |
# | identical texts with short lines among them | 91: a short line counts as an n-gram missed | 100 |
# | 50 lines of two words and one of eight, all right | 31 | 100 |
# | a perfect corpus of three-word lines | next to nothing | 0 for the corpus, 100 for each sentence |
#
# (nltk 3.10, sacreBLEU 2.6. `course.scoring` uses sacreBLEU.) And never compare across corpora: this course's made
# sentences reach 99, real ones 40, and neither number says anything about the other.
#
# ## 9. Where the package begins
#
# What you wrote is what `course.decoding` and `course.scoring` do, for many sentences at once and with a cache. The
# proof: your functions without a cache against the package with one.

# %% name="the-package"
pairs = embedded_pairs("embedded-en-de", "longer")[:12]
same_greedy = same_beam = 0
scores = []
for pair in pairs:
    step = step_for(translator, pair.source)
    source = torch.tensor([[*translator.tokenizer.encode(pair.source), EOS]])
    (theirs,) = decoding.greedy(translator.model, source, max_len=40)
    ours = greedy(step, torch.tensor([[BOS]]), 40)[0].tolist()
    same_greedy += [i for i in ours if i not in (BOS, EOS)] == theirs.ids
    rule = decoding.LengthPenalty("power", 0.6)
    ((best,),) = decoding.beam_search(
        translator.model, source, beam_size=4, max_len=40, length_penalty=rule
    )
    score, ids = beam(step, 4, 40, 0.6)
    same_beam += [i for i in map(int, ids) if i not in (BOS, EOS)] == best.ids
    scores.append(abs(float(score) - best.score))
drawn = decoding.sampling_probabilities(logits[None], temperature=1.4, top_k=9, top_p=0.8)[0]
lines = [t.text for t in translator.translate([p.source for p in pairs], beam=1)]
wanted = [p.target for p in pairs]
cut = [[BLEU().tokenizer(line).split() for line in side] for side in (lines, wanted)]
holds(
    ("Your greedy writes what the package's writes, 12 of 12.", same_greedy == 12),
    ("Your beam finds what the package's finds, 12 of 12.", same_beam == 12),
    ("... with the same scores, to 4 digits.", max(scores) < 1e-4),
    ("Your sample is the package's.", torch.allclose(sample(logits, 1.4, 9, 0.8), drawn)),
    (
        "Your bleu is the package's score.",
        abs(100 * bleu(*cut) - scoring.score(lines, wanted).bleu) < 1e-7,
    ),
)

# %% [markdown]
# ## 10. Ten sentences
#
# The milestone of part III: ten sentences, translated by *your* Transformer and *your* search. The weights were
# trained for **one minute** of one core (`python -m course.lessons.lesson_11.experiments --only minute`), and are kept
# in the lesson's folder, `course/lessons/lesson_11`, 1 MB of them. They go into the class that you wrote in lesson 08,
# if your workbook has it, and into the reference otherwise; `in_class` refuses a class that gives other logits with
# them. In lesson 12 that minute is yours as well.

# %% name="ten-sentences"
minute = experiments.minute_translator()
yours = experiments.in_class(workbook.load("Transformer"), minute)


def step_of(model, text):
    """A Transformer as a step function for one sentence, by nothing but its encode and decode."""
    source = torch.tensor([[*minute.tokenizer.encode(text), EOS]])
    memory = model.encode(source)
    return lambda ids: model.decode(ids, memory.repeat(len(ids), 1, 1))


ten = embedded_pairs("embedded-en-de", "test_iid")[10:20]
rows, texts, sure = [], [], []
for pair in ten:
    step = step_of(yours, pair.source)
    plain = greedy(step, torch.tensor([[BOS]]), 40)[0].tolist()
    _, wide = beam(step, 4, 40, 0.6)
    asked = [BOS, *minute.tokenizer.encode(pair.target), EOS]
    found_and_right = tuple(round(own_log_probability(step, ids), 1) for ids in (wide, asked))
    plain, wide = (
        minute.tokenizer.decode([int(i) for i in ids if int(i) not in (BOS, EOS, PAD)])
        for ids in (plain, wide)
    )
    rows.append(
        (
            pair.source,
            wide,
            "right" if wide == pair.target else pair.target,
            "same" if wide == plain else plain,
        )
    )
    texts.append(wide)
    if wide != pair.target:
        sure.append((wide, *found_and_right))
show_table(("source", "your beam, 4 places", "reference", "your greedy"), rows)
show_table(("found", "its log-probability", "that of the right one"), sure)
ten_bleu = 100 * bleu([t.split() for t in texts], [p.target.split() for p in ten])
holds(
    ("At least half of them are right, letter by letter.", sum(r[2] == "right" for r in rows) >= 5),
    ("BLEU of the ten is above 60.", ten_bleu > 60),
    (
        "The model gives the right sentence less than the one that was found.",
        all(right < of_found for _, of_found, right in sure),
    ),
)

# %% [markdown]
# Eight of ten, letter by letter, from a minute's training, your Transformer and a loop of fifteen lines. At the first,
# *Können* would have been right, since two people go. In the sixth the model loses its way behind *ein*, which can be
# an article or the end of *einladen*. Both times the right sentence has a lower log-probability than the one that
# was found, by the model's own word (`own_log_probability` of section 6): the search is innocent. The model has not
# learned it yet, and no search finds what a model does not believe.
#
# ## 11. Three questions

# %% name="quiz"
quiz("11")

# %% [markdown]
# ## 12. The whole lesson in one picture

# %% name="summary"
found = {f"{k} place{'s' * (k > 1)}": n for k, n in hits.items() if k < 4000}
show(figures.draw_summary, found=found, of_all=50)

# %% [markdown]
# What you can take along:
#
# - A model says what comes next. What comes out depends on the search, and neither changes the other.
# - Greedy search cannot go back. A beam decides later; a beam as wide as everything is right, and a test of your code.
# - The most probable sentence is not the best translation: every word costs, so wide beams without a length penalty
#   end early. There are several penalties of that name. Say which.
# - Keys and values of what has been written never change: keep them, one row a hypothesis, and move the rows when
#   hypotheses move. Rescore what a search returns.
# - BLEU adds up over the corpus and then divides. It needs a signature, at least four words a line, and references in
#   the right form.
#
# Lesson 12 trains the translator that is made of your parts, and these are two of them.
#
# ## A task for four
#
# *The human beam, 15 minutes, no computer.* One of you is the model, with the table of section 1, and answers only
# one question: "what comes behind this word, and with which probability?" The other three are three places. Each
# holds a sheet with a sentence and its probability. Round by round, all ask the model, the nine best continuations are
# put on the table, and the best ones are taken up, which may mean copying somebody else's sheet and tearing up your
# own. Who has ended keeps the sheet and sits down. Do it once with three places and once with four of you as places
# and the table in the middle. Agree on one sentence: *what did the fourth place find, and would you have wanted it?*
#
# ## How to teach it
#
# Let the class play greedy search aloud, with the table on the wall, before anybody writes a loop: the moment at which
# *Die* turns out to have been a mistake makes the beam its own explanation. Section 7 may be left out on the
# workshop's way, section 8 not: no one reads a paper's tables without it. For section 6, give the hint *ask the model
# again* only after ten minutes.
#
# ## Further reading
#
# - K. Papineni et al. (2002), [BLEU: a Method for Automatic Evaluation of Machine
#   Translation](https://aclanthology.org/P02-1040/). Sections 2.1 to 2.3.
# - M. Post (2018), [A Call for Clarity in Reporting BLEU Scores](https://aclanthology.org/W18-6319/). Why there is a
#   signature.
# - Y. Wu et al. (2016), [Google's Neural Machine Translation System](https://arxiv.org/abs/1609.08144). Section 7, and
#   equation 14.
# - P. Koehn and R. Knowles (2017), [Six Challenges for Neural Machine
#   Translation](https://aclanthology.org/W17-3204/). Section 3.6: wider beams, worse scores, in eight language pairs.
# - F. Stahlberg and B. Byrne (2019), [On NMT Search Errors and Model Errors: Cat Got Your
#   Tongue?](https://aclanthology.org/D19-1331/). An exact search; how often the empty translation is the most
#   probable.
# - A. Holtzman et al. (2020), [The Curious Case of Neural Text Degeneration](https://arxiv.org/abs/1904.09751). Why
#   likely text is dull text; section 3.1 has the nucleus.
