"""Models of text: word vectors and Transformers."""
