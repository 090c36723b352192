"""Errors of the build. Invalid settings are a `chatmaild.errors.SettingsError`.

SiteError
└── TextError       a text, page or theme is invalid
"""


class SiteError(Exception):
    """The pages cannot be built; the message is one line for the operator."""


class TextError(SiteError, ValueError):
    """A text file, an extra page or a theme value is invalid."""
