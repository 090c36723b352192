"""What can go wrong: `SiteError` has two children.

SiteError
├── SettingsError   the settings cannot be used (exit code 78)
└── TextError       a text, page or theme of the operator or of this package is wrong (exit code 1)
"""


class SiteError(Exception):
    """The pages cannot be built; the message is one line for the operator."""

    exit_code = 1


class SettingsError(SiteError, ValueError):
    """A key of the settings file is missing or has an unusable value."""

    exit_code = 78


class TextError(SiteError, ValueError):
    """A text file, an extra page or a theme value is wrong."""
