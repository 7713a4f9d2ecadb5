"""Who is let in, under which names, and from where."""

from __future__ import annotations

import base64
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from fw_dataset.errors import InvalidArgumentError
from fw_dataset.serve.access import Access, is_loopback, read_tokens
from fw_dataset.serve.settings import Limits, Settings
from fw_dataset.serve.tickets import Tickets
from tests.serve.conftest import Study
from tests.serve.server import Server, running

ONE, OTHER = "one-token-that-is-long", "another-token-as-long"
PAGE = "https://pages.example.org"


@pytest.fixture(scope="module")
def guarded(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Wants a token, speaks TLS, knows a page, stands behind a name."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    cert, key, tokens = folder / "cert.pem", folder / "key.pem", folder / "tokens"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    tokens.write_text(f"# of the lab\n{ONE}\n\n{OTHER}  # of a guest\n")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    options = ("--token-file", tokens, "--cert", cert, "--key", key, "--cors-origin", PAGE)
    with running(study.path, *options, "--allow-host", "data.lab", context=context) as server:
        yield server


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/tables", "/table/files/info", "/table/files/data", "/metrics"])
def test_a_token_is_needed(guarded: Server, path: str) -> None:
    assert guarded.url.startswith("https://")
    for headers in ({}, bearer("wrong"), bearer(""), bearer(ONE[:-1]), {"Authorization": ONE}):
        answer = guarded.ask("GET", path, headers=headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.error
    for token in (ONE, OTHER):
        assert guarded.ask("GET", path, headers=bearer(token)).status == 200


def test_some_things_anybody_may_know(guarded: Server) -> None:
    for path in ("/healthz", "/service-info", "/openapi.json"):
        assert guarded.get(path).status == 200


def test_a_browser_asks_for_a_password_which_is_a_token(guarded: Server) -> None:
    answer = guarded.get("/tables", Accept="text/html")
    assert answer.headers["www-authenticate"].startswith("Basic")
    for token, status in ((ONE, 200), ("wrong", 401)):
        basic = base64.b64encode(f"anybody:{token}".encode()).decode()
        assert guarded.get("/tables", Authorization=f"Basic {basic}").status == status
    assert guarded.get("/tables", Authorization="Basic ?").status == 401


def test_a_result_is_only_for_who_asked(guarded: Server) -> None:
    sql = {"query": "SELECT * FROM range(3000)"}
    first = guarded.ask("POST", "/search", sql, bearer(ONE)).json
    url = first["pagination"]["next_page_url"]
    assert guarded.ask("GET", url).status == 401
    assert guarded.ask("GET", url, headers=bearer(OTHER)).status == 404
    query = url.rpartition("/")[0]
    assert guarded.ask("DELETE", query, headers=bearer(OTHER)).status == 404
    assert guarded.ask("GET", url, headers=bearer(ONE)).status == 200
    assert guarded.ask("DELETE", query, headers=bearer(ONE)).status == 204
    assert guarded.ask("GET", url, headers=bearer(ONE)).status == 404


def test_addresses_of_pages_cannot_be_made_up(guarded: Server) -> None:
    sql = {"query": "SELECT * FROM range(3000)"}
    one, other = (
        guarded.ask("POST", "/search", sql, bearer(ONE)).json["pagination"]["next_page_url"]
        for _ in range(2)
    )
    (start, ticket), (_, other_ticket) = one.rsplit("/", 1), other.rsplit("/", 1)
    flipped = ("A" if ticket[0] != "A" else "B") + ticket[1:]
    for made_up in (flipped, other_ticket, ticket[:-1], ticket + "A", "0", "1"):
        assert guarded.ask("GET", f"{start}/{made_up}", headers=bearer(ONE)).status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_a_name_that_leads_here_from_elsewhere_is_refused(guarded: Server, host: str) -> None:
    answer = guarded.ask("GET", "/healthz", headers={"Host": host or " "})
    assert answer.status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "data.lab", "DATA.lab:1"])
def test_its_own_names_are_known(guarded: Server, host: str) -> None:
    answer = guarded.ask("GET", "/tables", headers={"Host": host, **bearer(ONE)})
    assert answer.status == 200
    assert f"https://{host}/table/" in answer.body.decode()


def test_only_pages_that_are_named_may_ask(guarded: Server) -> None:
    sql = {"query": "SELECT 1 AS a"}
    evil = guarded.ask("POST", "/search", sql, {"Origin": "https://evil.example", **bearer(ONE)})
    assert evil.status == 403
    assert "access-control-allow-origin" not in evil.headers
    good = guarded.ask("POST", "/search", sql, {"Origin": PAGE, **bearer(ONE)})
    assert good.status == 200
    assert good.headers["access-control-allow-origin"] == PAGE
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    assert guarded.ask("OPTIONS", "/search", headers=asked).status == 200
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert guarded.ask("OPTIONS", "/search", headers=asked).status == 400


