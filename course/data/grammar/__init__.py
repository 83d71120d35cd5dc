"""The grammar behind the embedded corpus: lexicon, meaning, and three linearisers."""
