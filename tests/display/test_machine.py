"""The drawing of the state machine has the engine's states and edges, and no others."""

import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsmtp import _rsmtp
from rsmtp.display import machine, paper

SVG = "{http://www.w3.org/2000/svg}"
ENGINE = _rsmtp.state_machine()
STARTTLS = ["connected", "greeted", "ready", "securing", "secured", "ready"]


def groups(svg, kind):
    return [g for g in svg.iter(f"{SVG}g") if kind in g.get("class").split()]


def drawn(path, legal=(), *, encrypted=False):
    return ElementTree.fromstring(machine.draw(path, legal, encrypted=encrypted))


def test_every_state_of_the_engine_has_a_place_and_nothing_else_has():
    placed = {
        name: {state for zone in zones.values() for state in zone} for name, zones in paper.PAPERS.items()
    }
    # If TLS begins with the first byte, there is no later handshake.
    assert placed["starttls"] == placed["none"] == set(ENGINE.states)
    assert placed["implicit"] == set(ENGINE.states) - {"securing", "secured"}


def test_no_two_states_stand_in_one_place():
    for zones in paper.PAPERS.values():
        for places in zones.values():
            assert len(set(places.values())) == len(places)


@pytest.mark.parametrize(
    ("path", "encrypted"),
    [(STARTTLS, True), (["connected", "greeted", "ready"], False), (["connected"], True)],
)
def test_what_is_drawn_is_the_engines(path, encrypted):
    svg = drawn(path, encrypted=encrypted)
    states = {g.get("data-state") for g in groups(svg, "node")}
    edges = {(edge.source, edge.target) for edge in ENGINE.edges}
    shown = {(g.get("data-from"), g.get("data-to")) for g in groups(svg, "edge")}
    assert states <= set(ENGINE.states)
    assert shown <= edges
    left_out = {
        (source, target)
        for source, target in edges - shown
        if source in states and target in states - set(ENGINE.endings) - {"rejected"}
    }
    # The edges lead back to a state where this session does not rest or, after XCLIENT, to its
    # beginning.
    assert {target for _, target in left_out} <= {"authenticated", "greeted"}


@pytest.mark.parametrize(("path", "encrypted"), [(STARTTLS, True), (["connected", "greeted"], False)])
def test_the_way_back_by_xclient_is_drawn_where_it_was_gone(path, encrypted):
    def back(path):
        svg = drawn(path, encrypted=encrypted)
        return [g for g in groups(svg, "edge") if g.get("data-to") == "greeted" != g.get("data-from")]

    assert [edge.get("data-from") for edge in back(path)] == ["connected"]
    assert "ready" in [edge.get("data-from") for edge in back(["connected", "greeted", "ready", "greeted"])]


@st.composite
def walks(draw):
    path = ["connected"]
    for _ in range(draw(st.integers(0, 12))):
        onward = [edge.target for edge in ENGINE.edges if edge.source == path[-1]]
        if not onward:
            break
        path.append(draw(st.sampled_from(onward)))
    return path


@given(walks(), st.booleans())
def test_every_walk_is_drawn_as_it_was_walked(path, implicit):
    encrypted = "secured" in path or (implicit and "securing" not in path)
    svg = drawn(path, encrypted=encrypted)
    now = [g.get("data-state") for g in groups(svg, "node") if "now" in g.get("class").split()]
    taken = {(g.get("data-from"), g.get("data-to")) for g in groups(svg, "edge") if "been" in g.get("class")}
    assert now == [path[-1]]
    assert taken == set(pairwise(path))


@given(walks())
def test_every_label_can_be_read(path):
    svg = drawn(path, encrypted="secured" in path)
    _, _, width, height = map(int, svg.get("viewBox").split())
    labels = list(svg.iter(f"{SVG}text"))
    assert all(0 < int(text.get("x")) < width and 8 <= int(text.get("y")) < height for text in labels)
    places = [(text.get("x"), text.get("y"), text.get("text-anchor")) for text in labels]
    assert len(set(places)) == len(places)


def test_the_boundary_of_tls_is_crossed():
    svg = drawn(STARTTLS, encrypted=True)
    crossing = [g for g in groups(svg, "been") if g.get("data-from") == "securing"]
    assert [g.get("data-to") for g in crossing] == ["secured"]
    # The path leads from plaintext's `ready` to the `ready` inside TLS.
    ready = [g for g in groups(svg, "node") if g.get("data-state") == "ready"]
    assert [g.get("class") for g in ready] == ["node been", "node now"]


def test_what_may_be_said_next_is_marked():
    svg = drawn([*STARTTLS, "authenticated"], ["MAIL", "QUIT"], encrypted=True)
    onward = {(g.get("data-from"), g.get("data-to")) for g in groups(svg, "next") if g.get("data-from")}
    assert onward == {("authenticated", "mail")}


def test_a_screen_reader_is_told_all_of_it():
    svg = drawn(STARTTLS, ["AUTH", "MAIL"], encrypted=True)
    told = svg.find(f"{SVG}desc").text
    assert svg.get("role") == "img"
    assert {svg.find(f"{SVG}title").get("id"), svg.find(f"{SVG}desc").get("id")} == set(
        svg.get("aria-labelledby").split()
    )
    assert "encrypted and in the state ready" in told
    assert "connected, greeted, ready, securing, secured, ready" in told
    assert "AUTH, MAIL" in told


def test_the_way_to_an_end_says_its_reason():
    svg = drawn([*STARTTLS, "closed"], encrypted=True)
    [ending] = [g for g in groups(svg, "edge") if g.get("data-to") == "closed"]
    assert ending.find(f"{SVG}text").text == "QUIT, 421"


def test_a_real_conversation_walks_along_the_engines_edges(secured):
    catcher, client = secured
    client.login(catcher.username, catcher.password, mechanism="CRAM-MD5")
    client.sendmail("a@example.org", ["b@example.org"], "Subject: x\n\ny\n")
    client.chunking = False
    client.mail("a@example.org")
    client.rcpt("b@example.org")
    client.data("Subject: x\n\ny\n")
    client.mail("a@example.org")
    client.rset()
    edges = {(edge.source, edge.target) for edge in ENGINE.edges}
    path = client._rsmtp_connection.path
    assert set(pairwise(path)) <= edges
    assert {"authenticating", "authenticated", "mail", "recipients", "data"} <= set(path)