def test_a_form_of_another_page_is_refused(server: Server) -> None:
    """It needs no leave of the browser to be sent, and no token on this machine."""
    sql = b'{"query": "SELECT 1"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = server.ask("POST", "/search", sql, {"Content-Type": kind})
        assert answer.status == 415
    answer = server.ask("POST", "/search", sql, {"Origin": "https://evil.example"})
    assert answer.status == 403
    assert (
        "access-control-allow-origin"
        not in server.get("/tables", Origin="https://x.example").headers
    )


def test_no_answer_is_kept_or_taken_for_something_else(server: Server) -> None:
    for answer in (server.get("/tables"), server.get("/nothing")):
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


def test_its_log_has_no_sql_no_data_and_no_token(guarded: Server) -> None:
    sql = {"query": "SELECT 'Jane Doe' AS patient FROM range(3000) WHERE 'x' = ?"}
    first = guarded.ask("POST", "/search", {**sql, "parameters": ["x"]}, bearer(ONE)).json
    guarded.ask("GET", first["pagination"]["next_page_url"], headers=bearer(ONE))
    guarded.ask("POST", "/search", {"query": "SELECT janedoe FROM files"}, bearer(OTHER))
    text = guarded.log.read_text()
    for secret in ("Jane", "janedoe", ONE, OTHER, "patient", first["pagination"]["next_page_url"]):
        assert secret not in text
    lines = guarded.logged()
    assert {"request", "query"} <= {line["message"] for line in lines}
    assert {line["route"] for line in lines if line["message"] == "request"} <= {
        "/search", "/search/{id}", "/search/{id}/{page}", "/tables", "/table/{name}/info", "other",
        "/table/{name}/data", "/metrics", "/healthz", "/service-info", "/openapi.json",
    }  # fmt: skip


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_without_a_token_only_this_machine_is_let_in(host: str) -> None:
    with pytest.raises(InvalidArgumentError, match="give a token"):
        Access(Settings(host=host))
    Access(Settings(host=host, tokens=(ONE,)))


def test_the_command_says_that_a_token_is_needed(study: Study) -> None:
    command = [sys.executable, "-m", "fw_dataset", "serve", str(study.path), "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "give a token" in done.stderr
    assert done.stderr.count("\n") == 1


def test_tokens_of_the_environment(study: Study) -> None:
    with running(study.path, environment={"FW_DATASET_TOKENS": f"{ONE}, {OTHER}"}) as server:
        assert server.get("/tables").status == 401
        server.token = OTHER
        assert server.get("/tables").status == 200
        assert server.rows("SELECT count(*) AS n FROM files")


@pytest.mark.parametrize("text", ["", "# none\n", "short", f"{ONE} short", "ä" * 20])
def test_tokens_that_cannot_be_used(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read_tokens(text)
    assert "short" not in str(caught.value)


def test_settings_show_no_token() -> None:
    settings = Settings(tokens=(ONE,))
    assert ONE not in repr(settings)
    assert ONE not in repr(vars(Access(settings)))


def test_limits_are_above_nothing() -> None:
    with pytest.raises(InvalidArgumentError, match="rows"):
        Limits(rows=0)
    assert Limits(waiting=0).waiting == 0


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "")))


def test_tickets_are_good_for_their_purpose() -> None:
    tickets = Tickets()
    one, again = tickets.write("a", 2**40), tickets.write("a", 2**40)
    assert one != again
    assert tickets.read("a", one) == tickets.read("a", again) == 2**40
    assert tickets.read("b", one) is None
    assert Tickets().read("a", one) is None
    for text in ("", "ä", "?", one[:-2], one + "AA", Path(one).name[::-1]):
        assert tickets.read("a", text) is None


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        (Settings(), "fw-dataset-session-"),
        (Settings(certificate="cert.pem"), "__Host-fw-dataset-session-"),
        (Settings(public_url="https://x.example/"), "__Host-fw-dataset-session-"),
        (Settings(public_url="https://x.example/y"), "__Secure-fw-dataset-session-"),
    ],
)
def test_each_server_has_a_cookie_of_its_own(settings: Settings, prefix: str) -> None:
    one, other = Access(settings).sessions.cookie, Access(settings).sessions.cookie
    assert one != other
    assert one.startswith(prefix)
