"""The README quotes the figures of one run of the benchmarks."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_readme_quotes_the_page_of_the_benchmarks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    figures = readme.split("<!-- figures of docs/performance.md -->\n")[1].split("<!-- end of figures -->\n")[
        0
    ]
    assert "times smtplib's rate" in " ".join(figures.split())
    assert figures in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
