"""Addresses of alerts: pages for people, and what partners' programs ask."""

from __future__ import annotations

from django.urls import path

from clewline.desk.alerts import partner_views, taxii_views, views

_ROOT = "taxii2/alerts/"

urlpatterns = [
    path("alerts/", views.alerts, name="alerts"),
    path("alerts/new/", views.new_alert, name="new-alert"),
    path("alerts/outbox/", views.outbox, name="outbox"),
    path("alerts/channels/", views.channels, name="channels"),
    path("alerts/channels/open/", views.open_channel, name="open-channel"),
    path("alerts/channels/<str:ref>/close/", views.close_channel, name="close-channel"),
    path("alerts/partners/<str:ref>/key/", views.access_key, name="access-key"),
    path("alerts/<str:ref>/", views.alert, name="alert"),
    path("alerts/<str:ref>/decide/", views.decide_alert, name="decide-alert"),
    path("alerts/<str:ref>/follow/", views.follow_alert, name="follow-alert"),
    # For partners' programs, with an access key.
    path("share/list.json", partner_views.whole, {"form": "json"}, name="share-json"),
    path("share/list.csv", partner_views.whole, {"form": "csv"}, name="share-csv"),
    path("share/alerts/<str:ref>.json", partner_views.one_alert, name="share-alert"),
    path("share/alerts/<str:ref>/answer", partner_views.answer_alert, name="share-answer"),
    path("share/misp/<str:name>", partner_views.misp_feed, name="share-misp"),
    path("taxii2/", taxii_views.discovery, name="taxii"),
    path(_ROOT, taxii_views.api_root, name="taxii-root"),
    path(f"{_ROOT}status/<str:id_>/", taxii_views.status, name="taxii-status"),
    path(f"{_ROOT}collections/", taxii_views.collections, name="taxii-collections"),
    path(f"{_ROOT}collections/<str:name>/", taxii_views.collection, name="taxii-collection"),
    path(f"{_ROOT}collections/<str:name>/manifest/", taxii_views.manifest, name="taxii-manifest"),
    path(f"{_ROOT}collections/<str:name>/objects/", taxii_views.objects, name="taxii-objects"),
    path(
        f"{_ROOT}collections/<str:name>/objects/<str:id_>/",
        taxii_views.one_object,
        name="taxii-object",
    ),
    path(
        f"{_ROOT}collections/<str:name>/objects/<str:id_>/versions/",
        taxii_views.versions,
        name="taxii-versions",
    ),
]
