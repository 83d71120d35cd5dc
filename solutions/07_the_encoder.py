# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The encoder
#
# *Lesson 07 · 200 minutes · torch from here on, nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - read a program in torch: tensors, gradients that nobody has to work out by hand, modules that own their weights;
# - carry your attention and your heads over to torch, and prove that not one number has changed;
# - normalize a vector on paper, and say what depends on where its $\varepsilon$ stands;
# - write a feed-forward network with dropout, which is one function in training and another one afterwards;
# - say what the residual path is for, tell pre-norm from post-norm, and measure both;
# - stack layers, and test more than what a stack computes;
# - say with numbers who needs a warm-up, and when the trouble begins.
#
# **Prerequisites.** Lesson 03: match, scale, softmax, mix. Lesson 04: heads. Lesson 05: masks and empty rows. The
# derivative of a function of one number. You need not have seen torch, nor written a class.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `torch_attention` | lesson 03, with gradients | ●●○○○ | ●●●●● | 15 |
# | `MultiHeadAttention` | lesson 04, as a module | ●●●○○ | ●●●●● | 25 |
# | `layer_norm` | mean 0, spread 1, for every word | ●●○○○ | ●●●●● | 12 |
# | `FeedForward` | wide, bend, narrow | ●●○○○ | ●●●●● | 12 |
# | `residual_block` | the path that nobody blocks | ●○○○○ | ●●●●● | 5 |
# | `stack` | find the bug | ●●○○○ | ●●●●○ | 13 |

# %% name="setup"
import numpy as np
import torch
from torch import nn

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
from course.lessons.lesson_07 import experiments, figures

np.set_printoptions(precision=3, suppress=True)
torch.set_printoptions(precision=3, sci_mode=False)
attention, multi_head_attention = map(workbook.load, ("attention", "multi_head_attention"))

# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | tensor | an array of torch, of the type `Tensor`; it can remember how it was computed |
# | parameter, weight | a number that training may move |
# | gradient | how fast a result grows when a number is made a little larger; one for each number |
# | module | an object that owns parameters and is called like a function |
# | layer | here: attention and feed-forward, with what surrounds them |
# | sublayer | one of the two |
# | stream | the vectors (B, T, d) that go through the layers, one for each word |
# | stack | layers, one on top of the other |
# | spread | the root of the variance |
#
# ## 1. Tensors, and who works out the gradients
#
# The last four lessons were numpy, since every number could be printed. Now there will be something to train, and
# training needs *gradients*. In lesson 01 you computed some by hand, for one small cell. Nobody wants to do that for
# an encoder. torch is numpy with a memory: it writes down what has been done to its arrays, and goes back through the
# notes when it is asked for a gradient.
#
# Its arrays are called **tensors**. Most of what you know carries over:
#
# | numpy | torch |
# |---|---|
# | `np.array([1.0, 2.0])` | `torch.tensor([1.0, 2.0])` |
# | `x.shape`, `x.reshape(...)`, `x[..., :2]`, `@`, broadcasting | the same |
# | `x.sum(axis=-1, keepdims=True)` | `x.sum(dim=-1, keepdim=True)` |
# | `np.swapaxes(x, 1, 2)` | `x.transpose(1, 2)` |
# | `np.where(mask, x, 0)` | `torch.where(mask, x, 0)`, or `x.masked_fill(~mask, 0)` |
# | your `softmax` of lesson 03, without a mask | `x.softmax(dim=-1)` |
# | an array becomes a tensor, and back | `torch.from_numpy(a)`, `t.detach().numpy()` |
#
# One difference bites. Numbers have 64 bits in numpy if nobody says otherwise, and 32 in torch: seven digits instead of
# sixteen, twice as fast. `@` refuses to mix the two. What is to be compared to twelve digits has to be `double`:
# `t.double()` is a copy with 64 bits. There are numbers of 16 bits, too, which large models are trained with: three
# digits, and none below -65504.

# %% name="tensors"
third = np.array([1.0]) / 3
print("numpy ", third.dtype, f"{third[0]:.17f}")
print("torch ", torch.tensor([1.0]).dtype, f"{(torch.tensor([1.0]) / 3).item():.17f}")
print("taken over from numpy:", torch.from_numpy(third).dtype)

x = torch.tensor([[2.0, 4.0, 6.0], [1.0, 1.0, 4.0]])
print("sum over the last axis:", x.sum(dim=-1, keepdim=True).tolist())

# %% [markdown]
# Now the memory. Take $w = 2$ and the loss $(3w - 5)^2 = 1$. By the chain rule its derivative is $2\,(3w - 5) \cdot 3 =
# 6$: make $w$ a little larger, and the loss grows six times as much. In torch you say of `w` that you will want its
# gradient, compute the loss as if nothing had happened, and call `backward()`. It goes back through the notes and
# leaves the gradient in `w.grad`. It wants a single number to begin with, as a loss is: of many numbers take the sum
# first. (For a tensor that exists already, `t.requires_grad_()` says the same; the underscore at its end means *in
# place*.)
#
# *Predict:* what stands in `w.grad` if the same is done once more, with the same $w$?

# %% name="gradients" tags=["predict"]
w = torch.tensor(2.0, requires_grad=True)
for _ in range(2):
    loss = (3 * w - 5) ** 2
    loss.backward()
    print("loss", loss.item(), "  gradient", w.grad.item())

with torch.no_grad():
    print("without notes:", ((3 * w - 5) ** 2).requires_grad)

