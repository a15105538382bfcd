"""The site that `make docs` builds: Markdown pages, and the docstrings of the built module."""

import inspect
import re

import rsmtp

project = "rsmtp"
author = "The rsmtp authors"
project_copyright = author
version = release = rsmtp.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "groupwise"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
# Base classes that have their pages elsewhere.
nitpick_ignore_regex = [("py:class", r"(smtplib|ssl|socket)\..*|rsmtp\.errors\._Facts")]

html_theme = "furo"
html_title = f"rsmtp {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_show_sourcelink = False


def tidy_docstring(_app, _what, _name, _thing, _options, lines):
    """Docstrings are read in terminals too: `name` there means code, not a title to look up,
    and "Args:" or "Attributes:" is followed by an indented list."""
    text = as_code(inspect.cleandoc("\n".join(lines)))
    lines[:] = [
        *re.sub(r"^(Args|Attributes):\n((?:    .*\n?|\n)+)", arguments, text, flags=re.M).split("\n"),
        "",
    ]


def arguments(section):
    """The arguments as a list; a line that is indented further goes on with the one before."""
    entries = re.split(r"\n(?=\S)", inspect.cleandoc(section[2]))
    told = [" ".join(entry.split()).partition(": ") for entry in entries]
    listed = [f"* **{names}**: {text}" if text else f"* {names}" for names, _, text in told]
    return "\n".join([{"Args": "Arguments:", "Attributes": "Attributes:"}[section[1]], "", *listed, "", ""])


def as_code(text):
    """Single backquotes doubled; what is double already stays."""
    parts = text.split("``")
    parts[::2] = [part.replace("`", "``") for part in parts[::2]]
    return "``".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", tidy_docstring)
