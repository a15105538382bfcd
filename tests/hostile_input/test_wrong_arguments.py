"""Every argument of the public API is given a senseless value. The error names the argument, and
mentions neither the engine nor the operating system. The arguments are read from the signatures."""

import asyncio
import inspect
import re

import pytest

import rsmtp
from rsmtp import testing

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx\r\n")
WRONG = {
    "None": None,
    "5": 5,
    "-1": -1,
    "huge": 10**40,
    "nan": float("nan"),
    "inf": float("inf"),
    "no octets": b"",
    "octets": b"x",
    "text": "x",
    "NUL": "a\0b",
    "line end": "a\r\nb",
    "surrogate": "a\udc80b",
    "object": object(),
    "list": [5],
    "dict": {"a": 5},
    "tuple": (1, 2, 3),
    "True": True,
    "class": int,
}
# Words that a caller should never have to read.
INNER = re.compile(
    r"failed to extract|is not an instance of|argument '|interpreted as an integer|must be real number"
    r"|has no attribute|not supported between|is not (iterable|callable|subscriptable)|codec can't"
    r"|can't convert|out of range integral|DnsName\(|os error|Base\w+|_rsmtp|\b_[a-z]\w*|Settings\b"
)
# The other names that an error may use for each argument.
OTHERWISE = {
    "user": "username",
    "username": "user",
    "access_token": "username",
    "from_": "From",
    "cmd": "command",
    "args": "command",
    "message": "from_addr",
    "host": "port",
    "unix": "Address already in use",
    "charset": "unknown encoding",
}


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher(tls="none", any_login=True) as catcher:
        yield catcher


def complaint(call, arguments):
    """The error of a call, or None if there was none."""
    try:
        result = call(**arguments)
        if inspect.isawaitable(result):
            asyncio.run(asyncio.wait_for(awaited(result), 5))
        elif isinstance(result, rsmtp.SmtpClient):
            result.close()
    except Exception as error:
        # pyo3 names an argument in a note, which these errors have named.
        assert not any("while processing" in note for note in getattr(error, "__notes__", ()))
        # The next note is the caller's own.
        error.add_note("mine")
        assert error.__notes__[-1] == "mine" and "add_note" not in vars(error)
        return error
    return None


async def awaited(result):
    came = await result
    if isinstance(came, rsmtp.AsyncSmtpClient):
        came.close()
        await asyncio.sleep(0)
    return came


def faults_of(call, signature, good):
    """Checks the error messages for wrong arguments and returns their faults."""
    found = []
    for argument, parameter in signature.parameters.items():
        if argument in ("self", "text") or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        for name, value in WRONG.items():
            error = complaint(call, {**good, argument: value})
            if error is None or isinstance(error, rsmtp.SMTPException):
                told = str(error or "")
                named = True
            else:
                told = f"{type(error).__name__}: {error}"
                words = {argument, OTHERWISE.get(argument, argument), argument.title().replace("_", "-")}
                named = isinstance(error, (TypeError, ValueError, LookupError, OSError)) and any(
                    word in told for word in words
                )
            # The given value may itself contain such a word.
            if not named or INNER.search(told.replace("__main__", "")):
                found.append(f"{argument}={name}: {told}")
    return found


CLIENT = {
    "sendmail": {"from_addr": "a@example.org", "to_addrs": ["b@example.org"], "msg": b"x"},
    "send_message": {"msg": rsmtp.Message("x", from_="a@example.org", to="b@example.org")},
    "login": {"user": "ann", "password": "x"},
    "auth": {"mechanism": "PLAIN", "authobject": lambda challenge=None: "\0a\0b"},
    "mail": {"sender": "a@example.org"},
    "rcpt": {"recip": "b@example.org"},
    "docmd": {"cmd": "NOOP"},
    "verify": {"address": "a@example.org"},
    "expn": {"address": "a"},
    "has_extn": {"opt": "size"},
    "helo": {},
    "ehlo": {},
    "help": {},
    "starttls": {},
}


