"""The lab's only exception: something that the person at the keyboard can repair."""


class LabError(RuntimeError):
    """What went wrong and what to do next, in one sentence (a log excerpt may follow)."""
