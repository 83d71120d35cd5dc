# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Welcome
#
# At the end of this course a translator runs on your machine, and every piece of it is one that you understand and
# can write yourself; here is a finished one, so that you know where the road leads.
#
# Click into the gray cell below and press **Shift+Enter**. After a few seconds a field appears. Type an English
# sentence into it and press **Enter**.
#
# *Lesson 00 · 60 minutes · nothing to download, no GPU.* **Goals:** translate a sentence and see where the model
# looked; know how a lesson works; find the axes B, H, Tq, Tk and d on real arrays; fail a check and pass it.
# **Prerequisites:** a little Python.

# %% name="translate"
from course.lessons.lesson_00.translating import translate

translate("The needle has a sharp point.")

# %% [markdown]
# ## 1. One word, two translations
#
# The needle's *point* came out as *Spitze* in German and *pointe* in French: the sharp end of a thing. Now type this:
#
# > It is not polite to point at people.
#
# (or press the button that has it). The letters of "point" are the same, and this time the German says *zeigen* and
# the French *montrer*: what a finger does. Nobody gave the translator a rule for this. It looked at the other words
# of the sentence. The step with which it looks is called **attention**, and it is the heart of this course.
#
# **How to read the picture.** Each row is a word that was written, on blue at the left. Each column is an
# English word that was read, on orange at the top. A cell says how large a share of its attention the model gave to
# that column while it *chose* the word of that row. The stronger the purple, the more; the largest share of a row is
# framed, and shares below 0.1 have no number. The last column, *(end)*, is the mark
# that ends every sentence; the model reads it too.
#
# *Before you go on:* find the row of *Spitze* in the first picture and the row of *zeigen* in the second. Did these
# two words look at "point"? Look at the German and then at the French. Is it the largest share of their row?
#
# The model looks several times, in steps that follow each other, its *layers*, and in each layer with several *heads*
# side by side, of which more below. The picture shows one layer, the average of its four heads. The next cell prints
# what you have just looked up, and the same for the other layer.

# %% name="where-point-looked" tags=["predict"]
import numpy as np

from course.lab import check, explore, hint, quiz, show, show_table, solution
from course.lessons.lesson_00.figures import (
    MEAN,
    draw_axes_of_weights,
    draw_journey,
    draw_layer_and_head,
    exactly_right,
    looks_table,
)
from course.lessons.lesson_00.translating import attention_of
from course.pretrained import pretrained_translator

needle, people = "The needle has a sharp point.", "It is not polite to point at people."
german = pretrained_translator("en-de")

maps = {sentence: attention_of(german, sentence) for sentence in (needle, people)}
looks_table(maps, {needle: "Spitze", people: "zeigen"}, at="point")

# %% [markdown]
# You may have expected a tidy picture in which each German word looks at its English partner and at nothing else. Many
# rows are like that. Others are not: a word may look at a neighbor of its partner, or at one that has little to do with
# it, because by then the model has already gathered what it needs, in an earlier layer or on the English side. A map of
# attention shows where something was fetched. Whether it also *explains* the translation is a question of its own;
# lesson 13 puts it to the test.
#
# ## 2. What this translator is, and what it is not
#
# It is a Transformer of the kind that this course builds, and a small one. It was trained for a few minutes on
# 24,000 sentence pairs which no human wrote: a grammar, made for this course, produced them in English, German and
# French. So its world is small and tidy, and it knows nothing outside it. The table says what share of sentences that
# it has never seen it translates exactly as the grammar does, letter for letter. The range in parentheses is a 95 %
# confidence interval: chance in the choice of sentences alone moves such a percentage about within it.

# %% name="what-it-is"
from course.pretrained import known_words

print(
    f"{len(known_words())} English words,",
    f"{german.info['parameters']:,} parameters for each language pair",
)
about = {
    "test_iid": "sentences like those of its training",
    "longer": "15 to 18 words",
    "much_longer": "20 words and more",
}
exactly_right(about)

