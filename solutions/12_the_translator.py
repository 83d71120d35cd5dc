# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The translator
#
# *Lesson 12 · 190 minutes · trains for a few minutes on two processor cores, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - put a Transformer together from pieces, and say of each piece whose it is;
# - write the step that every training repeats, train a translator with it, watch it, stop it and go on;
# - score a translator on sentences that differ from its training text in a known way, with intervals that say how much
#   of a figure is chance;
# - find out which constructions go wrong, and whether it is the construction that is to blame;
# - compare where a model looks with a gold alignment;
# - predict what an ablation does, and find a mistake that makes every training curve look better.
#
# **Prerequisites.** Lessons 03 to 05 and 08 to 11, or an idea of attention, masks, the encoder and the decoder,
# teacher forcing, cross-entropy and greedy search. You need no experience with training.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `training_step` | one update of all weights, from given pieces | ●●●○○ | ●●●●● | 20 |
# | `accuracy_by_phenomenon` | which constructions go wrong | ●●○○○ | ●●●●○ | 15 |
# | predictions | what happens to the score, before you see it | ●●○○○ | ●●●●○ | 10 |
# | `causal_mask`, repaired | find the bug | ●○○○○ | ●●●●● | 10 |
#
# After each exercise that asks for a function, a cell with `check` tells you how you did and hands a finished function
# on if yours does not pass yet. So the translator at the end is trained in any case, by your step or by the reference.
# Where you are stuck, `hint("training_step")` asks a question that helps.

# %% name="setup"
import numpy as np
import torch

from course.alignment import error_rates, word_attention
from course.data import load_corpus
from course.data.embedded import SPLITS, embedded_pairs, gold, sample
from course.data.grammar.constructions import CONSTRUCTIONS
from course.evaluation import right, score_split, score_splits
from course.lab import (
    check,
    dashboard,
    explore,
    hint,
    holds,
    live,
    quiz,
    show,
    show_table,
    slider,
    solution,
    workbook,
)
from course.lessons.lesson_00.translating import TranslatePanel
from course.lessons.lesson_12 import ablations, figures, tables
from course.lessons.lesson_12.assembly import assembled, logits_apart, own_pieces
from course.lessons.lesson_12.own_transformer import largest_difference, own_loss, say
from course.lessons.lesson_12.trials import plan_training
from course.model import Transformer, TransformerConfig
from course.training import PRESETS, TrainingConfig
from course.translator import Translator

CORPUS = "embedded-en-de"
PRESET = PRESETS["3min"]
STEPS = 900  # updates of the training below; 2,000 translate better and take twice as long
THREADS = 2  # processor cores that the training uses; give it more if you have them
SENTENCES = 300  # that are scored of each split but test_iid, which is scored whole
SHORT = 240  # updates of the short ablation
RUN = workbook.folder().parent / "runs" / "lesson_12"

# %% [markdown]
# **Words of this lesson.** Whoever comes from lesson 03 has met some of them with another meaning, or not at all.
#
# | word | what it means here |
# |---|---|
# | weights | here: *the numbers that training changes*, also called parameters |
# | attention weights | what lesson 03 called weights: the shares that attention deals out |
# | piece, token | a word or a part of one, with a number of its own |
# | logit | the score of a piece before softmax; softmax over all pieces makes probabilities of them |
# | teacher forcing | in training, the decoder reads the right words so far, and not its own |
# | loss, cross-entropy | minus the logarithm of the probability that the model gives to the right piece, on average |
# | label smoothing | the target gives a small share of its 1 to all other pieces |
# | optimizer | what turns gradients into changes of the weights; here Muon and AdamW together |
# | moving average | a copy of all weights that follows them slowly; it is what is validated and kept |
# | warm-up | the first updates, over which the learning rate climbs from 0 |
# | norm | brings each piece's numbers to mean 0 and variance 1; *pre-norm* before a sublayer, *post-norm* after it |
# | seed | the number with which random numbers start: another seed, another training |
# | sublayer | one of the two or three parts of a layer: an attention, or the feed-forward part |
# | greedy, beam | two ways to write: always the likeliest piece, or the best of several sentences kept side by side |
# | BLEU | a score from 0 to 100: how many runs of up to four words a translation shares with the right one |
#
# ## 1. What there is to learn
#
# The translator will learn from 24,000 pairs of an English and a German sentence. They were not collected but made, by
# a grammar that belongs to this course: it draws a meaning, such as *an uncle buys a table, often*, and says it in
# both languages by their rules. Nobody wrote down what English and German have in common. The model has to find it
# out from the pairs.
#
# A grammar has two advantages over sentences from the street. It can leave something out of the training text on
# purpose, so that you can ask whether the model learned a rule or a list. And it knows which word it put where, and
# why. So for every pair there is a **gold alignment**: which words say the same. In the pictures, a line joins two
# words that come from the same part of the meaning.
#
# Only the meanings are stored; the sentences are made from them whenever they are needed. The next cell makes the 1,000
# pairs of one test text, and the cell that trains makes the 24,000 for training, which takes a few seconds.

# %% name="samples"
of_text = {pair.source: pair for pair in embedded_pairs(CORPUS, "dev")}
for text in (
    "Anna did not fall yesterday.",
    "The coat that Julia put on is white.",
    "Because the letter is bad, Julia does not read it now.",
):
    pair = of_text[text]
    words = [[token.text for token in side] for side in (pair.source_tokens, pair.target_tokens)]
    show(figures.draw_alignment, source=words[0], target=words[1], gold=gold(pair))

# %% [markdown]
# Three reasons why word-for-word will not do. In the first sentence one English word, *fall*, is said by two German
# ones, *ist ... hingefallen*, which stand apart, and *did* has gone into them. In the second, German puts the verb
# *angezogen hat* at the end of its clause, and needs the gender of *Mantel* to say *den*. In the third the verb *liest*
# stands ahead of *Julia*, because the clause before it takes the first place; and *it* becomes *ihn* because *Brief* is
# masculine.
#
# Punctuation has no line: it says nothing by itself, and German sets its commas by rules of its own.
#
# Besides the training text there are splits to test with. One is like the training text. Each of the other eight
# differs from it in one way that has a name. Two of these also differ in length: most of `deeper` and a few of `probes`
# have more than the 14 words that training sentences have at most.

