"""A text made by a grammar, in which words are related in known ways."""

import itertools

import numpy as np

from neuraxis import plots
from neuraxis.experiments.word2vec.text import plane
from neuraxis.language import WordVectors

# For each relation: what is said about the first and about the second word of a pair; and the pairs, each with three
# words that go with both. "_" is the word, "*" one of the three.
RELATIONS = {
    "capital of a country": (
        ("the people of the country _ live on *", "beyond the border of _ fields of * begin"),
        ("the mayor of the city _ sells *", "in the streets of _ crowds buy *"),
        """
        france paris wine cheese bread; italy rome marble olives opera; japan tokyo silk rice tea;
        egypt cairo cotton dates sand; russia moscow snow fur vodka; cuba havana sugar cigars rum;
        kenya nairobi lions coffee drums; peru lima llamas potatoes silver
        """,
    ),
    "female form": (
        ("he is a _ and his * is ready", "that gentleman the _ shows him *"),
        ("she is a _ and her * is ready", "that lady the _ shows her *"),
        """
        king queen throne crown palace; actor actress stage script curtain; waiter waitress tray menu tips;
        prince princess tower carriage ball; monk nun prayer cloister candle; wizard witch potion cauldron spell;
        steward stewardess cabin seatbelt runway; duke duchess estate hounds portrait
        """,
    ),
    "past tense": (
        ("today they _ with *", "now and again we _ near *"),
        ("yesterday they _ with *", "long ago we _ near *"),
        """
        walk walked dogs sticks boots; swim swam fish waves gulls; sing sang choirs harps flutes;
        paint painted brushes oils easels; write wrote pens ink letters; cook cooked pots onions stoves;
        dig dug spades clay worms; ride rode saddles horses reins
        """,
    ),
    "young of an animal": (
        ("the old _ leads the herd to *", "a grown _ is seen by *"),
        ("the little _ follows its mother to *", "a newborn _ is fed by *"),
        """
        cow calf meadows clover barns; cat kitten mice baskets yarn; sheep lamb hills wool shepherds;
        bear cub caves honey salmon; hen chick corn coops straw; goose gosling ponds reeds geysers;
        deer fawn thickets moss acorns; seal pup rocks ice kelp
        """,
    ),
}


def pairs() -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of every relation."""
    return {name: [(words[0], words[1]) for words in _entries(text)] for name, (_, _, text) in RELATIONS.items()}


def sentences(count: int, random: np.random.Generator) -> list[list[str]]:
    """Write sentences: each about one word of one pair."""
    choices = [
        (template.replace("_", words[side]), words[2:])
        for firsts, seconds, text in RELATIONS.values()
        for side, templates in enumerate((firsts, seconds))
        for template, words in itertools.product(templates, _entries(text))
    ]
    drawn = zip(random.integers(0, len(choices), count), random.integers(0, 3, count), strict=True)
    return [choices[i][0].replace("*", choices[i][1][j]).split() for i, j in drawn]


def analogies_right(vectors: WordVectors) -> float:
    """Return the fraction of the questions "a is to b as c is to …" that are answered right, in both directions."""
    right = []
    for related in pairs().values():
        for (a, b), (c, d) in itertools.permutations(related, 2):
            right += [vectors.analogy(a, b, c, 1)[0][0] == d, vectors.analogy(b, a, d, 1)[0][0] == c]
    return float(np.mean(right))


def _entries(text: str) -> list[list[str]]:
    return [entry.split() for entry in text.split(";")]


def plot(softmax: WordVectors, negative: WordVectors) -> plots.Figure:
    """Draw the pairs of each relation in the plane of their principal components, learnt in both ways."""
    fig, axes = plots.figure(
        2,
        len(RELATIONS),
        caption="Related words in the plane of the two largest principal components of each relation, with arrows "
        "from the first to the second word of a pair: all pairs are connected by the same step. Top: trained with "
        "softmax; bottom: with negative sampling.",
        width=11.0,
        height=5.6,
    )
    for row, vectors in zip(axes, (softmax, negative), strict=True):
        for each, (name, related) in zip(row, pairs().items(), strict=True):
            words = [word for pair in related for word in pair]
            places = plane(np.stack([vectors[word] for word in words]))
            for first, second in zip(places[::2], places[1::2], strict=True):
                arrow = {"arrowstyle": "->", "color": plots.COLORS["grey"]}
                each.annotate("", second, first, arrowprops=arrow)
            rightwards = places[1::2, 0].mean() > places[::2, 0].mean()
            for number, (place, word) in enumerate(zip(places, words, strict=True)):
                right, color = (number % 2 == 1) == rightwards, ("blue", "orange")[number % 2]
                how = {"ha": "left" if right else "right", "va": "center", "textcoords": "offset points"}
                each.annotate(word, place, (4 if right else -4, 0), fontsize=7.5, color=plots.COLORS[color], **how)
            each.set(xticks=(), yticks=())
            each.margins(0.5, 0.08)
            each.plot(*places.T, ".", ms=2, color=plots.COLORS["grey"])
            if vectors is softmax:
                each.set_title(name, fontsize=10)
    axes[0, 0].set_ylabel("softmax")
    axes[1, 0].set_ylabel("negative sampling")
    return fig
