"""Williams, Machine Learning 8:229 (1992): a policy learns from rewards alone to balance a pole on a cart.

The task is that of Barto, Sutton & Anderson (1983): pushes to the left or to the right, and a reward for every step.
"""

import jax
import optax

from neuraxis import MLP, descent, evaluate, fit
from neuraxis.reinforcement import CartPole, Reinforce

keys = jax.random.split(jax.random.key(0), 4)
cart = CartPole()
episode = Reinforce(cart, actions=(-10.0, 10.0), steps=200, dt=20.0)  # pushes [N], steps of 20 ms
policy = MLP((4, 32, 2), key=keys[0])
fitted = fit(
    policy,
    descent(episode, optax.adam(0.01)),
    (cart.draw_state((32 * 60,), key=keys[1]),),  # 60 batches of 32 episodes
    epochs=1,
    batch_size=32,
    key=keys[2],
    progress=None,
)
starts = (cart.draw_state((200,), key=keys[3]),)
for name, each in (("before learning", policy), ("after 60 steps of learning", fitted.model)):
    print(f"{name}: balanced for {evaluate(each, episode.total_reward, starts, key=keys[3]):.0f} of 200 steps")
