"""How Sphinx builds the pages of this folder: `nox -s docs`."""

import logging
import re
from importlib.metadata import version as version_of

project = "rfcore"
author = "The rfcore contributors"
version = release = version_of("rfcore")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
default_role = "code"

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Probe": "rfcore.hookspecs.Probe"}
maximum_signature_line_length = 88
napoleon_use_ivar = True
napoleon_custom_sections = [("Source", "notes_style")]
nitpick_ignore_regex = [
    ("py:.*", r"(collections|fractions|matplotlib|np|numpy|pathlib|typing)\..*"),
    ("py:class", r".*\.[A-Z]"),
]

html_theme = "furo"
html_title = "rfcore"
# So that 88 columns of code fit beside both side bars.
html_theme_options = {
    "light_css_variables": {"code-font-size": "77%"},
    "dark_css_variables": {"code-font-size": "77%"},
}
html_show_copyright = False
html_copy_source = False

# The guides list pages that may not be written yet.
toctrees = logging.getLogger("sphinx.sphinx.directives.other")
toctrees.addFilter(lambda record: "glob pattern" not in str(record.msg))


def setup(app):
    # Before napoleon, which makes reST of what it finds.
    app.connect("autodoc-process-docstring", escape_stars, priority=400)


def escape_stars(app, what, name, obj, options, lines):
    """Docstrings are plain text in which stars and bars mean themselves."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[number] = re.sub(r"(`[^`]*`)|([*|])", lambda m: m[1] or "\\" + m[2], line)
