"""The report on an answer: one page that needs nothing else, and its pictures as SVG and PNG."""

from .made import NotWritten, Report, make_report, report_to, write_report

__all__ = ["NotWritten", "Report", "make_report", "report_to", "write_report"]
