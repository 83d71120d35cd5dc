# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The decoder and the whole Transformer
#
# *Lesson 08 · 190 minutes · torch, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - say what a decoder asks its own words and what it asks the source, and who hands over queries, keys and values;
# - build embeddings, both kinds of layers and a whole Transformer out of your pieces of lesson 07, and say why words
#   are multiplied by $\sqrt{d}$;
# - prove that yours is the same function as the course's model and as PyTorch's own modules, in outputs and in
#   gradients;
# - write four tests that catch Transformers which train well and are broken;
# - tell what a Transformer costs, in numbers to train and in operations;
# - train yours to turn words around, and show where it looks while it does.
#
# **Prerequisites.** Lesson 05: the three masks, and the test that changes something and watches what moves. Lesson
# 06: sinusoids. Lesson 07: multi-head attention, the norm, the feed-forward network and the residual path in torch.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `embed` | ids become vectors with places | ●○○○○ | ●●●●● | 6 |
# | `EncoderLayer` | two sublayers | ●●○○○ | ●●●●● | 12 |
# | `DecoderLayer` | three sublayers | ●●○○○ | ●●●●● | 15 |
# | `Transformer` | all of it | ●●●○○ | ●●●●● | 30 |
# | `properties` | find the bug: four tests for Transformers of others | ●●●●○ | ●●●●● | 35 |
# | `count_parameters` | the bill, by formula | ●●○○○ | ●●●●○ | 12 |

# %% name="setup"
import math

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

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
from course.lessons.lesson_08 import broken, experiments, figures, parity, reversal
from course.special import PAD

torch.set_printoptions(precision=3, sci_mode=False)
pieces = ("MultiHeadAttention", "FeedForward", "layer_norm", "residual_block", "stack")  # of 07
MultiHeadAttention, FeedForward, layer_norm, residual_block, stack = map(workbook.load, pieces)
of_numpy = ("positional_encoding", "padding_mask", "decoder_mask")  # of lessons 05 and 06
positional_encoding, padding_mask, decoder_mask = map(workbook.load, of_numpy)


class Norm(nn.Module):
    """layer_norm of lesson 07, with a gain and a bias that are trained."""

    def __init__(self, d_model):
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(d_model)), nn.Parameter(torch.zeros(d_model))

    def forward(self, x):
        return layer_norm(x, self.gain, self.bias)


# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | source, target | the sentence that is read, and the one that is written |
# | memory | what the encoder hands over: one vector for each word of the source |
# | self-attention | a sentence asks itself; queries, keys and values come from the same words |
# | cross-attention | the target asks the memory |
# | sublayer | one of the parts of a layer: an attention, or the feed-forward network |
# | logits | one number for each word that could come next; softmax makes probabilities of them |
# | tied | two parts of a model use one and the same array of numbers |
# | gradient | for every trained number: how fast a result moves when this number moves |
# | open, closed | what a mask lets a query see (True), and what it hides (False) |
# | nat | the unit of a loss: minus the natural logarithm of a probability |
# | FLOP | one multiplication or addition; FLOPs are many of them |
#
# ## 1. Two questions for every word
#
# Somebody translates at a desk. The English sentence lies on the left, on the right a German one is growing. Before
# every word the translator looks twice. *What have I written so far?* After *Die Nadel* a verb is due, and it has to
# agree with *Nadel*. And *what does the text say?* There it says *has*. Then comes a moment of thinking, and the next
# word.
#
# A decoder does that in every one of its layers:
#
# 1. **masked self-attention**: every word of the target asks the words before it, and itself;
# 2. **cross-attention**: every word of the target asks the source;
# 3. **feed-forward**: every word thinks for itself.
#
# The encoder, which you built in lesson 07, has the first and the third, without the mask of the future: it may read
# the whole source as often as it likes. What comes out of it, one vector a word, is called the **memory**, because
# the decoder keeps coming back to it.
#
# So a Transformer has attention in three places, and what differs is only who asks, who is asked, and which mask is
# between them:
#
# | | queries from | keys and values from | closed |
# |---|---|---|---|
# | encoder, self-attention | source | source | pads of the source |
# | decoder, self-attention | target | target | the future, pads of the target |
# | decoder, cross-attention | **target** | **memory** | pads of the source |
#
# In the last row the two sides differ. Who asks is who needs something: the target needs a word, and the source has
# it. There are as many queries as target words, $T$, and as many keys as source words, $S$, so the weights are $(T,
# S)$.
#
# By hand: the decoder has written `<bos> Die Nadel` and asks the source. The powers $e^s$ of its scores have come out
# as whole numbers.
#
# | | The | needle | has | a | point |
# |---|---|---|---|---|---|
# | power $e^s$ | 1 | 2 | 5 | 1 | 1 |
# | value | 0 | 10 | 4 | 0 | 20 |
#
# The powers add up to 10, so the weights are 0.1, 0.2, 0.5, 0.1 and 0.1, and what comes home is $0.2 \cdot 10 + 0.5
# \cdot 4 + 0.1 \cdot 20 = 6$. There is nothing new in it: it is lesson 03 with a query from elsewhere.
#
# Your `MultiHeadAttention` was made for this, with its two inputs: `attention(x_queries, x_keys_values, mask)`.
# *Predict:* three target words ask five source words in the cell below. What is the shape of the output, and which of
# its rows move when one source word is exchanged? And which would move if somebody, by mistake, handed over the
# target's words in both places?

