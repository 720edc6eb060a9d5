"""What people and programs read of a run: ``report.html``, ``summary.json``, the tables, ten lines in the terminal."""

from loadkit.reporters.html_page import html_page
from loadkit.reporters.json_document import json_document
from loadkit.reporters.run_report import write_reports
from loadkit.reporters.text_summary import text_summary

__all__ = ["html_page", "json_document", "text_summary", "write_reports"]
