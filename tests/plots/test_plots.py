import io

import numpy as np

from neuraxis import plots


def test_one_axes_or_an_array_of_them():
    fig, axes = plots.figure(caption="One.")
    assert fig.get_label() == "One."
    axes.plot([0, 1], label="line")
    plots.legend(axes)
    _, two = plots.figure(1, 2, caption="Two.", sharey=True)
    assert two.shape == (2,)
    _, four = plots.figure(2, 2, caption="Four.", ratios=(3.0, 1.0))
    assert four.shape == (2, 2)


def test_the_style_stays_inside(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with plots.style():
        _, axes = plots.figure(caption="x")
        axes.set_title("title")
    assert axes.get_title(loc="left") == "title"
    assert dict(mpl.rcParams) == before


def test_raster_and_images_are_drawn():
    fig, axes = plots.figure(2, 3, caption="x")
    plots.raster(axes[0, 0], [1.0, 2.0], [0, 1])
    assert axes[0, 0].get_xlabel() == "time [ms]"
    plots.show_images(axes[1], [np.eye(3), -np.eye(3)], ["plus", "minus"])
    assert axes[1, 0].images[0].get_clim() == (0, 1)
    assert axes[1, 1].images[0].get_clim() == (-1, 1)
    assert not axes[1, 2].images
    fig.savefig(io.BytesIO())


def test_a_sheet_of_images_and_a_table():
    fig, (left, right) = plots.figure(1, 2, caption="x")
    plots.image_grid(left, np.ones((5, 3, 4)), columns=2)
    assert left.images[0].get_array().shape == (3 * 4, 2 * 5)
    assert left.images[0].get_array()[-2, -2] == 0  # no sixth image
    plots.image_grid(right, np.zeros((2, 3, 4, 3)), columns=2)
    assert right.images[0].get_array().shape == (4, 10, 3)
    fig.savefig(io.BytesIO())
    plots.table(["", "a"], [["x", "1"], ["y", "2"]], caption="t").savefig(io.BytesIO())
