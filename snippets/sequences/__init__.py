"""A language small enough that each of its sequences can be written down.

Three tokens and three steps make 27 sequences, so an expectation is a sum of 27 terms, and its
gradient is what autograd makes of that sum: nothing is sampled. With an end token sequences have
several lengths. Pages that call an estimator unbiased, or a variance lower, compute it here.
"""
