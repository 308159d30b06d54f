"""Automatic differentiation: values go forward through the graph, gradients come back.

Every node is one operation. First the values are calculated, from the left to the right; then the gradients ∂E come
back, from the right to the left: each node multiplies what it receives by its own slope and hands it on to those that
it was made from. Move a slider at any time, and all numbers follow.

Where a variable is used twice, its gradient is the sum of two, one from each branch. In a long chain the slopes
multiply: look at what is left of the gradient at the beginning. The curve below is E against x₁ alone, and the dashed
line its tangent: the slope is the gradient at the node x₁.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neuraxis import Var
from neuraxis.app.lab import Dots, Graph, Line, Mission, Node, Plot, choice, slider
from neuraxis.autodiff import ops
from neuraxis.autodiff.layout import arrange
from neuraxis.experiment import Claim

EXPERIMENT = "autodiff"

EQUATIONS = (
    r"y = \sigma(x_1 w_1 + x_2 w_2 + b), \quad E = \frac{1}{2} (y - t)^2",
    r"""\frac{\partial E}{\partial a} = \sum_{c \, \text{made from} \, a} \frac{\partial E}{\partial c}
        \frac{\partial c}{\partial a}""",
)

STEPS = 0.06  # about two nodes a second
REST = 4  # steps in which all is shown, before it begins again
CURVE = np.linspace(-3, 3, 121)
SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "power": "( )²", "logistic": "σ", "tanh": "tanh"}


def neuron(x1, x2, w1, w2, b, t):
    """A logistic neuron with its squared error."""
    return 0.5 * (ops.logistic(x1 * w1 + x2 * w2 + b) - t) ** 2


def branches(x1, x2, w1, w2, b, t):
    """A variable that is used twice: (x₁ + b) x₁."""
    return (x1 + b) * x1


def chain(x1, x2, w1, w2, b, t):
    """Three logistic neurons in a row, with the same weight."""
    return ops.logistic(ops.logistic(ops.logistic(x1 * w1) * w1) * w1) - t


EXPRESSIONS = {"a logistic neuron and its error": neuron, "two branches": branches, "a chain of neurons": chain}


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    expression: str = choice("a logistic neuron and its error", tuple(EXPRESSIONS), restarts=True)
    """Expression."""
    x1: float = slider(0.5, -3.0, 3.0, symbol="x_1")
    """First input."""
    x2: float = slider(-1.0, -3.0, 3.0, symbol="x_2")
    """Second input."""
    w1: float = slider(2.0, -8.0, 8.0, symbol="w_1")
    """Weight of the first input."""
    w2: float = slider(1.5, -8.0, 8.0, symbol="w_2")
    """Weight of the second input."""
    b: float = slider(0.25, -4.0, 4.0, symbol="b")
    """Bias."""
    t: float = slider(1.0, 0.0, 1.0, symbol="t")
    """Target."""


class State(NamedTuple):
    """How many nodes have been visited, first forward and then backward."""

    visited: int


def variables(controls):
    """Make the variables that an expression may use."""
    names = {"x1": "x₁", "x2": "x₂", "w1": "w₁", "w2": "w₂", "b": "b", "t": "t"}
    return [Var(getattr(controls, field), name) for field, name in names.items()]


def graph(result):
    """Return all variables that a result was made from, each after its parents, and the numbers of these."""
    order, place = [], {}

    def visit(var):
        if var not in place:
            made_from = [each for each in var.creator.arguments if isinstance(each, Var)] if var.creator else []
            for each in made_from:
                visit(each)
            place[var] = len(order)
            order.append((var, made_from))

    visit(result)
    return [var for var, _ in order], [[place[each] for each in made_from] for _, made_from in order]


def start(controls, key):
    """Begin before the first node."""
    return State(0)


def step(state, controls):
    """Visit one more node; after a rest, begin again."""
    nodes, _ = graph(EXPRESSIONS[controls.expression](*variables(controls)))
    return State((state.visited + 1) % (2 * len(nodes) + REST))


def written(value):
    """Write a number with its sign as in print."""
    return f"{float(value):.3g}".replace("-", "−")


def picture(state, controls):
    """Draw the graph with what is known by now, and E against the first input with its slope."""
    expression = EXPRESSIONS[controls.expression]
    inputs = variables(controls)
    result = expression(*inputs)
    result.name = "E"
    result.backward(keep_graph=True)
    nodes, parents = graph(result)
    count, layout = len(nodes), arrange(parents, [1.0] * len(nodes), 0.6)
    across = np.asarray(layout.rank) / max(layout.rank)
    down = (np.asarray(layout.x) - min(layout.x)) / max(max(layout.x) - min(layout.x), 1e-9)
    drawn = []
    for k, (var, x, y) in enumerate(zip(nodes, across, down, strict=True)):
        lines = [written(var.val)] if state.visited > k else []
        lines += [f"∂ {written(var.grad)}"] if state.visited >= 2 * count - k else []
        label = var.name or SYMBOLS[var.creator.rule.name]
        symbol = {"x₁": "x_1", "x₂": "x_2", "w₁": "w_1", "w₂": "w_2"}.get(label, label)
        drawn.append(Node(x, y, label, "\n".join(lines), symbol))
    edges = [(parent, child) for child, named in enumerate(parents) for parent in named]
    if state.visited <= count:
        highlighted = [state.visited - 1] if state.visited else []
    else:
        highlighted = [2 * count - state.visited] if state.visited <= 2 * count else []
    slope, x1 = float(inputs[0].grad), controls.x1
    E = expression(CURVE, *(each.val for each in inputs[1:]))
    tangent = float(result.val) + slope * (CURVE - x1)
    marks = [
        Line(CURVE, np.broadcast_to(E, CURVE.shape), "E", symbol="E"),
        Line(CURVE, tangent, f"slope ∂E/∂x₁ = {written(slope)}", dashed=True),
        Dots([x1], [float(result.val)], size=10),
    ]
    middle, reach = (float(np.min(E)) + float(np.max(E))) / 2, max(float(np.ptp(E)), 0.1)
    direction = "Values forward" if state.visited <= count else "Gradients backward"
    return (
        Graph(drawn, edges, direction, highlighted, height=2),
        Plot(marks, "x₁", "E", "", (CURVE[0], CURVE[-1]), (middle - 0.7 * reach, middle + 0.7 * reach)),
    )


def numbers(state, controls):
    """Return E and all gradients."""
    inputs = variables(controls)
    result = EXPRESSIONS[controls.expression](*inputs)
    result.backward()
    return {"E": result.val} | {f"∂E/∂{var.name}": var.grad for var in inputs if var.grad is not None}


def measures(state, controls):
    """Return E, the gradient by the first weight, and that by an input which both of its branches pull at."""
    inputs = variables(controls)
    result = EXPRESSIONS[controls.expression](*inputs)
    result.backward()
    if controls.expression == "two branches":
        return {"gradient_by_x1": abs(float(inputs[0].grad)), "x1": abs(controls.x1)}
    if controls.expression == "a logistic neuron and its error":
        return {"error": float(result.val), "gradient_by_w1": abs(float(inputs[2].grad)), "x1": abs(controls.x1)}
    return {}


PRESETS = {
    "Linnainmaa 1970: a variable used twice gets two gradients": {"expression": "two branches", "x1": 1.5, "b": 1.0},
    "Saturated: sure, wrong, and no gradient": {"x1": 1.0, "w1": -8.0, "b": -2.0},
    "Vanishing gradient in a chain": {"expression": "a chain of neurons", "w1": 1.0, "x1": 1.0},
}

MISSIONS = (
    Mission(
        "Take a logistic neuron's gradient by w₁ away (below 0.001), with x₁ of at least 0.5 and E of at least 0.4.",
        (Claim("gradient_by_w1", "<=", 1e-3), Claim("x1", ">=", 0.5), Claim("error", ">=", 0.4)),
    ),
    Mission(
        "Two branches: let their gradients by x₁ cancel to less than 0.01, with x₁ of at least 1 in size.",
        (Claim("gradient_by_x1", "<=", 0.01), Claim("x1", ">=", 1.0)),
    ),
)
