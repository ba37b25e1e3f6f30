"""Addresses of routes and reports."""

from __future__ import annotations

from django.urls import path

from clewline.desk.routing import views

urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/routes/", views.routes, name="routes"),
    path("reports/routes/propose/", views.propose_route, name="propose-route"),
    path("reports/routes/<str:ref>/decide/", views.decide_route, name="decide-route"),
    path("reports/<str:ref>/", views.report, name="report"),
    path("reports/<str:ref>/decide/", views.decide_report, name="decide-report"),
    path("reports/<str:ref>/status/", views.report_status, name="report-status"),
    path("sightings/<str:ref>/report/", views.new_report, name="new-report"),
    # For recipients' programs, with an access key.
    path("share/reports.json", views.own_reports, name="share-reports"),
    path("share/reports/", views.key_page, name="share-reports-page"),
    path("share/reports/<str:ref>.json", views.own_report, name="share-report"),
    path("share/reports/<str:ref>/", views.key_report, name="share-report-page"),
    path("share/reports/<str:ref>/status", views.own_status, name="share-report-status"),
]
