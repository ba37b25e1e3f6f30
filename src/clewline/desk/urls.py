"""Every address of the desk."""

from __future__ import annotations

from django.urls import include, path

from clewline.desk.accounts import views as accounts
from clewline.desk.web import views as web

urlpatterns = [
    path("", web.home, name="home"),
    path("setup/<str:code>/", accounts.set_up, name="setup"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
]
