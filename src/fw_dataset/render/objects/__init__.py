"""Tables of the objects in ``info``: headers, results of quality control, custom information."""
