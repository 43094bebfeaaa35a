"""Addresses of the app."""

from __future__ import annotations

from django.urls import path

from dojang.web.app import approvals, biometrics, elsewhere, parcels, pushing, views
from dojang.web.views import changing, revoking, runs

urlpatterns = [
    path("app/", views.home, name="app"),
    path("app/menu/", views.menu, name="app-menu"),
    path("app/menu/security/", views.security, name="app-security"),
    path("app/menu/about/", views.about, name="app-about"),
    path("app/menu/messages/", pushing.settings, name="app-push"),
    path("app/push/", pushing.put, name="app-push-put"),
    path("app/push/renew/", pushing.renew, name="app-push-renew"),
    path("app/certificates/", views.certificates, name="app-certificates"),
    path("app/offline/", views.offline, name="app-offline"),
    path("app/manifest.webmanifest", views.web_manifest, name="app-manifest"),
    path("app/worker.js", views.service_worker, name="app-worker"),
    path("app/icon-<int:size>.png", views.icon, name="app-icon"),
    path("app/runs/<slug:run>/", runs.run_page, name="app-run"),
    path("app/runs/<slug:run>/state", runs.run_state, name="app-run-state"),
    path("app/approvals/", approvals.waiting, name="app-approvals"),
    path("app/approvals/<slug:approval>/", approvals.answer, name="app-approval"),
    path("app/copy/", parcels.copy, name="app-copy"),
    path("app/parcels/put/", parcels.put, name="app-parcel-put"),
    path("app/parcels/fetch/", parcels.fetch, name="app-parcel-fetch"),
    path("device/", parcels.copy, name="device"),
    path("runs/<slug:run>/other-device/", elsewhere.offer, name="handoff"),
    path("continue/", elsewhere.accept, name="handoff-accept"),
    path("app/continue/", elsewhere.accept, name="app-handoff-accept"),
    path("app/<slug:product>/biometric/", biometrics.setting, name="app-biometric"),
    path("app/<slug:product>/pin/", changing.own_pin, name="app-pin"),
    path("app/<slug:product>/pattern/", changing.pattern, name="app-pattern"),
    path("app/certificates/<slug:product>/revoke/", revoking.on_the_phone, name="app-revoke"),
    path("app/<slug:product>/", views.product, name="app-product"),
    path("app/<slug:product>/<slug:purpose>/", views.begin, name="app-begin"),
    path("app/<slug:product>/<slug:purpose>/guide/", views.guide, name="app-guide"),
]
