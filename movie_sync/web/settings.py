"""Settings: each key is shown, and changed as `config KEY VALUE` does it; secrets are replaced, not read."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync.commands.check import try_service
from movie_sync.commands.config import in_force, run_config, say_changed
from movie_sync.commands.context import Context
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.invocation import command_line
from movie_sync.services import registry
from movie_sync.services.base import ClientService, Service, TrackerService
from movie_sync.settings.changes import receiver_of
from movie_sync.settings.config import save_changes
from movie_sync.settings.in_force import Setting, changes_of, variable_in_force
from movie_sync.settings.keys import GeneralSettings
from movie_sync.settings.values import is_on_this_machine, may_be_secret
from movie_sync.storage.atomic_file import DamagedError, delete_files, read_whole, write_atomically
from movie_sync.web.desk import Desk, Said
from movie_sync.web.guard import form_of
from movie_sync.web.logins import Logins
from movie_sync.web.notes import Note, Notes
from movie_sync.web.secrets import Given, Secrets
from movie_sync.web.setting_rows import (
    GENERAL,
    Control,
    control_of,
    logins,
    rows,
    secrets_to,
    sections,
    why_only_shown,
)
from movie_sync.web.views import Views

_FIELD = "secret."
"""Begins the name of a form's field that a credential is typed in."""


@dataclass(frozen=True, slots=True)
class Refusal(Note):
    """What was typed for a key and not taken stays in its field, unless it may be a secret."""

    key: str = ""
    text: str = ""


