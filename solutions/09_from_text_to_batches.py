# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # From text to batches
#
# *Lesson 09 · 185 minutes · nothing to download*
#
# **Goals.** At the end of this lesson you can
#
# - learn byte-pair merges from a text with a pencil, and then with twelve lines of Python, and cut any word with
#   them;
# - say why two libraries that count alike list other merges, and how much that changes;
# - name the four special ids, and say what happens if a tokenizer and a model do not agree on them;
# - pad sentences into a batch with its masks, shifted by one, and get exactly the tensors of the course's own
#   package;
# - put sentences of like lengths together, and say with numbers what that saves;
# - find the bug that separates sentences from their translations, and that no loss curve shows.
#
# **Prerequisites.** Lesson 05: padding, causal and padding mask, `True` = may attend. Python: dictionaries, lists,
# `sorted` with a `key`. From torch this lesson needs little more than `torch.tensor`.
#
# | exercise | what you write | difficulty | importance | minutes |
# |---|---|---|---|---|
# | `bpe_train` | learn merges from counted words | ●●●○○ | ●●●●● | 20 |
# | `bpe_encode` | cut a word with them | ●○○○○ | ●●●●○ | 5 |
# | `make_batch` | a padded batch with its masks | ●●●○○ | ●●●●● | 20 |
# | `buckets` | sentences of like lengths together | ●●○○○ | ●●●●○ | 15 |
# | `repair_pairs` | find the bug | ●●○○○ | ●●●●● | 10 |

# %% name="setup"
import torch
import torch.nn.functional as F

from course.data import (
    embedded_text,
    encode_pairs,
    length_bucketed_batches,
    padding_report,
)
from course.lab import check, explore, hint, holds, quiz, show, show_table, solution
from course.lessons.lesson_09 import experiments, figures
from course.pretrained import pretrained_translator
from course.special import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

text = embedded_text("embedded-en-de", "dev")  # 1000 pairs of sentences: our text
fresh = embedded_text("embedded-en-de", "test_iid")  # 1000 others, which nobody has seen
print(text.source[3], " = ", text.target[3])

# %% [markdown]
# **Words of this lesson.**
#
# | word | what it means here |
# |---|---|
# | id | a whole number that stands for a piece of text |
# | vocabulary | all pieces that have an id |
# | token | one piece where it stands in a text; "to be or not to be" has six tokens, and four words that differ |
# | piece | what a token is made of: a letter, a part of a word, a word |
# | merge | two neighboring pieces that become one |
# | batch | several sentences that go through the model together, as one rectangle of ids |
# | padding | what fills up the rectangle |
#
# Up to here, words were vectors that fell from the sky. From here on they come out of text files, and this is the
# lesson in which most of the bugs live that nobody finds. There is hardly any mathematics in it. All the more is
# there to count.
#
# ## 1. What should an id stand for?
#
# A model has a table with one row for every id, and a sentence is a list of ids. What should an id be: a word? Then
# sentences are short; but the table must have a row for *pins* and one for *pin*, which know nothing of each other,
# and a word without a row cannot be said at all. A letter? Then nothing is ever missing, and a sentence is a long
# string of things that mean nothing by themselves.
#
# *Predict:* all words of our thousand sentence pairs get an id. Of a thousand *new* sentences of the same kind, how
# many have at least one word that is not among them? And how many times longer is a sentence in letters?

# %% name="words-or-letters" tags=["predict"]
rows, missing = [], {}
for language in ("source", "target"):
    lines, others = getattr(text, language), getattr(fresh, language)
    words = experiments.count_words(lines)
    share, missing[language] = experiments.unknown(others, set(words))
    letters = {letter for line in lines for letter in line}
    longer = sum(map(len, others)) / sum(len(line.split()) for line in others)
    name = "English" if language == "source" else "German"
    rows.append(
        (
            name,
            len(words),
            f"{share:.1f}",
            f"{missing[language]:.1f}",
            len(letters),
            f"{longer:.1f}",
        )
    )
head = ("", "words", "unknown, %", "sentences with one, %", "letters", "times as long")
show_table(
    head,
    rows,
    "ids for all words of 1000 sentences, or for all letters; tried on 1000 new sentences",
)
holds(
    ("More than every fifth new English sentence has an unknown word.", missing["source"] > 20),
    ("German is worse, with its endings.", missing["target"] > 1.5 * missing["source"]),
)

