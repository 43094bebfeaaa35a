"""Addresses of the JSON interface, mounted under ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from dojang.api.interface import api

urlpatterns = [path("api/v1/", api.urls)]
