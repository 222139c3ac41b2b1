"""Connecting, refreshing, disconnecting: a grant is never lost and never refreshed twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
import simplejson

from service.errors import Disconnected, Refused, Unreachable
from service.ports import Tokens
from service.quickbooks.app import IntuitApp
from service.quickbooks.door import IntuitConsent
from service.quickbooks.grants import StoredGrant
from service.quickbooks.oauth import GrantDead, IntuitOAuth
from tests.contract.quickbooks_bench import (
    APP,
    COMPANY,
    DISCOVERY,
    NOW,
    REALM,
    REVOKE_URL,
    TOKEN_URL,
    Bench,
    MemoryVault,
    bench,
    corpus,
    discovery,
    token_answer,
    tokens,
)

INVALID_GRANT = corpus("oauth/token-invalid-grant-400.json")


@pytest.fixture
def world() -> Iterator[Bench]:
    with bench() as made:
        yield made


def grant(world: Bench) -> StoredGrant:
    return StoredGrant(1, world.vault, world.oauth, lambda: NOW)


def form_of(request: requests.PreparedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(str(request.body)).items()}


# ------------------------------------------------------------------------------------------------- consent


def test_consent_is_asked_for_the_accounting_scope_alone(world: Bench) -> None:
    url = urlsplit(IntuitConsent(world.opener, world.oauth).authorize_url("state-1"))

    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://intuit.test/connect/oauth2"
    assert {name: values[0] for name, values in parse_qs(url.query).items()} == {
        "client_id": "client",
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": "https://us.test/callback",
        "state": "state-1",
    }


def test_a_code_becomes_tokens_with_all_their_ends(world: Bench) -> None:
    answer = token_answer("access-9", "refresh-9", x_refresh_token_hard_expires_in=157680000)
    world.http.post(TOKEN_URL, json=answer)

    got = IntuitConsent(world.opener, world.oauth).exchange("code-1")

    assert got == Tokens(
        access="access-9",
        refresh="refresh-9",
        access_expires_at=NOW + timedelta(hours=1),
        refresh_expires_at=NOW + timedelta(seconds=8726400),
        refresh_hard_expires_at=NOW + timedelta(seconds=157680000),
    )
    [request] = world.requests_to(TOKEN_URL)
    assert form_of(request)["code"] == "code-1"
    assert request.headers["x-include-refresh-token-hard-expires-in"] == "true"


def test_lifetimes_given_as_text_are_read(world: Bench) -> None:
    body = simplejson.loads(corpus("oauth/token-string-expiry.json"))
    del body["id_token"]
    world.http.post(TOKEN_URL, json=body)

    got = world.oauth.exchange("code-1")

    assert got.access_expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("body", [INVALID_GRANT, corpus("oauth/token-incorrect-token-type.json")])
def test_a_code_that_intuit_does_not_know_is_refused_and_not_tried_twice(world: Bench, body: str) -> None:
    world.http.post(TOKEN_URL, status=400, body=body)

    with pytest.raises(Refused) as refused:
        world.oauth.exchange("code-1")

    assert refused.value.code == "consent_failed"
    assert len(world.requests_to(TOKEN_URL)) == 1


@pytest.mark.parametrize("lost", [{"status": 503}, {"status": 200, "body": "<html>"}, {"body": requests.ReadTimeout()}])
def test_a_lost_answer_to_a_code_is_no_refusal(world: Bench, lost: dict[str, object]) -> None:
    world.http.post(TOKEN_URL, **lost)

    with pytest.raises(Unreachable):
        world.oauth.exchange("code-1")

    assert len(world.requests_to(TOKEN_URL)) == 1


def test_a_company_is_read_with_a_grant_that_nobody_holds_yet(world: Bench) -> None:
    world.vault.held = None
    world.http.get(f"{COMPANY}/companyinfo/{REALM}", json={"CompanyInfo": {"CompanyName": "Green"}})

    info = IntuitConsent(world.opener, world.oauth).company_info(tokens("access-7"), REALM)

    assert info["CompanyName"] == "Green"
    assert world.http.calls[-1].request.headers["Authorization"] == "Bearer access-7"


def test_a_fresh_grant_that_is_refused_is_not_renewed(world: Bench) -> None:
    world.http.get(f"{COMPANY}/companyinfo/{REALM}", status=401)

    with pytest.raises(Disconnected):
        IntuitConsent(world.opener, world.oauth).company_info(tokens(), REALM)

    assert not world.requests_to(TOKEN_URL)


def test_revoking_sends_the_refresh_token(world: Bench) -> None:
    world.http.post(REVOKE_URL, body="")

    IntuitConsent(world.opener, world.oauth).revoke(tokens())

    [request] = world.requests_to(REVOKE_URL)
    assert simplejson.loads(request.body) == {"token": "refresh-1"}


@pytest.mark.parametrize("body", [INVALID_GRANT, '{"error": "invalid_request"}', "<html>"])
def test_revoking_what_has_ended_already_is_done(world: Bench, body: str) -> None:
    world.http.post(REVOKE_URL, status=400, body=body)

    IntuitConsent(world.opener, world.oauth).revoke(tokens())


def test_revoking_that_fails_on_the_way_says_so(world: Bench) -> None:
    world.http.post(REVOKE_URL, status=502, body="<html>")

    with pytest.raises(Unreachable):
        IntuitConsent(world.opener, world.oauth).revoke(tokens())


def test_the_discovery_document_is_fetched_once(world: Bench) -> None:
    world.oauth.authorize_url("one")
    world.oauth.authorize_url("two")

    assert len(world.requests_to(DISCOVERY)) == 1


def test_a_discovery_that_fails_is_not_remembered() -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        http.get(DISCOVERY, status=503)
        oauth = IntuitOAuth(APP)
        with pytest.raises(Unreachable):
            oauth.authorize_url("one")
        with pytest.raises(Unreachable):
            oauth.authorize_url("two")

        assert len(http.calls) == 2


MAY_BE_MISSING = ("issuer", "jwks_uri", "userinfo_endpoint", "revocation_endpoint")


def poor_oauth(http: responses.RequestsMock, missing: tuple[str, ...] = MAY_BE_MISSING) -> IntuitOAuth:
    """Intuit, with a discovery document that says no more than it must."""
    told = {name: address for name, address in discovery().items() if name not in missing}
    http.get(DISCOVERY, json=told)
    return IntuitOAuth(APP, clock=lambda: NOW)


@pytest.mark.parametrize("missing", [MAY_BE_MISSING, *((name,) for name in MAY_BE_MISSING)])
def test_a_discovery_document_may_leave_out_what_we_do_not_need(missing: tuple[str, ...]) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        oauth = poor_oauth(http, missing)
        http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))

        assert oauth.authorize_url("state-1").startswith("https://intuit.test/connect/oauth2?")
        assert oauth.refresh("refresh-1").access == "access-2"
        assert len([call for call in http.calls if call.request.url == DISCOVERY]) == 1


def test_where_nothing_can_be_revoked_nothing_is_sent_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        poor_oauth(http).revoke("refresh-1")

        assert [call.request.method for call in http.calls] == ["GET"]
    assert "revocation_endpoint" in caplog.text
    assert "refresh-1" not in caplog.text


def test_a_discovery_document_without_the_token_endpoint_is_no_usable_answer() -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http, pytest.raises(Unreachable):
        poor_oauth(http, ("token_endpoint",)).refresh("refresh-1")


def test_every_call_to_intuit_has_a_timeout(world: Bench) -> None:
    @dataclass
    class Listening(requests.Session):
        timeouts: list[object] = field(default_factory=list)

        def __post_init__(self) -> None:
            super().__init__()

        def request(self, method: str, url: str, **kwargs: object) -> requests.Response:  # type: ignore[override]
            self.timeouts.append(kwargs.get("timeout"))
            return super().request(method, url, **kwargs)  # type: ignore[arg-type]

    session = Listening()
    world.http.post(TOKEN_URL, json=token_answer("a", "r"))

    IntuitOAuth(APP, lambda: session).refresh("refresh-1")

    assert session.timeouts == [(30.0, 30.0)] * 2


# ------------------------------------------------------------------------------------------------- refreshing


def test_a_good_token_is_used_as_it_is(world: Bench) -> None:
    assert grant(world).access() == "access-1"
    assert len(world.http.calls) == 0


def test_a_token_with_less_than_five_minutes_left_is_refreshed_and_saved_before_it_is_used(world: Bench) -> None:
    world.vault.held = tokens(good_for=timedelta(minutes=4))
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))

    assert grant(world).access() == "access-2"

    assert [saved.refresh for saved in world.vault.saved] == ["refresh-2"]
    [request] = world.requests_to(TOKEN_URL)
    assert form_of(request)["refresh_token"] == "refresh-1"


def killed(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    raise SystemExit("killed")


def test_a_crash_between_refresh_and_use_has_lost_nothing(world: Bench) -> None:
    """The pair is in the vault before anything else can go wrong."""
    world.vault.held = tokens(good_for=timedelta(0))
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))
    world.http.add_callback(responses.GET, f"{COMPANY}/preferences", callback=killed)

    with pytest.raises(SystemExit):
        world.company().preferences()

    assert world.vault.held is not None
    assert world.vault.held.refresh == "refresh-2"


def test_a_rotated_token_is_kept_even_when_the_library_fails_after_reading_it(world: Bench) -> None:
    """An id_token that we never asked for makes the library raise, once the old refresh token is dead already."""
    world.vault.held = tokens(good_for=timedelta(0))
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2", id_token="a.!!!.c"))

    assert grant(world).access() == "access-2"
    assert world.vault.held is not None
    assert world.vault.held.refresh == "refresh-2"


def test_a_rotated_token_is_kept_even_when_its_lifetimes_make_no_sense(world: Bench) -> None:
    world.vault.held = tokens(good_for=timedelta(0))
    odd = token_answer("access-2", "refresh-2", expires_in="soon", x_refresh_token_expires_in=None)
    world.http.post(TOKEN_URL, json=odd)

    assert grant(world).access() == "access-2"


def test_a_rotated_refresh_token_without_an_access_token_is_kept_for_the_next_refresh(world: Bench) -> None:
    world.http.post(TOKEN_URL, json={"refresh_token": "refresh-2"})

    got = world.oauth.refresh("refresh-1")

    assert (got.refresh, got.access_expires_at) == ("refresh-2", NOW)


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param({"status": 500, "body": "<html>"}, id="500"),
        pytest.param({"status": 429}, id="429"),
        pytest.param({"status": 200, "body": "<html>"}, id="200 html"),
        pytest.param({"status": 200, "body": "{}"}, id="200 empty"),
        pytest.param({"status": 200, "body": "[]"}, id="200 list"),
        pytest.param({"body": requests.ConnectionError("reset")}, id="reset"),
        pytest.param({"status": 401, "json": {"error": "invalid_client"}}, id="our keys"),
    ],
)
def test_a_refresh_that_fails_says_nothing_about_the_grant(world: Bench, lost: dict[str, object]) -> None:
    world.vault.held = tokens(good_for=timedelta(0))
    world.http.post(TOKEN_URL, **lost)

    with pytest.raises(Unreachable):
        grant(world).access()

    assert world.vault.held.refresh == "refresh-1"
    assert world.vault.saved == []


@pytest.mark.parametrize("status", [400, 200])
def test_invalid_grant_means_that_a_person_must_connect_again(world: Bench, status: int) -> None:
    world.vault.held = tokens(good_for=timedelta(0))
    world.http.post(TOKEN_URL, status=status, body=INVALID_GRANT)

    with pytest.raises(Disconnected) as dead:
        grant(world).access()

    assert dead.value.code == "grant_expired"


@dataclass
class RefusingOnce:
    """Refuses the first refresh, while somebody connects anew behind our back."""

    vault: MemoryVault
    meanwhile: Tokens
    asked: list[str] = field(default_factory=list)

    def refresh(self, refresh_token: str) -> Tokens:
        self.asked.append(refresh_token)
        if len(self.asked) == 1:
            self.vault.held = self.meanwhile
            raise GrantDead("invalid_grant")
        return tokens("access-4", "refresh-4")


def test_after_invalid_grant_the_vault_is_read_again() -> None:
    vault = MemoryVault(tokens(good_for=timedelta(0)))
    refresher = RefusingOnce(vault, meanwhile=tokens("access-3", "refresh-3"))

    assert StoredGrant(1, vault, refresher, lambda: NOW).access() == "access-3"
    assert refresher.asked == ["refresh-1"]


def test_after_invalid_grant_a_newer_refresh_token_is_tried_once() -> None:
    vault = MemoryVault(tokens(good_for=timedelta(0)))
    refresher = RefusingOnce(vault, meanwhile=tokens("access-3", "refresh-3", good_for=timedelta(0)))

    assert StoredGrant(1, vault, refresher, lambda: NOW).access() == "access-4"
    assert refresher.asked == ["refresh-1", "refresh-3"]


def test_many_who_find_the_token_ended_refresh_once(world: Bench) -> None:
    world.vault.held = tokens(good_for=timedelta(0))
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))
    grants = [grant(world) for _ in range(8)]
    got: list[str] = []

    threads = [threading.Thread(target=lambda mine=mine: got.append(mine.access())) for mine in grants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == ["access-2"] * 8
    assert len(world.requests_to(TOKEN_URL)) == 1


def test_many_whose_token_was_refused_refresh_once(world: Bench) -> None:
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))
    grants = [grant(world) for _ in range(8)]

    threads = [threading.Thread(target=mine.renew, args=("access-1",)) for mine in grants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [mine.access() for mine in grants] == ["access-2"] * 8
    assert len(world.requests_to(TOKEN_URL)) == 1


def test_refreshes_of_two_tenants_at_once_do_not_mix() -> None:
    """Each answer carries its own tenant's tokens: a client shared between them would hand out the last ones."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        mine = form_of(request)["refresh_token"]
        return 200, {}, simplejson.dumps(token_answer(f"access of {mine}", mine))

    with bench() as world:
        world.http.add_callback(responses.POST, TOKEN_URL, callback=answer)
        got: dict[str, str] = {}

        def refresh(mine: str) -> None:
            got[mine] = world.oauth.refresh(mine).access

        threads = [threading.Thread(target=refresh, args=(f"tenant-{n}",)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert got == {f"tenant-{n}": f"access of tenant-{n}" for n in range(16)}


# ------------------------------------------------------------------------------------------------- settings


def test_each_environment_has_its_own_address() -> None:
    assert "sandbox" in IntuitApp("c", "s", "r").base_url
    assert IntuitApp("c", "s", "r", "production").base_url == "https://quickbooks.api.intuit.com/v3"
    assert IntuitApp("c", "s", "r", "sandbox", "http://localhost:9/v3/").base_url == "http://localhost:9/v3"


def test_a_discovery_address_needs_an_api_address() -> None:
    with pytest.raises(ValueError, match="QBO_API_URL"):
        IntuitApp("c", "s", "r", "http://localhost:9/discovery")


def test_the_app_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(APP)