@pytest.mark.parametrize("verb", CLIENT)
def test_verbs_of_the_client(catcher, verb):
    def call(**arguments):
        with rsmtp.SmtpClient("127.0.0.1", catcher.port, timeout=5) as client:
            try:
                return getattr(client, verb)(**arguments)
            finally:
                client.close()

    assert not faults_of(call, inspect.signature(getattr(rsmtp.SmtpClient, verb)), CLIENT[verb])


@pytest.mark.parametrize("verb", [verb for verb in CLIENT if verb != "has_extn"])
def test_verbs_of_the_client_for_asyncio(catcher, verb):
    async def call(**arguments):
        client = rsmtp.AsyncSmtpClient("127.0.0.1", catcher.port, timeout=5)
        await client.connect()
        try:
            return await getattr(client, verb)(**arguments)
        finally:
            client.close()
            await asyncio.sleep(0)

    assert not faults_of(call, inspect.signature(getattr(rsmtp.AsyncSmtpClient, verb)), CLIENT[verb])


@pytest.mark.parametrize("cls", [rsmtp.SmtpClient, rsmtp.AsyncSmtpClient])
def test_making_a_client(catcher, cls):
    good = {"host": "127.0.0.1", "port": catcher.port, "timeout": 5}
    assert not faults_of(cls, inspect.signature(cls), good)


