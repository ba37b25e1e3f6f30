"""Every address of the desk."""

from __future__ import annotations

from allauth.account import views as allauth
from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from clewline.desk.accounts import views as accounts
from clewline.desk.addresses import views as addresses
from clewline.desk.addresses.converters import ChainOrNone
from clewline.desk.api import api
from clewline.desk.audit import views as audit
from clewline.desk.brands import views as brands
from clewline.desk.cases import views as cases
from clewline.desk.deconfliction import views as deconfliction
from clewline.desk.exports import views as exports
from clewline.desk.figures import views as figures
from clewline.desk.lookups import views as lookups
from clewline.desk.money import views as money
from clewline.desk.names import views as names
from clewline.desk.ours import views as ours
from clewline.desk.partners import views as partners
from clewline.desk.queue import views as queue
from clewline.desk.records import views as records
from clewline.desk.retention import views as retention
from clewline.desk.search import views as search
from clewline.desk.watch import views as watch
from clewline.desk.welfare import views as welfare

register_converter(ChainOrNone, "chain")

urlpatterns = [
    path("", queue.home, name="home"),
    path("today/take/", queue.take_item, name="take-item"),
    path("today/leave/", queue.leave_item, name="leave-item"),
    path("today/urgent/now/", queue.urgent_now, name="urgent-now"),
    path("today/<str:name>/", queue.section, name="today-section"),
    path("sightings/<str:ref>/urgent/", queue.raise_of_sighting, name="raise-urgent"),
    path("cases/<str:ref>/urgent/", queue.raise_of_case, name="raise-urgent-case"),
    path("urgent/<str:ref>/", queue.urgent, name="urgent"),
    path("urgent/<str:ref>/acknowledge/", queue.acknowledge, name="acknowledge-urgent"),
    path("urgent/<str:ref>/close/", queue.close, name="close-urgent"),
    path("on-call/", queue.roster, name="roster"),
    path("on-call/add/", queue.add_shift, name="add-shift"),
    path("on-call/<str:ref>/end/", queue.end_shift, name="end-shift"),
    path("setup/<str:code>/", accounts.set_up, name="setup"),
    path("invitation/<str:secret>/", accounts.accept, name="accept"),
    path("step-in/", accounts.step_in, name="step-in"),
    path("account/", accounts.account, name="account"),
    path("account/tokens/", accounts.add_token, name="add-token"),
    path("account/tokens/<int:token>/revoke/", accounts.revoke_token, name="revoke-token"),
    path("account/sign-out/", accounts.sign_out_everywhere, name="sign-out-everywhere"),
    path("figures/", figures.figures, name="figures"),
    path("figures/count/", figures.count, name="count-figures"),
    path("figures/download/", figures.download, name="download-figures"),
    path("figures/publish/", figures.publish, name="publish-figures"),
    path("figures/years/", figures.years, name="figure-years"),
    path("figures/<str:ref>/", figures.figure_set, name="figure-set"),
    path("figures/<str:ref>/download/", figures.download_set, name="download-figure-set"),
    path("people/", accounts.people, name="people"),
    path("people/add/", accounts.add_person, name="add-person"),
    path("people/teams/", accounts.add_team, name="add-team"),
    path("people/changes/<int:change>/", accounts.decide, name="decide-access"),
    path("people/<str:pseudonym>/", accounts.person, name="person"),
    path("people/<str:pseudonym>/reset/", accounts.reset, name="reset-person"),
    path("people/<str:pseudonym>/active/", accounts.set_active, name="set-active"),
    path("overlaps/", deconfliction.overlaps, name="overlaps"),
    path("overlaps/<str:ref>/", deconfliction.overlap, name="overlap"),
    path("overlaps/<str:ref>/answer/", deconfliction.answer, name="overlap-answer"),
    path("enquiries/<str:ref>/", deconfliction.enquiry, name="enquiry"),
    path("enquiries/<str:ref>/decide/", deconfliction.decide, name="decide-enquiry"),
    path(
        "enquiries/<str:ref>/overlaps/<int:number>/",
        deconfliction.consent,
        name="overlap-consent",
    ),
    path("cases/<str:ref>/enquire/", deconfliction.ask, name="enquire"),
    path("retention/", retention.retention, name="retention"),
    path("retention/periods/", retention.ask_period, name="ask-period"),
    path("retention/periods/<int:change>/", retention.decide_period, name="decide-period"),
    path("retention/holds/<str:ref>/lift/", retention.lift, name="lift-hold"),
    path("retention/erasures/<str:ref>/", retention.erasure, name="erasure"),
    path("retention/erasures/<str:ref>/decide/", retention.decide, name="decide-erasure"),
    path("retention/sightings/<str:ref>/", retention.of_sighting, name="keeping-sighting"),
    path("retention/sightings/<str:ref>/hold/", retention.hold_sighting, name="hold-sighting"),
    path("retention/sightings/<str:ref>/erase/", retention.ask, name="ask-erasure"),
    path("retention/cases/<str:ref>/", retention.of_case, name="keeping-case"),
    path("retention/cases/<str:ref>/hold/", retention.hold_case, name="hold-case"),
    path("exports/", exports.exports, name="exports"),
    path("exports/ask/", exports.ask, name="ask-export"),
    path("exports/trace/", exports.trace, name="trace-export"),
    path("exports/<str:ref>/", exports.export, name="export"),
    path("exports/<str:ref>/decide/", exports.decide, name="decide-export"),
    path("exports/<str:ref>/download/", exports.download, name="download-export"),
    path("lookups/", lookups.lookups, name="lookups"),
    path("lookups/<str:ref>/", lookups.lookup, name="lookup"),
    path("lookups/<str:ref>/call/", lookups.call, name="lookup-call"),
    path("lookups/<str:ref>/names/", lookups.names, name="lookup-names"),
    path("lookups/<str:ref>/draft/", lookups.draft, name="draft-lookup"),
    path("lookups/<str:ref>/release/", lookups.release, name="release-lookup"),
    path("asked/", lookups.asked, name="asked"),
    path("asked/ask/", lookups.ask, name="ask"),
    path("asked/<str:ref>/", lookups.own, name="own-lookup"),
    path("asked/<str:ref>/answer.<str:form>", lookups.answer, name="answer"),
    path("asked/<str:ref>/acknowledge/", lookups.acknowledge, name="acknowledge"),
    path("partners/", partners.partners, name="partners"),
    path("partners/new/", partners.new_partner, name="new-partner"),
    path("partners/<str:ref>/", partners.partner, name="partner"),
    path("partners/<str:ref>/terms/", partners.terms, name="partner-terms"),
    path("partners/<str:ref>/call/", partners.call, name="partner-call"),
    path("partners/<str:ref>/decide/", partners.decide, name="decide-partner"),
    path("partners/<str:ref>/stop/", partners.stop, name="stop-partner"),
    path("partners/<str:ref>/name/", partners.name, name="partner-name"),
    path("partners/<str:ref>/account/", partners.add_account, name="partner-account"),
    path("ours/", ours.ours, name="ours"),
    path("ours/mark/", ours.mark, name="mark-ours"),
    path("ours/<str:ref>/take-back/", ours.take_back, name="take-back-ours"),
    path("ours/warnings/<str:ref>/", ours.answer, name="answer-warning"),
    path("audit/", audit.log, name="audit"),
    path("audit/check/", audit.check, name="check-audit"),
    path("audit/export.<str:form>", audit.export, name="export-audit"),
    path("brands/", brands.brands, name="brands"),
    path("brands/new/", brands.new_brand, name="new-brand"),
    path("brands/<str:ref>/", brands.brand, name="brand"),
    path("brands/<str:ref>/name/", names.of_brand, name="brand-name"),
    path("brands/<str:ref>/name/release/", names.release_of_brand, name="release-name"),
    path("cases/<str:ref>/title/", names.of_case, name="case-title"),
    path("cases/<str:ref>/title/release/", names.release_of_case, name="release-title"),
    path("names/<str:ref>/revoke/", names.revoke, name="revoke-name"),
    path("brands/<str:ref>/group/", brands.new_group, name="new-group"),
    path("groups/<str:ref>/", brands.group, name="group"),
    path("judge/", brands.judge_next, name="judge"),
    path("judge/<str:kind>/<str:left>/<str:right>/", brands.judge, name="judge-pair"),
    path("sightings/<str:ref>/brand/", brands.assign, name="assign"),
    path("sightings/", records.sightings, name="sightings"),
    path("sightings/record/", records.record, name="record"),
    path("sightings/<str:ref>/", records.sighting, name="sighting"),
    path("sightings/<str:ref>/refresh/", records.refresh, name="refresh"),
    path("sightings/<str:ref>/correct/", records.correct, name="correct"),
    path("sightings/<str:ref>/state/", records.note_state, name="page-state"),
    path("sightings/<str:ref>/withdraw/", records.withdraw, name="withdraw"),
    path("search/", search.search, name="search"),
    path("cases/", cases.cases, name="cases"),
    path("cases/open/", cases.open_case, name="open-case"),
    path("cases/<str:ref>/", cases.case, name="case"),
    path("cases/<str:ref>/members/add/", cases.add_member, name="add-member"),
    path("cases/<str:ref>/members/remove/", cases.remove_member, name="remove-member"),
    path("cases/<str:ref>/link/", cases.link, name="case-link"),
    path("cases/<str:ref>/state/", cases.change_state, name="case-state"),
    path("cases/<str:ref>/hand-over/", cases.hand_over, name="case-hand-over"),
    path("cases/<str:ref>/hand-over/answer/", cases.answer_handover, name="case-hand-over-answer"),
    path("cases/<str:ref>/tasks/", cases.add_task, name="case-task"),
    path("cases/<str:ref>/tasks/<str:task>/end/", cases.end_task, name="case-task-end"),
    path("cases/<str:ref>/files/", cases.describe_file, name="case-file"),
    path("cases/<str:ref>/timeline/", cases.timeline, name="case-timeline"),
    path("cases/<str:ref>/money/", money.money, name="case-money"),
    path("cases/<str:ref>/money/start/", money.start, name="start-run"),
    path("cases/<str:ref>/money/import/", money.import_list, name="import-list"),
    path("lists/<str:ref>/", money.imported, name="case-list"),
    path("runs/<str:ref>/", money.run, name="run"),
    path("runs/<str:ref>/cancel/", money.cancel, name="cancel-run"),
    path("runs/<str:ref>/again/", money.again, name="run-again"),
    path("runs/<str:ref>/requests/", money.draft, name="draft-requests"),
    path("runs/<str:ref>/<slug:name>/", money.table, name="run-rows"),
    path("runs/<str:ref>/<slug:name>/<int:position>/", money.row, name="run-row"),
    path("runs/<str:ref>/<slug:name>/<int:position>/review/", money.review, name="review-row"),
    path("requests/<str:ref>/", money.asked, name="request"),
    path("requests/<str:ref>/decide/", money.decide, name="decide-request"),
    path("requests/<str:ref>/pack/download/", money.pack, name="request-pack"),
    path("requests/<str:ref>/sent/", money.sent, name="request-sent"),
    path("requests/<str:ref>/close/", money.close, name="close-request"),
    path("requests/<str:ref>/answers/", money.answers, name="request-answers"),
    path("requests/<str:ref>/reveal/", money.reveal, name="reveal-answers"),
    path("cases/<str:ref>/notes/", cases.notes, name="case-notes"),
    path("cases/<str:ref>/notes/add/", cases.add_note, name="case-note"),
    *(
        path(f"addresses/<chain:chain>/<chain:network>/{verb}<path:canonical>/", view, name=name)
        for verb, view, name in (
            ("attribute/", addresses.attribute, "attribute-address"),
            ("status/", addresses.set_status, "address-status"),
            ("case/", addresses.add_to_case, "add-address-to-case"),
            ("", addresses.address, "address"),
        )
    ),
    path("sightings/<str:ref>/reveal/<str:field>/", welfare.reveal, name="reveal"),
    path("", include("clewline.desk.alerts.urls")),
    path("watch/", watch.watches, name="watches"),
    path("watch/new/", watch.new_watch, name="new-watch"),
    path("watch/<str:ref>/", watch.watch, name="watch"),
    path("watch/<str:ref>/seen/", watch.seen_watch, name="seen-watch"),
    path("watch/<str:ref>/stop/", watch.stop_watch, name="stop-watch"),
    path("welfare/", welfare.welfare, name="welfare"),
    path("welfare/change/", welfare.change, name="welfare-change"),
    path("welfare/team/", welfare.team, name="welfare-team"),
    path("welfare/team/change/", welfare.change_default, name="welfare-default"),
    # Browsers ask for it whatever a page says.
    path("favicon.ico", RedirectView.as_view(url="/static/desk/icon.svg")),
    path("api/", api.urls),
    # Of allauth only what people here may do: nobody signs up, no mail is sent.
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("accounts/forgotten/", accounts.forgotten, name="account_reset_password"),
    path("accounts/none/", accounts.forgotten, name="account_set_password"),
    path("accounts/password/", allauth.password_change, name="account_change_password"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
]
