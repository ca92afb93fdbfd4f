"""Texts of all scripts, with odd spaces, for the tests of the vocabularies."""

from hypothesis import settings
from hypothesis import strategies as st

from lstm.text.names import names_a_file

quick = settings(max_examples=50)


SCRIPTS = (
    "Ça va, naïve ﬁancée? It's 5 o'clock -- \"so\" it is.\r\n\r\n"
    "Привет,  мир!\tκαλημέρα κόσμε·\n\n"
    "नमस्ते दुनिया। สวัสดีชาวโลก שָׁלוֹם عَالَمٌ، مرحبا؟\n"
    "今日は、世界。한국어 e\u0301 👩‍👩‍👧‍👦 🇫🇷 ☀️ 𐍈𒀀 \u2028\x00\x1c\x85\ufeff\ufffd"
    "\u00a0 \u3000end  \n"
)


"""Several scripts, combining marks, emoji, line ends of all kinds and odd spaces."""


# Spaces and line breaks decide on where tokens begin, and would be rare among all of Unicode.
pieces = st.sampled_from(
    [*" \n\t\r.,'!a", "  ", "b c", "don't", "é", "नम", "👩‍👧", "\x1c", "\u00a0"]
)


texts = (
    st.lists(st.one_of(pieces, st.text(max_size=4)), min_size=1)
    .map("".join)
    .filter(lambda text: text != "" and not names_a_file(text))
)
