"""The one family of errors a user of this toolkit meets; each says what to mend in one line."""


class JepaLangchainError(Exception):
    """Base of every error raised on purpose; the command line prints it as one line and exits with 3."""


class InputError(JepaLangchainError):
    """A statement, persona or pairs file that cannot be used; names the file, the line or the field."""


class ModelError(JepaLangchainError):
    """A model directory or an encoder that is missing, damaged, or not the one it claims to be."""


class StoreError(JepaLangchainError):
    """An index directory that is damaged, locked, of another model, or not an index; names the file."""
