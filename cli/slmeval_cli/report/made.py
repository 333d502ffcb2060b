"""A report: one page, and its pictures as files."""

from dataclasses import dataclass
from pathlib import Path

from slmeval_cli.answer import Answer

from .page import page
from .pictures import Picture, pictures_of
from .views.chart import AnyChart
from .views.report import ReportView, report_view

PAGE = "report.html"
PICTURES = "pictures"


class NotWritten(Exception):
    """The report could not be written. Its text says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The page, and the pictures in it as SVG and PNG."""

    html: str
    pictures: tuple[Picture, ...]

    @property
    def files(self) -> dict[str, bytes]:
        """Every file of the report by its path below the folder; the page needs no other."""
        found = {PAGE: self.html.encode()}
        for picture in self.pictures:
            found[f"{PICTURES}/{picture.name}.svg"] = picture.svg.encode()
            found[f"{PICTURES}/{picture.name}.png"] = picture.png
        return found


def make_report(answer: Answer) -> Report:
    """Return the report on `answer`; equal answers give equal bytes."""
    view = report_view(answer)
    pictures = pictures_of(_charts(view))
    html = page(view, {picture.name: picture for picture in pictures})
    return Report(html=html, pictures=tuple(pictures))


def write_report(report: Report, folder: Path) -> Path:
    """Write every file of `report` into `folder`, which is made if need be; return the page.

    Files of other names that are there already stay.

    Raises:
        NotWritten: the folder or a file in it cannot be written.

    """
    try:
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        for name, content in report.files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise NotWritten(
            f"the report cannot be written to {folder}: {error.strerror}; name another folder"
        ) from error
    return folder / PAGE


def report_to(answer: Answer, folder: Path) -> Path:
    """Write the report on `answer` into `folder`; return the page. What a command calls.

    Raises:
        NotWritten: the folder or a file in it cannot be written.

    """
    return write_report(make_report(answer), folder)


def _charts(view: ReportView) -> list[AnyChart]:
    return [*view.charts, *(curve for workload in view.workloads for curve in workload.curves)]