# %% [markdown]
# Three unknown words in a hundred do not sound like much, until you count sentences. And this is a small world: the
# whole corpus has some 3600 kinds of words in both languages together. In real text the new words never end: names,
# numbers, *needlework*, *Nähmaschinennadel*.
#
# The way out lies between the two: frequent words whole, rare ones in pieces that are frequent. *needlework* is then
# *needle* and *work*, and nobody has to have seen it before. Where to cut is not decided by a grammar. It is counted.
#
# ## 2. Merges, by hand
#
# **Byte-pair encoding** (BPE; Gage, 1994, to make files smaller; Sennrich, Haddow and Birch, 2016, section 3.2, for
# translation) begins with letters and makes what occurs together one piece. Five words are our whole text, *sew*
# twice, *sews* and *sewn* once each, *new* three times and *news* twice:
#
# | times | word | cut into letters |
# |---|---|---|
# | 2 | sew | `s e w </w>` |
# | 1 | sews | `s e w s </w>` |
# | 1 | sewn | `s e w n </w>` |
# | 3 | new | `n e w </w>` |
# | 2 | news | `n e w s </w>` |
#
# `</w>` is a mark for the end of a word, and one more piece. Thanks to it *ew* at the end of *new* can become another
# piece than *ew* in the middle of *news*; and whoever puts pieces together again knows where the blanks go.
#
# 1. **Count the pairs of neighbors**, each as often as its word occurs:
#
#    | `e w` | `n e` | `w </w>` | `s e` | `w s` | `s </w>` | `w n` | `n </w>` |
#    |---|---|---|---|---|---|---|---|
#    | 9 | 5 | 5 | 4 | 3 | 3 | 1 | 1 |
#
# 2. **Take the most frequent one**, `e w`: the first merge.
# 3. **Join it everywhere.** There is a new piece, `ew`: `s ew </w>`, `s ew s </w>`, `s ew n </w>`, `n ew </w>`, `n ew
#    s </w>`. And again from 1.
#
# Take a pencil and do the second round before you read on. Which pairs lead, and with which count?
#
# <details><summary>The second round</summary>
#
# | `ew </w>` | `n ew` | `s ew` | `ew s` | `s </w>` | `ew n` | `n </w>` |
# |---|---|---|---|---|---|---|
# | 5 | 5 | 4 | 3 | 3 | 1 | 1 |
#
# Two pairs are equally frequent. A rule has to decide, and *ours is: the smallest pair*, as Python compares tuples of
# strings, the left pieces first. `("ew", "</w>")` is smaller than `("n", "ew")`, since e comes before n. So the
# second merge is `ew </w>`. (Section 4 shows what becomes of it if somebody has another rule.)
#
# </details>
#
# Here is step 3 for one word, as code. It goes from left to right, and two pieces that have been joined are used up:
# in `z z z` the pair `z z` occurs twice, and only the first of them is joined.


# %% name="joined"
def joined(pieces, pair):
    """Join a pair of neighbors wherever it stands in a word, from left to right."""
    done, i = [], 0
    while i < len(pieces):
        if tuple(pieces[i : i + 2]) == pair:
            done.append(pieces[i] + pieces[i + 1])
            i += 2  # both are used up
        else:
            done.append(pieces[i])
            i += 1
    return done


print(joined([*"news", "</w>"], ("e", "w")), joined([*"zzz", "</w>"], ("z", "z")))

# %% [markdown]
# ### Exercise `bpe_train`
#
# *difficulty ●●●○○ · importance ●●●●● · 20 minutes*
#
# `words` says how often each word occurs, `{"sew": 2, "sews": 1, ...}`. Return the first `n` merges, a list of pairs
# of pieces in the order in which they are learned, `[("e", "w"), ...]`. Every word begins as its letters and the
# mark, `[*word, "</w>"]`. In every round count all pairs of neighbors anew, each time it stands in a word, and as
# often as the word occurs; take the most frequent pair, of equals the smallest; and join it in all words. If no pair
# is left, stop early.
#
# `zip(pieces, pieces[1:], strict=False)` gives the neighbors. A dictionary counts: `counts[pair] = counts.get(pair,
# 0) + ...`, and `words.items()` gives words with their counts. `min(counts, key=lambda pair: (-counts[pair], pair))`
# is the pair with the smallest key, and a key that is a tuple is compared from left to right. (Signs like `<` and
# capitals stand before small letters.)


# %% name="exercise-bpe-train"
def bpe_train(words, n):
    """Learn n merges from words with their counts: a list of pairs of pieces."""
    ### BEGIN SOLUTION
    cut = {word: [*word, "</w>"] for word in words}
    merges = []
    for _ in range(n):
        counts = {}  # 1. count
        for word, pieces in cut.items():
            for pair in zip(pieces, pieces[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + words[word]
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))  # 2. take the most frequent
        merges.append(best)
        cut = {word: joined(pieces, best) for word, pieces in cut.items()}  # 3. join it
    return merges
    ### END SOLUTION


# %%
bpe_train = check("bpe_train", bpe_train)

# %% [markdown]
# Is it what the pencil says? Then a real text: the English half of our thousand pairs. (Words are what stands between
# blanks here, so that a full stop sticks to its word. Real tokenizers cut it off first; it makes no difference to the
# method.)

# %% name="merges-of-both"
sewing = {"sew": 2, "sews": 1, "sewn": 1, "new": 3, "news": 2}
print(*(f"{left} {right}" for left, right in bpe_train(sewing, 5)), sep="   ")

words = experiments.count_words(text.source)
merges = bpe_train(words, 600)
show_table(
    ("merges", "what they make"),
    [
        (f"{i + 1} to {i + 8}", "   ".join(left + right for left, right in merges[i : i + 8]))
        for i in (0, 40, 200, 592)
    ],
)

