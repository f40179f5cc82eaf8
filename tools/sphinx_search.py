"""The language of the site's search: English, in which Müller is also found as Muller."""

import unicodedata
from typing import Any

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

# what `fold` does, around the stemmer that Sphinx ships
FOLDING = r"""
Stemmer = (Plain => function () {
  const plain = new Plain(), marks = /\p{Mn}/gu;
  this.stemWord = word => plain.stemWord(word.normalize("NFD").replace(marks, ""));
})(Stemmer);
"""


def fold(word: str) -> str:
    """The word without accents."""
    apart = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


class English(SearchEnglish):
    """Sphinx's English with accents taken off, in the index and in what a reader types."""

    js_stemmer_code = SearchEnglish.js_stemmer_code + FOLDING

    def stem(self, word: str) -> str:
        """The stem under which a word stands in the index."""
        stem: str = super().stem(fold(word))
        return stem


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_search_language(English)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
