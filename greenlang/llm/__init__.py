"""The gateway to language models: record and replay, budget, fall-back, disclosure.

Belongs here: asking a model and saying what it cost and what it was. Does not belong here: what becomes of an answer
(a deterministic check of the room that asked decides), numbers of any kind, litellm at import time.
"""
