"""The lab: live models in the browser, opened by `neuraxis lab`.

A lab page is one file in `pages`: its `Controls`, and the functions `start`, `step` and `picture`, written with the
public API of a model. The rest is here: the kinds of controls (`controls`) and panels (`panels`), the run of a page
(`run`), the script that reproduces it (`script`), and the server (`server`).
"""

from neuraxis.app.lab.controls import button as button
from neuraxis.app.lab.controls import choice as choice
from neuraxis.app.lab.controls import drawing as drawing
from neuraxis.app.lab.controls import pixels as pixels
from neuraxis.app.lab.controls import rows as rows
from neuraxis.app.lab.controls import slider as slider
from neuraxis.app.lab.controls import switch as switch
from neuraxis.app.lab.controls import table as table
from neuraxis.app.lab.controls import text as text
from neuraxis.app.lab.handwriting import handwriting as handwriting
from neuraxis.app.lab.handwriting import handwritten as handwritten
from neuraxis.app.lab.missions import Mission as Mission
from neuraxis.app.lab.panels import Arrows as Arrows
from neuraxis.app.lab.panels import Bars as Bars
from neuraxis.app.lab.panels import Dots as Dots
from neuraxis.app.lab.panels import Graph as Graph
from neuraxis.app.lab.panels import Heat as Heat
from neuraxis.app.lab.panels import Images as Images
from neuraxis.app.lab.panels import Labels as Labels
from neuraxis.app.lab.panels import Line as Line
from neuraxis.app.lab.panels import Matrix as Matrix
from neuraxis.app.lab.panels import Node as Node
from neuraxis.app.lab.panels import Panel as Panel
from neuraxis.app.lab.panels import Plot as Plot
from neuraxis.app.lab.panels import Regions as Regions
from neuraxis.app.lab.panels import Spikes as Spikes
from neuraxis.app.lab.show import show as show
