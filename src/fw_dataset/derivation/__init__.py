"""Derived tables and profiles: made with a rendering, or for a version that stands already."""

from fw_dataset.derivation.adding import NOTES, add_derived, add_missing
from fw_dataset.derivation.choice import Derivations, by_default
from fw_dataset.derivation.making import derive_rendered

__all__ = ["NOTES", "Derivations", "add_derived", "add_missing", "by_default", "derive_rendered"]