# %% name="two-sides" tags=["predict"]
torch.manual_seed(8)
attend = MultiHeadAttention(16, 4).double()
target, memory = torch.randn(1, 3, 16).double(), torch.randn(1, 5, 16).double()
changed = memory.clone()
changed[0, 2] = torch.randn(16).double()  # another word in the place of "has"

with torch.no_grad():
    before, after = attend(target, memory), attend(target, changed)
    own = attend(target, target)
print("output:", tuple(before.shape), "  by mistake:", tuple(own.shape))
print("each row moves by", (after - before).abs().amax(dim=-1)[0].numpy().round(3))

# %% [markdown]
# All three rows move, since everybody asks everybody. The mistaken one has the same shape, raises nothing, and does
# not move at all: the source does not occur in it. Keep that in mind, for it is easily made and says
# nothing. You will catch it in section 8.
#
# ## 2. From ids to vectors
#
# Both stacks begin with the same three steps: **1** look the row of each word up in the table, **2** multiply it by
# $\sqrt{d}$, **3** add the row of its place.
#
# $$ x_t = \sqrt{d}\; E[\mathrm{token}_t] + \mathrm{PE}(t) $$
#
# Why the factor? (Vaswani et al., 2017, have it in section 3.4 and give no reason.) Lesson 06 measured half of the
# answer: for $d = 128$ a row of the table of places has length 8, and a word's row, if it begins with numbers of
# about $1/\sqrt d$, has length 1. Added as they are, the word would be an eighth of its place.
#
# Then why not begin with larger numbers, and spare the factor? Because the table has a second job. At the end of the
# model a state is compared with the row of every word by a dot product, and that is the logit of the word. (The table
# is *tied*: one array for the source, the target and the output. The paper does so, and so do we.) A state leaves the
# last norm with a length of about $\sqrt d$. If rows have length 1, the dot products are of size 1, and softmax
# begins undecided, as it should. If rows have length $\sqrt d$, they are of size $\sqrt d$, and the model begins by
# being very sure of something that nobody has taught it.
#
# *Predict:* 1,000 words, $d = 128$, nothing trained. How large is the first loss, that is, minus the logarithm of the
# probability of the right word, if all words are equally likely? ($\ln 1000 = 6.9$.) How large is it, very roughly,
# with the large rows?

# %% name="two-jobs" tags=["predict"]
d, n_words = 128, 1000
places = torch.as_tensor(positional_encoding(50, d)).float()
state = nn.functional.layer_norm(torch.randn(2000, d), (d,))  # as after the last norm
right = torch.randint(n_words, (2000,))
rows, first_loss = [], {}
for size, name in ((1.0, "1"), (d**-0.5, "1 / √d")):
    table = torch.randn(n_words, d) * size
    first_loss[name] = nn.functional.cross_entropy(state @ table.T, right).item()
    for factor, said in ((1.0, "no"), (math.sqrt(d), "yes")):
        word = (table * factor).norm(dim=1).mean().item()
        place = places.norm(dim=1).mean().item()
        rows.append((name, said, f"{word:.0f} : {place:.0f}", f"{first_loss[name]:.1f}"))
show_table(("the table begins with", "times √d", "word : place", "first loss"), rows)
holds(
    (
        "Small rows begin about as undecided as 6.9.",
        abs(first_loss["1 / √d"] - math.log(n_words)) < 1,
    ),
    (
        "Large rows begin with more than four times as much.",
        first_loss["1"] > 4 * math.log(n_words),
    ),
)

# %% [markdown]
# Only the last line has both: a word that can be heard beside its place, and an output that begins undecided. The
# factor lets one table do two jobs. (A model without tied tables could begin with large rows and go without it; the
# factor is then harmless.)
#
# ### Exercise `embed`
#
# *difficulty ●○○○○ · importance ●●●●● · 6 minutes*
#
# `tokens` are ids (B, T), `table` (V, d) has a row for each word, `positions` (longest, d) a row for each place,
# mostly more than are needed. Do the three steps and return (B, T, d). Indexing with a whole array of ids,
# `table[tokens]`, looks them all up at once. Leave the table as it was.


# %% name="exercise-embed"
def embed(tokens, table, positions):
    """Words times the root of d, plus the rows of their places: (B, T, d)."""
    ### BEGIN SOLUTION
    words = table[tokens]  # 1 look up: (B, T, d)
    words = words * math.sqrt(table.shape[1])  # 2 as loud as their places
    return words + positions[: tokens.shape[1]]  # 3 place
    ### END SOLUTION


# %%
embed = check("embed", embed)

# %% [markdown]
# ## 3. A layer of the encoder
#
# You have all its parts. Around each sublayer goes the residual path of lesson 07, in its pre-norm form: norm,
# sublayer, dropout, and the sum with what came in.
#
# $$
# \begin{aligned}
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{attention}(\mathrm{norm}_1(x))\big) && \text{1}\\
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{feedforward}(\mathrm{norm}_2(x))\big) && \text{2}
# \end{aligned}
# $$
#
# In self-attention both inputs are the same: the words, normed. Each of the two norms has a gain and a bias of its
# own, because it serves another reader.
#
# ### Exercise `EncoderLayer`
#
# *difficulty ●●○○○ · importance ●●●●● · 12 minutes*
#
# Write the class. In `__init__` make its parts: a `MultiHeadAttention(d_model, n_heads)`, a `FeedForward(d_model,
# d_ff)`, two norms, say `norm1` and `norm2` (`Norm(d_model)`, made in the first cell, holds a gain and a bias and calls
# your `layer_norm`; torch's `nn.LayerNorm(d_model)` computes the same), and an `nn.Dropout(dropout)`. In `forward` do
# the two steps. `residual_block(x, norm, f, drop)`,
# the piece of lesson 07, is one of these lines. Its `f` takes one argument, and attention wants two and a mask:
# `lambda y: ...` makes a function of one argument, `y`, out of anything. How you call your parts, and in which order
# you make them, is yours; inside of a list, make them in the order of use. The check runs in 64 bits and compares seven
# digits and more: a number such as `torch.sqrt(torch.tensor(d))`, which is made in 32, is refused at the eighth.