# %% [markdown]
# In its training no sentence had more than 14 words. A little beyond that, about half come out right; from 20 words on,
# almost none. Below are four long sentences made of words that it knows well. The cell translates all four, counts, and
# shows the first one that went wrong, the grammar's German above the translator's.

# %% name="a-failure"
long_sentences = {
    "The actress who sells the bread today swims slowly, and the fly flies slowly into the big "
    "garden.":
    "Die Schauspielerin, die heute das Brot verkauft, schwimmt langsam, und die Fliege fliegt "
    "langsam in den großen Garten.",
    "Our mother believes that Anna wants to bring Julia coats that the student did not put on.":
    "Unsere Mutter glaubt, dass Anna Julia Mäntel bringen will, die der Student nicht angezogen "
    "hat.",
    "The queen of that country often waited for the children from the city, but did not see them.":
    "Die Königin dieses Landes hat oft auf die Kinder aus der Stadt gewartet, aber hat sie nicht "
    "gesehen.",
    "The glass that Anna bought is expensive, but my mother does not live in the village now.":
    "Das Glas, das Anna gekauft hat, ist teuer, aber meine Mutter wohnt jetzt nicht im Dorf.",
}  # fmt: skip
made = [translation.text for translation in german.translate(list(long_sentences))]
wrong = [
    (*pair, text)
    for pair, text in zip(long_sentences.items(), made, strict=True)
    if text != pair[1]
]
print(f"{len(wrong)} of {len(made)} are not what the grammar says. The first of them:")
show_table(("who", "says"), list(zip(("English", "grammar", "translator"), wrong[0], strict=True)))

# %% [markdown]
# It does not stop, it does not say "I am not sure", it gives no sign of trouble. It writes a German sentence that looks
# like all the others; only that in this one the actress flies (*fliegt*) and the fly is gone. Try a few more things in
# the field at the top: a word that it has never seen, a German sentence, a row of random letters. The panel tells you
# which words are new to it and offers near ones, because we wrote a few lines of Python that look this up. The model
# itself always answers.
#
# Why it fails on length, and what changes when its positions are built in another way, is the subject of lessons 06
# and 12. In lesson 14 you leave the small world for sentences that people wrote.
#
# ## 3. How to work here
#
# **A notebook is a row of cells**, text and code. Run them from top to bottom.
#
# | key | what it does |
# |---|---|
# | Shift+Enter | run this cell, go to the next |
# | Ctrl+Enter | run this cell, stay |
# | Enter, Esc | start editing a cell, stop editing |
# | B, A | when not editing: a new cell below, above |
# | ■ in the toolbar, or I twice when not editing | interrupt: stop what a cell is doing |
# | Ctrl+S | save now (JupyterLab also saves by itself every two minutes) |
#
# If something has become a muddle, choose *Kernel → Restart Kernel and Run All Cells*. Nothing is lost by it but
# what is in memory.
#
# **It runs unsolved.** Each notebook of this course runs from the first cell to the last just as it was handed out,
# with all exercises blank. Behind each exercise stands a cell with `check`. If your function passes, `check` hands
# *your* function on to the cells below; if not, or if you have written nothing yet, it hands on a finished one and
# says so. You can skip an exercise and lose nothing but the exercise.
#
# | you type | you get |
# |---|---|
# | `check("name", function)` | an answer within a second: passed, not yet right (and what went wrong), not attempted |
# | `hint("name")` | a question that helps; a second call points to the place, a third nearly gives the code |
# | `solution("name")` | the answer, after two tries that failed |
#
# **The workbook.** What has passed is saved in a folder of your own, with its source. Later lessons can pick up your
# pieces, after checking them again, and in lesson 12 the translator runs on them. You need not do anything for this.
#
# **Sliders.** Pictures with sliders run Python at each move. Click on a slider or reach it with the Tab key; the
# arrow keys move it. Above each such picture stand a few numbered questions: read them first, then move things until
# you can answer them. The first of these pictures shows the attention of *each* layer and head, where the one at the
# top showed an average.
#
# 1. Set *head* to 1, 2, 3 and 4. Do the heads of one layer look at the same words?
# 2. In which layer is the picture nearer to a word-for-word list, in layer 1 or in layer 2?
# 3. Choose the second sentence, and layer 2. The comma in the German has no partner in the English. Where does its row
#    look?