# %% [markdown]
# First come pieces that every English speaker would name: *th*, *the*, *s* and *t* at the end of a word, and the full
# stop. Nobody told the program of them. Late merges make whole words, of which the text has only a few. (And *bad.*
# with its full stop, which a better splitter would have prevented.)
#
# ## 3. Cut any word
#
# What has been learned is the *list*, and the order in it. A new word is cut by doing to it what training did to its
# own words: begin with letters, and let one merge after the other join what it can. A merge that does not occur does
# nothing.
#
# ### Exercise `bpe_encode`
#
# *difficulty ●○○○○ · importance ●●●●○ · 5 minutes*
#
# Return the pieces of `word`, a list of strings that ends with `</w>` or with a piece that has it at its end. Letters
# that no merge knows stay as they are. `joined` does the work.


# %% name="exercise-bpe-encode"
def bpe_encode(word, merges):
    """Cut a word with merges, in their order: a list of pieces."""
    ### BEGIN SOLUTION
    pieces = [*word, "</w>"]
    for pair in merges:
        pieces = joined(pieces, pair)
    return pieces
    ### END SOLUTION


# %%
bpe_encode = check("bpe_encode", bpe_encode)

# %% [markdown]
# ### The merges, one after the other
#
# A sentence, a box around each piece, and a dot for the end of a word. What the last merge has made is purple. On the
# right, how many pieces a word of the whole text has.
#
# 1. Move *number_of_merges* from 0 upward. Which merges change nothing in this sentence, and are they wasted?
# 2. At which number is *the* one piece for the first time? Why is *The* much later?
# 3. Choose the last sentence, three of whose words the text does not have, and all 600 merges. Is anything lost? What
#    do the pieces have to do with the parts that the words really have?
# 4. The curve falls steeply and then hardly at all. Would 6000 merges help, with this text?

