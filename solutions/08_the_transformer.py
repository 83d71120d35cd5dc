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
# - build embeddings, both kinds of layers and a whole Transformer out of your pieces of lesson 07, and say why words are
#   multiplied by $\sqrt{d}$;
# - prove that yours is the same function as the course's model and as PyTorch's own modules, in outputs and in gradients;
# - write four tests that catch Transformers which train well and are broken;
# - tell what a Transformer costs, in numbers to train and in operations;
# - train yours to turn words around, and show where it looks while it does.
#
# **Prerequisites.** Lesson 05: the three masks, and the test that changes something and watches what moves. Lesson 06:
# sinusoids. Lesson 07: multi-head attention, the norm, the feed-forward network and the residual path in torch.
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

from course.lab import check, explore, hint, holds, quiz, show, show_table, slider, solution, workbook
from course.lessons.lesson_08 import broken, experiments, figures, parity
from course.model import causal_mask as courses_causal_mask
from course.special import BOS, EOS, PAD

torch.set_printoptions(precision=3, sci_mode=False)
pieces = ("MultiHeadAttention", "FeedForward", "residual_block")  # of lesson 07
MultiHeadAttention, FeedForward, residual_block = map(workbook.load, pieces)
of_numpy = ("positional_encoding", "padding_mask", "decoder_mask")  # of lessons 05 and 06
positional_encoding, padding_mask, decoder_mask = map(workbook.load, of_numpy)

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
# The encoder, which you built in lesson 07, has the first and the third, without the mask of the future: it may read the
# whole source as often as it likes. What comes out of it, one vector a word, is called the **memory**, because the
# decoder keeps coming back to it.
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
# In the last row the two sides differ. Who asks is who needs something: the target needs a word, and the source has it.
# There are as many queries as target words, $T$, and as many keys as source words, $S$, so the weights are $(T, S)$.
#
# By hand: the decoder has written `<bos> Die Nadel` and asks the source. The powers $e^s$ of its scores have come out
# as whole numbers.
#
# | | The | needle | has | a | point |
# |---|---|---|---|---|---|
# | power $e^s$ | 1 | 2 | 5 | 1 | 1 |
# | value | 0 | 10 | 4 | 0 | 20 |
#
# The powers add up to 10, so the weights are 0.1, 0.2, 0.5, 0.1 and 0.1, and what comes home is
# $0.2 \cdot 10 + 0.5 \cdot 4 + 0.1 \cdot 20 = 6$. There is nothing new in it: it is lesson 03 with a query from
# elsewhere.
#
# Your `MultiHeadAttention` was made for this, with its two inputs. *Predict:* three target words ask five source words
# in the cell below. What is the shape of the output, and which of its rows move when one source word is exchanged? And
# which would move if somebody, by mistake, handed over the target's words in both places?

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
# All three rows move, since everybody asks everybody. The mistaken one has the same shape, raises nothing, and does not
# move at all: the source does not occur in it. Keep that in mind, for it is the most frequent mistake in homemade
# decoders. You will catch it in section 9.
#
# ## 2. From ids to vectors
#
# Both stacks begin with the same three steps: **1** look the row of each word up in the table, **2** multiply it by
# $\sqrt{d}$, **3** add the row of its place.
#
# $$ x_t = \sqrt{d}\; E[\mathrm{token}_t] + \mathrm{PE}(t) $$
#
# Why the factor? (Vaswani et al., 2017, have it in section 3.4 and give no reason.) Lesson 06 measured half of the
# answer: for $d = 128$ a row of the table of places has length 8, and a word's row, if it begins with numbers of about
# $1/\sqrt d$, has length 1. Added as they are, the word would be an eighth of its place.
#
# Then why not begin with larger numbers, and spare the factor? Because the table has a second job. At the end of the
# model a state is compared with the row of every word by a dot product, and that is the logit of the word. (The table
# is *tied*: one array for the source, the target and the output. The paper does so, and so do we.) A state leaves the
# last norm with a length of about $\sqrt d$. If rows have length 1, the dot products are of size 1, and softmax begins
# undecided, as it should. If rows have length $\sqrt d$, they are of size $\sqrt d$, and the model begins by being very
# sure of something that nobody has taught it.
#
# *Predict:* 1,000 words, $d = 128$, nothing trained. How large is the first loss, that is, minus the logarithm of the
# probability of the right word, if all words are equally likely? ($\ln 1000 = 6.9$.) How large is it, very roughly, with
# the large rows?

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
    ("Small rows begin about as undecided as 6.9.", abs(first_loss["1 / √d"] - math.log(n_words)) < 1),
    ("Large rows begin with more than four times as much.", first_loss["1"] > 4 * math.log(n_words)),
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
# `tokens` are ids (B, T), `table` (V, d) has a row for each word, `positions` (longest, d) a row for each place, mostly
# more than are needed. Do the three steps and return (B, T, d). Indexing with a whole array of ids, `table[tokens]`, looks
# them all up at once. Leave the table as it was.


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
# You have all its parts. Around each sublayer goes the residual path of lesson 07, in its pre-norm form: norm, sublayer,
# dropout, and the sum with what came in.
#
# $$
# \begin{aligned}
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{attention}(\mathrm{norm}_1(x))\big) && \text{1}\\
# x &\leftarrow x + \mathrm{drop}\big(\mathrm{feedforward}(\mathrm{norm}_2(x))\big) && \text{2}
# \end{aligned}
# $$
#
# In self-attention both inputs are the same: the words, normed. Each of the two norms has a gain and a bias of its own,
# because it serves another reader.
#
# ### Exercise `EncoderLayer`
#
# *difficulty ●●○○○ · importance ●●●●● · 12 minutes*
#
# Write the class. In `__init__` make its parts: a `MultiHeadAttention(d_model, n_heads)`, a
# `FeedForward(d_model, d_ff)`, two norms (`nn.LayerNorm(d_model)` holds a gain and a bias, and does what your
# `layer_norm` does) and an `nn.Dropout(dropout)`. In `forward` do the two steps. `residual_block(x, norm, f, drop)`, the
# piece of lesson 07, is one of these lines; its `f` takes one argument, and a `lambda` makes a function of one argument
# out of an attention that wants two and a mask. How you call your parts, and in which order you make them, is yours.


