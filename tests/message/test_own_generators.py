"""Programs with their own generators replace a step of the standard library's. With rsmtp's
messages these generators write the same."""

from __future__ import annotations

import importlib
import io
from typing import Any

import pytest

import rsmtp.email.errors
import rsmtp.email.generator
import rsmtp.email.message

WORLDS = ["", "rsmtp."]


def in_world(world: str, name: str) -> Any:
    return importlib.import_module(f"{world}email.{name}")


def letter(world: str, kind: str = "mixed") -> Any:
    whole = in_world(world, "mime.multipart").MIMEMultipart(kind, boundary="=b=")
    whole["Subject"] = "hällo"
    whole.attach(in_world(world, "mime.text").MIMEText("one\ntwo\n"))
    data = in_world(world, "mime.application").MIMEApplication(
        b"a\rb\r\nc\n\xff", "octet-stream", in_world(world, "encoders").encode_noop
    )
    data["Content-Transfer-Encoding"] = "binary"
    whole.attach(data)
    return whole


def without_headers(world: str) -> type:
    base: Any = in_world(world, "generator").BytesGenerator

    class WithoutHeaders(base):
        def _write_headers(self, *_: Any) -> None:
            pass

    return WithoutHeaders


def with_raw_lines(world: str) -> type:
    base: Any = in_world(world, "generator").BytesGenerator

    class WithRawLines(base):
        _write_lines = base.write

    return WithRawLines


def for_a_form(world: str) -> type:
    generator = in_world(world, "generator")

    class ForAForm(generator.BytesGenerator):  # type: ignore[misc, name-defined]
        def __init__(self, fp: Any, root: bool = True) -> None:
            generator.Generator.__init__(self, fp, mangle_from_=False, maxheaderlen=0)
            self.root = root

        def _write_headers(self, msg: Any) -> None:
            if self.root:
                return
            for name, value in msg.items():
                self._fp.write(f"{name}: {value}\r\n".encode())
            self._fp.write(b"\r\n")

        def clone(self, fp: Any) -> Any:
            return type(self)(fp, root=False)

    return ForAForm


def with_a_handler(world: str) -> type:
    base: Any = in_world(world, "generator").BytesGenerator

    class WithAHandler(base):
        def _handle_application(self, msg: Any) -> None:
            self.write(f"[{len(msg.get_payload(decode=True))} octets]\n")

    return WithAHandler


def by_a_mixin(world: str) -> type:
    class Mixin:
        def _write_headers(self, msg: Any) -> None:
            self.write("X-Made: by a mixin\n\n")  # type: ignore[attr-defined]

    base: Any = in_world(world, "generator").BytesGenerator
    return type("ByAMixin", (Mixin, base), {})


def that_counts(world: str) -> type:
    base: Any = in_world(world, "generator").BytesGenerator

    class ThatCounts(base):
        def write(self, text: str) -> None:
            super().write(text.replace("one", "ONE"))

    return ThatCounts


MAKERS = [without_headers, with_raw_lines, for_a_form, with_a_handler, by_a_mixin, that_counts]


@pytest.mark.parametrize("messages", WORLDS, ids=["stdlib message", "our message"])
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_it_writes_what_it_writes_over_the_standard_librarys(make: Any, messages: str) -> None:
    expected, found = io.BytesIO(), io.BytesIO()
    make("")(expected).flatten(letter(""))
    make("rsmtp.")(found).flatten(letter(messages))
    assert found.getvalue() == expected.getvalue()


def test_a_method_put_into_our_class_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_lines(self: Any, lines: str) -> None:
        self.write(lines.upper())

    monkeypatch.setattr(rsmtp.email.generator.Generator, "_write_lines", write_lines, raising=False)
    written = io.StringIO()
    rsmtp.email.generator.Generator(written).flatten(letter("rsmtp.").get_payload(0))
    assert written.getvalue().endswith("\n\nONE\nTWO\n")


def test_a_value_can_not_end_its_field_there_either() -> None:
    message: Any = rsmtp.email.message.Message()
    message["Subject"] = "hi\nBcc: eve@x.example"
    message.set_payload("hello")
    with pytest.raises((rsmtp.email.errors.HeaderParseError, rsmtp.email.errors.HeaderWriteError)):
        with_raw_lines("rsmtp.")(io.BytesIO()).flatten(message)


def test_private_steps_can_be_called() -> None:
    boundary = rsmtp.email.generator.Generator._make_boundary("text")  # type: ignore[attr-defined]
    assert boundary.startswith("=====")
