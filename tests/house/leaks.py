"""Looking for secrets in each form that they travel in."""

import base64
from collections.abc import Iterable
from urllib.parse import quote, quote_plus


def forms(secret: str, user: str) -> set[str]:
    """Return a secret in each form that it travels in."""
    packed = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), secret.upper(), packed}


def assert_no_secret(texts: Iterable[str], secrets: Iterable[str], user: str) -> None:
    """Fail if one of the texts holds one of the secrets."""
    every = list(texts)
    for form in {form for secret in secrets for form in forms(secret, user)}:
        assert not [text for text in every if form in text], form
