"""The card before it has an owner: it comes first, since afterwards it has one."""

from tests.boot.board import Board
from tests.boot.eye import Span
from tests.boot.owner import HOME_PAGE
from tests.boot.visitor import Visitor


def test_works_and_waits_for_its_owner(unreachable: Span, waiting: Span) -> None:
    assert waiting.begin > unreachable.begin


def test_asks_for_the_code(board: Board, waiting: Span) -> None:
    page = Visitor(board.home).get(HOME_PAGE)
    assert page.status == 200
    page.form_with("code", "password", "again")


def test_refuses_another_code(board: Board, waiting: Span) -> None:
    visitor = Visitor(board.home)
    page = visitor.get(HOME_PAGE)
    refused = visitor.submit(
        page, page.form_with("code"), code="2222-2222", password="a wrong guess", again="a wrong guess"
    )
    assert refused.status == 422
    assert "not this card's code" in refused.text
