"""The contact sheet: an explorer as one still picture, for pages that no kernel stands behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from coursekit.explore.parts.letters import SCALE, fitting, font, wrapped, write
from coursekit.explore.widget.panel import Panel
from coursekit.figures.png import encode
from coursekit.heap import give_back

Shown = list[tuple[Panel, np.ndarray, str]]  # panel, picture, caption
Cell = tuple[str, Shown]  # a label and its pictures
PAPER, INK, FAINT = (255, 255, 255), (38, 42, 51), (112, 118, 130)
GAP, WIDTH = 10, 760
MOST = 140_000  # bytes of a sheet


def contact_sheet(title: str, cells: Sequence[Cell], columns: int = 3) -> bytes:
    """A PNG: the title, then each cell's pictures side by side with captions, and the cell's label below."""
    columns = max(1, min(columns, len(cells)))
    room = (WIDTH - GAP * (columns + 1)) // columns
    drawn = [draw_cell(cell, room) for cell in cells]
    rows = [drawn[i : i + columns] for i in range(0, len(drawn), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    head = 30 * SCALE
    sheet = Image.new("RGB", (WIDTH * SCALE, head + sum(heights) + GAP * SCALE * (len(rows) + 1)), PAPER)
    ImageDraw.Draw(sheet).text((GAP * SCALE, 9 * SCALE), title, INK, font(14 * SCALE))
    top = head + GAP * SCALE
    for row, height in zip(rows, heights, strict=True):
        for i, cell in enumerate(row):
            sheet.paste(cell, ((GAP + i * (room + GAP)) * SCALE, top))
        top += height + GAP * SCALE
    return png(sheet)


def draw_cell(cell: Cell, room: int) -> Image.Image:
    """One state: its pictures in rows, scaled to `room` CSS pixels, with captions, and the label below them."""
    label, pictures = cell
    rows = in_rows(pictures)
    share = min(1.0, *((room - GAP * (len(row) - 1)) / sum(panel.width for panel, _, _ in row) for row in rows))
    drawn = [draw_row(row, share, room, captioned=len(pictures) > 1) for row in rows]
    out = Image.new("RGB", (room * SCALE, sum(row.height for row in drawn) + 20 * SCALE), PAPER)
    top = 0
    for row in drawn:
        out.paste(row, (0, top))
        top += row.height
    write(out, (0, top + 3 * SCALE), label, out.width, 12, INK)
    return out


def in_rows(pictures: Shown) -> list[Shown]:
    """The pictures, with a new row for each panel that wants one."""
    starts = [i for i, (panel, _, _) in enumerate(pictures) if panel.row or i == 0]
    return [pictures[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def draw_row(pictures: Shown, share: float, room: int, *, captioned: bool) -> Image.Image:
    """Pictures side by side at a share of their widths, with their captions below them."""
    scaled = [enlarge(picture, round(panel.width * share * SCALE), panel.smooth) for panel, picture, _ in pictures]
    said = [wrapped(caption, image.width) if captioned else []
            for image, (_, _, caption) in zip(scaled, pictures, strict=True)]
    sizes = [fitting(line, image.width, 10) for image, lines in zip(scaled, said, strict=True) for line in lines]
    height, below = max(image.height for image in scaled), 13 * max(map(len, said)) + 4
    out = Image.new("RGB", (room * SCALE, height + below * SCALE), PAPER)
    left = 0
    for image, lines in zip(scaled, said, strict=True):
        out.paste(image, (left, 0))
        for row, line in enumerate(lines):
            write(out, (left, image.height + (13 * row + 3) * SCALE), line, image.width, min(sizes), FAINT)
        left += image.width + GAP * SCALE
    return out


def enlarge(picture: np.ndarray, width: int, smooth: bool) -> Image.Image:
    """The picture at a width: sharp pixels, or smoothed."""
    image = Image.fromarray(picture).convert("RGB")
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return image.resize((width, height), Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    """PNG bytes, at half size where that keeps a notebook small."""
    small = encode(image)
    chosen = small if len(small) < MOST else encode(image.reduce(SCALE))
    give_back()
    return chosen