@pytest.mark.parametrize("cls", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_making_a_mailer(catcher, cls):
    good = {"host": "127.0.0.1", "port": catcher.port, "tls": "none"}

    def call(**arguments):
        cls(**arguments)

    assert not faults_of(call, inspect.signature(cls), good)


@pytest.mark.parametrize(
    "verb, good", [("send", {"message": MESSAGE}), ("send_all", {"messages": [MESSAGE]})]
)
def test_sending_by_a_mailer(catcher, verb, good):
    here = {"host": "127.0.0.1", "port": catcher.port, "tls": "none", "retries": 0}

    async def call(**arguments):
        arguments.pop("stream", None)
        async with rsmtp.AsyncMailer(**here) as mailer:
            await getattr(mailer, verb)(**arguments)

    with rsmtp.Mailer(**here) as mailer:
        bound = getattr(mailer, verb)
        assert not faults_of(bound, inspect.signature(bound), good)
    assert not faults_of(call, inspect.signature(bound), good)


def test_sending_in_one_call(catcher):
    good = {"host": "127.0.0.1", "port": catcher.port, "tls": "none", "retries": 0, "timeout": 5}

    def call(**arguments):
        message = arguments.pop("message", MESSAGE)
        return rsmtp.send(message, **arguments)

    assert not faults_of(call, inspect.signature(rsmtp.send), good)


@pytest.mark.parametrize(
    "cls, good", [(rsmtp.TlsConfig, {}), (rsmtp.Catcher, {}), (rsmtp.Message, {"text": "x"})]
)
def test_making_the_engines_own(tmp_path, monkeypatch, cls, good):
    monkeypatch.chdir(tmp_path)
    assert not faults_of(cls, inspect.signature(cls), good)


def test_faults_of_a_catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        good = {"stage": "RCPT", "reply": (450, "x")}
        assert not faults_of(catcher.fault, inspect.signature(catcher.fault), good)


@pytest.mark.parametrize(
    ("method", "good"),
    [
        ("wait_for", {"count": 0, "timeout": 0}),
        ("wait_for_change", {"seen": 5, "timeout": 0}),
        ("message", {"number": 1}),
        ("delete", {"number": 1}),
        ("remove_fault", {"number": 1}),
    ],
)
def test_methods_of_a_catcher(method, good):
    with rsmtp.Catcher(tls="none") as catcher:
        call = getattr(catcher, method)
        found = [
            f"{argument}={name}: {error}"
            for argument in good
            for name, value in WRONG.items()
            if not (name in ("True", "5", "huge", "inf") and argument == "timeout")
            and (error := complaint(call, good | {argument: value})) is not None
            and (not str(error).startswith(f"{argument}: ") or INNER.search(str(error)))
            and not isinstance(error, TimeoutError)
        ]
    assert not found


def test_testing_helpers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not faults_of(testing.SmtpServer, inspect.signature(testing.SmtpServer), {})


@pytest.mark.parametrize(
    "cls, good, argument, near",
    [
        *(
            (cls, good, argument, near)
            for cls, good in [(rsmtp.SmtpClient, {}), (rsmtp.Mailer, {"host": "x"})]
            for argument, near in [("tsl", "tls"), ("timeuot", "timeout"), ("nothing_like_it", None)]
        ),
        (rsmtp.TlsConfig, {}, "cafile", "ca_file"),
        (rsmtp.TlsConfig, {}, "client_cert", "client_certificate"),
        (rsmtp.TlsConfig, {"verify": True}, "nothing_like_it", None),
        (rsmtp.Catcher, {}, "user_name", "username"),
        (rsmtp.Catcher, {"tls": "none"}, "max_message", "max_messages"),
        (rsmtp.Catcher, {}, "nothing_like_it", None),
    ],
)
def test_an_unknown_argument_has_its_nearest_spelling(cls, good, argument, near):
    meant = f"; did you mean {near!r}?" if near else ""
    told = f"{cls.__name__}() got an unexpected keyword argument {argument!r}{meant}"
    with pytest.raises(TypeError) as raised:
        cls(**good, **{argument: 1})
    assert str(raised.value) == told


def test_a_faults_unknown_argument_has_its_nearest_spelling():
    with rsmtp.Catcher(tls="none") as catcher:
        with pytest.raises(TypeError) as raised:
            catcher.fault("RCPT", replay=(450, "x"))
        assert (
            str(raised.value) == "fault() got an unexpected keyword argument 'replay'; did you mean 'reply'?"
        )
        assert not catcher.faults


def test_a_verbs_unknown_argument_is_told_by_the_verbs_name(catcher):
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        with pytest.raises(TypeError) as raised:
            client.login("ann", pasword="x")
        told = "login() got an unexpected keyword argument 'pasword'; did you mean 'password'?"
        assert str(raised.value) == told


def test_a_word_has_its_nearest_spelling():
    with pytest.raises(ValueError, match="^tls: 'startls' is none of .*; did you mean 'starttls'?"):
        rsmtp.SmtpClient(tls="startls")
    with pytest.raises(ValueError, match="^tls: 'startls' is none of .*; did you mean 'starttls'?"):
        rsmtp.Mailer(host="x", tls="startls")


@pytest.mark.parametrize("make", [rsmtp.SmtpClient, rsmtp.Mailer, rsmtp.AsyncMailer, rsmtp.AsyncSmtpClient])
def test_what_says_how_tls_is_done(make):
    with pytest.raises(TypeError, match='^tls: .*"starttls" or "implicit" is wanted, not True$'):
        make(host="localhost", port=9, tls=True)
    for context in ({}, "ca.pem", True):
        with pytest.raises(TypeError, match="^context: a TlsConfig or an ssl.SSLContext is wanted, not "):
            make(host="localhost", port=9, context=context)


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"tls": "startls"}, "starttls"),
        ({"protocol": "smpt"}, "smtp"),
        ({"without": ["pipeline"]}, "PIPELINING"),
        ({"extensions": ["CHUNKS"]}, "CHUNKING"),
        ({"mechanisms": ["CRAM-MD4"]}, "CRAM-MD5"),
    ],
)
def test_a_word_of_a_catchers_too(given, near):
    (name,) = given
    with pytest.raises(ValueError, match=f"^{name}: '.*' is none of .*; did you mean '{near}'"):
        rsmtp.Catcher(**given)


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"stage": "RCTP"}, "RCPT"),
        ({"stage": "RCPT", "disconnect": "rest"}, "reset"),
        ({"stage": "handshake", "certificate": "expird"}, "expired"),
    ],
)
def test_a_word_of_a_faults_too(catcher, given, near):
    name = list(given)[-1]
    with pytest.raises(ValueError, match=f"^{name}: '.*' is none of .*; did you mean '{near}'"):
        catcher.fault(**given)


