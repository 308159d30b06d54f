"""Figures. The only package that imports matplotlib; nothing here touches pyplot's global state."""

from neuraxis.plots.images import image_grid as image_grid
from neuraxis.plots.images import show_images as show_images
from neuraxis.plots.images import show_strips as show_strips
from neuraxis.plots.images import squares as squares
from neuraxis.plots.learning import epochs_along as epochs_along
from neuraxis.plots.learning import error_curve as error_curve
from neuraxis.plots.learning import learning_curves as learning_curves
from neuraxis.plots.learning import loss_curves as loss_curves
from neuraxis.plots.raster import raster as raster
from neuraxis.plots.style import CLASS_COLORS as CLASS_COLORS
from neuraxis.plots.style import COLORS as COLORS
from neuraxis.plots.style import Figure as Figure
from neuraxis.plots.style import figure as figure
from neuraxis.plots.style import legend as legend
from neuraxis.plots.style import style as style
from neuraxis.plots.table import table as table
