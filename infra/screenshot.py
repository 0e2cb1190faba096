"""Terminal text with SGR colours on stdin, as `tmux capture-pane -e` prints it, becomes an SVG on stdout.

    screenshot.py COLUMNS ROWS

Text stays text, one <text> a line and one <tspan> a colour, so that it can be searched and the file stays small.
"""
import re
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN, SIZE = 8.43, 19, 14, 14  # of a character, a line, the frame, the font, in pixels
FOREGROUND, BACKGROUND = "#d7dae0", "#16181d"
COLOURS = ["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"]


def restyle(style, codes):
    """The style (colour, bold, dim) after one SGR sequence."""
    colour, bold, dim = style
    for code in (int(c or 0) for c in codes.split(";")):
        if code == 0:
            colour, bold, dim = None, False, False
        elif code == 1:
            bold = True
        elif code == 2:
            dim = True
        elif code == 22:
            bold = dim = False
        elif 30 <= code <= 37:
            colour = COLOURS[code - 30]
        elif 90 <= code <= 97:
            colour = COLOURS[code - 90]
        elif code == 39:
            colour = None
    return colour, bold, dim


def spans(line, style):
    """[(column, text, style)] of a line, and the style in which it ends."""
    found, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            style = restyle(style, part[2:-1])
        elif part:
            found.append((column, part, style))
            column += len(part)
    return found, style


def attributes(style):
    colour, bold, dim = style
    return "".join((f' fill="{colour}"' if colour else "", ' font-weight="bold"' if bold else "",
                    ' opacity="0.65"' if dim else ""))


def main(columns, rows):
    width, height = round(columns * WIDTH + 2 * MARGIN), rows * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
          f' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace"'
          f' font-size="{SIZE}" fill="{FOREGROUND}">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>')
    style = (None, False, False)
    for row, line in enumerate(sys.stdin.read().split("\n")[:rows]):
        found, style = spans(line, style)
        # textLength keeps the columns in line whatever font the reader has.
        drawn = [f'<tspan x="{MARGIN + column * WIDTH:.1f}" textLength="{len(text.rstrip()) * WIDTH:.1f}"{attributes(look)}>'
                 f'{escape(text.rstrip())}</tspan>' for column, text, look in found if text.strip()]
        if drawn:
            print(f'<text y="{MARGIN + row * HEIGHT + SIZE}" xml:space="preserve">{"".join(drawn)}</text>')
    print("</svg>")


main(int(sys.argv[1]), int(sys.argv[2]))
