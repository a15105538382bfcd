"""The tour runs from its first cell to its last, and shows what its text says."""

import re
from pathlib import Path

import pytest

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"


@pytest.fixture(scope="module")
def outputs():
    """The outputs of all code cells in order: (mime type, text)."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for module in ("ipykernel", "matplotlib", "pandas", "tqdm"):
        pytest.importorskip(module)
    notebook = nbformat.read(TOUR, as_version=4)
    nbclient.NotebookClient(notebook, timeout=50, kernel_name="python3").execute()
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            if output.output_type == "stream":
                shown.append((output.name, output.text))
            else:
                shown += output.data.items()
    return shown


def html(outputs, start):
    """The display whose label begins with this text."""
    [found] = [text for kind, text in outputs if kind == "text/html" and f'aria-label="{start}' in text]
    return found


@pytest.mark.timeout(120)
def test_every_cell_runs(outputs):
    assert outputs


@pytest.mark.timeout(120)
def test_what_the_tour_shows(outputs):
    assert "data-state" in html(outputs, "SmtpClient: ready, not encrypted")
    assert "TLSv1.3" in html(outputs, "SmtpClient: authenticated, encrypted")
    assert "minutes.txt" in html(outputs, "Message: Minutes of our meeting")
    assert "data:image/png;base64," in html(outputs, "Message: The year in one picture")
    assert "Where the time went" in html(outputs, "Transcript of")
    report = html(outputs, "Report: 2 refused, 0 unknown, 0 not sent, 498 sent")
    assert "no such user" in report and "mailbox busy" in report
    assert "535" in html(outputs, "SMTPAuthenticationError")
    assert "certificate" in html(outputs, "SMTPCertificateError")


@pytest.mark.timeout(120)
def test_nothing_of_the_tour_is_secret_or_comes_from_elsewhere(outputs):
    for kind, text in outputs:
        if kind == "text/html" and 'class="rsmtp"' in text:
            assert "<script" not in text
            assert not re.search(r"""(src|href)=["']?https?:""", text)


def test_the_notebook_is_kept_without_outputs():
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
