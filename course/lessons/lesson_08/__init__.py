"""The room of lesson 08, the decoder and the whole Transformer."""