# %% name="exercise-encoder-layer"
class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each behind a norm and on a residual path."""

    def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.attention_norm = Norm(d_model)
        self.feed_forward_norm = Norm(d_model)
        self.drop = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x, mask=None):
        """x (B, T, d), mask broadcastable to (B, H, T, T), True = may attend -> (B, T, d)."""
        ### BEGIN SOLUTION
        x = residual_block(
            x, self.attention_norm, lambda y: self.attention(y, y, mask), self.drop
        )  # 1
        return residual_block(x, self.feed_forward_norm, self.feed_forward, self.drop)  # 2
        ### END SOLUTION


# %%
EncoderLayer = check("EncoderLayer", EncoderLayer)

# %% [markdown]
# How can a check know, when everybody's class looks another way? It copies the weights of a finished layer into yours
# and asks both for an output, and for the gradient of every weight. Two layers that agree in both are the same
# function, and training will move them the same way.
#
# ## 4. A layer of the decoder
#
# One sublayer more, between the two:
#
# $$
# \begin{aligned}
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{attention}(\mathrm{norm}_1(x),\ \mathrm{norm}_1(x))\big) && \text{1}\\
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{attention}'(\mathrm{norm}_2(x),\ \mathrm{memory})\big) && \text{2}\\
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{feedforward}(\mathrm{norm}_3(x))\big) && \text{3}
# \end{aligned}
# $$
#
# Two things are easily overlooked. The queries of step 2 are normed, and the memory is *not* normed again: the
# encoder ends with a norm, so it comes normed, once and for all layers. And the two attentions have weights of their
# own; what is worth asking one's own words is not what is worth asking the source.
#
# The masks are handed in. `mask` says which words of the target may be seen, and the causal part is in it already;
# `memory_mask` says which words of the source.
#
# ### Exercise `DecoderLayer`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# Write it like the encoder's layer: two attentions, a feed-forward network, three norms (`norm3` is the new one),
# dropout.


# %% name="exercise-decoder-layer"
class DecoderLayer(nn.Module):
    """Self-attention, cross-attention, feed-forward: each behind a norm, on a residual path."""

    def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.cross_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.self_norm = Norm(d_model)
        self.cross_norm = Norm(d_model)
        self.feed_forward_norm = Norm(d_model)
        self.drop = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x, memory, mask=None, memory_mask=None):
        """x (B, T, d) reads memory (B, S, d) -> (B, T, d).

        Masks are broadcastable to (B, H, T, T) and to (B, H, T, S).
        """
        ### BEGIN SOLUTION
        steps = [
            (self.self_norm, lambda y: self.self_attention(y, y, mask)),  # 1
            (self.cross_norm, lambda y: self.cross_attention(y, memory, memory_mask)),  # 2
            (self.feed_forward_norm, self.feed_forward),  # 3
        ]
        for norm, sublayer in steps:
            x = residual_block(x, norm, sublayer, self.drop)
        return x
        ### END SOLUTION


# %%
DecoderLayer = check("DecoderLayer", DecoderLayer)

# %% [markdown]
# ### What a step may see
#
# Below are the masks of the decoder's two attentions, made by the functions of lesson 05. The framed row is the word
# that is written just now. In training the target is known, so that all rows are computed at once; while a
# translation is being written, there are no rows below the frame yet.
#
# 1. Move *step* from 0 to 6. What opens in the first table with every step, and what in the second?
# 2. Add *source_pads*, then *target_pads*. Which columns close, and in which table? With the pads of the target
#    behind its words, does any row of a real word ever change by them?
# 3. Find numbers of pads with which both tables have the same shape. What would complain if somebody exchanged the
#    two masks then? And with other numbers?

# %% name="explore-steps"
explore(
    figures.draw_step,
    decoder_mask=decoder_mask,
    padding_mask=padding_mask,
    step=slider(0, 6, start=3),
    source_pads=slider(0, 3),
    target_pads=slider(0, 2),
    pad=PAD,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. In the first one more cell a step: what was written one step ago can be asked now. In the second nothing changes,
#    ever. The source is there from the beginning.
# 2. Pads of the source close columns of the second table, pads of the target close columns of the first. The rows of
#    real words do not change by that, since their pads are in the future anyway. That is why a decoder whose pads
#    stand behind can do with the causal mask alone.
# 3. One pad of the source and none of the target, or two and one, or three and two: then both tables are square, each
#    mask fits the other attention, and nothing complains. With other numbers torch raises an error about shapes. A
#    test with as many words on both sides is no test: take $S \ne T$.
#
# </details>
#
# ## 5. From a state to the next word
#
# After the last layer and a last norm, each place of the target has a state: $d$ numbers. Its dot product with a
# word's row says how well this word would fit: that is the word's **logit**. Softmax turns logits into probabilities.
#
# By hand, with $d = 2$ and four words. The state is $(2, 1)$.
#
# | word | row | logit | power | probability |
# |---|---|---|---|---|
# | hat | (1, 0) | 2 | 7.39 | 0.644 |
# | Nadel | (0, 1) | 1 | 2.72 | 0.237 |
# | ist | (0, 0) | 0 | 1.00 | 0.087 |
# | die | (−1, 1) | −1 | 0.37 | 0.032 |
#
# In a batch it is one product, `states @ table.T`, (B, T, d) with (d, V). It has no bias. It is the same table that
# `embed` reads: *one* array, and not two that begin with the same numbers. Two copies part ways at the first step of
# training, because each of them only gets its own share of the gradient.

# %% name="next-word"
table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [-1.0, 1.0]])
logits = torch.tensor([2.0, 1.0]) @ table.T
print("logits", logits.numpy(), "  probabilities", logits.softmax(-1).numpy().round(3))

# %% [markdown]
# ### Exercise `Transformer`
#
# *difficulty ●●●○○ · importance ●●●●● · 30 minutes*
#
# Put it together.
#
# - `__init__`: one table for everything, an `nn.Embedding(vocab_size, d_model)`, whose array is its `.weight` (that
#   is what `embed` wants), or an `nn.Parameter(torch.empty(vocab_size, d_model))`, that begins with random numbers of
#   size $1/\sqrt{d}$ (`nn.init.normal_(weight, std=d_model**-0.5)`); `n_layers` encoder layers and as many decoder
#   layers, *each an object of its own*, in an `nn.ModuleList` (your `stack` makes one of encoder layers and sends a
#   word through, `torch.zeros(1, 1, d_model)`, say; decoder layers want the memory as well); a norm for each of the two
#   stacks; dropout; and the table of positions for `max_len` places, which is not trained:
#   `self.register_buffer("positions", ..., persistent=False)` keeps it with the model without making it a parameter.
#   (As a plain `self.positions = tensor` it would stay behind when the model is moved to another precision or
#   device.) `torch.as_tensor(positional_encoding(max_len, d_model))` makes a tensor of your table of lesson 06, and
#   `.float()` gives it the precision of the rest.
# - `encode`: embed the source, dropout, layers, norm. Returns the memory.
# - `decode`: embed the target, dropout, layers, norm, logits. `tgt_mask` and `src_mask` are handed in; where
#   `tgt_mask` is None, nobody may see the future all the same: `torch.ones(T, T, dtype=torch.bool).tril()` is a
#   causal mask.
# - `forward`: one after the other.


# %% name="exercise-transformer"
class Transformer(nn.Module):
    """An encoder-decoder: pre-norm, one table for source, target and output, sinusoids added."""

    def __init__(self, vocab_size, d_model, n_heads, d_ff, n_layers, dropout=0.0, max_len=256):
        super().__init__()
        ### BEGIN SOLUTION
        self.table = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.table.weight, std=d_model**-0.5)
        sizes = (d_model, n_heads, d_ff, dropout)
        probe = torch.zeros(1, 1, d_model)  # a word of zeros: if sizes do not fit, it shows at once
        self.encoder, _ = stack(lambda: EncoderLayer(*sizes), n_layers, probe)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(n_layers))
        self.encoder_norm = Norm(d_model)
        self.decoder_norm = Norm(d_model)
        self.drop = nn.Dropout(dropout)
        positions = torch.as_tensor(positional_encoding(max_len, d_model)).float()
        self.register_buffer("positions", positions, persistent=False)
        ### END SOLUTION

    def encode(self, src, src_mask=None):
        """src (B, S) ids -> memory (B, S, d); src_mask: (B, 1, 1, S), True = may attend."""
        ### BEGIN SOLUTION
        x = self.drop(embed(src, self.table.weight, self.positions))
        for layer in self.encoder:
            x = layer(x, src_mask)
        return self.encoder_norm(x)
        ### END SOLUTION

    def decode(self, tgt, memory, tgt_mask=None, src_mask=None):
        """tgt (B, T) ids and memory (B, S, d) -> logits (B, T, V); without tgt_mask: causal."""
        ### BEGIN SOLUTION
        if tgt_mask is None:
            T = tgt.shape[1]
            tgt_mask = torch.ones(T, T, dtype=torch.bool, device=tgt.device).tril()
        x = self.drop(embed(tgt, self.table.weight, self.positions))
        for layer in self.decoder:
            x = layer(x, memory, tgt_mask, src_mask)
        return self.decoder_norm(x) @ self.table.weight.T
        ### END SOLUTION

    def forward(self, src, tgt, src_mask=None, tgt_mask=None):
        """src (B, S) and tgt (B, T) ids -> logits (B, T, V) of the next word at each place."""
        ### BEGIN SOLUTION
        return self.decode(tgt, self.encode(src, src_mask), tgt_mask, src_mask)
        ### END SOLUTION


# %%
Transformer = check("Transformer", Transformer)

# %% [markdown]
# ## 6. Is it the same function?
#
# The course has a Transformer of its own, `course.model.Transformer`, which lesson 12 trains. It was written for
# speed: queries, keys and values come out of one tall matrix, and its layers have other names. Is yours the same
# function?
#
# Give both the same weights. Which number of theirs is which of yours says a map. Here it is for the names of the
# reference; `i` is the number of a layer:
#
# | this lesson's | the course's model |
# |---|---|
# | `table` | `tgt_embedding`, which is `src_embedding` and `output.weight`, too |
# | `encoder.i.attention.q`, `k`, `v` | the three thirds of `encoder.layers.i.self_attention.in_proj` |
# | `encoder.i.attention.o` | `encoder.layers.i.self_attention.out_proj` |
# | `encoder.i.feed_forward.widen`, `narrow` | `encoder.layers.i.feed_forward.widen`, `narrow` |
# | `encoder.i.norm_attention`, `norm_feed_forward` | `encoder.layers.i.around_self.norm`, `around_feed_forward.norm` |
# | `decoder.i.cross_attention` | `decoder.layers.i.cross_attention`, in the same thirds |
# | `decoder.i.norm_self`, `norm_cross`, ... | `decoder.layers.i.around_self.norm`, `around_cross.norm`, ... |
# | `norm_memory`, `norm_output` | `encoder.norm`, `decoder.norm` |
#
# Your class may call its parts otherwise: `parity.loaded` pairs parts by what they are (a map of this size, a norm, a
# table) and in which order they are made, and tries other orders where two parts are alike.
#
# Equal outputs are half of a proof. If a gradient is cut off somewhere, the output is right and training goes wrong.
# So compare the gradients of all weights, too: in 32 bits, which is about seven digits, and in 64, which is sixteen.
#
# *Predict:* how many digits will agree, in each? (The cell rounds gaps up to a power of ten: $10^{-5}$ means five
# digits.)

# %% name="same-function" tags=["predict"]
sizes = (40, 32, 4, 48, 2)  # vocab_size, d_model, n_heads, d_ff, n_layers
theirs = parity.courses_model(*sizes)
mine = parity.loaded(Transformer, theirs, *sizes)
far = {dtype: parity.gaps(theirs, mine, dtype) for dtype in (torch.float32, torch.float64)}
show_table(("", "logits differ by less than", "gradients by less than"), parity.rounded(far))
holds(
    ("32 bits: logits agree to 1e-5, ...", far[torch.float32][0] < 1e-5),
    ("... and so do the gradients of all weights.", far[torch.float32][1] < 1e-5),
    ("64 bits: logits agree to 1e-10, ...", far[torch.float64][0] < 1e-10),
    ("... and so do the gradients of all weights.", far[torch.float64][1] < 1e-10),
)

# %% [markdown]
# As many as there are, save the last one or two, which depend on the order of adding. This is what makes it possible
# that lesson 12 trains *your* Transformer: it is the same model.
#
# ## 7. PyTorch's own modules
#
# PyTorch has these layers, too: `nn.MultiheadAttention`, `nn.TransformerEncoderLayer` and
# `nn.TransformerDecoderLayer`. Three things have to be said to them before they are yours: `norm_first=True` (the
# default is the paper's post-norm), `batch_first=True` (else they take (T, B, d), and nobody tells you), and a mask
# in which True means **closed**.

# %% name="torchs-own"
far = parity.torchs_gaps(MultiHeadAttention, EncoderLayer, DecoderLayer)
holds(*((f"{name} agrees with yours to 1e-5.", gap < 1e-5) for name, gap in far.items()))

# %% [markdown]
# ### Where they are no standard
#
# Lesson 05 decided what a row of the mask returns in which everything is closed: zeros. Such rows are rarer than one
# thinks and not impossible. Take a target with its pads on the *left*, under a causal mask: the first pad may look at
# itself alone, and it is a pad.
#
# Two pads in front of three words, and everything is asked twice: while gradients are recorded, and under
# `torch.no_grad()`, both in evaluation mode. There are modules and, in the fifth row,
# `F.scaled_dot_product_attention`: attention as one function, from queries, keys and values, which torch's modules call
# themselves. *Predict* for the first row, `nn.Transformer`: how many of the five places come out as NaN, with gradients
# recorded and without? And in which of the other rows?

# %% name="empty-rows" tags=["predict"]
rows = parity.empty_rows(DecoderLayer)
show_table(
    ("torch 2.13", "gradients recorded", "no_grad"), rows, "places of five that come out as NaN"
)

# %% [markdown]
# The same module, with the same weights and the same sentence, is finite while gradients are recorded and NaN when
# they are not: it takes another, faster way through the code. In `nn.Transformer`, which has two layers here, NaN has
# spread from the two pads to *every* place of the sentence: the second layer gives the pads a weight of 0, and 0 times
# NaN is NaN. So training looks healthy, and the translation that is
# made afterwards is gone. (Measured with torch 2.13; other versions may differ. `need_weights=True` is the default of
# `nn.MultiheadAttention`.)
#
# Your attention returns zeros for such a row, in both. When you compare with a library, do it where it says what it
# does, and have a test for the rest.
#
# ## 8. Training proves nothing
#
# Suppose that nobody had checked your Transformer. You train it, the loss falls, and you believe it is right. Here
# are 16 broken Transformers, fifteen with one mistake and one with two, and a sound one. Each was trained twice to
# write words of four to eight letters backward, *bighead* to *daehgib*, with 800 updates. You will train your own in
# section 10. These were trained before (`python -m course.lessons.lesson_08.experiments`), and the cell reads what
# was kept.
#
# There are two ways to ask how good such a model is. With the right letters before it, it guesses the next one; that
# is how it is trained. Or it writes alone, from its own letters, as it has to in earnest.
#
# Four of them stand in the table below:
#
# - *no mask*: where no mask is handed in, the target sees its whole future;
# - *mask off by one*: each word sees the next one, too;
# - *cross-attention asks the decoder*: its keys and values come from the target instead of the memory;
# - *mask in training only*: in evaluation mode the mask of the future is left away.
#
# *Predict:* which of these four have a loss as small as the sound one's? Which of them write words?

# %% name="trained-and-broken" tags=["predict"]
runs = experiments.read_runs()
few = (
    "sound",
    "no mask",
    "mask off by one",
    "cross-attention asks the decoder",
    "mask in training only",
)
show(experiments.trained_table(runs, few))

# %% [markdown]
# **Without a mask**, or with one that is off by one, the loss is *smaller* than the sound one's, and all letters are
# right. Each has found the next letter where it stands, one place to the right, and copies it. Alone there is nothing
# to copy from, and not one word in 500 comes out. A loss can be too good.
#
# **Asking the decoder** in cross-attention leaves a model that never sees the word which it is to turn around. The
# loss of 2.2 says so, since guessing one of ten letters costs $\ln 10 = 2.3$ nats. (Of its letters 20 % are right and
# not 10 %: the end of a word counts as one, and who guesses it at each place from the fifth on gets every end right.)
# In a translator it would say less. A model that knows no source still learns which German word follows which, and
# its loss falls for a long time.
#
# **With a mask in training only** everything is fine in training. In evaluation mode the same model gets 22 and 39 of
# 100 letters right in the two trainings, because it sees what it has never seen before. And alone it writes as if
# nothing were wrong! Whoever writes is always at the last place, which has no future. (It has one layer. With two,
# the states of earlier words would have seen later ones.) So a bug can hide in any of the three numbers.
#
# ### Four tests
#
# A test of this kind needs no weights to compare with, no data, and no training. It needs a property that every sound
# Transformer has, whatever its weights are:
#
# - **causality**: another word at place $t$ of the target moves no logits before $t$;
# - **padding**: pads behind the source, closed by a mask, move nothing;
# - **memory**: another source moves something;
# - **batch**: a sentence alone gets the logits that it gets among others.
#
# Three say what must stay, and one says what must move: without it, a model that does nothing would pass them all.
#
# ### Exercise `properties`
#
# *difficulty ●●●●○ · importance ●●●●● · 35 minutes*
#
# Find the bug, in Transformers that you cannot look into. Write a function that gets a model and returns the set of
# the properties that it *violates*, out of the names `"causality"`, `"padding"`, `"memory"` and `"batch"`: `set()`
# for a sound one. The check hands it 18 models of which it knows what is wrong: the 16, the sound one, and a second
# sound one that is new. Then come a few more that hide all of the future but one word.
#
# All of them are called like yours, `model(src, tgt, src_mask=None, tgt_mask=None)`. They know 20 ids: 0 is the pad,
# and 4 to 19 are ordinary words. They come as new models come, with dropout, and compute in 64 bits, so that rounding
# moves the sixteenth digit. Some of them break a rule a little, some at one place, some in training
# or in evaluation mode alone: test in evaluation mode.
#
# `torch.tensor([[4, 5, ...], ...])` makes ids, `tgt.clone()` a copy that may be changed,
# `torch.zeros(2, 3, dtype=torch.long)` six pads, and `torch.cat([src, pads], dim=1)` puts them behind. The mask is
# that of lesson 05, `(padded != PAD)[:, None, None, :]`, (B, 1, 1, S): its axes stand for the batch, all heads, all
# queries, and the keys. `src[b : b + 1]` is a batch of one. With `torch.no_grad()` nothing is recorded.
# `model.train()` and `model.eval()` change the mode. Two helpers are there already.


# %% name="helpers"
def moved(one, other):
    """Whether two tensors of the same shape differ by more than rounding."""
    return bool((one - other).abs().max() > 1e-6)


def other_words(tokens):
    """Other ordinary ids, different in every place."""
    return (tokens - 4 + 5) % 16 + 4


# %% name="exercise-properties"
def properties(model):
    """Which of the four properties a Transformer violates: a set of names."""
    ### BEGIN SOLUTION
    model.eval()  # dropout would move everything
    found = set()
    with torch.no_grad():
        src = torch.tensor([[4, 5, 6, 7, 8], [9, 8, 7, 11, 12]])
        tgt = torch.tensor([[5, 4, 9, 6, 8, 7, 15], [11, 10, 9, 8, 4, 12, 14]])
        logits = model(src, tgt)
        for t in range(1, 7):
            changed = tgt.clone()
            changed[:, t] = other_words(tgt)[:, t]
            if moved(model(src, changed)[:, :t], logits[:, :t]):
                found.add("causality")
        padded = torch.cat([src, torch.zeros(2, 3, dtype=torch.long)], dim=1)
        mask = (padded != 0)[:, None, None, :]
        if moved(model(padded, tgt, src_mask=mask), logits):
            found.add("padding")
        if not moved(model(other_words(src), tgt), logits):
            found.add("memory")
        for b in range(2):
            if moved(model(src[b : b + 1], tgt[b : b + 1]), logits[b : b + 1]):
                found.add("batch")
    return found
    ### END SOLUTION


# %%
properties = check("properties", properties)

# %% [markdown]
# Now your four tests against all of them, beside what their trainings came to: percent of words that each writes
# backward without a mistake, in two trainings.

# %% name="who-is-caught"
suspects = {
    name: broken.make(name, 20, 8, 2, 16, 1, dropout=0.1).double()
    for name in ("sound", *broken.BROKEN)
}
caught = {name: properties(model) for name, model in suspects.items()}
words_right = experiments.words_right(runs)
show(figures.draw_catches, found=caught, names=broken.PROPERTIES, trained=words_right)
holds(
    ("The sound one passes.", not caught["sound"]),
    ("All the others are caught.", all(caught[name] for name in broken.BROKEN)),
)

# %% [markdown]
# <details><summary>What to take from this table</summary>
#
# Eleven of the 16 have a loss as small as the sound one's. Four of these cannot write a single word. One, with the
# mean over the batch, writes 80 and 98 % of them. Six write as well as the sound one: nobody would ever have noticed
# that three of them listen to pads, that one closes the future by lowering scores by 8 only, that one's last norm
# averages over the words as well, and that one has its mask in training only. Words here are short and there are few
# pads, and a model learns to live with what it always gets; in another batch, or with longer words, it gets something
# else.
#
# The loss tells of the other five. Your tests tell of all 16, in a second and before any training.
#
# </details>
#
# ## 9. What it costs
#
# **In numbers to train.** A linear map from $a$ to $b$ has $ab$ numbers and a bias of $b$; a norm has a gain and a
# bias of $d$ each. The rest is counting; the cell with the question mark is yours.
#
# | part | how many numbers | in an encoder layer | in a decoder layer | once |
# |---|---|---|---|---|
# | attention | $4(d^2 + d)$ | 1 | 2 | |
# | feed-forward | ? | 1 | 1 | |
# | norm | $2d$ | 2 | 3 | 2 |
# | table | $V d$ | | | 1 |
#
# ### Exercise `count_parameters`
#
# *difficulty ●●○○○ · importance ●●●●○ · 12 minutes*
#
# Return how many numbers a Transformer of this lesson trains, by formula and without making one. It takes the same
# five sizes in the same order. One of them has no business in the formula.


# %% name="exercise-count-parameters"
def count_parameters(vocab_size, d_model, n_heads, d_ff, n_layers):
    """How many numbers a Transformer of these sizes trains."""
    ### BEGIN SOLUTION
    attention = 4 * (d_model * d_model + d_model)
    feed_forward = 2 * d_model * d_ff + d_ff + d_model
    norm = 2 * d_model
    encoder_layer = attention + feed_forward + 2 * norm
    decoder_layer = 2 * attention + feed_forward + 3 * norm
    return vocab_size * d_model + n_layers * (encoder_layer + decoder_layer) + 2 * norm
    ### END SOLUTION


# %%
count_parameters = check("count_parameters", count_parameters)

# %% [markdown]
# The number of heads is not in it: heads share out a width, they add none.
#
# **In operations.** Nearly all the work is products of matrices. A product of $(a, b)$ with $(b, c)$ takes a
# multiplication and an addition for each of its $abc$ pairs, so $2abc$ FLOPs. For a source of $S$ and a target of $T$
# words:
#
# | part | a layer of the encoder | a layer of the decoder | once |
# |---|---|---|---|
# | projections | $8 S d^2$ | $12 T d^2 + 4 S d^2$ | |
# | scores and mixing | $4 S^2 d$ | $4 T^2 d + 4 T S d$ | |
# | feed-forward | $4 S d\,d_{ff}$ | $4 T d\,d_{ff}$ | |
# | output | | | $2 T d V$ |
#
# The projections are the four linear maps of an attention. The cross-attention makes queries and output of the
# target's words and keys and values of the source's. Looking up a row is no operation at all. And a causal mask saves
# nothing: what it closes has been computed.
#
# PyTorch can count, too: `FlopCounterMode` watches every product while a model runs.

# %% name="both-counts"
sizes = (1000, 64, 4, 128, 2)
V, d, _, d_ff, n = sizes
S, T = 9, 7
by_formula = n * (8 * S * d * d + 4 * S * S * d + 4 * S * d * d_ff)
by_formula += n * (12 * T * d * d + 4 * S * d * d + 4 * (T * T + T * S) * d + 4 * T * d * d_ff)
by_formula += 2 * T * d * V

model = Transformer(*sizes)
with FlopCounterMode(display=False) as counter:
    model(torch.randint(4, V, (1, S)), torch.randint(4, V, (1, T)))
by_count = sum(p.numel() for p in model.parameters())
rows = [
    ("numbers to train", f"{count_parameters(*sizes):,}", f"{by_count:,}"),
    ("FLOPs of a forward pass", f"{by_formula:,}", f"{counter.get_total_flops():,}"),
]
show_table(("", "by formula", "by count"), rows)
print(f"the base model of the paper: {count_parameters(37_000, 512, 8, 2048, 6) / 1e6:.1f} million")

# %% [markdown]
# The paper's table 3 says 65 million for its base model, with a vocabulary of "about 37,000" pieces. The formula says
# 63.1 for exactly 37,000; what the rest is made of, the paper does not say.
#
# ### The bill
#
# On the left the numbers to train, on the right the operations for a source of *length* words and a target of as
# many. *words* is the size of the vocabulary; every attention has eight heads.
#
# 1. Begin with the paper's base model. Which part has most of the numbers? Which sliders make the table of words the
#    largest part?
# 2. Make *length* larger. Which part of the operations grows faster than the others, and from where on is it the
#    largest? What does *length* do to the left side?
# 3. Double *d_model* (512 to 1024) with everything else as it is, then set it back and double *layers* (6 to 12).
#    Which of the two costs more numbers?

# %% name="explore-bill"
explore(
    figures.draw_bill,
    count_parameters=count_parameters,
    layers=slider(1, 12, start=6),
    d_model=figures.WIDTHS,
    d_ff=figures.INNER,
    words=figures.VOCABULARIES,
    length=figures.LENGTHS,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Feed-forward, with 40 %. Three of them: fewer *layers* (four suffice, and with 2 of them the table has more than
#    half), more *words* (64,000), or a smaller *d_ff* (1024). Small models are mostly vocabulary.
# 2. Scores and mixing: every word is compared with every other one, so they grow with the square of the length. Up to
#    some hundred words they hardly count; with 2,000 words they are the largest part. On the left nothing changes,
#    for no weight belongs to a place.
# 3. The width: 164 million against 107 million. It enters attention with its square; the feed-forward
#    network and the table double. More layers leave the table as it is.
#
# </details>
#
# ## 10. A word backward
#
# Now let it learn something: to write words backward, letter by letter. It is as simple as a task can be, and it has
# a rare advantage: *one can know where the model must look.* To write letter $t$ of a word of $n$ letters backward,
# it needs letter $n - 1 - t$ of the source, and no other. So if its cross-attention means what people say it means,
# its map must be the anti-diagonal, from the upper right to the lower left.
#
# There are words of four to eight letters, drawn at random from *a* to *j*, with pads and masks as in earnest.
# `<bos>` begins the target, and `<eos>` ends both sides. (The loop behind `reversal.train` is what lesson 10 is
# about.) It takes about ten seconds on two free cores.
#
# *Predict, while it runs:* the model knows 20 ids, so that guessing costs $\ln 20 = 3.0$ nats a letter. After how many
# of the 800 updates is the loss below 0.1? And in which cell of the map for *bighead* will the largest weight stand?

# %% name="train" tags=["nbval-ignore-output", "predict"]
UPDATES = 800
torch.manual_seed(8)
backward = Transformer(*reversal.SIZES)
losses = reversal.train(
    backward, UPDATES, report=lambda step, loss: print(f"update {step:4}: loss {loss:.3f}")
)

# %% name="where-it-looks" tags=["nbval-ignore-output", "predict"]
word = "bighead"
maps = reversal.cross_attention(backward, reversal.spell(word))[-1]  # of the last layer
show(figures.draw_reversal, maps=maps.numpy(), source=[*word, "<eos>"], asked=[*word[::-1]])

# %% [markdown]
# Is it the anti-diagonal? Not by eye: for every one of 100 new words, and for each letter that is to be written, the
# place with the largest weight (averaged over the heads) must be $n - 1 - t$.

# %% name="milestone"
right = reversal.percent_right(backward, reversal.new_words())
diagonal = reversal.percent_on_the_anti_diagonal(backward, words=100)
holds(
    ("The last losses are below 0.1 nats a letter.", sum(losses[-50:]) / 50 < 0.1),
    ("It writes more than 95 % of 500 new words backward without a mistake.", right > 95),
    ("It looks at letter n - 1 - t in more than 95 % of all steps.", diagonal > 95),
    ("All four properties hold after training, too.", not properties(backward.double())),
)

# %% [markdown]
# **This is the milestone of part II.** A Transformer out of your own pieces has learned something, and you know what
# it does: it looks where one has to look. Here a map of attention is an explanation that could have been wrong, and
# was put to the test.
#
# Do not make a rule of it. In this task there is one place to look at and one layer to look with. In a translator
# there are many of both, a word's vector has mixed with others before it is looked at, and lesson 13 shows maps that
# look convincing and explain nothing.
#
# ## 11. Three questions

# %% name="quiz"
quiz("08")

# %% [markdown]
# ## 12. The whole lesson in one picture

# %% name="summary"
show(figures.draw_summary)

# %% [markdown]
# What you can take along:
#
# - A decoder asks twice: its own words, under the mask of the future, and the source, under the mask of its pads.
#   Queries come from who needs something, keys and values from who has it.
# - One table does two jobs. For the output its rows must be short, for the input they must be as long as their
#   places: that is what $\sqrt d$ is for.
# - Same weights, same outputs and same gradients: then two programs are the same function. Where a library does
#   something else, it is mostly in an empty row.
# - Training proves nothing. Change something, and watch what moves: causality, padding, memory, batch.
# - Numbers to train grow with the square of the width; operations with the square of the length, once sentences are
#   long.
#
# Lesson 09 gets sentences into this model, lesson 10 trains it, lesson 11 lets it write, and lesson 12 does all three
# with your own Transformer.
#
# ## A task for four
#
# *A Transformer of people, 25 minutes on top of the lesson's own, no computer.* Two of you are the encoder: each
# holds a card with an English word on it, *the* and *needle*, and may say, when asked, what is on it and where it
# stands. One is the decoder and writes German words on a sheet, one at a time. The fourth is the mask: before each
# question the decoder says aloud whom it asks (its own sheet, or the source), and the mask says whom it may not hear.
# Write *die Nadel*. Then do it again with a broken rule, which only the mask knows: nobody may be asked but the
# decoder's own sheet. After how many words does the decoder notice? Agree on one sentence: *what would have had to
# move, and did not?*
#
# ## How to teach it
#
# Build the table of section 1 with the class before anybody sees code: who asks, who answers, what is closed. Let
# everybody predict section 8 in writing, since the surprise is the lesson. The classes of sections 3 to 5 go well in
# pairs, one writing and one reading the formula aloud. If time is short, leave out section 7 and give the bill as
# homework.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Figure 1, sections 3.1,
#   3.2.3 and 3.4, and table 3 for sizes.
# - R. Xiong et al. (2020), [On Layer Normalization in the Transformer
#   Architecture](https://arxiv.org/abs/2002.04745). Why the norm moved to the front, and why a stack then ends with
#   one.
# - O. Press and L. Wolf (2017), [Using the Output Embedding to Improve Language
#   Models](https://arxiv.org/abs/1608.05859). One table for input and output.
# - A. Rush, A. Huang et al., [The Annotated Transformer](https://nlp.seas.harvard.edu/annotated-transformer/). The
#   same model, line by line; find out where its text and its code put the norm.
# - P. Lippe, [Tutorial 6: Transformers and Multi-Head
#   Attention](https://uvadlc-notebooks.readthedocs.io/en/latest/tutorial_notebooks/tutorial6/Transformers_and_MHAttention.html).
#   The reverse task, with an encoder.
