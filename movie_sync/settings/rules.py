"""How the user's rules on releases, and languages, are read from `config.json`."""

from collections.abc import Mapping

from movie_sync.domain.languages import ORIGINAL, language_named
from movie_sync.domain.release_rules import FLAGS, VALUES, Field
from movie_sync.settings.values import (
    MANY,
    Reader,
    UnusableValue,
    filled_text,
    flag,
    list_of,
    number,
    one_of,
    shown,
)

LANGUAGES = f'a list of languages by their English names or ISO 639-1 codes, or "{ORIGINAL}"'


def language(value: object) -> str:
    """Read a language by its English name or code, or the word for the film's own."""
    text = filled_text(value)
    name = ORIGINAL if text.casefold() == ORIGINAL else language_named(text)
    if not name:
        raise UnusableValue
    return name


def _condition_reader(field: Field) -> Reader:
    if field in FLAGS:
        return flag
    if field is Field.LANGUAGES:
        return list_of(language, may_be_empty=False)
    return list_of(one_of(*VALUES[field]) if field in VALUES else filled_text, may_be_empty=False)


_CONDITIONS = {field: _condition_reader(field) for field in Field}


def _conditions(value: object) -> dict[str, object]:
    """Read an object of conditions; of one that cannot be used, say which and what is allowed."""
    if not isinstance(value, Mapping) or not value:
        raise UnusableValue("conditions must be an object with at least one field")
    read: dict[str, object] = {}
    for name, wanted in value.items():
        if name not in _CONDITIONS:
            raise UnusableValue(f"{shown(name)} isn't a field; fields are {', '.join(Field)}")
        try:
            read[name] = _CONDITIONS[Field(name)](wanted)
        except UnusableValue:
            raise UnusableValue(
                f"{name} is {shown(wanted)}, but must be {_allowed_in(Field(name))}"
            ) from None
    return read


def _allowed_in(field: Field) -> str:
    if field in FLAGS:
        return "true or false"
    if field is Field.LANGUAGES:
        return LANGUAGES
    return f"a list of {', '.join(VALUES[field])}" if field in VALUES else "a list of strings"


def _release_rule(value: object) -> dict[str, object]:
    """Read one rule, in the form of the file: `when` with `not` in it, and `reject` or `score`."""
    if not isinstance(value, Mapping) or not isinstance(when := value.get("when"), Mapping):
        raise UnusableValue("a rule must be an object with `when`, and `reject` or `score`")
    if unknown := value.keys() - {"when", "reject", "score"}:
        raise UnusableValue(f"{shown(min(unknown))} isn't part of a rule")
    conditions = {key: part for key, part in when.items() if key != "not"}
    read = _conditions(conditions) if conditions or "not" not in when else {}
    if "not" in when:
        read["not"] = _conditions(when["not"])
    match value:
        case {"reject": True} if "score" not in value:
            return {"when": read, "reject": True}
        case {"score": score} if value.get("reject", False) is False:
            return {"when": read, "score": number(-MANY, MANY)(score)}
    raise UnusableValue('a rule needs either "reject": true or a score')


def release_rules(value: object) -> list[dict[str, object]]:
    """Read the rules, in the form of the file; of one that cannot be used, say which and why."""
    if not isinstance(value, list):
        raise UnusableValue
    read = []
    no_score = f"its score must be a number from {-MANY:g} to {MANY:g}"
    for place, rule in enumerate(value, 1):
        try:
            read.append(_release_rule(rule))
        except UnusableValue as exc:
            raise UnusableValue(f"rule {place}: {str(exc) or no_score}") from None
    return read
