"""Showing the token, putting it away again, and the kill switch."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestrator import kill_switch
from orchestrator.dashboard.gate import cookie_name, safe_next
from orchestrator.dashboard.house import Form, done, house, read_form
from orchestrator.dashboard.sessions import LIFETIME_MS
from orchestrator.errors import HostError

WHO = "dashboard"


def unlock_form(request: Request) -> Response:
    """Where the token is entered."""
    next_path = safe_next(request.query_params.get("next"))
    return house(request).pages.html(request, "unlock.html", title="Unlock", next_path=next_path, wrong=None)


async def unlock(request: Request) -> Response:
    """The token against a session."""
    here, form = house(request), await read_form(request)
    next_path = safe_next(form.get("next"))
    wrong, status = "That is not the token.", 401
    if here.sessions.tired():
        wrong, status = "Too many wrong tokens. Wait a minute.", 429
    elif (session := here.sessions.open(form.get("token", "").strip())) is not None:
        response = RedirectResponse(next_path, 303)
        response.set_cookie(
            cookie_name(here.config.port),
            session.session_id,
            max_age=LIFETIME_MS // 1000,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response
    return await run_in_threadpool(
        here.pages.html, request, "unlock.html", status, title="Unlock", next_path=next_path, wrong=wrong
    )


def lock(request: Request, form: Form) -> Response:
    """Put the token away."""
    here = house(request)
    if request.state.session is not None:
        here.sessions.close(request.state.session)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_name(here.config.port), httponly=True, samesite="strict")
    return response


def throw_kill(request: Request, form: Form) -> Response:
    """Stop all new risk; with `flatten` ask for open pairs to be closed too."""
    config = house(request).config
    why, flatten = form.get("why", "").strip() or "by hand", form.get("flatten") == "yes"
    said = kill_switch.kill(config.settings, WHO, why[:500], config.now_ms(), flatten)
    return done(request, "/", "; ".join(said))


def release_kill(request: Request, form: Form) -> Response:
    """Allow entries again. Needs a reason."""
    config = house(request).config
    why = form.get("why", "").strip()
    if not why:
        raise HostError("no_reason", "nothing was changed: a release needs a reason", "say why entries may go on")
    said = kill_switch.resume(config.settings, WHO, why[:500], config.now_ms())
    return done(request, "/", "; ".join(said))
