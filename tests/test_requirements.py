"""What is said of a framework that is missing or too old."""

from importlib.metadata import version

import pytest

from rfcore.errors import FrameworkVersionError
from rfcore.requirements import require


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a distribution of the given version where it is found."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(name, number):
        info = tmp_path / f"{name}-{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")

    return add


@pytest.mark.parametrize(
    ("number", "oldest"),
    [("2.16.0", "2.16"), ("2.16", "2.16.0"), ("2.100.1+cpu", "2.16"), ("3.0rc1", "2.16")],
)
def test_a_version_that_is_new_enough_passes(install, number, oldest):
    install("flowtensor", number)
    require("flowtensor", oldest)


@pytest.mark.parametrize(
    ("number", "oldest"), [("2.9.1", "2.16"), ("2.16", "2.16.1"), ("0.4.35", "0.5")]
)
def test_a_version_that_is_too_old_is_named_with_the_one_that_is_needed(install, number, oldest):
    install("flowtensor", number)
    with pytest.raises(FrameworkVersionError) as caught:
        require("flowtensor", oldest)
    assert (caught.value.found, caught.value.oldest) == (number, oldest)
    assert f"version {number}, and {oldest} or newer" in str(caught.value)
    assert f'pip install "flowtensor>={oldest}"' in caught.value.hint


def test_a_framework_that_is_missing_is_said_to_be_missing():
    with pytest.raises(FrameworkVersionError, match=r"flowtensor is not installed, and 2\.16 or"):
        require("flowtensor", "2.16")


def test_another_distribution_of_the_same_package_will_do(install):
    install("flowtensor_cpu", "2.20")
    require("flowtensor", "2.16", or_else=["flowtensor-cpu"])
    with pytest.raises(FrameworkVersionError, match=r"2\.20, and 2\.21"):
        require("flowtensor", "2.21", or_else=["flowtensor-cpu"])


def test_what_is_really_installed_passes():
    require("numpy", version("numpy"))


def test_what_passed_is_not_read_from_disk_again(install, monkeypatch):
    install("flowtensor", "2.16")
    require("flowtensor", "2.16")
    monkeypatch.setattr("rfcore.requirements.version", None)
    require("flowtensor", "2.16")
