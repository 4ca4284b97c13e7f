"""One small model, its tokenizer and its tasks, on which pages about training build.

`started(seed)` gives a model after supervised training on demonstrations of which some were
careless. On held-out tasks, 30% to 50% of its sampled replies are right. Sixty steps of a
group-relative policy gradient lift that to at least 45%, and by at least 10% in each of five
seeds, in seconds. The carelessness is planted, the tasks are digits in order: what such a toy
cannot show is anything about the size of an effect in a language model.
"""
