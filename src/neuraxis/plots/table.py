"""A small table as a figure, for numbers to be compared side by side."""

from collections.abc import Sequence

from neuraxis.plots.style import Figure, figure


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str) -> Figure:
    """Make a figure of a table, with the first column aligned left and the others aligned right.

    Args:
        header: names of the columns.
        rows: cells of each row, as text.
        caption: one or two sentences that describe the table.
    """
    fig, axes = figure(caption=caption, height=0.35 * (len(rows) + 1) + 0.1)
    axes.set_axis_off()
    drawn = axes.table([list(row) for row in rows], colLabels=list(header), bbox=(0, 0, 1, 1), edges="horizontal")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(10)
    drawn.auto_set_column_width(list(range(len(header))))
    for (row, column), cell in drawn.get_celld().items():
        cell.set_edgecolor("#CCCCCC")
        cell.set_text_props(ha="left" if column == 0 else "right", fontweight="bold" if row == 0 else "normal")
    return fig
