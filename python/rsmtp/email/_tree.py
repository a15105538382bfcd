"""The standard library's parser for header values, loaded when a value needs it."""

from __future__ import annotations

from typing import Any


def parser() -> Any:
    """The module with the parser."""
    from email import _header_value_parser

    return _header_value_parser


def unstructured(value: str) -> Any:
    return parser().get_unstructured(value)


def address_list(value: str) -> Any:
    tree, rest = parser().get_address_list(value)
    assert not rest, "an address list is read to its end"
    return tree


def addr_spec(value: str) -> Any:
    return parser().get_addr_spec(value)


def mime_version(value: str) -> Any:
    return parser().parse_mime_version(value)


def content_type(value: str) -> Any:
    return parser().parse_content_type_header(value)


def content_disposition(value: str) -> Any:
    return parser().parse_content_disposition_header(value)


def content_transfer_encoding(value: str) -> Any:
    return parser().parse_content_transfer_encoding_header(value)


def message_id(value: str) -> Any:
    return parser().parse_message_id(value)
