"""A call that does not fit its signature is refused under the name that the caller knows, and a
misspelt argument is answered with the nearest spelling. This holds for all public callables, on
every Python."""

import asyncio
import importlib
import inspect
import re
import types

import pytest

import rsmtp
from rsmtp._rsmtp import Dkim

MODULES = [
    "rsmtp",
    "rsmtp.aiosmtplib",
    "rsmtp.celery",
    "rsmtp.credentials",
    "rsmtp.fastapi",
    "rsmtp.flask",
    "rsmtp.inbox",
    "rsmtp.logging",
    "rsmtp.outbox",
    "rsmtp.outbox_page",
    "rsmtp.providers",
    "rsmtp.smtplib",
    "rsmtp.tasks",
    "rsmtp.testing",
]
# Objects that the library makes for its callers, and methods of the standard library.
RESULTS = [
    "Applied",
    "AsyncSending",
    "Bounce",
    "Bounced",
    "BouncedRecipient",
    "BadRow",
    "DomainReport",
    "Entry",
    "Event",
    "Finding",
    "Findings",
    "History",
    "Progress",
    "Ran",
    "Returned",
    "SMTPResponse",
    "SMTPStatus",
    "SentMessage",
    "Unsubscribed",
    "Verification",
]


def is_ours(value):
    return (getattr(value, "__module__", None) or "").startswith("rsmtp")


def made_in(module, name):
    return getattr(vars(module)[name], "__module__", "") == module.__name__


def called_by_people():
    """All public callables with their names: functions, classes, and methods written in Python."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        own = [name for name in vars(module) if not name.startswith("_") and made_in(module, name)]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if not is_ours(value) or name in RESULTS:
                continue
            if isinstance(value, types.FunctionType):
                found[f"{module.__name__}.{name}"] = value
            if not isinstance(value, type) or issubclass(value, BaseException):
                continue
            if isinstance(value.__init__, types.FunctionType):
                found[f"{module.__name__}.{name}"] = value
            for method in dir(value):
                function = getattr(value, method)
                is_function = isinstance(function, (types.FunctionType, types.MethodType))
                if is_function and is_ours(function) and not method.startswith("_"):
                    found[f"{module.__name__}.{name}.{method}"] = function
    return found


def names(function):
    """The arguments that can be given by name. There are none if every name is accepted."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in parameters if each.kind in by_name and each.name != "self"]


CALLED = {label: function for label, function in called_by_people().items() if names(function)}


def refusal(function, *args, **kwargs):
    async def awaited():
        return await function(*args, **kwargs)

    with pytest.raises(TypeError) as raised:
        if inspect.iscoroutinefunction(function):
            asyncio.run(awaited())
        else:
            function(*args, **kwargs)
    return str(raised.value)


def test_what_people_call_is_found():
    expected = [
        "rsmtp.send",
        "rsmtp.asend",
        "rsmtp.Mailer",
        "rsmtp.Mailer.send",
        "rsmtp.Mailer.send_all",
        "rsmtp.AsyncMailer",
        "rsmtp.AsyncMailer.send",
        "rsmtp.Outbox",
        "rsmtp.Outbox.put",
        "rsmtp.Envelope",
        "rsmtp.Rcpt",
        "rsmtp.SmtpClient",
        "rsmtp.testing.SmtpServer",
        "rsmtp.inbox.Inbox",
        "rsmtp.credentials.google",
        "rsmtp.logging.MailHandler",
        "rsmtp.flask.Mail.send",
        "rsmtp.aiosmtplib.SMTP",
        "rsmtp.aiosmtplib.send",
    ]
    assert set(expected) <= CALLED.keys()


@pytest.mark.parametrize("label", CALLED)
def test_a_misspelt_argument_is_told_with_the_nearest(label):
    function = CALLED[label]
    for name in names(function):
        slip = f"{name[:-1]}x{name[-1]}"
        told = refusal(function, *([None] if "." in label and label.count(".") > 1 else []), **{slip: 1})
        assert re.fullmatch(
            rf"\w+\(\) got an unexpected keyword argument '{slip}'; did you mean '\w+'\?", told
        )


@pytest.mark.parametrize("label", CALLED)
def test_a_call_that_does_not_fit_is_told_by_the_name_that_the_caller_knows(label):
    function = CALLED[label]
    if any(each.kind is each.VAR_POSITIONAL for each in inspect.signature(function).parameters.values()):
        return
    told = refusal(function, *[None] * 60)
    # `vrfy` is another name of `verify`, as in smtplib.
    assert re.match(rf"({label.rpartition('.')[2]}|verify)\(\) takes ", told), told


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda: Dkim("example.org", "s", "key", algorythm="x"), "algorithm"),
        (lambda: rsmtp.Message("x").add_attachment(b"x", filname="a.csv"), "filename"),
        (lambda: rsmtp.Message("x").preview(remoet=False), "remote"),
        (lambda: rsmtp.Catcher(tls="none").wait_for(timeuot=1), "timeout"),
        (lambda: rsmtp.Message("x", from_="a@x.org").reply(txt="x"), "text"),
        (lambda: rsmtp.send(("a@x.org", "b@x.org", "x"), hostname="x"), "host"),
        (lambda: rsmtp.send(("a@x.org", "b@x.org", "x"), login="x"), "username"),
        (lambda: rsmtp.Mailer("null:", verify=False), "context"),
        (lambda: rsmtp.Message("x", images=["logo.png"]), "inline"),
    ],
)
def test_of_the_engines_own_and_by_the_names_of_other_libraries(call, near):
    with pytest.raises(
        TypeError, match=rf"\(\) got an unexpected keyword argument '\w+'; did you mean '{near}'\?"
    ):
        call()


def test_what_a_message_takes_is_no_argument_of_what_sends_it():
    with rsmtp.Mailer("null:") as mailer:
        for send in (rsmtp.send, mailer.send):
            with pytest.raises(
                TypeError, match=r"'to'; it is the message's: send\(rsmtp.Message\(\.\.\., to="
            ):
                send(to="a@x.org", subject="x", text="x")


def test_a_name_that_is_like_no_other_is_answered_with_none():
    with pytest.raises(TypeError, match="'zzz'$"):
        rsmtp.Mailer("null:", zzz=1)
    with pytest.raises(ValueError, match="provider: 'nix' is not known. `rsmtp"):
        rsmtp.Mailer(provider="nix")


def test_what_a_callers_own_code_raises_stays_as_it_is():
    def make(row):
        return rsmtp.Message(**row, sbject=1) if row else sent()

    def sent(*, text):
        return text

    with rsmtp.Mailer("null:") as mailer:
        report = mailer.send_all([{}], make=make)
    assert "sent() missing 1 required keyword-only argument: 'text'" in str(report.receipts[0].error)


def test_a_coroutine_function_stays_one():
    for function in (rsmtp.asend, rsmtp.AsyncMailer.send, rsmtp.Outbox.asend):
        assert inspect.iscoroutinefunction(function)
