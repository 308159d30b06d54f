"""The pages of the lab, a file for each; `page` describes what such a file has."""
