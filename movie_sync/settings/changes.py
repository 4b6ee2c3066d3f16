"""What is different in a changed `config.json`, and which servers the secrets go to."""

from collections.abc import Collection, Iterator, Mapping

from movie_sync.credentials.addresses import Servers, server_of
from movie_sync.services import registry
from movie_sync.services.base import Service
from movie_sync.settings.config import Config

_ADDRESS_KEYS = ("url", "base_url")


def changed_keys(old: Mapping[str, object], new: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """Yield the full names of what differs between two contents of the file."""
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from changed_keys(before, after, f"{prefix}{key}.")
        elif before != after or (key in old) != (key in new):
            yield prefix + key


def secret_servers(config: Config) -> Servers:
    """Return the server that each secret goes to with these settings."""
    servers = {}
    for service in registry.everything():
        secrets = [field.name for field in service.credentials if field.is_secret]
        if service.section is None or not secrets:
            continue
        values: Mapping[str, object] = config.values[service.section_name or service.name]
        sections = values if service.is_named else dict.fromkeys(secrets, values)
        urls = {name: _address_in(section) for name, section in sections.items()}
        servers[service.name] = {name: server_of(url) for name, url in urls.items() if url}
    return servers


def _address_in(section: object) -> str:
    values = section if isinstance(section, Mapping) else {}
    return next((url for key in _ADDRESS_KEYS if isinstance(url := values.get(key), str)), "")


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