# %% name="explore-merges"
means = experiments.pieces_a_word(words, merges)
explore(
    figures.draw_pieces,
    bpe_encode=bpe_encode,
    merges=merges,
    means=means,
    sentence=[text.source[3], text.source[0], "The seamstress sharpened her needles overnight."],
    number_of_merges=figures.MERGES,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. Most of them. They join something in other sentences; a list of merges belongs to a text, not to a sentence.
# 2. After 6. *The* needs 17. They are different strings, and no merge knows that they are one word.
# 3. Nothing is lost: put together, the pieces are the sentence. A few cuts are where a grammar would have them (*en*
#    and *ed* in *sharpened*); *need l es* is nonsense, though the text has *needles* twice. Counts know nothing of
#    meaning.
# 4. No. A text of 814 kinds of words runs out of pairs: after 1428 merges every word is one piece, and there is
#    nothing left to join.
#
# </details>
#
# ## 4. The library, and who breaks ties
#
# Nobody trains a tokenizer with twelve lines of Python; the course uses the library `tokenizers` (Hugging Face,
# written in Rust). Does it find the same merges?
#
# In section 2 there was a tie. Ours went to the smallest pair. `tokenizers` numbers its pieces, the letters first, in
# the order of the alphabet, and then every new one as it is made; and of equally frequent pairs it takes the one with
# the smaller *numbers*, that is, of the **older pieces**. `subword-nmt`, the program of Sennrich et al., takes the
# *largest* pair of the alphabet. Nothing in the method prefers any of the three. (Versions: tokenizers 0.23.3,
# subword-nmt 0.3.8.)
#
# *Predict:* of 400 merges of our English text, how many are decided by the rule for ties? If you use the library's
# rule, how many of your merges are the library's? And with your own rule, how many words of *new* text are cut
# otherwise?

# %% name="the-librarys-rule" tags=["predict"]
by_library = experiments.library_merges(words, 400)
learned = {rule: experiments.learn(words, 400, rule) for rule in experiments.RULES}
new_words = experiments.count_words(fresh.source)
rows, found = [], {}
for rule, said in experiments.RULES.items():
    mine = learned[rule].merges
    first = experiments.first_difference(mine, by_library)
    found[rule] = first, len(set(mine) - set(by_library))
    otherwise = experiments.cut_otherwise(new_words, mine, by_library)
    rows.append((said, first or "none", found[rule][1], f"{otherwise:.1f}"))
ties = learned["oldest"].ties()
show_table(
    (
        "of equals ...",
        "first difference",
        "merges it has not learned",
        "new words cut otherwise, %",
    ),
    rows,
    f"400 merges compared with the library's; {ties} of them are ties",
)
holds(
    ("The first rule is what bpe_train does.", learned["smallest"].merges == bpe_train(words, 400)),
    ("With the library's rule every merge is the library's.", found["oldest"] == (None, 0)),
    ("More than half of the merges are decided by the rule for ties.", ties > 200),
)

# %% [markdown]
# **Most merges are ties.** Of 400, 283 were decided among pairs that are equally frequent, since in a small text many
# pairs occur equally often. With the library's rule the twelve lines find exactly its list. With ours the first
# difference comes at merge 55, and in the end a tenth of the merges are others. And yet only 2 of 100 words of new
# text are cut otherwise: most of what one list has and the other has not would have come a little later.
#
# On a larger text it is the same picture: of 1500 merges of 8000 English lines of Multi30k (lesson 14) 1102 are ties,
# and the first difference by the alphabet comes at merge 93.
#
# None of these lists is better. But a model knows its pieces by their ids, so the list belongs to the model like its
# weights do. Whoever trains the tokenizer anew with another program, for a model that has been trained, gets ids that
# mean something else.
#
# ## 5. Bytes, and what gets lost without a word
#
# Which letters are there to begin with? If they are those of the text, a Japanese name is a problem again. So many
# tokenizers of today begin with **bytes**: a computer writes every character as one to four of 256 possible bytes
# (UTF-8), so 256 first pieces are enough for all there is, and nothing is ever unknown. The course's `Tokenizer` does
# that. And instead of a mark at the end of a word it has the blank *before* it as a part of the piece, shown as ▁.
# (What it learns depends on counts alone: neither on the order of the lines nor on how many threads count them.)
#
# But the library has to be told. Its trainer takes the letters of the text unless it is given an `initial_alphabet`,
# and the rest of the 256 bytes is then not in the vocabulary.
#
# *Predict:* such a tokenizer is trained on our English text alone, without an alphabet. It meets *Straße*, and a
# smile. Does it raise an error? Does it say "unknown"?

# %% name="silently-dropped" tags=["predict"]
few, all_bytes = (
    experiments.byte_level(text.source, whole_alphabet=whole) for whole in (False, True)
)
rows = []
for word in ("needle", "Straße", "🙂"):
    for name, library in (("letters of the text", few), ("all 256 bytes", all_bytes)):
        ids = library.encode(word).ids
        rows.append((word, name, len(ids), repr(library.decode(ids))))
show_table(("text", "begins with", "ids", "comes back as"), rows)
holds(
    ("Without an alphabet the smile has no ids at all.", few.encode("🙂").ids == []),
    ("With all bytes it comes back.", all_bytes.decode(all_bytes.encode("🙂").ids) == "🙂"),
)

# %% [markdown]
# No error, no `<unk>`, no warning: **what it does not know is not there** (tokenizers 0.23.3). *Straße* comes back
# without its ß, and a text of nothing but smiles is an empty sentence. A round trip on your own training text shows
# nothing of it. The test to have is a round trip on characters that are *not* in your text.
#
# ## 6. How many pieces?
#
# The size of the vocabulary is yours to choose. A larger one makes sentences shorter (and attention pays for length
# twice, once for each side of its square); it also has more rows to train, and a row that occurs three times learns
# little. Whole corpora take a while to count, so here are kept figures (`python -m
# course.lessons.lesson_09.experiments`): the course's whole corpus, 24,000 pairs, and Multi30k, 29,000 pairs of
# captions of photographs. Both tried on sentences that were not counted.
#
# *Predict:* how many of a hundred new captions have an unknown word, if the 8000 most frequent words of both
# languages have an id? And how much shorter does a caption get with 8000 pieces instead of 1000?

# %% name="vocabularies" tags=["predict"]
corpora = {"embedded": experiments.read("vocabulary"), "Multi30k": experiments.read("multi30k")}
show(experiments.vocabulary_table(corpora))
*_, largest = corpora["Multi30k"]["sizes"]
holds(
    (
        "With 8000 words every second caption still has an unknown one.",
        largest["sentences_with_one"] > 50,
    ),
    (
        "With 8000 pieces nothing is unknown, and a word has fewer than 1.5.",
        largest["pieces_a_word"] < 1.5,
    ),
)

# %% [markdown]
# With the 8000 most frequent words of both languages every second new caption still has a word without an id. With
# 8000 pieces nothing is unknown, and a word is cut into 1.28 pieces on average: nearly all words are whole. From 1000
# to 8000 pieces a caption gets a third shorter, but the last doubling gives hardly a tenth.
#
# The course's own world is small: after 2746 pieces no pair occurs twice any more, and the course's tokenizer, unlike
# your `bpe_train`, then stops. The shipped translator has 2000.
#
# ## 7. Four ids that stand for no text
#
# Some things have to be said to a model that no text says. Each has an id of its own, and in this course there is one
# place where they are written down, `course.special`:

# %% name="special-ids"
translator = pretrained_translator("en-de")  # the one that ships with the course
tokenizer = translator.tokenizer  # of 2000 pieces
says = (
    "fills up a row",
    "the decoder begins with it",
    "ends a sentence",
    "what has no id (never, with bytes)",
)
show_table(
    ("name", "id", "what it says"),
    list(zip(SPECIAL_TOKENS, (PAD, BOS, EOS, UNK), says, strict=True)),
)
pairs = encode_pairs(text, tokenizer)  # lists of ids, without any special ones
for ids in pairs[3]:
    print(ids, tokenizer.tokens(ids))

# %% [markdown]
# No piece of text ever has the ids 0 to 3: those of the 256 bytes begin at 4. Every function that needs a special id
# takes it as an argument. That sounds pedantic; section 8 shows what it costs not to agree.
#
# ## 8. A batch is a rectangle
#
# Sentences go through a model many at a time: one large product of matrices takes hardly longer than a small one. A
# tensor is a rectangle, and sentences are not equally long, so the short ones are filled up. Three rectangles make a
# batch. For the pair *sew it* / *näh es*:
#
# | tensor | row | what it is |
# |---|---|---|
# | `src` | sew it `<eos>` `<pad>` | what the encoder reads |
# | `tgt_in` | `<bos>` näh es `<pad>` | what the decoder is given |
# | `labels` | näh es `<eos>` `<pad>` | what it should say at each of these places |
#
# Look at the last two, column by column. Given `<bos>` it should say *näh*; given *näh*, *es*; given *es*, that it is
# done. One is the other, **shifted by one**. All places are asked at once, and each is given the *right* words before
# it; the causal mask of lesson 05 hides the word that it should say, which stands in `tgt_in` one column to the
# right. (Lesson 10 has more on this.)
#
# ### Exercise `make_batch`
#
# *difficulty ●●●○○ · importance ●●●●● · 20 minutes*
#
# `pairs` is a list of (source ids, target ids), without special ids. Return five tensors, the pairs in their order:
#
# - `src` (B, S): source, then `eos`. `tgt_in` (B, T): `bos`, then target. `labels` (B, T): target, then `eos`. Each
#   row is filled up on the right with `pad`, to the longest row of its tensor.
# - `src_mask` (B, 1, 1, S): `True` where `src` is not padding. `tgt_mask` (B, 1, T, T): position i may see position j
#   if j is not in the future and `tgt_in` is not padding at j.
#
# `torch.tensor(rows)` makes a rectangle out of lists that are equally long; `[pad] * 3` is a list of three. You may
# write a function `padded(rows, pad)` of your own, which is needed three times. For the masks, `x[:, None, None, :]`
# makes new axes as in numpy, `x.shape[1]` is a size, and `torch.ones(T, T, dtype=torch.bool).tril()` is the causal
# mask.


# %% name="exercise-make-batch"
def make_batch(pairs, pad, bos, eos):
    """Pad pairs of ids: src, tgt_in, labels, src_mask, tgt_mask."""
    ### BEGIN SOLUTION

    def padded(rows):
        width = max(len(row) for row in rows)
        return torch.tensor([row + [pad] * (width - len(row)) for row in rows])

    src = padded([source + [eos] for source, _ in pairs])
    tgt_in = padded([[bos] + target for _, target in pairs])
    labels = padded([target + [eos] for _, target in pairs])
    T = tgt_in.shape[1]
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    src_mask = (src != pad)[:, None, None, :]
    tgt_mask = (tgt_in != pad)[:, None, None, :] & causal
    return src, tgt_in, labels, src_mask, tgt_mask
    ### END SOLUTION


# %%
make_batch = check("make_batch", make_batch)

# %% [markdown]
# Three pairs as a picture; and then the course's own package, which has trained the shipped translator: are your
# batches its batches, id for id?

# %% name="as-in-the-package"
three = make_batch([pairs[i] for i in (68, 104, 102)], PAD, BOS, EOS)
names = ("src", "tgt_in", "labels")
show(
    figures.draw_batch,
    rows={
        name: [tokenizer.tokens(row) for row in each.tolist()]
        for name, each in zip(names, three, strict=False)
    },
)
packed = length_bucketed_batches(pairs, max_tokens=500, seed=1, epoch=0)
mine = [make_batch([pairs[i] for i in batch.indices], PAD, BOS, EOS) for batch in packed]
equal = [
    all(torch.equal(getattr(batch, name), own[at]) for at, name in enumerate(names))
    for batch, own in zip(packed, mine, strict=True)
]
holds((f"Your batches are the package's: {len(equal)} of {len(equal)}.", all(equal)))

# %% [markdown]
# ### If two do not agree on the ids
#
# The shipped translator was trained with the ids of section 7. What does it say to a batch that was made with others?
# We measure its **loss**: at every label, minus the logarithm of the probability that it gives to the right piece,
# and of these the mean. 0 would be "certain and right". Whoever guesses blindly among 2000 pieces has $\ln 2000 =
# 7.6$.
#
# *Predict* the order of the four losses: all agree; `<bos>` and `<eos>` are exchanged; the tokenizer fills up with 3
# while masks and loss look for 0; the tokenizer has one special id fewer, so that every piece's id is one too low.

# %% name="ids-that-differ" tags=["predict"]
model = translator.model.eval()


def loss_of(src, tgt_in, labels, src_mask, tgt_mask):
    """The mean loss of all labels that are not PAD."""
    with torch.no_grad():
        logits = model(src, tgt_in, src_mask=src_mask, tgt_mask=tgt_mask)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=PAD).item()


