"""What can go wrong, besides settings that cannot be used (`chatmaild.errors.SettingsError`).

SiteError
└── TextError       a text, page or theme of the operator or of this package is wrong
"""


class SiteError(Exception):
    """The pages cannot be built; the message is one line for the operator."""


class TextError(SiteError, ValueError):
    """A text file, an extra page or a theme value is wrong."""
