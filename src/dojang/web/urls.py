"""Addresses of the customer's site."""

from __future__ import annotations

from django.urls import path

from dojang.web.app import urls as app
from dojang.web.views import changing, guiding, login, me, mine, places, revoking, runs, unlocking

app_name = "web"
urlpatterns = [
    path("", places.home, name="home"),
    path("certs/", places.centre, name="centre"),
    path("certs/<slug:product>/", places.product, name="product"),
    path("certs/<slug:product>/<slug:purpose>/", runs.begin, name="begin"),
    path("runs/<slug:run>/", runs.run_page, name="run"),
    path("runs/<slug:run>/state", runs.run_state, name="run-state"),
    path("login/", login.login, name="login"),
    path("login/<slug:product>/", login.login, name="login-by"),
    path("logout/", login.logout, name="logout"),
    path("me/", me.home, name="me"),
    path("me/uses/", me.uses, name="me-uses"),
    path("me/notices/", me.notices, name="me-notices"),
    path("me/devices/", me.devices, name="me-devices"),
    path("me/log/", me.log, name="me-log"),
    path("me/stop/", me.panic, name="me-stop"),
    path("me/locks/", unlocking.locks, name="me-locks"),
    path("me/locks/<slug:factor>/", unlocking.unlock, name="me-unlock"),
    path("me/certificates/<slug:serial>/stop/", me.hold, name="me-hold"),
    path("me/certificates/<slug:serial>/revoke/", revoking.revoke, name="me-revoke"),
    path("me/certificates/<slug:serial>/pin/", changing.pin, name="me-pin"),
    path("me/certificates/", mine.certificates, name="mine"),
    path("me/certificates/<slug:serial>/", mine.certificate, name="mine-one"),
    path("me/certificates/<slug:serial>.<str:form>", mine.download, name="mine-file"),
    path("help/", guiding.index, name="help"),
    path("help/lost-phone/", me.lost_phone, name="lost-phone"),
    path("help/<slug:journey>/", guiding.guide, name="guide"),
    path("language/", places.language, name="language"),
    *app.urlpatterns,
    path("icon.svg", places.icon, name="icon"),
    path("theme.css", places.theme_css, name="theme"),
]
