"""Finding out that others look at the same address, without showing what anybody looks at.

A member of a case asks about its addresses, and a supervisor agrees. Whoever holds one of them is
told first, that somebody asks and nothing of who; they decide whether the asker hears "overlap,
contact?". Only when both agree does each see how to reach the other.
"""