class SettingsPages:
    """Answers at `/settings` and below: a page for each section."""

    def __init__(self, desk: Desk, views: Views, secrets: Secrets, page_logins: Logins) -> None:
        self._desk = desk
        self._views = views
        self._secrets = secrets
        self._logins = page_logins
        self._notes = Notes()
        self._testing = threading.Lock()

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [
            Route("/settings", self.show),
            Route("/settings/{section}", self.show),
            Route("/settings/{section}/set", self.set, methods=["POST"]),
            Route("/settings/{section}/secrets", self.replace_secrets, methods=["POST"]),
            Route("/settings/{section}/test", self.test, methods=["POST"]),
            Route("/settings/{section}/add", self.add_tracker, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Show a section."""
        context = self._desk.context()
        section = request.path_params.get("section", GENERAL)
        known = sections(in_force(context))
        if section not in known:
            return self._views.page(request, "missing_section.html", HTTPStatus.NOT_FOUND, name=section)
        why = self._secrets.learn()
        note = self._notes.of(request)
        return self._views.page(
            request,
            "settings.html",
            section=section,
            sections=known,
            rows=rows(section, context, self._secrets),
            logins=logins(section, self._secrets, in_force(context)),
            warnings=[context.redactor.clean(one_line(each)) for each in context.config.warnings],
            why=why,
            note=note,
            refusal=note if isinstance(note, Refusal) else Refusal((), is_good=True),
            config_path=str(context.paths.config),
        )

    def set(self, request: Request) -> Response:
        """Change one key, or take it out of the file."""
        form = form_of(request)
        key = form.get("key", "")
        text = form.get("value", "").strip()
        said = self._set(key, text, form)
        note = Note.of(said)
        if not said.is_good:
            kept = "" if self._may_be_secret(key, text) else text
            note = Refusal(note.lines, is_good=False, key=key, text=kept)
        return self._back(request, note)

    def replace_secrets(self, request: Request) -> Response:
        """Keep the credentials that were typed; what is empty stays as it is."""
        form = form_of(request)
        service = self._service(request, form)
        if service is None:
            return self._back(request, _refused("No such service."))
        given = self._secrets.of(service)
        typed = _typed(form, given)
        if variables := [each.variable for each in given if each.variable and each.name in typed]:
            return self._back(
                request, _refused(f"{', '.join(variables)} overrides the stored value. Change it there.")
            )
        if not typed:
            return self._back(request, Note(("Nothing was entered, so nothing has changed.",), is_good=True))

        if service.names_files(typed):
            again = command_line("setup", service.block)
            return self._back(
                request,
                _refused(f"An address that names a file can only be entered in a terminal: `{again}`"),
            )

        def save(context: Context) -> int:
            context.paths.prepare()
            context.credentials_manager().save({service.name: typed})
            titles = ", ".join(each.title for each in given if each.name in typed)
            context.say(f"Saved: {titles}.")
            return 0

        said = self._desk.do(save)
        if said.is_good and service.name == "web":
            self._logins.end_others(request.scope["state"]["cookie"])
            said.say("All other sessions have ended.")
        return self._back(request, Note.of(said))

    def test(self, request: Request) -> Response:
        """Try a service with what is stored, beside all else."""
        form = form_of(request)
        service = self._service(request, form)
        if service is None:
            return self._back(request, _refused("No such service."))
        if not self._testing.acquire(blocking=False):
            return self._back(request, _refused("Another test is running. Try again when it's done."))
        context = self._desk.context()
        try:
            self._secrets.learn()
            words, is_good = try_service(context, service, form.get("entry", "")), True
        except (MovieSyncError, OSError) as exc:
            words, is_good = str(exc), False
        finally:
            self._testing.release()
        title = f"{service.title} {form.get('entry', '')}".strip()
        line = context.redactor.clean(one_line(f"{title}: {words}"))
        return self._back(request, Note((line,), is_good))

    def add_tracker(self, request: Request) -> Response:
        """Add a named tracker, with its key, and ask it from now on."""
        form = form_of(request)
        service = self._service(request, form)
        name, url, key = (form.get(field, "").strip() for field in ("name", "url", "key"))
        if not isinstance(service, TrackerService) or not service.is_named:
            return self._back(request, _refused("No such kind of tracker."))
        section = service.section_name or service.name

        def add(context: Context) -> int:
            trackers = list(context.config.section(GeneralSettings).trackers)
            for overridden in (section, "trackers"):
                if variable := variable_in_force(overridden, context.environ):
                    raise UserError(f"{variable} overrides config.json. Add it there.")
            if name in context.config.values[section]:
                raise UserError(f"There's already a tracker named {name}.")
            changes = {section: {name: {"url": url}}, "trackers": [*trackers, f"{service.name}:{name}"]}
            _save_with_secrets(context, service, changes, {name: key})
            context.say(f"Added the tracker {service.name}:{name}.")
            return 0

        return self._back(request, Note.of(self._desk.do(add)))

    def _set(self, key: str, text: str, form: Mapping[str, str]) -> Said:
        setting = self._setting(key)
        if setting is None:
            return _no("No such setting.")
        if why := why_only_shown(setting) or _why_not_there(setting, text):
            return _no(why)
        is_unset = form.get("do") == "unset"
        if control_of(setting) is Control.CHECK:
            text = "true" if "value" in form else "false"
        if not is_unset and not text and setting.is_hidden:
            return _no("Nothing was entered, so nothing has changed.")
        receiver = receiver_of(key)
        if receiver is not None:
            if why := self._secrets.learn():
                return _no(why)
            needed = secrets_to(key, {receiver[0].name: self._secrets.of(receiver[0])})
            if any(each.is_secret and each.is_set for each in needed):
                return self._set_address(setting, receiver[0], needed, form)
        return self._desk.run(run_config, key=key, value=None if is_unset else text, unset=is_unset)

    def _set_address(
        self, setting: Setting, service: Service, needed: list[Given], form: Mapping[str, str]
    ) -> Said:
        """Change an address that secrets go to, with these secrets; both are saved, or neither."""
        text = form.get("value", "").strip()
        typed = _typed(form, needed)
        secrets = [each for each in needed if each.is_secret]
        if variables := [each.variable for each in secrets if each.is_set and each.variable]:
            return _no(
                f"{', '.join(variables)} sets the credentials for this address. "
                "Change both where Movie Sync is started, and restart it."
            )
        if form.get("do") == "unset" or not any(each.name in typed for each in secrets):
            titles = " or ".join(each.title for each in secrets)
            return _no(
                f"Enter the {titles} again with the address: the stored one was entered for the old address."
            )
        anew = {each.name: "" for each in secrets} | typed

        def save(context: Context) -> int:
            _save_with_secrets(context, service, changes_of(setting.key, text), anew)
            say_changed(context, setting.key)
            context.say("The credentials were saved with it.")
            return 0

        return self._desk.do(save)

    def _setting(self, key: str) -> Setting | None:
        return next((each for each in in_force(self._desk.context()) if each.key == key), None)

    def _may_be_secret(self, key: str, text: str) -> bool:
        setting = self._setting(key)
        return setting is None or setting.rule.is_private or may_be_secret(text)

    @staticmethod
    def _service(request: Request, form: Mapping[str, str]) -> Service | None:
        """Return the service of a form, if it belongs to the section and has credentials."""
        section = request.path_params["section"]
        for service in registry.everything():
            is_here = section == (service.section_name or service.name)
            if is_here and service.credentials and service.name == form.get("service"):
                return service
        return None

    def _back(self, request: Request, note: Note) -> Response:
        section = request.path_params["section"]
        is_known = section in sections(in_force(self._desk.context()))
        return self._notes.leave(request, note, f"/settings/{section}" if is_known else "/settings")


def _why_not_there(setting: Setting, address: str) -> str:
    """Return why the page doesn't take a torrent client's address: whoever gets a torrent has the passkey."""
    receiver = receiver_of(setting.key)
    try:
        host, present = (urlsplit(each).hostname for each in (address, str(setting.value)))
        is_near = not host or host == present or is_on_this_machine(address)
    except ValueError:  # no address: that's said where it's read
        return ""
    if is_near or receiver is None or not isinstance(receiver[0], ClientService):
        return ""
    return (
        "Torrents contain your passkey, so the address of a client on another machine can only be set "
        f"in a terminal: `{command_line('config', setting.key, 'VALUE')}`"
    )


def _typed(form: Mapping[str, str], given: list[Given]) -> dict[str, str]:
    """Return the credentials that were typed, of those that there are."""
    fields = ((each.name, form.get(f"{_FIELD}{each.name}", "")) for each in given)
    return {name: text for name, text in fields if text.strip()}


def _save_with_secrets(
    context: Context, service: Service, changes: Mapping[str, object], typed: Mapping[str, str]
) -> None:
    """Save settings together with the credentials for the address in them, or neither.

    The credentials come first, as in setup: a daemon then takes them for the new address.
    """
    context.paths.prepare()
    changed = replace(context, config=context.config.changed(changes))
    path = context.paths.credentials
    try:
        before = read_whole(path)
    except FileNotFoundError:
        before = b""
    except DamagedError as exc:
        raise UserError(f"Can't use {path}: {exc}.") from None
    changed.credentials_manager().save({service.name: typed})
    try:
        save_changes(context.paths.config, changes)
    except MovieSyncError:
        if before:
            write_atomically(path, [before])
        else:
            delete_files(path)
        raise


def _no(words: str) -> Said:
    return Said(1, complaints=[words])


def _refused(words: str) -> Note:
    return Note((words,), is_good=False)
