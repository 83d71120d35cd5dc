"""The room of lesson 07, the encoder."""
