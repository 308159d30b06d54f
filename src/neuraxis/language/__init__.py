"""Models of text: word vectors and Transformers."""

from neuraxis.language.sentences import Sentences as Sentences
from neuraxis.language.vocabulary import Vocabulary as Vocabulary
