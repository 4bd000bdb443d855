"""What dovetail raises in user code, and what user code may catch."""

from __future__ import annotations


class DovetailError(Exception):
    """Base of all errors that dovetail raises by itself."""

    kind = "raised"
    hint: str | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class QueryError(DovetailError):
    """The database could not run a query."""


class InputError(DovetailError):
    """An input cannot be handed over in the form that the parameter's annotation asks for."""

    kind = "input"


class OutputError(DovetailError):
    """A function gave something that cannot be stored."""

    kind = "output"


class ColumnTypeError(DovetailError):
    """A column's type (or one of its values) cannot cross between the database and a library."""

    kind = "column_type"


class ObjectStoreError(DovetailError):
    """An IO manager could not store or load an object."""

    kind = "object_store"


class EditedError(DovetailError):
    """A module of the project is not the one that was compiled: nobody could say what its assets were made of."""

    kind = "import"


class TestError(DovetailError):
    """What `dovetail.testing` was asked for cannot be run: the message is what the command line would say."""

    # Its name begins as pytest expects of tests.
    __test__ = False
