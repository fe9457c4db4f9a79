"""Who is signed in stays so whatever the clock says.

A Pi has no clock battery. After a start it may be hours behind until a time server answers, and stays so where none
does; then a session is of the future, and Flask takes one of less than no age for one that is over. That the time of
signing is not looked at costs nothing: a session ends with its generation (``appliance/page/guard.py``), not by age.
"""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature


class AgelessSessions(SecureCookieSessionInterface):
    """Flask's signed cookies, of any age."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What a request's cookie says.

        Returns:
            The session, empty when there is no cookie or its signature is wrong; None when there is no key to tell.
        """
        signing = self.get_signing_serializer(app)
        if signing is None:
            return None
        cookie = request.cookies.get(self.get_cookie_name(app))
        try:
            # Without ``max_age`` no age is too much, nor too little.
            return self.session_class(signing.loads(cookie)) if cookie else self.session_class()
        except BadSignature:
            return self.session_class()