some = pairs[:64]
src, tgt_in, labels, _, _ = make_batch(some, UNK, BOS, EOS)  # filled up with 3 ...
not_pad = [
    (ids != PAD)[:, None, None, :] for ids in (src, tgt_in)
]  # ... and masked where there is 0: nowhere
lower = [tuple([i - 1 for i in side] for side in pair) for pair in some]
losses = {
    "all agree": loss_of(*make_batch(some, PAD, BOS, EOS)),
    "<bos> and <eos> exchanged": loss_of(*make_batch(some, PAD, EOS, BOS)),
    "filled up with 3, looked for 0": loss_of(src, tgt_in, labels, *not_pad),
    "every piece one id lower": loss_of(*make_batch(lower, PAD, BOS, EOS)),
}
show_table(
    ("tokenizer and model", "loss"), [(name, f"{loss:.2f}") for name, loss in losses.items()]
)
holds(
    ("No error and no nan: each is a loss like any other.", max(losses.values()) < 20),
    ("One id off is worse than guessing blindly.", losses["every piece one id lower"] > 7.6),
)

# %% [markdown]
# No error anywhere. Exchanged ends cost least, and only where they stand: the first word, before which the decoder
# sees the sign of an end, and the last label, which it has never had to say, are nearly all of it; in between it finds
# its way. Padding that is not recognized is read as words, which does almost no harm here, but its labels count: four
# in ten are padding now, and each is expensive. And with every piece one id too low the translator reads nonsense and
# is sure of the wrong things, which is worse than guessing blindly.
#
# In training nothing of this would be seen. A model that is *trained* with a confused pair of ids gets used to it,
# and the error waits for the day when somebody else's tokenizer, or your own from another run, reads for it.
#
# ## 9. Like with like
#
# A batch of a question of four words and a report of twenty is mostly padding. And padding is computed like
# everything else, in every layer, and thrown away. *Predict:* if batches are filled in the order in which our pairs
# come, up to 500 positions a side, which share of all positions is padding?
#
# The cure is to put sentences of like lengths together, in **buckets**, and to fill a batch by positions instead of
# by sentences: many short ones or few long ones, the same work (Vaswani et al., 2017, section 5.1, do both).
#
# ### Exercise `buckets`
#
# *difficulty ●●○○○ · importance ●●●●○ · 15 minutes*
#
# `lengths` has a pair of lengths for each pair of sentences, (source, target), special ids included. Return a list of
# buckets, each a list of *indices* into `lengths`. Go through the pairs sorted by the longer of their two sides, the
# shortest first, equal ones in the order in which they came (`sorted(..., key=...)` keeps it). A bucket is full when
# one more pair would make the number of its pairs times its longest side larger than `max_tokens`: then a new one
# begins. A pair that is too long all by itself gets a bucket of its own, and no bucket is empty.


