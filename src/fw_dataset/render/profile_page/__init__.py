"""Profiles as a page for the browser, whole in itself."""

from fw_dataset.render.profile_page.page import column_figures, profile_page

__all__ = ["column_figures", "profile_page"]
