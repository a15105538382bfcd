"""The site that `make docs` builds: Markdown pages, and the docstrings of the built module."""

import inspect

import rsmtp

project = "rsmtp"
author = "The rsmtp authors"
project_copyright = author
version = release = rsmtp.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

autodoc_member_order = "groupwise"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"rsmtp {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_show_sourcelink = False


def tidy_docstring(_app, _what, _name, _thing, _options, lines):
    """Docstrings are read in terminals too: `name` there means code, not a title to look up."""
    text = inspect.cleandoc("\n".join(lines))
    lines[:] = [*as_code(text).split("\n"), ""]


def as_code(text):
    """Single backquotes doubled; what is double already stays."""
    parts = text.split("``")
    parts[::2] = [part.replace("`", "``") for part in parts[::2]]
    return "``".join(parts)


def setup(app):
    # Before napoleon, which turns "Args:" into fields.
    app.connect("autodoc-process-docstring", tidy_docstring, priority=400)