# %% name="exercise-buckets"
def buckets(lengths, max_tokens):
    """Put pairs of like lengths together: a list of lists of indices."""
    ### BEGIN SOLUTION
    full, bucket = [], []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        longest = max(lengths[i])  # the newcomer is the longest so far
        if bucket and (len(bucket) + 1) * longest > max_tokens:
            full.append(bucket)
            bucket = []
        bucket.append(i)
    return [*full, bucket] if bucket else full
    ### END SOLUTION


# %%
buckets = check("buckets", buckets)

# %% name="padding" tags=["predict"]
lengths = experiments.lengths_of(pairs)
wastes = {
    "in the order of the text": experiments.padding(lengths, experiments.in_turn(lengths, 500)),
    "your buckets": experiments.padding(lengths, buckets(lengths, 500)),
    "the package": 100 * padding_report(packed).both,
}
rows = [(name, f"{waste:.1f}") for name, waste in wastes.items()]
show_table(("1000 pairs, 500 positions a side", "padding, %"), rows)

# %% [markdown]
# In the order of the text 38.5 % of all positions are padding; in your buckets 6.5 % are. The package gets 4.9 % with
# one trick more: among pairs whose longer sides are equal it sorts by the *difference* of the two sides, so that the
# shorter sides in a batch are alike as well.
#
# ### The rectangles
#
# Four of the batches that your function makes, drawn to scale: a row is a sentence, a column a position, the source
# is orange, the target blue, and what is computed for nothing is gray. Your function decides by lengths that are
# rounded up to multiples of *width*, so that all within a width are alike to it. At 1 it sees the lengths as they
# are; at 24 all are alike, and the batches are filled in the order of the text. (There is a little less padding than in
# the table, since the budget is then counted in rows of 24.)
#
# 1. Move *width* from 24 down to 1. Where does most of the gray go, and where does the rest come from at width 1?
# 2. Width 24: move *max_tokens* up. Why do large batches have *more* padding in percent?
# 3. Width 1: move *max_tokens* up to 800. Why is there more padding here as well, with a text of only 1000 pairs?

# %% name="explore-padding"
explore(
    figures.draw_padding,
    buckets=buckets,
    lengths=lengths,
    width=figures.WIDTHS,
    max_tokens=figures.BUDGETS,
)

# %% [markdown]
# <details><summary>What you may have seen</summary>
#
# 1. More than half of it goes between 16 and 4. What is left at width 1 are the shorter sides: two pairs whose longer
#    sides are equal may differ on the other one.
# 2. A batch is as wide as its longest sentence, and among forty there is a longer one than among ten.
# 3. A large bucket has to take in several lengths, as there are not enough pairs of one length to fill it. With the
#    whole corpus, which is 24 times larger, this nearly goes away, as you will see in a moment.
#
# </details>
#
# ### What it is worth
#
# Less padding should mean more real tokens in a second. How many, one has to time: steps of training (forward and
# backward) of the small translator on the course's whole corpus, on one core, for batches of several sizes. The
# figures are kept (`python -m course.lessons.lesson_09.experiments --only throughput`), and what counts are the
# ratios.
#
# *Predict:* buckets leave hardly any padding. How many times as many real tokens a second does that give? And which
# gives more, small batches or large ones?

