"""Addresses of the sandbox, all below ``/sandbox/``."""

from __future__ import annotations

from django.urls import include, path

from dojang.sandbox import pages
from dojang.sandbox.api import api

_pages = [
    path("", pages.overview, name="overview"),
    path("recast/", pages.recast, name="recast"),
    path("phone/", pages.find_phone, name="find-phone"),
    path("phone/<str:number>/", pages.phone, name="phone"),
    path("drawer/<str:handle>/", pages.drawer, name="drawer"),
    path("mail/", pages.find_mail, name="find-mail"),
    path("mail/<str:address>/", pages.mailbox, name="mail"),
    path("clock/", pages.clock, name="clock"),
]

urlpatterns = [
    path("sandbox/api/", api.urls),
    path("sandbox/", include((_pages, "sandbox"))),
]