# %% [markdown]
# 12, not 6. **`backward` adds to what is there.** That is on purpose. If a number is used in two places, as $w$ is in
# $w \cdot w$, then making it larger acts in both, and the two effects add up. Who wants to begin afresh has to clear
# away the old gradient, which lesson 10 will do at every step.
#
# Notes cost memory. Within `torch.no_grad()` none are taken, and there is no way back from there. `t.detach()` has the
# same numbers as `t` and no notes. numpy takes no others: `t.numpy()` raises if there are notes, and so one writes
# `t.detach().numpy()`.
#
# ## 2. The port
#
# ### Exercise `torch_attention`
#
# *difficulty ●●○○○ · importance ●●●●● · 15 minutes*
#
# The four steps of lesson 03 for tensors: `q` (..., Tq, d_k), `k` (..., Tk, d_k), `v` (..., Tk, d_v), and a mask that
# broadcasts to (..., Tq, Tk), `True` = may attend. Return the output (..., Tq, d_v) and the weights (..., Tq, Tk). A
# query that may attend to nothing gets zeros in both, as ever.
#
# `x.softmax(dim=-1)` may be used. It has not heard of our convention: a row of nothing but $-\infty$ becomes `nan`. And
# here is what is new. A `nan` that is replaced by 0 afterwards may come back: the gradient goes back through the place
# where it was, and 0 times `nan` is `nan`. The safe way is not to let it arise. `torch.finfo(x.dtype).min` is the
# lowest *finite* number that fits into a tensor like `x`, and it is worth a thought what a row of these becomes. (A
# fixed number is no replacement. -1e9 does not fit into 16 bits, which the check tries as well.)


# %% name="exercise-torch-attention"
def torch_attention(q, k, v, mask=None):
    """Match, scale, softmax, mix: output (..., Tq, d_v) and weights (..., Tq, Tk)."""
    ### BEGIN SOLUTION
    scores = q @ k.transpose(-2, -1)  # 1 match
    scores = scores / q.shape[-1] ** 0.5  # 2 scale
    if mask is None:
        weights = scores.softmax(dim=-1)  # 3 softmax
    else:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)  # an empty row was even: now zeros
    return weights @ v, weights  # 4 mix
    ### END SOLUTION


# %%
torch_attention = check("torch_attention", torch_attention)

# %% [markdown]
# (With `masked_fill` and $-\infty$ a repair afterwards happens to work: on the way back `masked_fill` writes zeros over
# whatever arrives at the blocked places, the `nan` included. If the $-\infty$ is *added*, as many programs do, it does
# not. The check accepts all that gives right numbers and right gradients.)
#
# A port is worth nothing without a proof. Below, the same random numbers go through `attention` of lesson 03 (yours,
# if your workbook has it) and through the port: two sentences, three heads, and a mask that leaves one query nothing.
# Then the gradient of everything with respect to the queries, which numpy could not have told.

# %% name="the-port-is-equal"
rng = np.random.default_rng(7)
q, k, v = (rng.standard_normal((2, 3, T, width)) for T, width in ((4, 8), (5, 8), (5, 6)))
mask = rng.random((2, 1, 4, 5)) < 0.6
mask[1, 0, 2] = False  # an empty row
in_numpy = attention(q, k, v, mask)

q_, k_, v_ = (torch.from_numpy(each).requires_grad_() for each in (q, k, v))
in_torch = torch_attention(q_, k_, v_, torch.from_numpy(mask))
off = [np.abs(a - b.detach().numpy()).max() for a, b in zip(in_numpy, in_torch, strict=True)]
in_torch[0].square().sum().backward()

holds(
    ("Outputs and weights are those of numpy, to 12 digits.", max(off) < 1e-12),
    ("The empty row gives zeros.", not in_torch[0][1, :, 2].any()),
    ("Its gradient is zero as well.", not q_.grad[1, :, 2].any()),
    ("And no gradient anywhere is nan.", all(each.grad.isfinite().all() for each in (q_, k_, v_))),
)

# %% [markdown]
# ## 3. An object that owns its weights
#
# In lesson 04 the four matrices of the heads were handed in with every call. A stack of six layers has dozens of
# matrices, and somebody has to keep them, show them to the optimizer, save and load them. In torch that is a
# **module**: an object that owns parameters and is called like a function. You write it as a *class*, which is a plan
# for objects of one kind:


# %% name="a-module"
class Line(nn.Module):
    """y = slope * x + offset, with both numbers to be learned."""

    def __init__(self, slope):  # runs once, when an object is made
        super().__init__()  # torch lays out its lists; forget this line, and it complains
        self.slope = nn.Parameter(torch.tensor(slope))  # self is the object
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):  # runs at every call
        return self.slope * x + self.offset


line = Line(slope=3.0)
print("line(2) =", line(torch.tensor(2.0)).item())
print("its parameters:", {name: p.item() for name, p in line.named_parameters()})

linear = nn.Linear(3, 2)  # three numbers in, two out
by_hand = x @ linear.weight.T + linear.bias
print("a Linear's weight", tuple(linear.weight.shape), "and bias", tuple(linear.bias.shape))
print("linear(x) is x @ weight.T + bias:", torch.allclose(linear(x), by_hand))

# %% [markdown]
# Four things to take along.
#
# - What is assigned to `self` and is a parameter or a module is *registered*: `parameters()` finds it, and what is
#   inside of it. Training moves what `parameters()` finds, and nothing else.
# - A plain Python list, tuple or dict registers nothing of what is in it: its modules would not be found, and never be
#   trained. `nn.ModuleList([...])` is a list that does.
# - `nn.Linear(a, b)` keeps its matrix lying on its side, (b, a), and computes $x W^\top + b$. Lesson 04 had $x W$: to
#   carry a matrix over, transpose it.
# - `module.train()` and `module.eval()` turn a switch, `self.training`, in the module and in all that is inside. It
#   matters to modules that behave differently while they learn. You will meet one in section 5.
#
# ### Exercise `MultiHeadAttention`
#
# *difficulty ●●●○○ · importance ●●●●● · 25 minutes*
#
# Lesson 04 as a module. `MultiHeadAttention(d_model, n_heads)` owns four `nn.Linear(d_model, d_model)`, for queries,
# keys, values and output, with biases. `forward(x_q, x_kv, mask=None)` takes (B, Tq, d_model) and (B, Tk, d_model)
# and returns (B, Tq, d_model), in the five steps that you know: *project, split, attend, merge, combine*. Head $i$
# gets its own run of neighboring columns. The mask broadcasts to (B, H, Tq, Tk).
#
# Call the four what you like (q, k, v and o, say): the check puts weights of its own into them, and finds out which is
# which. Your `torch_attention` may be used. Mind that `reshape` follows the order in which numbers lie; axes change
# places only by `transpose`.