# %% name="explore-heads"
layers, heads = maps[needle].weights.shape[:2]
explore(
    draw_layer_and_head,
    sentences=maps,
    sentence=list(maps),
    layer=(1, layers),
    head=[MEAN, *(str(head + 1) for head in range(heads))],
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. In layer 1 they do not: a head has a sharp row here, and another spreads its weight over several words. In layer 2
#    the heads mostly agree on words that have a partner, and go different ways in the rest, such as *zu*. Nothing in
#    the training told them how to share the work. Lesson 04 is about heads.
# 2. In layer 2. The row of *Spitze* shows it: there every head has its largest share on *point*. A number for it is the
#    *alignment error* of lesson 02. It says how far the links are from those of the grammar: 0 if they all agree.
# 3. In layer 2 mostly at *It*, where the sentence begins. A head cannot look at nothing, since its row has to sum to 1;
#    weight that it has no use for must lie somewhere. So a dark cell does not prove that anything of importance was
#    fetched there.
#
# </details>
#
# ## 4. The names of the axes
#
# All that flows through the model are arrays of numbers, and most mistakes in this trade are mix-ups of their axes.
# So this course calls each axis by one name, everywhere. Here they are, met on the model that you have just used.
#
# A model does not read letters. A *tokenizer* cuts a text into pieces, words or parts of words, and gives each
# piece a number, its *id*. (The mark ▁ stands for the blank before a word; lesson 09 shows how the pieces are
# found.) The two sentences have different lengths. To put both into one array, the shorter one is filled up with
# the id 0, `<pad>`, which stands for nothing.

# %% name="two-sentences-in-one-array"
import torch

from course.model.masks import padding_mask
from course.special import BOS, EOS, PAD


def as_array(rows):
    """Lists of ids, padded to the longest: (B, T)."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


ids = as_array([[*german.tokenizer.encode(sentence), EOS] for sentence in (needle, people)])
print("ids", tuple(ids.shape), "= (B, T)")
for row in ids.tolist():
    print("  ", " ".join(german.tokenizer.tokens(row)))

embeddings = german.model.src_embedding(ids)
print("embeddings", tuple(embeddings.shape), "= (B, T, d)")

# %% [markdown]
# There are B = 2 sentences, each T pieces long with its padding, and each piece has become a vector of d = 128
# numbers. Lesson 03 draws such vectors with four numbers, which fit on a page.
#
# In attention every piece asks a question of the others. Its question is a vector too, the *query*. The model does
# this several times side by side, in H = 4 *heads*. From the 128 numbers of a piece it computes 128 numbers of query,
# and each head gets its own share of these, $d_{head} = 32$. (Before that, the model also scales and normalizes the
# embeddings; after it, the queries are turned by their position, lesson 06. The cell leaves this out; it changes no
# shape.)

# %% name="queries-of-the-heads"
first_layer = german.model.encoder.layers[0]
queries, keys, values = first_layer.self_attention.project_self(embeddings)
print("queries", tuple(queries.shape), "= (B, H, T, d_head)")
print("H times d_head:", queries.shape[1] * queries.shape[3], "   d:", embeddings.shape[2])

# %% [markdown]
# Next come the **weights**, the numbers in the pictures above. Each query is compared with each piece that can be
# asked, so there is one axis for those who *ask*, Tq, and one for those who *are asked*, Tk (k for *key*, what a
# piece shows to the query). While German is written and English is read, Tq counts German pieces and Tk English
# ones.
#
# *Before you run the cell:* the English sentences have T pieces, as printed above. Which of the four numbers in the
# shape of the weights do you know already? And over which axis will the sum be 1?

# %% name="weights" tags=["predict"]
translations = [german.translate([sentence])[0].text for sentence in (needle, people)]
written = as_array([[BOS, *german.tokenizer.encode(text)] for text in translations])
with torch.no_grad():
    _, attention_weights = german.model(
        ids, written, src_mask=padding_mask(ids, pad=PAD), return_weights=True
    )

weights = attention_weights.cross[-1].numpy()  # German asks English, in the last layer
print("weights, German asks English: ", weights.shape, "= (B, H, Tq, Tk)")
own = attention_weights.encoder[0].numpy()  # English asks itself, in the first layer
print("weights, English asks itself: ", own.shape, "= (B, H, Tq, Tk)")

sums = weights.sum(axis=-1)
print("sums over Tk:", sums.shape, f"from {sums.min():.3f} to {sums.max():.3f}")
over_queries = weights.sum(axis=-2)
print(
    "sums over Tq:",
    over_queries.shape,
    f"from {over_queries.min():.1f} to {over_queries.max():.1f}",
)

pieces = [german.tokenizer.tokens([i for i in row if i != PAD]) for row in ids.tolist()]
show(draw_axes_of_weights, weights=own, words=pieces)

# %% [markdown]
# Each *row* sums to 1, because a query shares out its attention among those that it asks. Columns sum to whatever
# they get. The columns of padding, hatched in the picture, get exactly nothing: a *mask* hides them (lesson 05). Its
# rows ask like all others, and nobody reads what they get. (Tq is 11 for the German because the longer of the two
# translations has 10 pieces, and a mark for the start stands before them. The picture counts heads as Python does, from
# 0.)
#
# | name | counts | where you met it |
# |---|---|---|
# | B | sentences that are computed together, a *batch* | 2 |
# | T | pieces in a sentence, padding included | the ids |
# | d | numbers that describe a piece, also called `d_model` | 128 |
# | H | heads, attentions side by side | 4 |
# | d_head | numbers of one head, d / H; for queries and keys also d_k | 32 |
# | Tq | those who ask, *queries*: the rows of a map | German pieces, or English ones |
# | Tk | those who are asked, *keys*: the columns of a map | English pieces |
#
# B always comes first, and (Tq, Tk) always last, in this order. In a square map, where a sentence asks itself, a
# mix-up of Tq and Tk raises no error and shows no wrong shape. That is why you will meet so many arrays here in
# which all sizes differ.
#
# ## 5. Fail a check, then pass it
#
# The maps at the top are averages over heads. Somebody wrote a function for that, and hands it to you. It has one
# line. Run it through `check`.


# %% name="handed-out"
def mean_over_heads(weights):
    """One map for each sentence: (B, H, Tq, Tk) -> (B, Tq, Tk)."""
    return weights.mean(axis=0)


print("from", weights.shape, "to", mean_over_heads(weights).shape, "\n")
mean_over_heads = check(id="mean_over_heads", candidate=mean_over_heads)

# %% [markdown]
# That is what a miss looks like. There are no marks and nobody is told; a miss is how you find out more. What it says:
#
# - **Which mistake it is,** if the course knows it. This one is an old acquaintance, so the check names it and asks
#   you a question that leads to it.
# - **What came out, and what should have come out,** if it does not. Then it says on which data, as a shape with its
#   names or as a number, and does not guess. The check has data of its own, in which all sizes differ, and some that
#   are nasty on purpose.
# - **What happens now.** From here on `mean_over_heads` is the finished function, so that the cells below run.
#
# If the question is not enough, ask for a hint. You can do so as often as you like; each call says a little more.

# %% name="a-hint"
hint("mean_over_heads")

# %% [markdown]
# ### Exercise `mean_over_heads`
#
# *difficulty ●○○○○ · importance ●●●○○ · 5 minutes*
#
# Write the function again, so that it averages over the heads. Then run the cell with `check`.


# %% name="exercise-mean-over-heads"
def mean_over_heads(weights):
    """One map for each sentence: (B, H, Tq, Tk) -> (B, Tq, Tk)."""
    ### BEGIN SOLUTION
    return weights.mean(axis=1)  # axis 0 is B, axis 1 is H
    ### END SOLUTION


# %%
mean_over_heads = check("mean_over_heads", mean_over_heads)

# %% [markdown]
# Whoever's function it now is, yours or the finished one: run it on the weights of section 4. The cell compares its
# first map with the one that the translator makes of that sentence alone.

# %% name="use-it"
average = mean_over_heads(weights)
print("from", weights.shape, "to", average.shape)
print(
    "rows still sum to 1: from",
    f"{average.sum(axis=-1).min():.3f} to {average.sum(axis=-1).max():.3f}",
)

alone = german.attention(needle, translations[0]).weights[-1].numpy().mean(axis=0)  # (Tq, Tk)
n_queries, n_keys = alone.shape
print(
    "as in the map of the sentence alone:",
    np.allclose(average[0, :n_queries, :n_keys], alone, atol=1e-5),
)

# %% [markdown]
# ## 6. Two questions

# %% name="quiz"
quiz("00")

# %% [markdown]
# ## 7. The whole lesson in one picture
#
# The way of the two sentences through the model, with the names of the axes and their sizes. Each box is a lesson or
# two.

# %% name="summary"
logits = german.model.output.weight.shape[0]
shape = "({})".format
show(
    draw_journey,
    steps=[
        ("ids", "(B, T)", shape(", ".join(map(str, ids.shape)))),
        ("embeddings", "(B, T, d)", shape(", ".join(map(str, embeddings.shape)))),
        ("queries", "(B, H, T, d_head)", shape(", ".join(map(str, queries.shape)))),
        ("weights", "(B, H, Tq, Tk)", shape(", ".join(map(str, weights.shape)))),
        ("next piece", "(B, Tq, V)", shape(f"2, {weights.shape[2]}, {logits}")),
    ],
)

# %% [markdown]
# The last box is new: for each place of the German sentence the model gives a score to each of the V pieces that it
# knows. The best one is written, and the next place begins.
#
# ## What comes next
#
# | lesson | you can then | minutes |
# |---|---|---|
# | **Part I: attention** | | |
# | 01 Before attention | say what a single vector for a whole sentence loses | 180 |
# | 02 Attention in a recurrent decoder | write the scores of Bahdanau and of Luong | 190 |
# | 03 Scaled dot-product attention | match, scale, softmax, mix: by hand and in numpy | 150 |
# | 04 Multi-head attention | split, attend, merge | 170 |
# | 05 Masking | hide the future and the padding, and prove it | 150 |
# | 06 Positional encoding | tell the model where a word stands | 160 |
# | **Part II: the Transformer** | | |
# | 07 The encoder | stack layers that can be trained | 200 |
# | 08 The decoder and the whole Transformer | put it together and match torch's own | 190 |
# | 09 From text to batches | cut text into pieces and pieces into batches | 185 |
# | 10 Training | write the loss and the schedule, find four planted bugs | 200 |
# | 11 Decoding and scoring | search with a beam, score with BLEU | 250 |
# | 12 The translator | train the translator made of your parts, and see where it fails | 190 |
# | **Part III: beyond** | | |
# | 13 Looking inside | read maps of attention, and know when not to trust them | 90 |
# | 14 Real corpora, real scores | leave the small world | 90 |
# | 15 Beyond translation | use the same blocks for text, pictures and speech | 150 |
# | 16 Real weights | load a published model into your own classes | 60 |
#
# The lessons lie beside this one in the file browser on the left. A lesson that you do not find there is still being
# written.
#
# **When you are stuck:** ask for a `hint`; read the check's message once more, above all the shapes with their
# names; put a question mark behind a name, as in `translate?`, to read what it does. If a cell behaves strangely,
# restart the kernel and run all cells: many a riddle is a cell that was run twice, or not at all.
#
# ## Further reading
#
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). The paper that this
#   course takes apart. Look at figure 1 now, and again after lesson 08.
# - D. Bahdanau, K. Cho, Y. Bengio (2015), [Neural Machine Translation by Jointly Learning to Align and
#   Translate](https://arxiv.org/abs/1409.0473). Figure 3 shows maps of the kind that you read today.
