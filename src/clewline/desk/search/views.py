"""The page of searching. What is asked travels in the body: a site's address stays out of links."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from clewline.desk.door import DeskRequest, door
from clewline.desk.search.forms import SearchForm
from clewline.desk.search.queries import Answer, answer
from clewline.desk.search.reading import Question, read
from clewline.desk.search.sheet import as_csv, cells


@door("search.read", "GET", "POST")
def search(request: DeskRequest) -> HttpResponse:
    """Answer one question, or a list of them."""
    form = SearchForm(request.POST or None)
    page = {"section": "search", "form": form}
    if request.method != "POST":
        return render(request, "desk/search/search.html", page)
    if not form.is_valid():
        return render(request, "desk/search/search.html", page, status=400)
    if lines := form.cleaned_data["lines"]:
        answers = _asked(request, [read(line, whole=True) for line in lines])
        if "csv" in request.POST:
            return _file(as_csv(answers))
        page |= {"rows": [cells(one) for one in answers], "answers": answers}
    else:
        page |= {"answer": _asked(request, [read(form.cleaned_data["q"])])[0]}
    return render(request, "desk/search/search.html", page | {"form": SearchForm()})


def _asked(request: DeskRequest, questions: list[Question]) -> list[Answer]:
    """Answer, and tell the audit log what was asked; sensitive kinds by their keyed index."""
    request.audit_details = {"asked": [question.audited for question in questions]}
    return answer(request.user, questions)


def _file(content: bytes) -> HttpResponse:
    """Return a sheet as a file."""
    name = 'attachment; filename="answers.csv"'
    return HttpResponse(
        content, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
    )