def test_html_is_blamed_on_html():
    with pytest.raises(TypeError, match="^html: a str, or the Path of a file, is wanted, not 5"):
        rsmtp.Message("x", html=5)
    with pytest.raises(TypeError, match="^text: a str is wanted, not "):
        rsmtp.Message(5, html="x")


@pytest.mark.parametrize("secret", [123456789, "correct\udc80horse"])
def test_a_secret_is_not_shown(secret):
    shown = "123456789|correct"
    for call in (
        lambda: rsmtp.Mailer(host="x", username="ann", password=secret),
        lambda: rsmtp.Mailer(host="x", username="ann", access_token=secret),
        lambda: rsmtp.Catcher(password=secret),
    ):
        with pytest.raises((TypeError, ValueError), match="^(password|access_token): ") as raised:
            call()
        assert not re.search(shown, str(raised.value))


# The methods that email.message.Message has, too, and the arguments that are checked.
OF_A_MESSAGE = {
    "get": {"name": "subject"},
    "get_all": {"name": "subject"},
    "set_raw": {"name": "subject", "value": "x"},
    "replace_header": {"_name": "subject", "_value": "x"},
    "get_param": {"param": "charset", "header": "content-type"},
    "get_params": {"header": "content-type"},
    "set_param": {"param": "a", "value": "b", "header": "content-type", "charset": None, "language": ""},
    "del_param": {"param": "charset", "header": "content-type"},
    "set_type": {"type": "text/plain", "header": "content-type"},
    "set_boundary": {"boundary": "b"},
    "set_charset": {"charset": "utf-8"},
    "add_attachment": {"content": b"x", "maintype": "text", "subtype": "csv", "filename": "a.csv"},
    "as_string": {"maxheaderlen": 78, "policy": None},
    "as_bytes": {"policy": None},
    "from_stdlib": {"message": rsmtp.Message("x")},
}


@pytest.mark.parametrize("method", OF_A_MESSAGE)
def test_methods_of_a_message(method):
    found = []
    for argument in OF_A_MESSAGE[method].keys() - {"value", "_value", "content"}:
        for name, value in WRONG.items():
            if isinstance(value, str):
                continue
            message = rsmtp.Message("x", subject="s", from_="a@example.org", to="b@example.org")
            error = complaint(getattr(message, method), {**OF_A_MESSAGE[method], argument: value})
            told = str(error or argument)
            if argument.lstrip("_") not in told or INNER.search(told.replace(argument, "")):
                found.append(f"{argument}={name}: {type(error).__name__}: {told}")
    assert not found


@pytest.mark.parametrize("value", [5, "x", b"x", [5]])
def test_a_preview_with_remote_images_or_without(value):
    with pytest.raises(TypeError, match="remote: True or False is wanted"):
        rsmtp.Message("x").preview(remote=value)


@pytest.mark.parametrize("value", [5, None, b"x", "a\0b"])
def test_where_a_preview_is_saved(value):
    with pytest.raises((TypeError, ValueError), match="path: "):
        rsmtp.Message("x").preview().save(value)


@pytest.mark.parametrize("pair", [None, 5, "x", ("a", 5), ("a", "b", "c")])
def test_a_pair_of_name_and_address(pair):
    with pytest.raises(TypeError, match="pair: "):
        rsmtp.formataddr(pair)


@pytest.mark.parametrize("data", ["Subject: x\n\nhi", b"Subject: x\n\nhi", ["bob@example.org"]])
def test_a_pair_without_an_envelope_is_told_what_is_wanted(data):
    with rsmtp.Mailer("null:") as mailer:
        with pytest.raises(
            TypeError, match=r"^message: \(from_addr, to_addrs, data\) or \(message, Envelope\)"
        ):
            mailer.send(("ann@example.org", data))