# %% name="exercise-multi-head-attention"
class MultiHeadAttention(nn.Module):
    """n_heads attentions side by side."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        ### BEGIN SOLUTION
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)
        ### END SOLUTION

    def forward(self, x_q, x_kv, mask=None):
        """x_q (B, Tq, d_model) asks x_kv (B, Tk, d_model): (B, Tq, d_model)."""
        ### BEGIN SOLUTION
        B, Tq, d = x_q.shape
        q, k, v = self.query(x_q), self.key(x_kv), self.value(x_kv)  # 1 project
        q, k, v = (x.reshape(B, -1, self.n_heads, d // self.n_heads) for x in (q, k, v))
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # 2 split: (B, H, T, d / H)
        output, _ = torch_attention(q, k, v, mask)  # 3 attend
        output = output.transpose(1, 2).reshape(B, Tq, d)  # 4 merge
        return self.output(output)  # 5 combine
        ### END SOLUTION


# %%
MultiHeadAttention = check("MultiHeadAttention", MultiHeadAttention)

# %% [markdown]
# The same proof for the heads. The matrices of lesson 04 go into the module, lying on their sides, and its biases are
# set to 0, since lesson 04 had none. (`with_weights` finds out which Linear of a class plays which part, as the check
# does, and makes the module `double`, so that twelve digits can be compared.)

# %% name="heads-are-equal"
rng = np.random.default_rng(8)
W = {name: rng.standard_normal((24, 24)) / 24**0.5 for name in ("q", "k", "v", "o")}
x_q, x_kv = rng.standard_normal((2, 4, 24)), rng.standard_normal((2, 5, 24))
in_numpy = multi_head_attention(x_q, x_kv, W, 3, mask)

heads = experiments.with_weights(MultiHeadAttention(24, 3), W)
in_torch = heads(torch.from_numpy(x_q), torch.from_numpy(x_kv), torch.from_numpy(mask))
off = np.abs(in_numpy - in_torch.detach().numpy()).max()
n = sum(p.numel() for p in heads.parameters())
print(f"{n:,} parameters: 4 matrices of 24 x 24, and 4 biases of 24")
holds(
    ("The module gives what numpy gave, to 12 digits, an empty row included.", off < 1e-12),
    ("It has 4 (d² + d) parameters.", n == 4 * (24**2 + 24)),
)

# %% [markdown]
# ## 4. Layer norm
#
# An encoder layer is attention and a small network, each added to the stream. What is added again and again grows,
# and the sixth layer would get numbers of another size than the first. **Layer norm** (Ba et al., 2016) puts every
# word's vector to one size: take off its mean, divide by its spread. Every word for itself: no other word and no other
# sentence has a say. By hand, for $(2, 4, 6, 8)$:
#
# 1. The mean is $\mu = 5$. Take it off: $(-3, -1, 1, 3)$.
# 2. The variance is the mean of the squares, $\sigma^2 = (9 + 1 + 1 + 9) / 4 = 5$.
# 3. Divide by its root, $\sqrt 5 = 2.236$: $(-1.342, -0.447, 0.447, 1.342)$. Mean 0, variance 1.
# 4. Multiply by a *gain* and add a *bias*, two vectors of the same width. They begin with 1 and 0, and are trained: if
#    a column is better off larger or elsewhere, it may be.
#
# $$
# \mathrm{LayerNorm}(x) = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \odot g + b
# \qquad
# \mu = \frac1d \sum_i x_i
# \qquad
# \sigma^2 = \frac1d \sum_i (x_i - \mu)^2
# $$
#
# ($\odot$ multiplies number by number.) The small number $\varepsilon$ is there for vectors whose entries are all
# alike: without it that would be $0/0$. Its place is *inside* the root, and the variance is divided by $d$, not by $d -
# 1$ as statisticians do who want to guess the variance of something larger. Both are easily overlooked, for with $d =
# 512$ and $\varepsilon = 10^{-5}$ nobody sees a difference. The `LayerNorm` of "The Annotated Transformer", which many
# have copied, takes `x.std(...)`, so that it divides by $d - 1$, and adds its $\varepsilon$ to the root.
#
# ### Exercise `layer_norm`
#
# *difficulty ●●○○○ · importance ●●●●● · 12 minutes*
#
# `x` is (..., d), with any axes in front, `gain` and `bias` are (d,). Return a tensor of the shape of `x`; leave `x`
# as it was. `torch.sqrt`, `x.mean(dim=...)` with `keepdim=True`. `x.var(...)` can be had, too, if you look up by what
# it divides. (`nn.functional.layer_norm` exists, and would not teach you anything. You will compare with it below.)


# %% name="exercise-layer-norm"
def layer_norm(x, gain, bias, eps=1e-5):
    """Every vector of x (..., d) with mean 0 and variance 1, then times gain, plus bias."""
    ### BEGIN SOLUTION
    centered = x - x.mean(dim=-1, keepdim=True)
    variance = (centered**2).mean(dim=-1, keepdim=True)
    return centered / torch.sqrt(variance + eps) * gain + bias
    ### END SOLUTION


# %%
layer_norm = check("layer_norm", layer_norm)

# %% [markdown]
# First the example from above, and torch's own function. Then the two slips, made visible: a width of 4, and an
# $\varepsilon$ of 0.1. The last two columns are about gradients, and there the place of $\varepsilon$ is not a matter
# of taste. *Predict them:* three 5s and a number that is almost 5, then four 5s; how steep can layer norm be with
# $\varepsilon$ inside the root, and how steep outside?

# %% name="where-eps-stands" tags=["predict"]
one, zero = torch.ones(4).double(), torch.zeros(4).double()


def with_eps_outside(x, gain, bias, eps=1e-5):
    """What it is not: eps added to the root."""
    centered = x - x.mean(dim=-1, keepdim=True)
    return centered / ((centered**2).mean(dim=-1, keepdim=True).sqrt() + eps) * gain + bias


def with_d_minus_1(x, gain, bias, eps=1e-5):
    """What it is not: squares divided by d - 1, which is what x.var does unless told otherwise."""
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt() * gain + bias


def steepness(norm, *numbers):
    """The largest gradient of the last output with respect to any of the numbers."""
    x = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    norm(x, one, zero)[-1].backward()
    return x.grad.abs().max().item()


by_hand, small = (torch.tensor(v).double() for v in ([2.0, 4, 6, 8], [0.9, 1.1, 0.9, 1.1]))
rows = []
for name, norm in (
    ("layer_norm", layer_norm),
    ("divided by d - 1", with_d_minus_1),
    ("eps outside", with_eps_outside),
):
    results = [norm(x, one, zero, eps)[-1].item() for x, eps in ((by_hand, 1e-5), (small, 0.1))]
    slopes = [steepness(norm, 5.0, 5.0, 5.0, fourth) for fourth in (5.0000001, 5.0)]
    rows.append((name, *(f"{n:.3f}" for n in results), *(f"{slope:,.0f}" for slope in slopes)))
head = ("", "(2, 4, 6, 8)", "(.9, 1.1, .9, 1.1), eps .1", "steepest: nearly alike", "all alike")
show_table(head, rows, "the last number of the result, and the steepest gradient")

theirs = nn.functional.layer_norm(by_hand, (4,))
holds(("torch has the same layer norm.", torch.allclose(layer_norm(by_hand, one, zero), theirs)))

# %% [markdown]
# **Inside the root $\varepsilon$ bounds the slope.** A number that grows by 1 is only $1 - 1/d$ farther from its mean,
# here 3/4. So the steepest that layer norm can ever be is $3/4$ of $1 / \sqrt\varepsilon = 316$, which is 237. Outside
# it is $3/4$ of $1 / \varepsilon$, nearly 75,000, and for a vector of equal numbers, such as a pad that has been set to
# 0, it is `nan`: the root has a vertical tangent at 0, an infinite slope, which meets a factor of 0. The output is a
# harmless row of zeros in both cases. One such row in one sentence of one batch, and all weights of the model are `nan`
# after the next update.
#
# ### What layer norm does to a vector
#
# Left: six numbers, of a shape that never changes, times *size* and moved up by *level*. Middle: what `layer_norm`
# makes of them, on one and the same scale always. Right: how large the result is, in the mean, for every size; the dot
# is yours.
#
# 1. Move *level* all the way. What changes in the middle?
# 2. *eps* is $10^{-5}$. Move *size* down from 100 to 0.0001. At which size does the middle begin to shrink? Now set
#    *eps* to 1. Where does it begin now, and what is that size in terms of $\varepsilon$?
# 3. The *gain* can make all columns larger. Can it tell the next layer that the vector was large?

# %% name="explore-layer-norm"
explore(
    figures.draw_layer_norm,
    layer_norm=layer_norm,
    size=figures.SIZES,
    level=slider(-5.0, 5.0, start=1.0, step=0.5),
    eps=figures.EPSILONS,
    gain=slider(0.0, 2.0, start=1.0, step=0.1),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Nothing: the mean is taken off. What all columns have in common cannot get through.
# 2. At about 0.01, which is three times $\sqrt{\varepsilon} = 0.003$: there 0.95 is left. With $\varepsilon = 1$ it
#    begins at about 3. What counts is $\sigma^2$ against $\varepsilon$: where the spread is $\sqrt\varepsilon$ they are
#    equal, and $1/\sqrt 2 = 0.71$ is left. Below that layer norm hardly normalizes: it divides by $\sqrt\varepsilon$,
#    whatever comes.
# 3. No. The gain is the same for every word. How large the vector was is gone for good, and no later layer can ask
#    for it.
#
# </details>
#
# ## 5. Wide, bend, narrow
#
# Attention mixes words, and it does so with weights that add up to 1: what comes out of a head is a mean of values.
# To compute anything new from a word's vector there is the second sublayer, the **feed-forward network** (Vaswani et
# al., 2017, section 3.3):
#
# $$ \mathrm{FFN}(x) = \max(0,\ x W_1 + b_1)\, W_2 + b_2 $$
#
# From $d$ to $d_{ff}$, four times as wide in the paper; all negative numbers become 0 (*ReLU*, the rectified linear
# unit); and back to $d$. *Position-wise* means: each word for itself, all by the same two matrices. By hand, with
# $d = 1$ and $d_{ff} = 2$: let $W_1 = (1, -1)$, $W_2 = (1, 1)$ standing upright, and no biases. Then $x = 3$ becomes
# $(3, -3)$, bent $(3, 0)$, and 3. And $x = -3$ becomes $(-3, 3)$, $(0, 3)$, and 3 again. It is $|x|$, which no matrix
# can compute. *Without the bend* two matrices are one: $(x W_1) W_2 = x\,(W_1 W_2)$.
#
# ### Dropout
#
# A network with many parameters can learn its training sentences by heart. **Dropout** (Srivastava et al., 2014) makes
# that hard: in training every number is set to 0 with probability $p$, by a new toss of a coin for each. So that the
# numbers are as large as before in the mean, the ones that stay are multiplied by $1 / (1 - p)$. With $p = 0.2$ four of
# five stay, each 1.25 times as large, and $4 \cdot 1.25 = 5$. After training nothing is dropped, and nothing is
# multiplied. That is what the switch of section 3 is for.

# %% name="bend-and-drop"
torch.manual_seed(5)
W_1, W_2 = torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0], [1.0]])
numbers = torch.tensor([[3.0], [-3.0], [0.5]])
print("with the bend    ", (torch.relu(numbers @ W_1) @ W_2).ravel().tolist())
print("without          ", (numbers @ W_1 @ W_2).ravel().tolist())

dropout, ones = nn.Dropout(0.2), torch.ones(100_000)
for name in ("in training", "in evaluation"):
    dropped = dropout(ones)  # a new module begins in training mode
    values = sorted(set(dropped.tolist()))
    print(f"dropout of ones, {name}: values {values}, mean {dropped.mean().item():.2f}")
    dropout.eval()

# %% [markdown]
# ### Exercise `FeedForward`
#
# *difficulty ●●○○○ · importance ●●●●● · 12 minutes*
#
# `FeedForward(d_model, d_ff, dropout=0.0)` as a module: two Linears with biases, ReLU between them, and dropout on the
# wide vector, after the bend. `torch.relu(x)` bends every number for itself. (Call the Linears `widen` and `narrow`,
# say.) `forward(x)` takes and returns (B, T, d_model). `nn.Dropout(p)` is a module: make it once, in `__init__`, so
# that it is registered, and the switch reaches it.


# %% name="exercise-feed-forward"
class FeedForward(nn.Module):
    """The same small network for every word."""

    def __init__(self, d_model, d_ff, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.widen = nn.Linear(d_model, d_ff)
        self.narrow = nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x):
        """(B, T, d_model) -> (B, T, d_model)."""
        ### BEGIN SOLUTION
        return self.narrow(self.dropout(torch.relu(self.widen(x))))
        ### END SOLUTION


# %%
FeedForward = check("FeedForward", FeedForward)

# %% [markdown]
# Two tests in the manner of lesson 05, change something and watch what moves; and a count. The paper's sizes are
# $d = 512$ and $d_{ff} = 2048$.

# %% name="word-by-word"
torch.manual_seed(6)
feed_forward, x = FeedForward(16, 64, dropout=0.1), torch.randn(1, 5, 16)
changed = x.clone()
changed[0, 2] += 1
feed_forward.eval()
moved = (feed_forward(changed) - feed_forward(x)).abs().amax(dim=-1)[0] > 1e-6
print("word 2 is changed; these outputs move:", moved.tolist())
same = torch.equal(feed_forward(x), feed_forward(x))
feed_forward.train()
thinned = torch.equal(feed_forward(x), feed_forward(x))
print("twice the same: in evaluation", same, "  in training", thinned)

owned = {
    name: sum(p.numel() for p in module.parameters())
    for name, module in (
        ("attention", MultiHeadAttention(512, 8)),
        ("feed-forward", FeedForward(512, 2048)),
    )
}
print({name: f"{n:,}" for name, n in owned.items()})

# %% [markdown]
# Nobody but word 2 moves. Of the weights of a layer, two thirds are in the feed-forward network: attention gets the
# attention, and the other one has most of the memory.
#
# ## 6. The path that nobody blocks
#
# Stack six such layers, and a word's vector goes through twelve sublayers one after the other, as in the telephone
# game: what comes out at the end is what the twelfth made of what the eleventh made of it. The gradient goes the same
# way back, and is multiplied by the derivative of each on the way. If these are about 0.1, it has shrunk to $10^{-12}$
# when it arrives.
#
# The **residual path** (He et al., 2016) lets every sublayer *add* to the stream, instead of replacing it:
#
# $$ y = x + f(x) \qquad \frac{dy}{dx} = 1 + f'(x) $$
#
# Now each factor is $1 + 0.1$, and twelve of them make 3.1; with $f' = -0.1$ they make 0.28. Whatever the sublayers do,
# there is a way on which a gradient arrives unchanged: that of the ones. (And a sublayer that has nothing to say can
# learn to say 0.)
#
# Where does the norm go? There are two answers, and this is where texts and code part ways.
#
# $$
# \text{post-norm:}\quad x \leftarrow \mathrm{norm}\big(x + \mathrm{drop}(f(x))\big)
# \qquad\qquad
# \text{pre-norm:}\quad x \leftarrow x + \mathrm{drop}\big(f(\mathrm{norm}(x))\big)
# $$
#
# | where | norm |
# |---|---|
# | Vaswani et al. (2017), section 3.1 and figure 1 | post |
# | their own program, tensor2tensor: the first settings | post |
# | the same program, the settings that were the default soon after | pre |
# | "The Annotated Transformer", which prints the paper beside its code | pre, with a remark |
# | `torch.nn.TransformerEncoderLayer` | post, unless told `norm_first=True` |
# | BERT, Marian | post |
# | GPT-2 and most large language models | pre |
# | this course | pre, unless told otherwise |
#
# So whoever reads "as in the paper" in somebody's code does well to look. In post-norm the sum itself is normalized, so
# the stream has the same size all the way, and there is no path without a norm on it. In pre-norm the stream is never
# touched and grows with every layer; therefore one last norm stands at the top of the stack. Dropout sits on what a
# sublayer adds, never on the stream (section 5.4 of the paper).
#
# ### Exercise `residual_block`
#
# *difficulty ●○○○○ · importance ●●●●● · 5 minutes*
#
# Pre-norm, for any sublayer: `norm`, `f` and `drop` are functions (or modules, which are called alike) that take and
# return (B, T, d). Leave `x` as it was. A question to test your answer with: what must come out if `f` returns only
# zeros?


# %% name="exercise-residual-block"
def residual_block(x, norm, f, drop):
    """The stream x (B, T, d) after sublayer f has added to it, pre-norm."""
    ### BEGIN SOLUTION
    return x + drop(f(norm(x)))
    ### END SOLUTION


# %%
residual_block = check("residual_block", residual_block)

# %% [markdown]
# ## 7. Find the bug: a stack of layers
#
# With the pieces of this lesson a layer takes ten lines. Where the norm stands can be chosen by name, for the
# experiments of section 8: *nothing* around a sublayer, the path alone, post-norm, pre-norm, and a fifth one that was
# found in the wild. (Lesson 08 will write the layer properly, with masks and dropout, and with the last norm of
# pre-norm at the top of the stack, which is left out here: the measurement of section 8 brings its own.)


# %% name="a-layer"
D, HEADS = 32, 4
AROUND = {
    "nothing": lambda x, norm, f: f(x),
    "path alone": lambda x, norm, f: x + f(x),
    "post-norm": lambda x, norm, f: norm(x + f(x)),
    "pre-norm": lambda x, norm, f: residual_block(x, norm, f, nn.Identity()),
    "normed path": lambda x, norm, f: norm(x) + f(norm(x)),
}


class Layer(nn.Module):
    """Self-attention, then feed-forward, with what the name says around both."""

    def __init__(self, placement):
        super().__init__()
        self.around = AROUND[placement]
        self.attend, self.feed = MultiHeadAttention(D, HEADS), FeedForward(D, 4 * D)
        # torch's own layer norm, as a module: gain and bias are its parameters
        self.norms = nn.ModuleList([nn.LayerNorm(D), nn.LayerNorm(D)])

    def forward(self, x):
        x = self.around(x, self.norms[0], lambda y: self.attend(y, y))
        return self.around(x, self.norms[1], self.feed)


def colleagues_stack(make, n, x):
    """n new layers, each made by a call of make, and x (B, T, d) after all of them."""
    layers = nn.ModuleList([make()] * n)
    for layer in layers:
        x = layer(x)
    return layers, x


def through(layers, x):
    """x after all layers."""
    for layer in layers:
        x = layer(x)
    return x


torch.manual_seed(7)
x = torch.randn(2, 5, D)
his, y = colleagues_stack(lambda: Layer("pre-norm"), 6, x)
print("layers:", len(his), "  output:", tuple(y.shape))
sizes = [through(his[:n], x).norm().item() for n in range(7)]
print("every layer changes the stream:", len(set(sizes)) == 7)
optimizer, losses = torch.optim.SGD(his.parameters(), lr=0.003), []  # SGD: weight -= lr * gradient
for _ in range(5):
    losses.append(through(his, x).square().mean())  # learn to be silent
    optimizer.zero_grad()  # clears away the gradients of the last step
    losses[-1].backward()  # a new one for every weight
    optimizer.step()  # moves every weight a little against its gradient
print("trained for five steps, the loss falls:", (losses[-1] < losses[0]).item())

# %% [markdown]
# A colleague has stacked six layers. He has looked at their number and at the shape of what comes out; he has made sure
# that every one of them changes the stream; he has trained the stack, and the loss falls.
#
# ### Exercise `stack`
#
# *difficulty ●●○○○ · importance ●●●●○ · 13 minutes*
#
# What is wrong with it? Find one number that would have told him: print it for his stack, of one layer and of six.
# Then copy his function into the cell below and repair it. `make()` returns a new layer; return an `nn.ModuleList` of
# `n` layers, and `x` after all of them.


# %% name="exercise-stack"
def stack(make, n, x):
    """n new layers, each made by a call of make, and x (B, T, d) after all of them."""
    ### BEGIN SOLUTION
    layers = nn.ModuleList([make() for _ in range(n)])
    for layer in layers:
        x = layer(x)
    return layers, x
    ### END SOLUTION


# %%
stack = check("stack", stack)

# %% [markdown]
# What *is* his stack, then? Below it stands beside six layers that are six objects with the same numbers in them, so
# that both compute the same. And since `backward` adds up (section 1), you can say beforehand what stands in the
# gradient of his one layer.

# %% name="one-object" tags=["predict"]
torch.manual_seed(8)
x = torch.randn(2, 5, D).double()
one = Layer("pre-norm").double()
shared, y_shared = colleagues_stack(lambda: one, 6, x)
apart, _ = stack(lambda: Layer("pre-norm").double(), 6, x)
# all weights of the one stack, by name, into the other: the same numbers, in six places
apart.load_state_dict(shared.state_dict())
y_apart = through(apart, x)
for y in (y_shared, y_apart):
    y.square().sum().backward()

counts = {
    name: sum(p.numel() for p in layers.parameters())
    for name, layers in (("his", shared), ("repaired", apart))
}
print("parameters:", {name: f"{n:,}" for name, n in counts.items()})
of_each = [torch.cat([p.grad.ravel() for p in layer.parameters()]) for layer in apart]
of_one = torch.cat([p.grad.ravel() for p in one.parameters()])
holds(*experiments.about_one_object(y_shared, y_apart, counts, of_one, of_each))

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# `[make()] * n` calls `make` *once* and writes the same object into the list six times. Six entries, one set of
# weights. It is no wrong program: the same layer applied six times changes the stream six times, can be trained, and
# learns something. Every test of what it *computes* is passed. What tells is what it *owns*: `parameters()` of six
# layers should be six times as many, and here they are as many as of one. So each weight is pulled by the sum of six
# gradients that would each have it go elsewhere.
#
# Some do this on purpose. The Universal Transformer (Dehghani et al., 2019) and ALBERT (Lan et al., 2020) use one layer
# many times over, to save weights, and say so.
#
# </details>
#
# ## 8. What arrives below
#
# Now the measurement: a stack of your layers with fresh random weights, some random sentences, a random task (a linear
# map on top says which of 50 classes a word has), and the gradient of the loss with respect to the weights of each
# layer. To make one number of a layer's thousands: the root of the sum of their squares. And since chance has a say,
# the table has the median of five random starts. If a layer's gradient is tiny, it has not been told anything.
#
# The fifth row is a bug that has been shipped more than once: `x = norm(x)` first, and then `x + f(x)`. What is kept is
# the *normed* stream.
#
# *Predict,* for 24 layers: in which rows has the gradient nearly vanished at layer 1? In post-norm, of which people say
# that its gradients vanish, by how much is there less at the bottom than at the top? And which of the other rows does
# the fifth one look like?

# %% name="what-arrives" tags=["predict"]
arrived = {
    placement: experiments.median_gradients(stack, lambda p=placement: Layer(p), D, depth=24)
    for placement in AROUND
}
rows = [
    (placement, *(experiments.short(sizes[at]) for at in (0, 11, 22, 23)))
    for placement, sizes in arrived.items()
]
show_table(
    ("around a sublayer", "layer 1", "12", "23", "24"), rows, "24 layers: gradient, medians of 5"
)
holds(*experiments.about_what_arrives(arrived))

# %% [markdown]
# The residual path does what it promises: $10^{-25}$ without it, about 1 with it.
#
# **Post-norm's gradient does not vanish** at the start, at least not in an encoder of this size with torch's usual
# random weights. There is a slope, and it goes the other way than in pre-norm: a little less at the bottom with
# post-norm, a little less at the top with pre-norm, whose stream has grown by then (Xiong et al., 2020, section 3.3,
# work out the sizes at the top of both). If you have read that post-norm is hard to train *because its gradients
# vanish*, this is not what you see on the first day. Section 10 looks at the second.
#
# And the fifth row is the third one. It has to be. Norm, add, norm, add: whether a norm counts as the beginning of a
# block or as the end of the one before is a matter of where you put the bracket. **Who keeps the normed stream has
# built post-norm,** but for where it begins and ends, and with it all that section 10 will say of post-norm.
#
# ### Depth
#
# The same measurement, on your `stack`, for every depth, from a single random start, so that its numbers are not those
# of the table. Blue: the *placement* that you choose. Gray: post-norm and pre-norm, to compare with. *size of weights*
# multiplies all the matrices.
#
# 1. *nothing*: with how many layers does the first one get less than a millionth of what the last one gets?
# 2. *post-norm* and *pre-norm*, at 24 layers: at which end does each of them get less than at its other end? Make the
#    weights 1.5 times as large: what becomes of that slope?
# 3. *path alone*, weights 1.5 times as large, and *depth* from 6 to 24. What happens, and what do the norms do about
#    it?

# %% name="explore-depth"
explore(
    figures.draw_depth,
    stack=stack,
    make=Layer,
    width=D,
    placement=["post-norm", "pre-norm", "nothing", "path alone"],
    depth=slider(1, 24, start=12),
    size_of_weights=slider(0.5, 2.0, start=1.0, step=0.5),
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. With seven. Each layer more costs a factor of ten or more.
# 2. Pre-norm at the top, post-norm at the bottom. With weights 1.5 times as large the sublayers add more to
#    the stream, and both slopes get steeper.
# 3. It explodes: every layer makes the stream larger, and the next one adds in proportion. With a norm on the path or
#    before the sublayer it does not, since what a sublayer gets has one size.
#
# </details>
#
# ## 9. torch has an encoder, too
#
# `nn.TransformerEncoder` is made of the same pieces, post-norm by default. Lesson 08 compares yours with it, to five
# digits. Two of its habits are worth knowing before you call it a reference; both have to do with *pads*, the tokens
# that fill up short sentences (lesson 05), and its mask has True for *ignore*.
#
# It has two ways to compute. In training, or while gradients are recorded, it is the way you know. In evaluation mode
# under `no_grad` it may take a quicker one, which leaves the pads out altogether.
#
# *Predict:* does a pad come out the same on both ways? And what becomes of a batch that is nothing but pads?

# %% name="torchs-encoder" tags=["predict"]
found = experiments.torchs_encoder()
rows = [
    (
        way,
        "zeros" if found[f"pads, {way}"] == 0 else "other numbers",
        found[f"only pads, {way}"],
    )
    for way in ("training", "evaluation")
]
show_table(("torch 2.13", "at the pads", "a batch of pads alone"), rows)
holds(("At real words both ways agree, to five digits.", found["words"] < 1e-5))

# %% [markdown]
# What stands at a pad is not meant to be read, so torch breaks no promise. But whoever takes the mean over all places
# of a sentence, pads included, gets one number in training and another one afterwards. And a batch of pads alone works
# in training, and raises only in evaluation. Your own encoder will do the same in both.
#
# ## 10. Measured: who needs a warm-up?
#
# The *learning rate* says how long a step each update of the weights is. A **warm-up** lets it grow from 0 in a line
# for the first few hundred updates, instead of beginning at its peak. Vaswani et al. had one (section 5.3). It is an
# odd thing to need. Why should a model not learn at full speed from the first moment?
#
# Three translators of 6+6 layers, English to German, on the sentences of lesson 12. An encoder of six layers reads, and
# a *decoder* of six more, the second stack, which lesson 08 builds, writes the translation piece by piece: post-norm
# with a warm-up of 200 updates, post-norm without, and pre-norm without; the same rate, the same batches. A training
# takes minutes, so the cell reads what `python -m course.lessons.lesson_07.experiments` has kept. (Adam is the
# optimizer; what that is, lesson 10 says.) The table has the percentage of translations that are right to the letter,
# *BLEU*, which is 100 if all pieces of a translation agree with the right one and gives points for some of them (lesson
# 11), and the loss on new sentences. The first picture has the loss on those that are being learned. Both are minus the
# logarithm of the probability of the right piece, in the mean, and called *nats a piece* since the logarithm is the
# natural one.
#
# *Predict* the percentage of new sentences that each of the three translates exactly. Beside its losses the gradient of
# each of the twelve layers was noted at a few updates: where, and in which model, will it be smallest after ten of
# them?

# %% name="warm-up" tags=["predict"]
runs = experiments.read_runs()
show(experiments.runs_table(runs))
show(figures.draw_losses, runs=runs)
show(figures.draw_first_updates, runs=runs)

# %% [markdown]
# **Post-norm without a warm-up learns next to nothing.** Of 300 new sentences none comes out right (95 % interval 0.0
# to 1.3), and its loss stays above 4: it knows by then which words are frequent, and hardly how to ask the source. With
# a warm-up the same model learns: 5.0 % (3.0 to 8.1) are right, and the loss is still falling when the run ends.
# **Pre-norm needs none:** 58.3 % (52.7 to 63.8) after as many updates.
#
# These are small models and short runs, one training of each. Lesson 12 has kept longer ones, of twice the width, with
# 1,500 updates and a warm-up of 400: post-norm with it 91.3 % (87.6 to 94.0), without it 0.0 % (0.0 to 1.3), pre-norm
# without it 98.0 % (95.7 to 99.1). So with a warm-up post-norm comes along, only later, and without one it does not
# come at all. A law of nature this is not: with another optimizer, Muon (Jordan et al., 2024), the same post-norm model
# learns without any warm-up, 98.7 % (96.6 to 99.5). Who needs what depends on the steps that are taken.
#
# And when does the trouble begin? The second picture shows it.
#
# **At the first update nobody has too little.** The three begin alike, but for one slope: in the decoder of post-norm
# the lowest layer gets 0.2 and the highest 1.7. **At the tenth it has happened.** Ten updates at full rate, and the
# lowest layer of that decoder gets 0.00065; at update 50 it gets 0.000012. With a warm-up, whose first ten steps are
# together a quarter as long as one of these, it is still 0.23 at update 10.
#
# So post-norm's gradients do vanish, and that is not how the model begins but what the first large steps make of it: a
# consequence first, and not the cause. Liu et al. (2020) have looked for the reason: a small change of the weights
# moves the output of a post-norm stack much farther than that of a pre-norm stack, since every norm on the path makes
# room for what has just been added. In pre-norm the gradients are smaller at update 10 as well, by a factor between 5
# and 45. But no layer is left behind: at none of the four updates does one get less than a tenth of what another one
# gets, and by update 200 all have grown again.
#
# ## 11. Three questions

# %% name="quiz"
quiz("07")

# %% [markdown]
# ## 12. The whole lesson in one picture

# %% name="summary"
show(
    figures.draw_summary,
    gradients={name: arrived[name] for name in ("nothing", "path alone", "post-norm", "pre-norm")},
)

# %% [markdown]
# What you can take along:
#
# - A tensor remembers how it was computed; `backward` goes back through the notes, and *adds* to what is there.
# - A module owns what is assigned to it. What `parameters()` does not find is not trained; how many it finds is a test
#   that finds what no output shows.
# - Layer norm: mean 0, spread 1, every word for itself; $\varepsilon$ inside the root, where it bounds the slope.
# - Dropout scales what stays by $1/(1-p)$ in training and does nothing afterwards. `train()` and `eval()` tell it.
# - With the residual path something arrives at the lowest layer; without it nothing does.
# - Pre-norm leaves the path alone, post-norm has a norm on it. Keep the normed stream, and it is post-norm.
# - Six times the same layer is one layer, and its gradient is the sum of six.
#
# In lesson 08 these pieces become a Transformer.
#
# ## A task for four
#
# *The note, 15 minutes on top of the lesson's own, no computer.* The four of you are layers, side by side, and a
# message goes from the first to the last: six numbers between −5 and 5 on a piece of paper. Each of you has a private
# rule that you agree on with nobody ("double the first", "exchange two neighbors", "add 1 to all").
#
# First round, *nothing*: read the paper, apply your rule in your head, write a new paper, tear up the old one. Second
# round, *the path*: leave what is on the paper, and write below each number what your rule *adds* to it: the new number
# minus the old one. (Who exchanges a 2 and a 5 adds 3 to the first and −3 to the second.) Third round, *post-norm*: add
# up, then rewrite the whole paper so that the six numbers have mean 0 and none is larger than 2 in size. Fourth round,
# *pre-norm*: make yourself such a tidy copy, apply your rule to the copy, and add the outcome to the paper, which stays
# as it is. After each round the last one guesses the first six numbers. In which rounds can they be told exactly? Which
# paper becomes full, and what would you do at the end about that? Agree on one sentence: *what is the path for?*
#
# <details><summary>What should have come out</summary>
#
# In the second round and in the fourth the first numbers still stand on the paper, above all that was added to them. In
# the first one nothing is left but what the last rule made. In the third one the size and the mean of the numbers are
# gone after the first of you has tidied up, and nobody can tell by how much the paper has been shrunk four times. The
# papers of the second and the fourth round become full, and their sums large: somebody tidies up once, at the end,
# which is pre-norm's last norm.
#
# </details>
#
# ## How to teach it
#
# Draw the two streams of the summary on the board without names and let the class put the norms in, from the formulas.
# Ask for a show of hands before section 10: who needs a warm-up, and *why*; then let them look for the "why" in section
# 8, where it is not. It is in section 10: the first large steps bring it about, and nothing at the start shows it.
# Classes that know torch may begin with section 4.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Sections 3.1, 3.3, 5.3,
#   5.4.
# - J. L. Ba, J. R. Kiros, G. E. Hinton (2016), [Layer Normalization](https://arxiv.org/abs/1607.06450). Section 3.
# - K. He et al. (2016), [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385). Section 3.
# - R. Xiong et al. (2020), [On Layer Normalization in the Transformer Architecture](https://arxiv.org/abs/2002.04745).
#   Section 3.3: the gradients of both forms. Their pre-norm models do without a warm-up.
# - L. Liu et al. (2020), [Understanding the Difficulty of Training Transformers](https://arxiv.org/abs/2004.08249).
#   Why small gradients are not the cause, and what happens in the first updates.
# - K. Jordan et al. (2024), [Muon](https://kellerjordan.github.io/posts/muon/). The other optimizer of section 10.
# - A. Rush, A. Huang et al., [The Annotated Transformer](https://nlp.seas.harvard.edu/annotated-transformer/). Its
#   `LayerNorm`, of section 4.
# - N. Srivastava et al. (2014), [Dropout](https://jmlr.org/papers/v15/srivastava14a.html), *JMLR* 15. Section 4.
# - B. Zhang, R. Sennrich (2019), [Root Mean Square Layer Normalization](https://arxiv.org/abs/1910.07467). What most
#   large models have by now: no mean is taken off.
