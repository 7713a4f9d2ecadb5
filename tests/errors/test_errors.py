"""The tree of errors: as it is drawn, what each is caught as, and how each reads."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from fw_dataset import errors
from fw_dataset.errors import FWDatasetError, RecordError, StorageError, naming

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, BaseException)
}
# The built-in errors that older releases raised at the same places.
BUILT_IN = {
    "SnapshotError": (ValueError,),
    "InvalidNameError": (ValueError,),
    "ControlColumnsError": (ValueError,),
    "DatasetFormatError": (ValueError,),
    "DatasetNotFoundError": (FileNotFoundError, OSError),
    "VersionNotFoundError": (KeyError, ValueError),
    "TableNotFoundError": (KeyError,),
    "VersionConflictError": (ValueError,),
    "MissingExtraError": (ImportError,),
    "StorageError": (OSError,),
    "UnsupportedLocationError": (ValueError, OSError),
    "ObjectNotFoundError": (FileNotFoundError,),
    "ObjectExistsError": (FileExistsError,),
    "StorageDeniedError": (PermissionError,),
    "RecordError": (ValueError,),
}


def example(kind: type[BaseException]) -> BaseException:
    if kind is RecordError:
        return RecordError("file", "id\n1", "it is odd")
    return kind("dataset 'a' has no version 'b'")


def drawn() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """Per class of the drawing its parent there and the built-in bases it names."""
    assert errors.__doc__ is not None
    branch = re.compile(r"^    ([ │]*)[├└]── (\w+)(?: \(([\w, ]+)\))?", re.MULTILINE)
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {"FWDatasetError": (None, ())}
    above = ["FWDatasetError"]
    for indent, name, bases in branch.findall(errors.__doc__):
        depth = len(indent) // 4 + 1
        above[depth:] = [name]
        found[name] = (above[depth - 1], tuple(bases.split(", ")) if bases else ())
    return found


def test_drawing_shows_every_class_below_its_base() -> None:
    tree = drawn()

    assert tree.keys() == CLASSES.keys()
    for name, (parent, bases) in tree.items():
        kinds = [base.__name__ for base in CLASSES[name].__bases__]
        assert kinds == ([parent, *bases] if parent is not None else ["Exception"])


def test_all_classes_are_public() -> None:
    assert sorted(errors.__all__) == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_caught_as_ours_and_says_what_it_is(name: str) -> None:
    assert issubclass(CLASSES[name], FWDatasetError)
    assert CLASSES[name].__doc__


@pytest.mark.parametrize("name", BUILT_IN)
def test_scripts_for_older_releases_catch_it(name: str) -> None:
    for kind in BUILT_IN[name]:
        with pytest.raises(kind):
            raise example(CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_text_is_the_message_alone(name: str) -> None:
    error = example(CLASSES[name])

    assert "\n" not in str(error)
    if name != "RecordError":
        assert str(error) == "dataset 'a' has no version 'b'"


@pytest.mark.parametrize("name", CLASSES)
def test_errors_survive_pickling(name: str) -> None:
    error = example(CLASSES[name])

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_record_error_tells_where_and_why() -> None:
    error = RecordError("file", "f1", "it is not JSON")

    assert (error.table, error.record_id, error.reason) == ("file", "f1", "it is not JSON")
    assert str(error).startswith("record 'f1' of table 'file': it is not JSON (on_error='skip'")


def test_storage_errors_of_several_parts_are_one_line() -> None:
    assert str(StorageError("bucket", "is away")) == "bucket is away"


def test_naming_starts_with_the_likeliest() -> None:
    known = ["subjects", "sessions", "files"]

    assert (
        naming(known, "subject") == "did you mean 'subjects'? there are: files, sessions, subjects"
    )
    assert naming(known, "xyz") == "there are: files, sessions, subjects"
    assert naming([], "xyz") == "there are none"


def test_naming_does_not_list_hundreds() -> None:
    text = naming((f"column{n:03}" for n in range(100)), "xyz")

    assert text.endswith("column039 and 60 more")
