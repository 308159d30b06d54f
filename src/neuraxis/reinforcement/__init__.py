"""Reinforcement learning: training on a scalar reward alone."""

from neuraxis.described import describe as _describe
from neuraxis.reinforcement.cart_pole import CartPole as CartPole
from neuraxis.reinforcement.reinforce import Actor as Actor
from neuraxis.reinforcement.reinforce import Environment as Environment
from neuraxis.reinforcement.reinforce import Moment as Moment
from neuraxis.reinforcement.reinforce import Reinforce as Reinforce

_describe(globals())
