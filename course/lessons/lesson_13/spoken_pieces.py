"""Which pieces a translator can run on, and the sentences that it then says."""

SENTENCES = (
    "The needle has a sharp point.",
    "It is not polite to point at people.",
    "The dog that my sister loves sleeps because it is tired.",
    "Wash the dress next to the house!",
)
# In the translator that ships with the course.
ON_NUMPY = ("attention", "multi_head_attention", "causal_mask", "padding_mask", "rotary")
# In the small one of lesson 11, which is built as learners build theirs.
ON_TORCH = (
    "positional_encoding", "torch_attention", "layer_norm", "residual_block", "embed", "stack", "decoder_mask",
    "greedy", "beam",
)  # fmt: skip
