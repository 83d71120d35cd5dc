"""Known wrong versions of the exercises of lesson 08, and the question that leads out of each.

Those of functions stand in `embedding`, `counting` and `judging`; those of classes import torch and stand in
`encoder_layer`, `decoder_layer` and `transformer`.
"""
