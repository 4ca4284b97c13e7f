"""A streaming service whose truth is known: two worlds that write the same log of plays.

Each member has a taste, each title a place in the same space and a fame that falls off like
Zipf's law. In one world fame is liking: every title is shown equally often, and a famous one is
played more often when it is seen. In the other fame is exposure: a famous title is shown more
often, and liked no more than its fit. A log of plays alone cannot tell the two apart, since both
multiply the same two factors; a slice of slots filled at random can.
"""
