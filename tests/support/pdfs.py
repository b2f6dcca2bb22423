"""PDFs for tests, made from nothing but their text."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter


def pdf(pages: Sequence[str], *, outline: Sequence[tuple[int, str]] = (), password: str = "") -> bytes:
    """Return a PDF with these pages of text, and an outline of (page from 1, title)."""
    plain = raw([_content(page) for page in pages])
    if not outline and not password:
        return plain
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(plain)))
    for page, title in outline:
        writer.add_outline_item(title=title, page_number=page - 1)
    if password:
        writer.encrypt(user_password=password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def endless(operators: int = 500_000) -> bytes:
    """Return a small PDF that takes very long to read."""
    return raw([b"BT /F 12 Tf " + b"(x) Tj 0 1 Td " * operators + b"ET"])


def raw(contents: Sequence[bytes]) -> bytes:
    """Return a PDF whose pages have these content streams."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        packed = zlib.compress(content)
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
            " /Resources << /Font << /F 3 0 R >> >> >>".encode(),
            f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream",
        ]
    written, places = b"%PDF-1.4\n", list[int]()
    for number, body in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer << /Root 1 0 R /Size {len(objects) + 1} >>\nstartxref\n{len(written)}\n%%EOF\n"
    return written + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def _content(text: str) -> bytes:
    lines = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in text.split("\n")]
    shown = "".join(f"({line}) Tj 0 -14 Td\n" for line in lines)
    return f"BT /F 12 Tf 72 720 Td\n{shown}ET".encode()