# %% name="splits"
about = {
    "test_iid": "as the training text: up to 14 words, nested at most twice",
    "combo": "a verb and an object, or an adjective and a noun, that never met in training",
    "role": "nouns that were only ever subjects in training, now in other roles",
    "longer": "15 to 18 words",
    "much_longer": "20 words and more",
    "deeper": "clauses nested three times and more",
    "senses": "words with two senses, such as point, watch and fly",
    "anaphora": "a pronoun far from the noun that decides its gender",
    "probes": "written by people, with the grammar's words",
}
tables.splits_table(CORPUS, about)

# %% [markdown]
# *Before you go on, write down an order:* which of these nine will be easiest for the model, which hardest? You will
# have the answer in section 5, and it is worth more to those who had a guess.
#
# ## 2. Assemble it
#
# The table lists the pieces of a translator in the order in which a sentence meets them, and says whose each one is.
# Pieces that you solved in an earlier lesson and that your workbook kept are *yours*, if they still pass: the cell
# checks them again. For all others the reference stands in.

# %% name="whose-part"
pieces = own_pieces()
tables.pieces_table(pieces)

# %% [markdown]
# The fourth column says where a piece is at work in this lesson. *Training*: these pieces carry gradients, or need
# none, and as soon as one of them is yours, section 4 trains **the Transformer that you wrote**, on your masks, your
# loss and your learning rate, with the reference in the gaps. *Numpy*: a second translator, assembled from the pieces
# of part I, speaks at the end of section 4. *Writing*: your searches find the words of ten sentences. *Scores*: section
# 6.
#
# The model has the form of Vaswani et al. (2017, figure 1), small enough to train while you wait. Two layers on
# either side instead of six, width 128 instead of 512, and one small vocabulary that English and German share. A
# *piece* of that vocabulary, also called a token, is a word here or a part of one.
#
# The Transformer of lesson 08 departs from the paper in one way: its norms stand *before* each sublayer (pre-norm), not
# after it. The package's own model, which is trained while no piece of yours is there, departs in two more. Its
# positions are not added to the embeddings: they turn the queries and keys of self-attention (*rotary* positions,
# lesson 06). And it has no biases. Neither has dropout here, since a run as short as this one does not overfit. Section
# 9 measures what norms and positions do.

# %% name="the-model"
torch.manual_seed(0)
sizes = {"src_vocab_size": PRESET.vocab_size, "tgt_vocab_size": PRESET.vocab_size}
untrained = Transformer(TransformerConfig.from_dict({**PRESET.model, **sizes}))

parts = {
    "embedding, shared by both languages and the output": untrained.tgt_embedding,
    "encoder, 2 layers: self-attention, feed-forward": untrained.encoder,
    "decoder, 2 layers: self-attention, cross-attention, feed-forward": untrained.decoder,
}
rows = [(name, f"{sum(p.numel() for p in part.parameters()):,}") for name, part in parts.items()]
rows.append(("in all", f"{sum(p.numel() for p in untrained.parameters()):,}"))
show_table(("part", "parameters"), rows)

V, eps = PRESET.vocab_size, PRESET.training.label_smoothing
target = np.array([1 - eps + eps / V] + [eps / V] * (V - 1))
entropy = -(target * np.log(target)).sum()
print(
    f"{V:,} pieces. A model that knows nothing gives each of them 1/V,",
    f"a loss of ln V = {np.log(V):.2f}.",
)
print(f"With {eps:g} of label smoothing, the lowest possible training loss is {entropy:.2f}.")

# %% [markdown]
# Both are in *nats*, the unit of a loss that is made with natural logarithms.
#
# ## 3. One step of training
#
# Training is one small movement, made over and over. Everything that it needs is at hand:
#
# | you are given | it does |
# |---|---|
# | `loss.backward()` | finds the gradients, and *adds* that of each weight to what is there already |
# | `loss.item()` | the plain number in a tensor of one element |
# | `mean_loss(model, batch)` | runs the model with teacher forcing; returns the loss, with its graph |
# | `model.train()` | switches to training mode, in which dropout works; validation had switched it off |
# | `optimizer.step()` | moves every weight a little, in a direction that lowers the loss (lesson 10) |
# | `optimizer.zero_grad()` | throws the old gradients away |
# | `torch.nn.utils.clip_grad_norm_(model.parameters(), clip)` | shortens the whole gradient to at most `clip` |
#
# The optimizer is two in one. *AdamW* moves embeddings and norms, *Muon* (Jordan et al. 2024) the matrices of the
# layers: it lets the rare directions of a matrix move as far as the common ones. Your 900 updates with both bring the
# loss as low as 1,500 with AdamW alone. Lesson 10 opens them; the step is the same for every optimizer.
#
# ### Exercise `training_step`
#
# *difficulty ●●●○○ · importance ●●●●● · 20 minutes*
#
# The *graph* of a tensor is the memory of how it was computed, along which `backward` goes. The table is in
# alphabetical order. Put its rows into an order that works, and return the loss as a plain number. Two questions to
# begin with: what would happen at the second step if nobody threw the gradients of the first away? And what is the
# right moment to shorten a gradient: before `backward`, after it, or after `step`?


