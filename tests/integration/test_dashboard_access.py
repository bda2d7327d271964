"""Who may look and who may change: host names, origins, token, session, form secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from db.constraints_repository import ConstraintsRepository
from orchestrator import kill_switch
from orchestrator.dashboard.app import ROUTES
from orchestrator.dashboard.config import chosen_token
from orchestrator.errors import UsageError
from orchestrator.storage import opened
from tests.dashboard_house import ORIGIN, TOKEN, House, house
from tests.store import fresh

#: Every address that changes something, with a form it would accept.
WRITES = {
    "/kill": {"why": "test", "flatten": "yes"},
    "/resume": {"why": "test"},
    "/constraints/set": {"key": "leverage_max", "value": "7", "why": "test"},
    "/lock": {},
}
#: What only works something out, and may be asked for without the token, but by our own pages only.
LOOKS = ("/decisions/x/replay", "/decisions/x/what-if", "/funding/ask")
FOREIGN: list[dict[str, str]] = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "null", "sec_fetch_site": "cross-site"},
    {"origin": "https://127.0.0.1:8601"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": "", "sec_fetch_site": "none"},
    {"origin": ""},
]
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database: to make one anew for each test would take most of the time."""
    folder = tmp_path_factory.mktemp("migrated")
    fresh(folder, "volgamma.sqlite").close()
    return folder


@pytest.fixture
def there(migrated: Path, tmp_path: Path) -> Iterator[House]:
    with house(migrated, tmp_path / "data") as found:
        yield found


@pytest.fixture
def wide(migrated: Path, tmp_path: Path) -> Iterator[House]:
    """Bound to an address that others can reach."""
    with house(migrated, tmp_path / "data", host="0.0.0.0", reads_open=False) as found:
        yield found


def killed(there: House) -> bool:
    settings = there.client.app._config.settings  # type: ignore[attr-defined]
    with opened(settings) as database:
        return kill_switch.read(database, there.folder).killed


def version(there: House) -> int:
    settings = there.client.app._config.settings  # type: ignore[attr-defined]
    with opened(settings) as database:
        return ConstraintsRepository(database).current(11).version


WRONG = {"authorization": "Bearer not-the-token"}


def test_a_program_with_a_wrong_token_is_told_so(there: House, wide: House) -> None:
    answer = there.client.post("/kill", data={"why": "cron"}, headers=WRONG)
    assert answer.status_code == 401
    assert "wrong token" in answer.text
    assert not killed(there)
    read = wide.client.get("/health", headers=WRONG)
    assert read.status_code == 401
    assert "wrong token" in read.text


@pytest.mark.parametrize("from_where", [{"origin": "http://evil.example"}, {"sec-fetch-site": "none"}], ids=str)
def test_a_browser_with_a_wrong_token_is_still_judged_by_where_it_comes_from(
    there: House, from_where: dict[str, str]
) -> None:
    answer = there.client.post("/kill", data={"why": "x"}, headers={**WRONG, **from_where})
    assert answer.status_code == 403
    assert "another site" in answer.text
    assert not killed(there)


@pytest.mark.parametrize("path", WRITES)
def test_a_write_without_token_changes_nothing(there: House, path: str) -> None:
    answer = there.post(path, WRITES[path])
    assert answer.status_code == 401
    assert "Nothing was changed" in answer.text
    assert not killed(there) and version(there) == 1


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_write_from_elsewhere_is_refused_even_when_unlocked(there: House, path: str, headers: dict[str, str]) -> None:
    csrf = there.unlock()
    answer = there.post(path, {**WRITES[path], "csrf": csrf}, **headers)
    assert answer.status_code == 403
    assert not killed(there)
    assert version(there) == 1


@pytest.mark.parametrize("path", LOOKS)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_work_is_not_done_for_other_sites(there: House, path: str, headers: dict[str, str]) -> None:
    assert there.post(path, {}, **headers).status_code == 403