# %% name="what-it-is-worth" tags=["predict"]
timed = experiments.read("throughput")
show(figures.draw_throughput, rows=timed)
speed = {(row["arrangement"], row["max_tokens"]): row["tokens_per_second"] for row in timed}
gains = [speed["width 1", budget] / speed["as they come", budget] for budget in experiments.BUDGETS]
holds(
    ("At every size buckets make it at least 1.3 times as fast.", min(gains) > 1.3),
    ("And nowhere 1.5 times.", max(gains) < 1.5),
    (
        "Beyond 2000 positions nothing is gained.",
        speed["width 1", 8000] < speed["width 1", 2000],
    ),
)

# %% [markdown]
# At 1000 positions a side, buckets of width 1 let the same core train on 1.44 times as many real tokens in a second;
# a width of 4 gives 1.32 and one of 8 gives 1.19. That is less than the padding promises: 60 % of all positions were
# real, now 95 % are, which would make 1.59. The package has one more trick, with or without buckets: it computes the
# output layer and the loss, a large part of the work of a small model, at real positions only.
#
# In buckets of width 1, batches of 1000 positions give 1.25 times the real tokens a second of batches of 250, because
# every step has costs that do not grow with it. Beyond 2000 nothing is gained, on a processor like this. (A GPU has
# thousands of cores to feed, and wants far larger batches.)
#
# There is a price. A bucket of width 1 holds sentences of one length only, so that a batch is no fair sample of the
# text: short questions in one update, long reports in the next. The package therefore mixes sentences of equal
# lengths anew in every epoch (pass over the corpus), moves the limits between batches, and goes through the batches
# in random order. Never go through them from short to long.
#
# ## 10. Find the bug
#
# Before any of this, corpora are cleaned: empty sentences go, very long ones too, and it is handy to have the short
# ones first. A colleague has written that. He has learned to test, so he tests three things: both sides are equally
# many; no sentence is empty or too long; and the lengths rise. All three hold. He trains. His loss falls nicely.


# %% name="three-tests"
def colleagues_pairs(sources, targets, longest):
    """Pairs of sentences without the empty and the long ones, short ones first."""
    sources = [source for source in sources if 0 < len(source) <= longest]
    targets = [target for target in targets if 0 < len(target) <= longest]
    sources = sorted(sources, key=len)
    targets = sorted(targets, key=len)
    return list(zip(sources, targets, strict=False))


sides = [list(side) for side in zip(*pairs, strict=True)]  # all sources, all targets
his = colleagues_pairs(*sides, longest=14)
print("equally many:", len([source for source, _ in his]) == len([target for _, target in his]))
print("none is empty or too long:", all(0 < len(side) <= 14 for pair in his for side in pair))
print(
    "the lengths rise:",
    all(max(map(len, a)) <= max(map(len, b)) for a, b in zip(his, his[1:], strict=False)),
)

# %% [markdown]
# ### Exercise `repair_pairs`
#
# *difficulty ●●○○○ · importance ●●●●● · 10 minutes*
#
# What has he never looked at? Copy his function into the cell below and repair it: return the pairs of which **both**
# sides have 1 to `longest` ids, sorted by the longer side, equal ones in the order in which they came. And if the two
# sides are not equally many to begin with, something has gone wrong before: then raise a `ValueError`. (`zip(sources,
# targets, strict=True)` does.)


# %% name="exercise-repair-pairs"
def repair_pairs(sources, targets, longest):
    """Pairs of sentences without the empty and the long ones, short ones first."""
    ### BEGIN SOLUTION
    pairs = list(zip(sources, targets, strict=True))
    kept = [pair for pair in pairs if all(0 < len(side) <= longest for side in pair)]
    return sorted(kept, key=lambda pair: max(len(side) for side in pair))
    ### END SOLUTION


# %%
repair_pairs = check("repair_pairs", repair_pairs)

# %% [markdown]
# How would he have noticed? Anybody who reads a little German sees it in the first pair. A translator that has been
# trained reads it, too: its loss on pairs that belong together is small. And what about the loss curve in which he
# trusts? Three translators were trained (kept figures): on the pairs as they are, on a text whose German side has
# *lost a single line* after a tenth, and on his.
#
# *Predict:* which of the three losses fall?

# %% name="how-the-bug-shows" tags=["predict"]
good = repair_pairs(*sides, longest=14)
rows = []
for name, which in (("his", his), ("repaired", good)):
    some = which[300:364]
    source, target = map(tokenizer.decode, some[0])
    rows.append((name, source, target, f"{loss_of(*make_batch(some, PAD, BOS, EOS)):.2f}"))
show_table(("pairs", "one of them", "its translation?", "loss of the shipped translator"), rows)
runs = experiments.read("misaligned")
show(figures.draw_misaligned, runs=runs)

# %% [markdown]
# <details><summary>What the mistake is, and why his tests could not see it</summary>
#
# His first two lines drop a sentence on one side and keep its translation on the other: from there on nothing belongs
# together. The next two finish the work: sorted by its own lengths, each side has an order of its own. And `zip`
# throws away what is left over and says nothing, so that the two sides are equally many whatever has happened. Of his
# 927 pairs 3 are pairs of the text, by chance.
#
# His tests look at each side, or at lengths. None asks whether the two halves of a pair belong together. The one that
# does is a single line: every pair that comes out is one of those that went in.
#
# And the loss? It falls from 6.6 to about 2.2, on his text as on the one that lost a line, and looks like a training
# that needs more time. What such a model learns is *German*: which words are frequent, and which follow which. It
# does that without the source, which tells it nothing. Of translating nothing is left (BLEU, lesson 11: 0.5 and 0.7
# out of 100; the pairs as they are give 92.4). One lost line of 24,000 does as much harm as sorting both sides. Only
# beside a run on right pairs can you see that 2.2 is not where a loss should stop: there it is at 0.3 after the same
# 300 updates.
#
# </details>
#
# Make pairs first, and never again touch a side alone. And look at ten lines of what goes into your model, every
# time.
#
# ## 11. Three questions

