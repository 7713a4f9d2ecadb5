"""The pages that only say something: what went wrong, and that one has to sign in."""

from __future__ import annotations

from fw_dataset.serve.pages.layout import Frame, page
from fw_dataset.serve.pages.markup import tag

__all__ = ["problem_page", "sign_in_page"]


def problem_page(frame: Frame, title: str, text: str) -> str:
    """What went wrong, and where to go from here."""
    back = tag("a", "All datasets", href=frame.to.home, class_="button")
    return page(
        frame, title, tag("h1", title), tag("p", text, class_="lead"), tag("p", back), section=""
    )


def sign_in_page(frame: Frame, target: str, *, refused: bool = False) -> str:
    """The form that takes the token.

    Args:
        frame: what surrounds the page.
        target: where to go afterwards, a path of this service.
        refused: the token that was given is not the right one.
    """
    said = tag("p", "That token is not the right one.", role="alert", class_="notice bad")
    form = tag(
        "form",
        tag("label", "Token", for_="token"),
        tag(
            "input",
            id="token",
            name="token",
            type="password",
            autocomplete="current-password",
            required=True,
            autofocus=True,
            aria_describedby="token-help",
        ),
        tag(
            "p",
            "Whoever runs this service can give it to you. It is not kept in this browser.",
            id="token-help",
            class_="soft small",
        ),
        tag("input", type="hidden", name="next", value=target),
        tag("button", "Sign in", class_="button strong"),
        method="post",
        action=frame.to.sign_in,
        class_="sign-in",
        aria_label="Sign in",
    )
    return page(
        frame,
        "Sign in",
        tag("h1", "Sign in"),
        said if refused else None,
        form,
        section="",
        script="sign_in.js",
    )
