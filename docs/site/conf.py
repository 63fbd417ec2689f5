"""Configuration of the site: ``make docs``, or sphinx-build -c docs/site . out/site.

The source folder is the repository itself, so that every page is where its links expect it: they
work in the site as they do where the repository is hosted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import docstrings  # noqa: E402
import navigation  # noqa: E402
import reference  # noqa: E402

from dexgrasp_ros import __version__  # noqa: E402

project = 'dexgrasp_ros'
copyright = 'Apache-2.0'
release = __version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
]
root_doc = 'docs/index'
include_patterns = ['*.md', 'CHANGELOG.rst', 'benchmark/*.md', 'docs/**']
# Folders that hold no page are not even looked through.
exclude_patterns = [
    '.*', '*.egg-info', 'build', 'config', 'dexgrasp_ros', 'docker', 'docs/site', 'install',
    'launch', 'locks', 'log', 'msg', 'out', 'resource', 'rviz', 'scripts', 'test', 'urdf',
]  # fmt: skip

# Headings have the anchors that hosting sites give them.
myst_heading_anchors = 4

# In docstrings `name` is a name of the package where there is one, else plain code.
default_role = 'py:obj'
add_module_names = False
autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 88

html_theme = 'furo'
html_title = f'dexgrasp_ros {release}'
html_copy_source = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Write the pages of the reference, and let the tree of pages be that of the index."""
    reference.write_pages(ROOT / 'dexgrasp_ros', ROOT / 'docs' / 'api')
    reference.connect(app, ROOT / 'dexgrasp_ros')
    docstrings.connect(app)
    navigation.connect(app)