# %% name="quiz"
quiz("09")

# %% [markdown]
# ## 12. The whole lesson in one picture
#
# A pair on its way from text to a batch, and three buckets.

# %% name="summary"
show(
    figures.draw_summary,
    **figures.whole_way(text, tokenizer, pairs, buckets=buckets, make_batch=make_batch, number=114),
)

# %% [markdown]
# What you can take along:
#
# - Words have no end, letters no meaning. Pieces are counted out of the text: the most frequent pair of neighbors
#   becomes one, again and again. The list of merges, in its order, is the tokenizer.
# - Most merges are ties, so two programs list different ones. The list belongs to the model.
# - Byte-level BPE knows everything, if it is told all 256 bytes. If not, it drops what it does not know and says
#   nothing.
# - PAD, BOS, EOS and UNK from one place. A disagreement raises no error.
# - A batch: source with EOS, BOS with target, target with EOS; one is the other, shifted by one. Masks come from the
#   ids.
# - Like with like: buckets save three tenths of the time.
# - A pair is a pair. Filter and sort pairs, never sides.
#
# ## 13. Into the model
#
# The last step is the first of the next lesson. Everything is yours here: your cleaned pairs, one of your buckets,
# your batch.

# %% name="a-real-batch"
group = buckets(experiments.lengths_of(good), 300)[18]
src, tgt_in, labels, src_mask, tgt_mask = make_batch([good[i] for i in group], PAD, BOS, EOS)
loss = loss_of(src, tgt_in, labels, src_mask, tgt_mask)
print(f"src {tuple(src.shape)}, labels {tuple(labels.shape)}, loss {loss:.3f}")

with torch.no_grad():
    shares = model(src, tgt_in, src_mask=src_mask, tgt_mask=tgt_mask).softmax(-1)
of_label = shares.gather(-1, labels[..., None])[..., 0]  # what the right piece gets, (B, T)
row = int(of_label.masked_fill(labels == PAD, 1.0).min(1).values.argmin())
columns = (labels[row], of_label[row], shares[row].argmax(-1))
table = [
    (*tokenizer.tokens([label]), f"{share:.2f}", *tokenizer.tokens([first]))
    for label, share, first in zip(*(column.tolist() for column in columns), strict=True)
    if label != PAD
]
head = ("label", "probability", "its own first choice")
show_table(head, table, f"its greatest surprise: {tokenizer.decode(src[row].tolist())}")
holds(("It is nearly certain, and right: the loss is below 0.1.", loss < 0.1))

# %% [markdown]
# The translator is nearly certain everywhere, but for one place. English writes *read* for today and for yesterday.
# The label says *lesen*, today; the translator leans to *gelesen*, yesterday, and both are right. The loss counts it
# as a mistake all the same: it knows one translation, and no other. How a model learns from so strict a teacher, and
# why one makes it a little less strict, is lesson 10.
#
# ## A task for four
#
# *Scissors, 20 minutes.* Write twelve words of one sentence of yours on strips of paper, letter by letter, with a
# mark at the end of each. Two of you are one tokenizer, two the other: both count pairs and glue the most frequent
# one with tape, but of equals one team takes the first in the alphabet, the other the last. Do eight merges each.
# Then lay the lists side by side: at which merge do they part, and how many do they share in the end? Now each team
# cuts the name of the other's town with its own list. Agree on one sentence: *what exactly would go wrong if one
# team's translator read the other team's ids?*
#
# ## How to teach it
#
# Do the second round of section 2 on the board with the class voting; the tie comes as a surprise, and the vote
# splits. Before section 10, hand out two printed columns of twenty sentences, sorted apart, and let the class find
# out what is wrong without being told that anything is. If time is short, leave out section 6.
#
# ## Further reading
#
# - R. Sennrich, B. Haddow and A. Birch (2016), [Neural Machine Translation of Rare Words with Subword
#   Units](https://arxiv.org/abs/1508.07909). Section 3.2 has the method, and algorithm 1 its Python.
# - A. Radford et al. (2019), [Language Models are Unsupervised Multitask
#   Learners](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf).
#   Section 2.2: bytes instead of letters.
# - T. Kudo (2018), [Subword Regularization](https://arxiv.org/abs/1804.10959). Another way to cut, by probabilities,
#   with several cuts for one sentence.
# - A. Vaswani et al. (2017), [Attention Is All You Need](https://arxiv.org/abs/1706.03762). Section 5.1: batches by
#   length, 25,000 source and 25,000 target tokens each.
# - K. Bostrom and G. Durrett (2020), [Byte Pair Encoding is Suboptimal for Language Model
#   Pretraining](https://arxiv.org/abs/2004.03720). What counting alone does not see.
