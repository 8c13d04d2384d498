"""A distribution with one plugin, its tests and what installs it, written to a folder."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

from jinja2 import Environment, PackageLoader, StrictUndefined

from alignfreeze.base.faults import unwritable
from alignfreeze.errors import ConfigError
from alignfreeze.scaffolding.naming import PluginNames

FILES = {
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "pyproject.toml": "pyproject.toml",
    "init.py": "{package}/__init__.py",
    "py.typed": "{package}/py.typed",
    "{kind}.py": "{package}/{kind}.py",
    "test_{kind}.py": "tests/test_{kind}.py",
}
"""By template, the file that is made of it."""


def make_plugin(names: PluginNames, output: Path) -> Path:
    """Make a distribution whose tests pass as it is.

    Args:
        names: What its parts are called.
        output: The folder that its own folder is put into; made if it is not there.

    Returns:
        Its folder.

    Raises:
        ConfigError: If its folder is there already.
        AlignFreezeError: If it cannot be written. Nothing is left of it then.
    """
    folder = output / names.distribution
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} must not be there yet: remove it, or give another --output")
    try:
        output.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f".{names.distribution}-", dir=output))
        try:
            made.chmod(0o755)
            _write(names, made)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise unwritable("the plugin", folder, error) from error
    return folder


def _write(names: PluginNames, folder: Path) -> None:
    environment = Environment(
        loader=PackageLoader("alignfreeze.scaffolding"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    parts = {"kind": names.kind, "package": names.package}
    for template, file in FILES.items():
        text = environment.get_template(f"{template.format(**parts)}.jinja").render(plugin=names)
        path = folder / file.format(**parts)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
