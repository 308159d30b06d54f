"""Automatic differentiation: values flow forward through the computational graph, gradients flow backward.

Every node is one operation. First the values are computed, from left to right; then the gradients of E, marked ∂, are
propagated from right to left: each node multiplies the gradient it receives by its local derivative and passes it on to
its arguments. Move a slider at any time, and all numbers follow.

Where a variable is used twice, its gradient is the sum over both branches. Along a chain the local derivatives
multiply: look at how little of the gradient reaches the inputs. The curve below is E as a function of x₁ alone, and the
dashed line is its tangent: its slope is the gradient at the node x₁.
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
    r"""\frac{\partial E}{\partial a} = \sum_{c \in \text{children}(a)} \frac{\partial E}{\partial c}
        \frac{\partial c}{\partial a}""",
)

STEPS = 0.06  # about two nodes a second
REST = 4  # steps for which the complete graph is shown before it restarts
CURVE = np.linspace(-3, 3, 121)
SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "power": "( )²", "logistic": "σ", "tanh": "tanh"}


def neuron(x1, x2, w1, w2, b, t):
    """A logistic neuron with its squared error."""
    return 0.5 * (ops.logistic(x1 * w1 + x2 * w2 + b) - t) ** 2


def branches(x1, x2, w1, w2, b, t):
    """A variable used twice: (x₁ + b) x₁."""
    return (x1 + b) * x1


def chain(x1, x2, w1, w2, b, t):
    """A chain of three logistic neurons with the same weight."""
    return ops.logistic(ops.logistic(ops.logistic(x1 * w1) * w1) * w1) - t


EXPRESSIONS = {"logistic neuron": neuron, "two branches": branches, "chain of neurons": chain}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    expression: str = choice("logistic neuron", tuple(EXPRESSIONS), restarts=True)
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
    """Number of nodes visited, first forward and then backward."""

    visited: int


def variables(controls):
    """Create the variables of the expressions."""
    names = {"x1": "x₁", "x2": "x₂", "w1": "w₁", "w2": "w₂", "b": "b", "t": "t"}
    return [Var(getattr(controls, field), name) for field, name in names.items()]


def graph(result):
    """Return all variables that a result depends on, in topological order, and the indices of the parents of each."""
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
    """Start before the first node."""
    return State(0)


def step(state, controls):
    """Visit one more node; after a pause, start again."""
    nodes, _ = graph(EXPRESSIONS[controls.expression](*variables(controls)))
    return State((state.visited + 1) % (2 * len(nodes) + REST))


def written(value):
    """Format a number, with a true minus sign."""
    return f"{float(value):.3g}".replace("-", "−")


def picture(state, controls):
    """Draw the graph with the values and gradients known so far, and E against x₁ with its tangent."""
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
    """Return E and its gradients."""
    inputs = variables(controls)
    result = EXPRESSIONS[controls.expression](*inputs)
    result.backward()
    return {"E": result.val} | {f"∂E/∂{var.name}": var.grad for var in inputs if var.grad is not None}


def measures(state, controls):
    """Return E and ∂E/∂w₁ of the logistic neuron, or ∂E/∂x₁ of the two branches."""
    inputs = variables(controls)
    result = EXPRESSIONS[controls.expression](*inputs)
    result.backward()
    if controls.expression == "two branches":
        return {"gradient_by_x1": abs(float(inputs[0].grad)), "x1": abs(controls.x1)}
    if controls.expression == "logistic neuron":
        return {"error": float(result.val), "gradient_by_w1": abs(float(inputs[2].grad)), "x1": abs(controls.x1)}
    return {}


PRESETS = {
    "Linnainmaa 1970: gradients add up": {"expression": "two branches", "x1": 1.5, "b": 1.0},
    "Saturated neuron: no gradient": {"x1": 1.0, "w1": -8.0, "b": -2.0},
    "Vanishing gradient in a chain": {"expression": "chain of neurons", "w1": 1.0, "x1": 1.0},
}

MISSIONS = (
    Mission(
        "Logistic neuron: saturate it, so that |∂E/∂w₁| ≤ 0.001 although |x₁| ≥ 0.5 and E ≥ 0.4.",
        (Claim("gradient_by_w1", "<=", 1e-3), Claim("x1", ">=", 0.5), Claim("error", ">=", 0.4)),
    ),
    Mission(
        "Two branches: make their contributions to ∂E/∂x₁ cancel, to |∂E/∂x₁| ≤ 0.01 with |x₁| ≥ 1.",
        (Claim("gradient_by_x1", "<=", 0.01), Claim("x1", ">=", 1.0)),
    ),
)