# %% name="exercise-training-step"
def training_step(model, batch, optimizer, mean_loss, clip):
    """Update the weights once, on one batch, in place. Return the loss in nats a token."""
    ### BEGIN SOLUTION
    model.train()
    optimizer.zero_grad()  # backward() adds to what is there
    loss = mean_loss(model, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
training_step = check("training_step", training_step)

# %% [markdown]
# ## 4. Train it
#
# On which pieces? Before a training of minutes, each of yours is tried by itself on one real batch: forward, backward,
# and the gradient compared with the reference's. A piece that raises an error, prints, gives something else or makes an
# update more than three times as long is named, and the reference stands in for it; nothing of yours is lost. The table
# says how much longer an update takes with each, and which pieces nothing calls: with label smoothing training needs
# `smooth_labels` and not your `loss` (which section 7 uses), and layers may hold torch's norm instead of yours.
#
# How does a model train on code that somebody else wrote? All weights belong to a model of the package, which the
# optimizer moves and the dashboard keeps. At every update they are cut into the shapes that your classes have, your
# classes compute the loss from them, and the gradients go back the same way. So a run on your pieces is a run like any
# other: it can be stopped, resumed and opened later. It makes twice as many updates, since sinusoids learn more slowly
# than rotary positions, and a rate that falls like $1/\sqrt{n}$ (lesson 10) never comes down to zero.
#
# The next cell makes that table, starts the training *in the background* and shows its dashboard at once. It uses your
# step. At the top of the dashboard stands the training loss, at every tenth update, and as dots the loss on validation
# sentences, which the model never trains on. Below runs the learning rate: up over the warm-up, then down to zero at
# the last update (with your `noam`: down more and more slowly). Three sentences are translated anew at each dot. Dots
# and sentences belong to a moving average of the weights, which is also what is kept at the end; and there is no label
# smoothing in the dots, so they lie below the curve.
#
# Watch for three things:
#
# 1. At which loss does the curve start? Compare with $\ln V$ above. A model that knew how frequent each piece is, and
#    nothing else, would come down to 5.2. When is yours past that?
# 2. Which of the three sentences are wrong at the first dot, and how? Which is right last?
# 3. Press *Stop*, wait a moment, press *Resume*. Does the curve have a dent?

# %% name="train-live" tags=["nbval-ignore-output"]
settings = PRESET.training.to_dict() | {
    "minutes": None,
    "max_steps": STEPS,
    "threads": THREADS,
    "log_every": 10,
}
plan = plan_training(pieces, PRESET, TrainingConfig.from_dict(settings), CORPUS)
show(tables.plan_table(plan))

run = live(
    load_corpus(CORPUS, "train"),
    load_corpus(CORPUS, "dev"),
    run=RUN,
    model_options=plan.model_options,
    training=plan.training,
    vocab_size=PRESET.vocab_size,
    step=training_step,
    corpus={"name": CORPUS},
    **plan.hooks,
)
run

# %% [markdown]
# The next cell waits for the end. You may stop the run from above even while it waits, or with the square in the
# toolbar; then the cell ends too. To go on, write `run.resume()` into a new cell, and run the next cell again: all that
# follows needs a run that has come to its end. Its dashboard stays here, and it can be opened again at any time from
# the folder.

# %% name="wait" tags=["nbval-ignore-output", "limit-480"]
result = run.wait()
dashboard(RUN)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Near $\ln V$, since random weights know nothing: the first point that is drawn is update 10, and by then the loss
#    is already about 1 lower. The frequencies are learned within the first forty updates; all that comes after has to
#    do with the words before and with the source. (Section 9 has a run that never gets past the frequencies.)
# 2. At the first dot the words are mostly known already. What is still wrong is how a sentence goes on: the model says
#    something twice, takes a wrong ending, or does not find the end. A verb in two parts is often the last to come
#    right.
# 3. It has none. Stopping keeps the weights, the optimizer's memory, the place in the training text and the state of
#    the random numbers, so that the run goes on exactly where it was.
#
# </details>
#
# A loss is hard to read. A loss of $L$ nats a piece means that the right piece gets a probability of $e^{-L}$, on the
# average that suits factors (the geometric mean). At the end of a full run the loss is below 0.05 on the validation
# sentences, so that probability is above $e^{-0.05}$, which is 95 percent. The training curve stops higher. That is not
# for want of learning. With label smoothing a part of each target is spread over all $V$ pieces, so the target $t$
# itself is uncertain. Its entropy, $-\sum_v t_v \ln t_v$, is the lowest loss that any model can reach, and the last
# line of section 2 gives it.
#
# ### The same model on your numpy pieces
#
# Your attention of lesson 03, your heads of lesson 04 and your rotary positions of lesson 06 are numpy, and numpy knows
# no gradients: nothing trains on those. What can be done is this: take the trained weights, let **every** attention of
# the model run through your functions (or the reference's, where the table says so), and see whether anybody can tell
# the difference. In a model without biases, your `multi_head_attention` does all of it where the decoder looks at the
# source. Elsewhere your `attention` works in each head, and between projection and match your `rotary` turns queries
# and keys; in a model with sinusoids, `positional_encoding` and `add_positions` place the words instead.

# %% name="assembled"
translator = Translator.load(RUN)
some = [pair for pair in embedded_pairs(CORPUS, "dev") if pair.length >= 3][:40]
by_hand = assembled(translator, own_pieces())

texts = [pair.source for pair in some]
fast, slow = ([t.text for t in each.translate(texts, beam=1)] for each in (translator, by_hand))
apart = logits_apart(translator, by_hand, {pair.source: pair.target for pair in some})

holds(
    ("The validation loss is below 0.1 nats a piece.", result.loss < 0.1),
    ("The 40 translations on numpy and on torch are the same.", fast == slow),
    ("No logit differs by 0.00001 or more.", apart < 1e-5),
)

# %% [markdown]
# So the two compute the same function: on these 40 sentences the pieces of the table give the same translations, to the
# last letter.
#
# ## 5. Score it
#
# A translation counts as right here if it equals the grammar's, letter by letter: one wrong ending, and the sentence is
# wrong. For a grammar with one answer that is fair; for real sentences, which can be said in many ways, it would not
# be, and BLEU (lesson 11) is used there. The BLEU figures below cannot be compared with anybody else's: sentences of a
# grammar are far more predictable than those of people. The last column, alignment error, waits for section 8.
#
# All 1,000 sentences of `test_iid` are translated, and 300 of each other split. So the percentages are estimates: the
# 95 % interval (Wilson 1927) says how far the choice of these sentences alone may have moved each of them.

# %% name="score-splits" tags=["predict", "nbval-ignore-output", "limit-180"]
others = [split for split in about if split != "test_iid"]
scores = [score_split(translator, CORPUS, "test_iid")]
scores += score_splits(translator, CORPUS, splits=others, limit=SENTENCES)
show(tables.scores_table(scores))
deeper = next(score for score in scores if score.split == "deeper")
short = [
    right(text, pair)
    for text, pair in zip(deeper.translations, embedded_pairs(CORPUS, "deeper"), strict=False)
    if pair.length <= 14
]
print(f"deeper, but no longer than 14 words: {100 * np.mean(short):.0f} % of {len(short)}")
show(figures.draw_accuracy_by_split, scores=scores)

# %% name="what-holds" tags=["predict"]
percent = {score.split: score.exact_match for score in scores}
holds(
    (
        "Of sentences like those of the training, at least 95 % are right.",
        percent["test_iid"] >= 95,
    ),
    (
        "New combinations come within 10 points of that.",
        percent["combo"] > percent["test_iid"] - 10,
    ),
    (
        "With 15 to 18 words, it is at least 20 points less.",
        percent["longer"] < percent["test_iid"] - 20,
    ),
    ("With 20 words and more, it is less than 10 %.", percent["much_longer"] < 10),
    ("Of the deeply nested ones, less than a third are right.", percent["deeper"] < 33),
)

# %% [markdown]
# Why is each split as hard as it is? Compare with the order that you wrote down.
#
# - **test_iid** is the smoke test. It asks whether training worked, and nothing else.
# - **combo** asks whether the model stores *a verb with its objects* or *verbs* and *objects*. A model that had a list
#   of pairs would fail on all of them. Most are right, so most of what it learned is about words, not pairs of words.
#   If `combo` is clearly below `test_iid`, the difference is what the model still knows as pairs.
# - **role** is harder for German than it sounds. *Der König* was only ever a subject, so the training text never showed
#   *den König* or *dem König*. How these are made has to come from other nouns.
# - **senses** and **anaphora** need a look at another word: *fly* beside an article is an animal, *it* takes the
#   gender of a noun some words back. That is what attention is for.
# - **longer** and **much_longer** differ from the training text in little but length, and here the model breaks down.
#   No two words in its training text were more than one sentence of 14 words apart. Here it meets larger distances, and
#   more words among which its attention has to choose. Nothing in the grammar is new.
# - **deeper** has a clause in a clause in a clause. German answers nesting with verbs that pile up at the end of
#   clauses, and each level has to be remembered until its verb is due. Most of these sentences are also longer than 14
#   words, so two things come together; the line below the table counts those that are deep and not long.
# - **probes** were written by people with the grammar's words, and some say things as the grammar never would.
#
# Length and depth are the sharpest limits of this translator, and both are limits of what it was shown, not of the
# words that it knows. They are not the only ones: known words in new roles (`role`) and known words as people put them
# together (`probes`) cost it some points too. Section 9 shows what the kind of positions does for length.
#
# The intervals belong to one model each. To compare *two* models, let them translate the same sentences and count those
# that only one of them has right: that tells more than two intervals do. (For BLEU, whole sentences are drawn again and
# again for both: the paired bootstrap of Koehn 2004; lesson 14.)
#
# ## 6. Which constructions go wrong?
#
# One number for a split hides what went wrong. The grammar knows which of its 21 constructions each sentence contains,
# so you can ask for each of them: of the sentences that contain it, how many are right?
#
# <details><summary>What the 21 names mean, with an example for each</summary>
#
# | name | example, and what is meant |
# |---|---|
# | intransitive, transitive, ditransitive | *sleeps*; *reads the book*; *gives Max the key*: no object, one, two |
# | perfect | *bought*, which German and French say with two verbs: *hat ... gekauft*, *a acheté* |
# | modal | *can read*, *must wait*, *wants to sleep* |
# | separable | *turns on*, where the German verb comes apart: *macht ... an* |
# | negation | *does not read*, *never sleeps* |
# | object pronoun | *sees it*, *calls her* |
# | relative subject | *the man **who** works here*: the noun is the subject of the clause about it |
# | relative object | *the book **that** Anna reads*: the noun is its object |
# | that clause | *thinks **that** Max sleeps* |
# | fronted adverb | ***Today** the boy sleeps*: something else than the subject comes first |
# | because fronted | ***Because** it is old, Anna sells the car* |
# | anaphora | *buys the book and reads **it***: a pronoun for something in the sentence |
# | possessive | *my house*, *his car*, *the door of the house*, *Anna's book* |
# | prepositional | *in the garden*, *with my uncle* |
# | comparative | *is older than Max* |
# | question, imperative | *Do you read the book?* *Open the door!* |
# | coordination | *Anna and Max*; *sings and laughs* |
# | impersonal | *It is not polite to point at people*: nobody in particular does it |
#
# </details>
#
# ### Exercise `accuracy_by_phenomenon`
#
# *difficulty ●●○○○ · importance ●●●●○ · 15 minutes*
#
# `contains` is (N, C): True where sentence n contains construction c. `right` is (N,): True where the translation of
# sentence n is exactly right. Return two arrays of length C: the share of right ones among the sentences that contain
# each construction (nan where there is none), and how many sentences that is. A sentence counts for each of its
# constructions. `right[:, None]` makes a column of `right`, which can be combined with all columns of `contains` by
# `&`. `.sum(axis=0)` counts down a column, `np.maximum(counts, 1)` is a divisor that is never 0, and `np.where(counts >
# 0, ..., np.nan)` puts nan where nothing was counted.


# %% name="exercise-accuracy-by-phenomenon"
def accuracy_by_phenomenon(contains, right):
    """Return (accuracy, counts), both (C,): shares between 0 and 1, and numbers of sentences."""
    ### BEGIN SOLUTION
    counts = contains.sum(axis=0)
    hits = (contains & right[:, None]).sum(axis=0)
    accuracy = np.where(counts > 0, hits / np.maximum(counts, 1), np.nan)
    return accuracy, counts
    ### END SOLUTION


# %%
accuracy_by_phenomenon = check("accuracy_by_phenomenon", accuracy_by_phenomenon)

# %% [markdown]
# Now for the five splits whose sentences are as long as those of training. For the three worst constructions the cell
# asks a second question, because the first one can mislead. A sentence with a relative clause is also a *longer*
# sentence, and there is more in it that can go wrong. So: how many would be right if sentences of the same lengths
# *without* the construction are counted?

# %% name="by-phenomenon" tags=["nbval-ignore-output"]
as_trained = ("test_iid", "combo", "role", "senses", "anaphora")
pairs, said = [], []
for score in scores:
    if score.split in as_trained:
        pairs += embedded_pairs(CORPUS, score.split)[: score.sentences]
        said += score.translations
contains = np.array([[name in pair.constructions for name in CONSTRUCTIONS] for pair in pairs])
is_right = np.array([right(text, pair) for pair, text in zip(pairs, said, strict=True)])
accuracy, counts = accuracy_by_phenomenon(contains, is_right)
show(figures.draw_errors_by_phenomenon, names=CONSTRUCTIONS, accuracy=accuracy, counts=counts)

lengths = np.array([pair.length for pair in pairs])
tables.matched_table(CONSTRUCTIONS, contains, is_right, lengths, accuracy=accuracy)

# %% [markdown]
# Where the two columns are near each other, the construction is innocent and the length is to blame. Where the left one
# is clearly lower, the construction itself may be hard. How clearly? A construction with 40 sentences has an interval
# of some 20 points, as the picture shows, and the worst of 21 rows looks bad by chance alone. And one thing is not
# matched: a construction that is frequent in a hard split inherits its errors. Set `as_trained = ("test_iid",)` and run
# the cell again, and see what is left.
#
# ### The ten least sure
#
# A model also says how sure it is: each translation comes with its log-probability. Here it is divided by
# $(5 + n)/6$ for $n$ pieces (Wu et al. 2016, equation 14), so that long sentences are not worse merely for being long.
# Below are the ten of which the model was least sure, out of `test_iid` and `combo`. Words that are not in the gold
# translation stand in brackets; for words that are missing, compare with gold.

# %% name="ten-worst" tags=["nbval-ignore-output"]
near = [
    pair for split in ("test_iid", "combo") for pair in embedded_pairs(CORPUS, split)[:SENTENCES]
]
found = translator.translate([pair.source for pair in near], beam=1)
tables.least_sure(found, near)

# %% [markdown]
# Read them as a linguist would: is it an ending, a word, the order, or a piece that is missing? And compare the two
# percentages above the table. The further they are apart, the better a warning the model's own probability is, *on
# sentences like those it knows*. Before you trust it elsewhere, set `near = embedded_pairs(CORPUS,
# "much_longer")[:SENTENCES]` and run the cell again: what do the two percentages say there?
#
# ## 7. Your Transformer speaks, and you type
#
# If a piece of yours was trained: was it really yours? The cell puts the weights into your Transformer, compares its
# logits with the package's on 40 translations, and lets your own search (lesson 11, with 4 hypotheses side by side)
# find the words of ten sentences. Nothing is cached in it: each word computes all words before it again, so it takes a
# few seconds.
#
# Below, type a sentence and press Enter. This is the model that you have trained a moment ago, and it knows the words
# of the corpus only. The map shows where its last layer looked. Try the two senses: *The needle has a sharp point.* and
# *It is not polite to point at people.* Then try to break it: a long sentence, a nested one, a word of your own.

# %% name="type-a-sentence" tags=["nbval-ignore-output"]
wanted = {pair.source: pair.target for pair in embedded_pairs(CORPUS, "test_iid")[:10]}
if plan.own:
    apart = largest_difference(plan.pieces, translator, {pair.source: pair.target for pair in some})
    print(f"Your Transformer and the package's differ by at most {apart:.0e} in a logit.")
    nats = own_loss(plan.pieces, translator, {pair.source: pair.target for pair in some})
    print(f"Your loss, without smoothing: {nats:.3f} nats a piece on these 40 translations.")
    found = say(plan.pieces, translator, list(wanted), beam=4)
else:
    print("No piece of yours was there: the package's own model, with its own search.")
    found = [each.text for each in translator.translate(list(wanted), beam=4)]
show(tables.ten_sentences(wanted, found))

TranslatePanel(
    "The sister who sings in the kitchen does not open the door.", {"German": translator}
)

# %% [markdown]
# ## 8. Where does it look?
#
# While the decoder writes a word, its cross-attention looks at the source. Link each target word with the source word
# that gets most of the weight, and you have an alignment made by a model that never saw one. The **alignment error
# rate** (Och and Ney 2003, section 5; all gold links count as sure) compares it with gold. With $n$ links of the model,
# $g$ of gold and $b$ that are in both it is $1 - 2b / (n + g)$: 0 if both agree, 1 if no link is right.
#
# One thing to decide first: a word passes through the decoder twice, once when it is chosen and once when it is read in
# as the word before. The look that counts here is the one with which it was *chosen*.

# %% name="alignment" tags=["nbval-ignore-output"]
rates = error_rates(translator, embedded_pairs(CORPUS, "test_iid")[:100])
for number, rate in enumerate(rates, start=1):
    print(f"decoder layer {number}, mean of its heads: alignment error {rate:.3f}")
links = [gold(pair) for pair in embedded_pairs(CORPUS, "test_iid")[:100]]
# a word gets one link, though gold may have two
one_each = sum(len({j for _, j in each}) for each in links)
print(
    "the lowest that one link for each word allows:",
    f"{1 - 2 * one_each / (one_each + sum(map(len, links))):.3f}",
)

chosen = sample(
    4, name=CORPUS, split="test_iid", constructions=["relative_object"], length=(7, 11), seed=2
)
examples = {}
for pair in chosen:
    attention = word_attention(translator, pair.source_tokens, pair.target_tokens)
    examples[pair.source] = (attention, gold(pair))
attention, links = examples[chosen[0].source]
best = int(np.argmin(rates))
show(
    figures.draw_alignment,
    source=attention.source,
    target=attention.target,
    gold=links,
    links=attention.links(best),
    title=f"layer {best + 1}, mean of the heads",
)

# %% [markdown]
# Thin lines are gold, thick ones are the model's; a wrong one is dashed and crossed. In the picture below you choose
# the sentence, the layer and the head.
#
# 1. Go through the layers with the mean of the heads. In which one would you look words up, and what may the other
#    layer be doing with its weight?
# 2. Stay in the better layer and go through its heads. Is one head better than the mean? Is there one that seems to do
#    something else?
# 3. Which words keep their wrong links in all layers: names and nouns, or articles, commas and auxiliaries? Why those?

# %% name="explore-links" tags=["nbval-ignore-output"]
heads = ["mean", *(str(h + 1) for h in range(attention.weights.shape[1]))]
explore(
    figures.draw_links_of_a_head,
    examples=examples,
    sentence=list(examples),
    layer=slider(1, 2, start=best + 1),
    head=heads,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. One layer's mean is usually much nearer to gold than the other's. That does not make the other useless: it may look
#    at the word after, at the end of the sentence, or spread its weight, and prepare what the next layer needs.
# 2. Single heads are mostly worse than the mean, because each makes other mistakes and the mean evens them out.
#    Which head does what differs from training to training.
# 3. Words that carry no meaning of their own. Punctuation has no partner in gold: it is right only if it looks most at
#    the mark after the last piece, *(end)*, which counts as no link. An auxiliary may have two partners and gets one
#    link, so the other is missing: that costs alignment error without being drawn as wrong.
#
# </details>
#
# An alignment that agrees with gold shows where information *was available*, not that the model could not have done
# without it. Lesson 13 turns heads off to find out.
#
# ## 9. One thing at a time
#
# Which of the pieces does the translator need? You find out by leaving one out, changing nothing else, and training
# again. That is an **ablation**. Before you look at the figures, predict them. It is the best test of whether you
# understand a piece, and a wrong prediction teaches more than a right one.
#
# Each run differs from yours, or from one of six layers on either side, in what the table says:
#
# | key | what is changed |
# |---|---|
# | `no_positions` | nothing says where a word stands |
# | `one_head` | one head of width 128 instead of four of width 32 |
# | `no_smoothing` | training targets without label smoothing |
# | `deep_pre_cold` | 6+6 layers, norm before each sublayer, no warm-up |
# | `deep_post` | 6+6 layers, norm after each sublayer as in the paper, with warm-up |
# | `deep_post_cold` | the same without warm-up |
# | `deep_post_cold_muon` | the same without warm-up, with another optimizer |
#
# The runs with two layers have as many updates as yours, 900. Six layers on either side cannot bear the learning rate
# of two, and what is known of norms and warm-up is known of AdamW, the usual optimizer. So the deep runs share settings
# of their own: AdamW, 1,500 updates, and a warm-up of 400 that heads for 0.002, where yours takes 100 and heads for
# 0.012. (The decay begins at once, so the highest rates that are reached are about 0.0016 and 0.011.) Without warm-up,
# the first update has the full 0.002. To see what norm, warm-up and optimizer do, compare the deep runs with each
# other. The last of them moves its matrices with Muon, as your own training did. Three more runs stand in the results
# and need no prediction: the unchanged model, one with sinusoidal positions, and `deep_pre`, 6+6 layers with the norm
# before each sublayer and a warm-up.
#
# ### Exercise: predictions
#
# *difficulty ●●○○○ · importance ●●●●○ · 10 minutes*
#
# Write down for each run which percentage of **test_iid** is exactly right at its end, instead of `None`, and run the
# cell. What was measured stays hidden until you have said something; the cells after it show everything, so do not
# scroll on before.

# %% name="exercise-predictions"
measured = ablations.read_scores()
predictions = {
    "no_positions": None,
    "one_head": None,
    "no_smoothing": None,
    "deep_pre_cold": None,
    "deep_post": None,
    "deep_post_cold": None,
    "deep_post_cold_muon": None,
}
print(
    "the unchanged model, trained as they were:",
    f"{ablations.exact(measured['baseline'], 'test_iid'):.1f} %",
)
### BEGIN SOLUTION
predictions = {
    "no_positions": 60,
    "one_head": 95,
    "no_smoothing": 97,
    "deep_pre_cold": 90,
    "deep_post": 85,
    "deep_post_cold": 20,
    "deep_post_cold_muon": 20,
}
### END SOLUTION
print(ablations.judged(predictions, measured))

# %% [markdown]
# And here is the whole table. These runs take more than an hour of one core, so the lesson reads their logs. The
# command `python -m course.lessons.lesson_12.ablations` makes them again. The gray bar marks the unchanged model. Each
# was trained once: the intervals count the choice of sentences only, and another seed would move each figure too.

# %% name="ablations" tags=["predict"]
shown = {name: score for name, score in measured.items() if name != "colleague"}
show(tables.ablations_table(shown))
columns = {
    split: [
        (s["splits"][split]["exact_match"], tuple(s["splits"][split]["interval_95"]))
        for s in shown.values()
    ]
    for split in ablations.SPLITS
}
show(
    figures.draw_ablations,
    labels=[ablations.ABLATIONS[name].label for name in shown],
    scores=columns,
)

# %% [markdown]
# - **No positions.** The encoder sees a bag of words; only the causal mask tells the decoder something about order.
#   Most short sentences come out all the same: of all the orders of such a bag, a grammar with sense allows few. In
#   `longer` there are more of them, and little is left.
# - **Positions of another kind.** This model turns queries and keys in every self-attention (Su et al. 2021), by an
#   angle that grows with the position. So a score depends on the two words and on their *distance*: three words apart
#   is the same at the end of a sentence as at its beginning. Cross-attention is not turned. Sinusoids, as in the paper,
#   are added to the embeddings once, at the bottom. Compare the two in the columns `test_iid` and `longer`, and then in
#   `deeper`: what is better for one thing need not be better for all.
# - **One head.** On `test_iid` the difference from four heads is no finding: another seed might reverse it. Look at the
#   other columns before you say more, and at their intervals. At a larger scale
#   one head costs 0.9 BLEU. These are the figures of Vaswani et al. (2017, table 3, rows A; English-German,
#   newstest2013), for models that trained on 4.5 million pairs:
#
#   | heads | 1 | 4 | 8 | 16 | 32 |
#   |---|---|---|---|---|---|
#   | BLEU | 24.9 | 25.5 | 25.8 | 25.8 | 25.4 |
#
#   From the same base model, whose 8 heads reach 25.8: learned positions instead of sinusoids 25.7 (row E), no label
#   smoothing 25.3, no dropout 24.6 (rows D). The paper gives no intervals, so nothing should be read into 0.1.
# - **No label smoothing** lowers the training loss, which is then the answer to another question. Compare losses only
#   where both runs have the same targets; here they have not, so compare scores.
# - **6+6 layers.** With the norm *after* each sublayer, as in the paper, a deep model needs its warm-up. With the norm
#   *before*, it does without. Xiong et al. (2020) give the reason: in post-norm the gradients near the output are large
#   at the start, whatever the depth, and a full-size step along them throws the model off. On sentences as short as
#   those of `test_iid`, eight more layers bring nothing. In `deeper` the two with the norm before are ahead of the
#   model of two layers, and still wrong most of the time.
# - **Another optimizer.** That a deep post-norm model *needs* a warm-up is true of AdamW. With Muon, at the same peak
#   and without any warm-up, the same model learns from the first update on. A likely reason: an update by Muon moves a
#   matrix equally far in all its directions, so it cannot be thrown off along the few that the first gradients are
#   large in. A finding about a model is often one about the model *and the optimizer that was used on it*.
#
# ### One that runs while you wait
#
# The model without positions, for 240 updates, with the batches and learning rates that your own model had, and with
# the same targets. So the two losses can be compared update by update. Predict first: how far apart are they at update
# 100? And at update 240?

# %% name="no-positions-live" tags=["predict", "nbval-ignore-output", "limit-180"]
without = ablations.first_updates(
    "no_positions",
    RUN.with_name("no_positions"),
    load_corpus(CORPUS, "train"),
    load_corpus(CORPUS, "dev"),
    updates=SHORT,
    max_steps=STEPS,
)
rows = []
for update in range(60, SHORT + 1, 40):
    losses = [ablations.loss_at(records, update) for records in (run.records, without)]
    rows.append((update, *(f"{loss:.2f}" for loss in losses)))
show_table(("update", "loss with positions", "without"), rows)

# %% name="no-positions-holds" tags=["predict"]
early = [ablations.loss_at(records, 100) for records in (run.records, without)]
late = [ablations.loss_at(records, SHORT, around=80) for records in (run.records, without)]
holds(
    ("At update 100 the two are less than 0.3 apart.", abs(early[1] - early[0]) < 0.3),
    (f"At update {SHORT} the model without positions is behind.", late[1] > late[0]),
)

# %% [markdown]
# Did you expect that? For the first hundred updates nothing tells the two apart. Which words are frequent, and which
# word translates which, can be learned without any order. Only then does order become what is left to learn, and the
# model that cannot see it falls behind; the table above says how far. Whoever had stopped at update 100 would have
# thrown the positions away. **A short run can hide what matters.**
#
# ### A race
#
# Below, the logs of all runs start together, and one more joins them, which a colleague has made. The slider moves
# through them, from the first update to the last; at 100 percent the scores appear.
#
# 1. It starts at 20 percent. Can you tell there which runs will end above 80 percent, and which near 0? Then go on.
# 2. Which run has a loss far below all others from early on? What does it score in the end?
# 3. Look at the three runs of six layers that have no warm-up. By when can you tell which of them is lost?

# %% name="explore-race"
labels = {name: ablations.ABLATIONS[name].label for name in measured}
explore(
    figures.draw_ablation_race,
    runs={label: ablations.read_records(name) for name, label in labels.items()},
    scored={label: ablations.exact(measured[name], "test_iid") for name, label in labels.items()},
    part=slider(2, 100, start=20, step=2),
    show=["all", *labels.values()],
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Two runs stand apart: one that stays above 4 and one near 0. Both end at 0 percent, the second against all
#    appearance. Of the others the first fifth says little. The one that lags most behind, 6+6 post-norm with warm-up,
#    ends above 80 percent.
# 2. The colleague's. Its loss is the lowest of all, and not one of its translations is right. How can that be? The next
#    section is about it.
# 3. By about 10 percent: there the pre-norm one has come below 3, and so has the post-norm one that Muon trains. The
#    one that AdamW trains is still above 5. That is where a model knows the frequent pieces, and there it stays nearly
#    to the end.
#
# </details>
#
# ## 10. Find the bug
#
# A colleague has built the decoder with a causal mask of her own. Her training went better than anybody's. The loss on
# the validation sentences, none of which she had trained on, was the lowest that the group had seen. She even looked at
# the mask: it is square, it is boolean, and False in its upper right. Here is the mask, and her log beside that of the
# run without label smoothing of section 9. The settings are the same, except for her mask and for what is kept at the
# end: she keeps the weights of the last update instead of a moving average.


# %% name="a-superb-loss"
def colleagues_mask(T):
    """Return the causal mask: (T, T) booleans, True = may attend."""
    return np.tril(np.ones((T, T), dtype=bool), k=1)


print(colleagues_mask(9).astype(int))
rows = []
for name, of in (("no_smoothing", "no label smoothing"), ("colleague", "hers")):
    end = measured[name]
    right_ones = f"{ablations.exact(end, 'test_iid'):.1f} %"
    rows.append((of, f"{end['val_loss']:.3f}", right_ones, end["example"][:36]))
show_table(("run", "validation loss", "test_iid right", "first translation of test_iid"), rows)

# %% [markdown]
# ### Exercise `causal_mask`, repaired
#
# *difficulty ●○○○○ · importance ●●●●● · 10 minutes*
#
# The repair is short; understanding why nobody noticed is the exercise. Three questions lead to it. In training, the
# decoder's input at position $t$ is word $t$ of the target, and its label is word $t + 1$. What can position $t$ see
# under her mask? Why does the *validation* loss not give her away? And what is different when the model has to write by
# itself?
#
# Then copy her line and repair it: `np.tril` keeps what stands on a diagonal and below it, and `k` says on which one.
# (The exercise is that of lesson 05, so `hint("causal_mask")` helps.) A test that would have found the bug in a second
# stands in the cell after the check.


# %% name="exercise-repaired-mask"
def repaired_mask(T):
    """Return the causal mask: (T, T) booleans, True = may attend."""
    ### BEGIN SOLUTION
    return np.tril(np.ones((T, T), dtype=bool))
    ### END SOLUTION


# %%
repaired_mask = check("causal_mask", repaired_mask)


# %% name="leak-meter"
@torch.inference_mode()
def leak(mask, t=5):
    """How much the logits at position t change when later words of the target are replaced."""
    model = Translator.load(RUN).model
    ablations.peek(model, mask)
    src, tgt = torch.arange(10, 20)[None], torch.arange(30, 42)[None]
    other = tgt.clone()
    other[:, t + 1 :] += 100
    return float((model(src, tgt)[0, t] - model(src, other)[0, t]).abs().max())


holds(
    ("Under her mask, what comes after t changes what is said at t.", leak(colleagues_mask) > 0.1),
    ("Under the repaired mask it does not.", leak(repaired_mask) <= 1e-6),
)

# %% [markdown]
# <details><summary>What the mistake is, and why the loss did not show it</summary>
#
# `k=1` moves the diagonal up by one, so that each position sees one word too many: its own label. The cheapest way to
# predict a word is then to copy it, and training finds the cheapest way. The validation loss is computed with teacher
# forcing too, with the same mask and the same answer in plain sight; it measures how well the model *copies*. Only when
# the model writes by itself is the next word not there to be copied, and it has learned nothing else.
#
# </details>
#
# So a loss, however low and on whatever sentences, is no evidence that a model translates. **Let it generate before you
# believe it**, and perturb: change what must not matter, and see whether it matters.
#
# ## 11. Three questions

# %% name="quiz"
quiz("12")

# %% [markdown]
# ## 12. The whole lesson in one picture
#
# One sentence on its way, with what it looks like at each stage and who wrote that stage.

# %% name="summary" tags=["nbval-ignore-output"]
text = "The doctor did not fall yesterday."
ids = translator.tokenizer.encode(text)
cut = " ".join(token.replace("▁", "_") for token in translator.tokenizer.tokens(ids))
# the assembled one of section 4, on the pieces of the table
answer = by_hand.translate([text], beam=1)[0]
now = own_pieces().owners
stages = [
    ("text", text, "the grammar"),
    ("pieces", cut, "the reference, lesson 09"),
    (
        "encoder",
        f"{len(ids) + 1} vectors of {PRESET.model['d_model']} numbers; each looks at all others",
        now["attention"],
    ),
    ("decoder", "looks at what is written so far, and not ahead", now["causal_mask"]),
    (
        "cross-attention",
        "looks at the source while it chooses a piece",
        now["multi_head_attention"],
    ),
    (
        "training step",
        f"made {result.steps:,} times, validation loss {result.loss:.2f}",
        now["training_step"],
    ),
    ("translation", answer.text, "the model"),
    (
        "score",
        f"{percent['test_iid']:.0f} % of test_iid, "
        f"{percent['much_longer']:.0f} % of 20 words and more",
        "gold",
    ),
]
show(
    figures.draw_the_way_of_a_sentence, stages=[(a, b, c.partition(" (")[0]) for a, b, c in stages]
)

# %% [markdown]
# What you can take along:
#
# - A training step is seven lines: training mode, old gradients away, loss, backward, clip, step, and the loss as a
#   number.
# - The same weights give the same translations on numpy, on your torch classes and on the package's: they are one
#   function. Training needs gradients, so it runs on torch, and on your classes as well as on any others.
# - Score on splits that differ in one way each, and give every figure its interval. The limits of this translator are
#   length, depth, and known words in roles that it has not seen.
# - Before you blame a construction, compare with sentences of the same length.
# - Change one thing at a time, and predict first.
# - A superb loss proves nothing. Let the model generate, and perturb.
#
# In lesson 13 you look inside, and turn heads off to see what they were good for.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 5 is the training,
#   table 3 the ablations.
# - F. J. Och, H. Ney (2003), [A Systematic Comparison of Various Statistical Alignment
#   Models](https://aclanthology.org/J03-1002/). Section 5 defines the alignment error rate.
# - R. Xiong et al. (2020), [On Layer Normalization in the Transformer
#   Architecture](https://arxiv.org/abs/2002.04745). Why post-norm needs a warm-up.
# - B. Lake, M. Baroni (2018), [Generalization without Systematicity](https://arxiv.org/abs/1711.00350), and N. Kim,
#   T. Linzen (2020), [COGS](https://arxiv.org/abs/2010.05465). Held-out combinations, roles, lengths and depths, as a
#   test of what a model has learned.
# - J. Su et al. (2021), [RoFormer](https://arxiv.org/abs/2104.09864). Rotary positions.
# - E. B. Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, *Journal of the American
#   Statistical Association* 22(158). The interval of section 5.
# - P. Koehn (2004), [Statistical Significance Tests for Machine Translation
#   Evaluation](https://aclanthology.org/W04-3250/). What to do when two systems are close.
# - Y. Wu et al. (2016), [Google's Neural Machine Translation System](https://arxiv.org/abs/1609.08144). Section 7 has
#   the length penalty of section 6.
# - M.-T. Luong, H. Pham, C. D. Manning (2015), [Effective Approaches to Attention-based Neural Machine
#   Translation](https://arxiv.org/abs/1508.04025). Alignment error of attention, in their table 6.