# %% name="exercise-encoder-layer"
class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each behind a norm and on a residual path."""

    def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.drop = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x, mask=None):
        """x (B, T, d), mask broadcastable to (B, H, T, T), True = may attend -> (B, T, d)."""
        ### BEGIN SOLUTION
        x = residual_block(x, self.attention_norm, lambda y: self.attention(y, y, mask), self.drop)  # 1
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
# Two things are easily overlooked. The queries of step 2 are normed, and the memory is *not* normed again: the encoder
# ends with a norm, so it comes normed, once and for all layers. And the two attentions have weights of their own; what
# is worth asking one's own words is not what is worth asking the source.
#
# The masks are handed in. `mask` says which words of the target may be seen, and the causal part is in it already;
# `memory_mask` says which words of the source.
#
# ### Exercise `DecoderLayer`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# Write it like the encoder's layer: two attentions, a feed-forward network, three norms, dropout.


# %% name="exercise-decoder-layer"
class DecoderLayer(nn.Module):
    """Self-attention, attention to the memory, feed-forward; each behind a norm and on a residual path."""

    def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.self_attention = MultiHeadAttention(d_model, n_heads)
        self.cross_attention = MultiHeadAttention(d_model, n_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.self_norm = nn.LayerNorm(d_model)
        self.cross_norm = nn.LayerNorm(d_model)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.drop = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x, memory, mask=None, memory_mask=None):
        """x (B, T, d) reads memory (B, S, d); masks for (B, H, T, T) and (B, H, T, S) -> (B, T, d)."""
        ### BEGIN SOLUTION
        ask_own = lambda y: self.self_attention(y, y, mask)  # noqa: E731
        ask_source = lambda y: self.cross_attention(y, memory, memory_mask)  # noqa: E731
        x = residual_block(x, self.self_norm, ask_own, self.drop)  # 1
        x = residual_block(x, self.cross_norm, ask_source, self.drop)  # 2
        return residual_block(x, self.feed_forward_norm, self.feed_forward, self.drop)  # 3
        ### END SOLUTION


# %%
DecoderLayer = check("DecoderLayer", DecoderLayer)

# %% [markdown]
# ### What a step may see
#
# Below are the masks of the decoder's two attentions, made by the functions of lesson 05. The framed row is the word
# that is written just now. In training the target is known, so that all rows are computed at once; while a translation
# is being written, there are no rows below the frame yet.
#
# 1. Move *step* from 0 to 6. What opens on the left with every step, and what on the right?
# 2. Add *source pads*, then *target pads*. Which columns close, and in which table? Why does a mask of the target have
#    no business on the right?
# 3. A sentence has 7 source words and 8 target words. Which of the two masks could be handed to the wrong attention
#    without any error about shapes, and for which sentences?

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
# 1. On the left one more cell a step: what was written one step ago can be asked now. On the right nothing changes,
#    ever. The source is there from the beginning.
# 2. Pads of the source close columns on the right; pads of the target close columns on the left, and only in rows of
#    pads does that matter, since every real word has its pads in the future. On the right, columns are source words: a
#    mask of the target does not even speak of them.
# 3. The source's mask, (B, 1, 1, S), fits self-attention whenever $S = T$, and so does the target's cross-attention. In
#    a batch of sentences that are filled up to the same length on both sides, the two can be exchanged and nothing
#    complains. Test with $S \ne T$.
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
# - `__init__`: one table for everything, an `nn.Embedding(vocab_size, d_model)` or an `nn.Parameter`, that begins with
#   random numbers of size $1/\sqrt{d}$ (`nn.init.normal_(weight, std=d_model**-0.5)`); `n_layers` encoder layers and as many
#   decoder layers, *each an object of its own*, in an `nn.ModuleList`; a norm for each of the two stacks; dropout; and the
#   table of positions for `max_len` places, which is not trained: `self.register_buffer("positions", ..., persistent=False)` keeps
#   it with the model without making it a parameter. `torch.as_tensor(positional_encoding(max_len, d_model))` makes a tensor
#   of your table of lesson 06, and `.float()` gives it the precision of the rest.
# - `encode`: embed the source, dropout, layers, norm. Returns the memory.
# - `decode`: embed the target, dropout, layers, norm, logits. `tgt_mask` and `src_mask` are handed in; where `tgt_mask` is
#   None, nobody may see the future all the same: `torch.ones(T, T, dtype=torch.bool).tril()` is a causal mask.
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
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(n_layers))
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(n_layers))
        self.encoder_norm = nn.LayerNorm(d_model)
        self.decoder_norm = nn.LayerNorm(d_model)
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
