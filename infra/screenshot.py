"""Terminal text with SGR colours on stdin, as `tmux capture-pane -e` prints it, becomes an SVG on stdout.

    screenshot.py COLUMNS ROWS

Text stays text, one <text> a line and one <tspan> a colour, so that it can be searched and the file stays small.
"""
import re
import sys
from typing import NamedTuple, Optional
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN, SIZE = 8.43, 19, 14, 14  # of a character, a line, the frame, the font, in pixels
FOREGROUND, BACKGROUND = "#d7dae0", "#16181d"
COLOURS = ["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"]


class Style(NamedTuple):
    colour: Optional[str] = None
    background: Optional[str] = None
    bold: bool = False
    dim: bool = False
    reverse: bool = False


def restyle(style, codes):
    """The style after one SGR sequence."""
    for code in (int(c or 0) for c in codes.split(";")):
        if code == 0:
            style = Style()
        elif code in (1, 2, 7):
            style = style._replace(**{{1: "bold", 2: "dim", 7: "reverse"}[code]: True})
        elif code == 22:
            style = style._replace(bold=False, dim=False)
        elif code == 27:
            style = style._replace(reverse=False)
        elif code % 10 <= 7 and code // 10 in (3, 9):
            style = style._replace(colour=COLOURS[code % 10])
        elif code % 10 <= 7 and code // 10 in (4, 10):
            style = style._replace(background=COLOURS[code % 10])
        elif code == 39:
            style = style._replace(colour=None)
        elif code == 49:
            style = style._replace(background=None)
    return style


def spans(line, style):
    """[(column, text, Style)] of a line, and the style in which it ends."""
    found, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            style = restyle(style, part[2:-1])
        elif part:
            found.append((column, part, style))
            column += len(part)
    return found, style


def attributes(style):
    colour = (style.background or BACKGROUND) if style.reverse else style.colour
    return "".join((f' fill="{colour}"' if colour else "", ' font-weight="bold"' if style.bold else "",
                    ' opacity="0.65"' if style.dim else ""))


def behind(row, column, text, style):
    """What is behind a text that has a background of its own."""
    colour = (style.colour or FOREGROUND) if style.reverse else style.background
    return (f'<rect x="{MARGIN + column * WIDTH:.1f}" y="{MARGIN + row * HEIGHT - 1}" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}"'
            f' fill="{colour}"/>') if colour else ""


def main(columns, rows):
    width, height = round(columns * WIDTH + 2 * MARGIN), rows * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
          f' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace"'
          f' font-size="{SIZE}" fill="{FOREGROUND}">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>')
    style = Style()
    for row, line in enumerate(sys.stdin.read().split("\n")[:rows]):
        found, style = spans(line, style)
        # textLength keeps the columns in line whatever font the reader has.
        drawn = [f'<tspan x="{MARGIN + column * WIDTH:.1f}" textLength="{len(text.rstrip()) * WIDTH:.1f}"{attributes(look)}>'
                 f'{escape(text.rstrip())}</tspan>' for column, text, look in found if text.strip()]
        print("".join(behind(row, *span) for span in found), end="")
        if drawn:
            print(f'<text y="{MARGIN + row * HEIGHT + SIZE}" xml:space="preserve">{"".join(drawn)}</text>')
    print("</svg>")


main(int(sys.argv[1]), int(sys.argv[2]))
