# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Sphinx configuration: `./dev check docs` builds with it, warnings being errors."""

import pathlib
import subprocess

from sphinx.errors import ConfigError
from sphinx.util import logging

ROOT = pathlib.Path(__file__).resolve().parent.parent

project = "svart"
copyright = "2026, the svart authors"
release = (ROOT / "VERSION").read_text().strip()
version = release

extensions = ["breathe"]
breathe_default_project = "svart"
breathe_domain_by_extension = {"h": "c"}
breathe_show_include = False
primary_domain = "c"
highlight_language = "c"
# A reference to a call, status or structure that is not there is an error; C's own types are not.
nitpicky = True
nitpick_ignore_regex = [("c:identifier", ".*"), ("std:ref", ".*")]

html_theme = "sphinx_rtd_theme"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_theme_options = {"navigation_depth": 3}


def run_doxygen(app, config) -> None:
    """Writes the headers' XML beside the doctrees; a warning of doxygen is one of Sphinx."""
    output = pathlib.Path(app.doctreedir).parent / "doxygen"
    output.mkdir(parents=True, exist_ok=True)
    settings = (ROOT / "doc" / "Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {output}\n"
    try:
        done = subprocess.run(
            ["doxygen", "-"], input=settings, cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ConfigError("doxygen is missing: run ./dev deps") from None
    for line in done.stderr.splitlines():
        logging.getLogger(__name__).warning("doxygen: %s", line)
    if done.returncode != 0:
        raise ConfigError(f"doxygen ended with status {done.returncode}")
    config.breathe_projects = {"svart": str(output / "xml")}


def setup(app) -> None:
    app.connect("config-inited", run_doxygen)
