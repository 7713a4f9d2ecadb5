"""Signing in with a token: the form, the cookie, and leaving again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fw_dataset.serve.pages.addresses import Addresses
from fw_dataset.serve.pages.layout import Frame
from fw_dataset.serve.pages.notices import sign_in_page
from fw_dataset.serve.pages.sessions import Sessions
from fw_dataset.serve.pages.site import html

__all__ = ["SignIn"]

_LONGEST_FORM = 8192


@dataclass(frozen=True)
class SignIn:
    """The way in for people, where programs send a token with each request.

    Attributes:
        owner_of: who comes with a token, or None if it is none, told in constant time.
        sessions: who is in.
        release: of this package.
        base: the path at which people reach the service, without a slash at its end.
        is_secure: people reach it by HTTPS, so that the cookie is for that alone.
        is_needed: there are tokens; without, everybody is in.
    """

    owner_of: Callable[[str], str | None]
    sessions: Sessions
    release: str = ""
    base: str = ""
    is_secure: bool = False
    is_needed: bool = True

    def routes(self) -> list[Route]:
        """The routes, which nothing may stand before that asks for a token."""
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.enter, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
        ]

    def redirect(self, request: Request) -> Response:
        """The answer to a page's request from somebody who is not in: to the form, and back."""
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(
            f"{self._to.sign_in}?next={quote(self._own(self.base + target), safe='/')}", 303
        )

    async def show(self, request: Request) -> Response:
        """The form."""
        target = self._own(request.query_params.get("next", ""))
        if not self.is_needed:
            return RedirectResponse(target, 303)
        return html(sign_in_page(self._frame, target))

    async def enter(self, request: Request) -> Response:
        """What was put into the form."""
        given = parse_qs(await _bounded_body(request), keep_blank_values=True)
        target = self._own(_first(given, "next"))
        owner = self.owner_of(_first(given, "token").strip())
        if owner is None:
            return html(sign_in_page(self._frame, target, refused=True), 401)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            self.sessions.cookie,
            self.sessions.begin(owner),
            max_age=int(self.sessions.seconds),
            path=self._to.home,
            secure=self.is_secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def leave(self, request: Request) -> Response:
        """The end of a session."""
        cookie = self.sessions.cookie
        self.sessions.end(request.cookies.get(cookie))
        answer = RedirectResponse(self._to.sign_in, 303)
        answer.delete_cookie(
            cookie, path=self._to.home, secure=self.is_secure, httponly=True, samesite="strict"
        )
        return answer

    @property
    def _to(self) -> Addresses:
        return Addresses(self.base)

    @property
    def _frame(self) -> Frame:
        return Frame(self._to, self.release)

    def _own(self, target: str) -> str:
        """The target if it is a path of this service: nobody is sent elsewhere by a link to us."""
        try:
            parts = urlsplit(target)
        except ValueError:
            return self._to.home
        is_own = target.startswith(self._to.home) and target.isprintable()
        is_path = not parts.scheme and not parts.netloc and "\\" not in target
        return target if is_own and is_path else self._to.home


def _first(given: dict[str, list[str]], name: str) -> str:
    return given.get(name, [""])[0]


async def _bounded_body(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return ""
    return body.decode("utf-8", "replace")
