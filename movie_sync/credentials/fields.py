"""What a service says of its credentials, so that nobody else has to know them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One credential: its name in the file, its environment variable, and how people call it.

    The fields of one `group` are of use together only: who gives one group whole in the environment
    needs nothing stored. A secret one may also come from the file that `VARIABLE_FILE` names. One that
    `is_list` may stand in lines; one that `is_named` is a JSON object in the environment, and what
    it holds stands in the file by the user's own names.
    """

    name: str
    variable: str
    title: str
    is_secret: bool = True
    may_hold_blanks: bool = True
    is_list: bool = False
    is_named: bool = False
    group: str = ""

    @property
    def file_variable(self) -> str:
        """The variable that names a file with it; empty if it may come from none."""
        return f"{self.variable}_FILE" if self.is_secret else ""
