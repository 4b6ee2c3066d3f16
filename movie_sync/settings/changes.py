"""What is different in a changed `config.json`, and which addresses a secret goes to."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from movie_sync.services import registry
from movie_sync.services.base import Service
from movie_sync.settings.config import Config

_ADDRESS_KEYS = ("url", "base_url")


@dataclass(frozen=True, slots=True)
class SecretAddress:
    """Where a service's secrets go; `key` is its full name, `entry` the user's name for a named service."""

    key: str
    service: Service
    entry: str
    url: str


def changed_keys(old: Mapping[str, object], new: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """Yield the full names of what differs between two contents of the file."""
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from changed_keys(before, after, f"{prefix}{key}.")
        elif before != after or (key in old) != (key in new):
            yield prefix + key


def secret_addresses(config: Config) -> Iterator[SecretAddress]:
    """Yield the addresses in force of services with secrets; without those that could not be read."""
    for service in registry.everything():
        if service.section is None or not any(field.is_secret for field in service.credentials):
            continue
        place = service.section_name or service.name
        values: Mapping[str, object] = config.values[place]
        sections = values.items() if service.is_named else [("", values)]
        for entry, section in sections:
            for name in _ADDRESS_KEYS:
                key = ".".join(filter(None, (place, entry, name)))
                url = section.get(name) if isinstance(section, Mapping) else None
                if isinstance(url, str) and not _is_unread(key, config):
                    yield SecretAddress(key, service, entry, url)


def names_address(content: Mapping[str, object]) -> bool:
    """Tell whether settings, in the form of the file, hold an address of a service."""
    return any(
        key in _ADDRESS_KEYS or (isinstance(value, Mapping) and names_address(value))
        for key, value in content.items()
    )


def _is_unread(key: str, config: Config) -> bool:
    return any(f"{key}.".startswith(f"{problem.key}.") or not problem.key for problem in config.problems)


def within(key: str, keys: Collection[str]) -> bool:
    """Tell whether a key, or one in that section, or the section that it is in, is among some."""
    return any(f"{key}.".startswith(f"{each}.") or f"{each}.".startswith(f"{key}.") for each in keys)


def receiver_of(key: str) -> tuple[Service, str] | None:
    """Return the service whose secrets go to the address that a key holds, and the user's name for it.

    None for every other key.
    """
    section, _, inner = key.partition(".")
    entry, _, name = inner.rpartition(".")
    for service in registry.everything():
        has_secrets = service.section is not None and any(field.is_secret for field in service.credentials)
        if has_secrets and section == (service.section_name or service.name) and name in _ADDRESS_KEYS:
            return service, entry
    return None