def test_every_post_of_the_application_is_in_one_of_the_lists() -> None:
    posts = {route.path.replace("{decision_id}", "x") for route in ROUTES if "POST" in (route.methods or ())}
    assert posts == {*WRITES, *LOOKS, "/unlock"}


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("csrf", ["", "id-9-drawn-at-random", "ü"])
def test_a_write_without_the_forms_own_secret_is_refused(there: House, path: str, csrf: str) -> None:
    there.unlock()
    answer = there.post(path, {**WRITES[path], "csrf": csrf})
    assert answer.status_code == 403
    assert not killed(there) and version(there) == 1


@pytest.mark.parametrize(
    "headers", [{}, {"sec_fetch_site": "same-origin"}, {"origin": "null", "sec_fetch_site": "same-origin"}]
)
def test_a_write_of_our_own_page_passes(there: House, headers: dict[str, str]) -> None:
    """Under `no-referrer` a browser sends `Origin: null` even to ourselves; what no page can forge then decides."""
    assert there.post("/kill", {"why": "x", "csrf": there.unlock()}, **headers).status_code == 303
    assert killed(there)


def test_elsewhere_the_origin_is_told_to_ourselves_only(wide: House) -> None:
    assert wide.get("/unlock").headers["referrer-policy"] == "same-origin"
    secured = wide.get("https://127.0.0.1:8600/unlock")  # as a proxy that encrypts hands it on
    assert secured.headers["referrer-policy"] == "no-referrer"
    assert (
        "Secure"
        in wide.client.post(
            "https://127.0.0.1:8600/unlock", data={"token": TOKEN}, headers={"origin": ORIGIN}, follow_redirects=False
        ).headers["set-cookie"]
    )


@pytest.mark.parametrize("path", ["/charts/equity", "/static/dashboard.js", "/"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_here_and_nothing_else(there: House, path: str, site: str) -> None:
    for mode, status in (("no-cors", 403), ("cors", 403), ("navigate", 200)):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
        assert there.get(path, headers=headers).status_code == status, mode
    assert there.get("/events", headers={"sec-fetch-site": site, "sec-fetch-mode": "cors"}).status_code == 403


def test_kill_and_release_from_the_page(there: House) -> None:
    csrf = there.unlock()
    assert there.post("/kill", {"why": "<b>news</b>", "flatten": "yes", "csrf": csrf}).status_code == 303
    assert killed(there)
    text = there.get("/").text
    assert "kill switch ON" in text and "&lt;b&gt;news" in text and "flattening requested" in text
    assert "flattening requested" not in there.get("/").text, "said once"
    assert there.post("/resume", {"why": "  ", "csrf": csrf}).status_code == 422
    assert killed(there)
    assert there.post("/resume", {"why": "checked", "csrf": csrf}).status_code == 303
    assert not killed(there)


def test_a_program_with_the_token_needs_no_form(there: House) -> None:
    answer = there.client.post("/kill", data={"why": "cron"}, headers=BEARER)
    assert answer.json() == {"done": "kill switch on"}
    assert killed(there)
    wrong = there.client.post("/resume", data={"why": "cron"}, headers={"authorization": f"Bearer {TOKEN}x"})
    assert wrong.status_code == 401
    assert killed(there)
    foreign = there.client.post("/resume", data={"why": "x"}, headers={**BEARER, "origin": "http://evil.example"})
    assert foreign.status_code == 403


def test_locking_ends_the_session(there: House) -> None:
    csrf = there.unlock()
    cookie = there.client.cookies["volgamma_8600"]
    assert there.post("/lock", {"csrf": csrf}).status_code == 303
    there.client.cookies.set("volgamma_8600", cookie)
    assert there.post("/kill", {"why": "x", "csrf": csrf}).status_code == 401


def test_a_session_ends_by_itself(there: House, monkeypatch: pytest.MonkeyPatch) -> None:
    csrf = there.unlock()
    sessions = there.client.app._sessions  # type: ignore[attr-defined]
    monkeypatch.setattr(sessions, "_now_ms", lambda: 1_735_700_000_000 + 13 * 3_600_000)
    assert there.post("/kill", {"why": "x", "csrf": csrf}).status_code == 401


def test_the_cookie_is_for_this_server_only(there: House) -> None:
    said = there.post("/unlock", {"token": TOKEN}).headers["set-cookie"]
    assert "HttpOnly" in said and "SameSite=strict" in said and "volgamma_8600=" in said


def test_guessing_the_token_is_slowed(there: House) -> None:
    for _ in range(10):
        assert there.post("/unlock", {"token": "wrong"}).status_code == 401
    assert there.post("/unlock", {"token": TOKEN}).status_code == 429


def test_guessing_it_in_the_header_is_slowed_too(there: House) -> None:
    for number in range(10):
        wrong = {"authorization": f"Bearer {number}"}
        assert there.client.post("/kill", data={"why": "x"}, headers=wrong).status_code == 401
    assert there.client.post("/kill", data={"why": "x"}, headers=BEARER).status_code == 429
    assert not killed(there)


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "", "javascript:1"])
def test_unlocking_never_leads_away(there: House, target: str) -> None:
    assert there.post("/unlock", {"token": TOKEN, "next": target}).headers["location"] == "/"


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("127.0.0.1:8600", True),
        ("localhost:8600", True),
        ("[::1]:8600", True),
        ("LOCALHOST", True),
        ("evil.example", False),
        ("evil.example:8600", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.9:8600", False),
        ("", False),
        ("localhost@evil.example", False),
        ("[", False),
    ],
)
def test_only_our_own_names_are_answered(there: House, host: str, good: bool) -> None:
    answer = there.get("/unlock", headers={"host": host})
    assert (answer.status_code == 200) is good
    assert answer.headers["x-frame-options"] == "DENY"


