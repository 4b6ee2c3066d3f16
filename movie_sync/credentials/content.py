"""What the decrypted file of credentials holds, and its form."""

import json
from dataclasses import dataclass, field
from typing import TypeGuard

from movie_sync.credentials.addresses import Servers
from movie_sync.domain.json_text import parse_json

_VERSION = 1
Stored = dict[str, dict[str, str]]


@dataclass(slots=True)
class Content:
    """What the file holds: the values, and by the same names the servers that secrets were entered for."""

    services: Stored
    entered_for: Stored = field(default_factory=dict)

    def note(self, servers: Servers) -> bool:
        """Note the present server of secrets that have none; tell whether there was one."""
        is_new = False
        for service, values in self.services.items():
            for name, server in servers.get(service, {}).items():
                if name in values and name not in self.entered_for.get(service, {}):
                    self.entered_for.setdefault(service, {})[name] = server
                    is_new = True
        return is_new


def serialized(content: Content) -> bytes:
    """Return the document."""
    document = {"version": _VERSION, "services": content.services, "entered_for": content.entered_for}
    return json.dumps(document).encode()


def parsed(document: bytes) -> Content | None:
    """Return what a document holds; None if it is not in the form we know."""
    try:
        content = parse_json(document)
    except ValueError:
        return None
    match content:
        case {"version": 1, "services": dict(services)}:
            servers = content.get("entered_for", {})
            if isinstance(servers, dict) and all(map(is_texts, (*services.values(), *servers.values()))):
                return Content(services, servers)
    return None


def is_texts(values: object) -> TypeGuard[dict[str, str]]:
    """Tell whether it is an object whose values are texts."""
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())
