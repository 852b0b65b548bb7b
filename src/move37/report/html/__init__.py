"""The written report as one HTML file: no script, no network, nothing beside it."""

from move37.report.html.page import html_page

__all__ = ["html_page"]