def test_reads_elsewhere_than_on_this_machine_need_the_token(wide: House) -> None:
    for path in ("/", "/decisions", "/charts/equity", "/events", "/health"):
        assert wide.get(path).status_code == 401, path
    sent = wide.get("/decisions", headers={"accept": "text/html"}, follow_redirects=False)
    assert sent.status_code == 303 and sent.headers["location"] == "/unlock?next=%2Fdecisions"
    assert wide.get("/unlock").status_code == 200 and wide.get("/static/dashboard.css").status_code == 200
    assert wide.get("/", headers=BEARER).status_code == 200
    wide.unlock()
    assert wide.get("/decisions").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.9", "::", "example.org"])
def test_an_open_address_demands_a_token(host: str) -> None:
    with pytest.raises(UsageError) as found:
        chosen_token(host, None)
    assert found.value.code == "token_needed"
    assert chosen_token(host, TOKEN) == (SecretStr(TOKEN), False)


def test_weak_tokens_are_refused_and_made_ones_are_new() -> None:
    for weak in ("short", "with a blank in it all", "ünïcödé-is-not-a-header"):
        with pytest.raises(UsageError):
            chosen_token("127.0.0.1", weak)
    made = {chosen_token("127.0.0.1", None)[0].get_secret_value() for _ in range(5)}
    assert len(made) == 5 and all(len(one) >= 32 for one in made)


def test_what_is_no_form_is_refused(there: House) -> None:
    headers = {**BEARER, "content-type": "application/json"}
    assert there.client.post("/kill", content="{}", headers=headers).status_code == 400
    large = there.client.post("/kill", data={"why": "x" * 70_000}, headers=BEARER)
    assert large.status_code == 400
    assert not killed(there)


def test_other_methods_are_refused(there: House) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert there.client.request(method, "/kill", headers=BEARER).status_code == 405
    assert there.get("/kill").status_code == 405
    assert there.client.post("/", headers={"origin": ORIGIN}).status_code == 405


def test_private_means_that_looking_needs_the_token_here_too(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with house(tmp_path / "none", tmp_path / "data", reads_open=False) as found:
        assert found.get("/").status_code == 401
        found.unlock()
        assert found.get("/").status_code == 200
