"""Tables of the objects in ``info``: headers, results of quality control, custom information."""

from fw_dataset.render.objects.derive import derive_objects
from fw_dataset.render.objects.rebuild import rebuild_object
from fw_dataset.render.objects.wish import ObjectTables

__all__ = ["ObjectTables", "derive_objects", "rebuild_object"]
